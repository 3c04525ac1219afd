"""Every question of the core is answered, or whoever could not answer is named."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from datetime import timedelta

import pytest
from attrs import evolve

from convalias.adapters import memory
from convalias.adapters.mime import Reader
from convalias.domain.conversations.participants import Account
from convalias.domain.conversations.threads import ConversationThread
from convalias.domain.ids import ConversationId, UseCase
from convalias.domain.inbound.posts import Post
from convalias.domain.mail.envelope import InboundMail
from convalias.domain.migration.rollout import Axis, Cohort, Rollout, Stage
from convalias.domain.routing.context import Witness
from convalias.domain.routing.policy import DEFAULT_POLICY, LoopGuard, RoutingPolicy
from convalias.domain.routing.questions import Questions
from convalias.ports.errors import Unavailable
from convalias.services.conversations.stages import stage_of
from convalias.services.inbound.facts import mail_name
from services.inbound_desk import (
    ANN,
    BOB,
    BOBS,
    C1,
    C2,
    C3,
    LEGACY_C1,
    NOON,
    PROVED,
    TO_C1,
    Process,
    open_town,
    written,
)

STRANGER = ConversationId("none")


def read(*recipients: object, headers: str = "") -> InboundMail:
    raw = written(TO_C1, LEGACY_C1, headers=headers).raw
    post = Post(received_at=NOON, recipients=(TO_C1, LEGACY_C1), evidence=PROVED)
    return Reader(alias_domains=frozenset({"reply.example"})).read_now(raw, post).mail


async def test_the_context_of_a_mail_holds_all_that_is_asked() -> None:
    town = await open_town()
    process = Process(town)
    decision = await process.facts.decision(read(), RoutingPolicy(loop_guard=LoopGuard(mails_an_hour=5)), now=NOON)
    context = decision.case.context
    assert context.threads[C1] is not None
    assert context.holders[BOBS].accounts[0].id == "bob"
    assert context.stages[C1] is Stage.LEGACY
    assert set(context.repeats.values()) == {0}
    assert context.traffic[C1] == 0
    assert context.away == frozenset()


@pytest.mark.parametrize(
    ("call", "witness"),
    [
        ("legacy.aliases", Witness.LEGACY),
        ("legacy.tenures", Witness.LEGACY),
        ("directory.at", Witness.IDENTITY),
        ("directory.authenticated", Witness.IDENTITY),
        ("directory.get", Witness.IDENTITY),
    ],
)
async def test_a_witness_that_does_not_answer_is_away(call: str, witness: Witness) -> None:
    town = await open_town()
    process = Process(town)
    process.faults.fail(call, memory.before("it"))
    asked = Questions(
        legacy=frozenset({LEGACY_C1}),
        tenures=frozenset({BOBS}),
        holders=frozenset({BOBS}),
        accounts=frozenset({"bob", "nobody"}),
    )
    answers = await process.facts.answer(asked, now=NOON)
    assert answers.away == {witness}


@pytest.mark.parametrize("call", ["records.get", "records.range", "flags.read"])
async def test_our_own_store_that_does_not_answer_is_unavailable(call: str) -> None:
    town = await open_town()
    process = Process(town)
    process.faults.fail(call, memory.before("it"))
    with pytest.raises(Unavailable, match="it is unavailable"):
        await process.facts.decision(read(), DEFAULT_POLICY, now=NOON)


async def test_a_fault_of_our_own_is_no_outage() -> None:
    town = await open_town()
    process = Process(town)
    process.faults.fail("records.get", memory.before(ZeroDivisionError))
    with pytest.raises(ExceptionGroup):
        await process.facts.decision(read(), DEFAULT_POLICY, now=NOON)


async def test_what_hangs_is_unavailable() -> None:
    town = await open_town()

    class Hanging:
        async def threads(self, ids: Collection[ConversationId]) -> Mapping[ConversationId, ConversationThread]:
            await asyncio.Event().wait()
            return {}

    facts = evolve(Process(town).facts, conversations=Hanging(), within=timedelta(milliseconds=5))
    with pytest.raises(Unavailable, match="facts"):
        await facts.answer(Questions(threads=frozenset({C1})), now=NOON)


async def test_a_provider_where_anybody_gets_a_mailbox_vouches_for_nobody() -> None:
    town = await open_town()
    said = frozenset({"corp.example", "gmail.com"})
    await town.directory.upsert(Account(BOB, (BOBS,), company_domains=said))
    answers = await Process(town).facts.answer(Questions(accounts=frozenset({BOB, ANN})), now=NOON)
    bob = answers.accounts[BOB]
    assert bob is not None
    assert bob.company_domains == {"corp.example"}
    assert answers.accounts[ANN] is None


async def test_without_legacy_there_is_none_of_it() -> None:
    town = await open_town()
    process = Process(town, legacy=False, counts=False)
    asked = Questions(
        legacy=frozenset({LEGACY_C1}),
        tenures=frozenset({BOBS}),
        repeats=frozenset({(BOBS, "digest")}),
        traffic=frozenset({C1}),
    )
    answers = await process.facts.answer(asked, now=NOON)
    assert (answers.legacy, answers.tenures) == ({LEGACY_C1: None}, {BOBS: ()})
    assert (answers.repeats, answers.traffic) == ({(BOBS, "digest"): 0}, {C1: 0})


async def test_a_core_that_keeps_asking_is_an_error() -> None:
    town = await open_town()

    class Forgetful:
        async def sightings(self, of: object, *, before: object) -> dict[object, object]:
            return {}

    facts = evolve(Process(town).facts, sightings=Forgetful())
    with pytest.raises(RuntimeError, match="keeps asking"):
        await facts.decision(read(), DEFAULT_POLICY, now=NOON)


async def test_an_unknown_conversation_is_in_the_stage_that_holds_unset() -> None:
    town = await open_town()
    process = Process(town, stage=Stage.NATIVE)
    answers = await process.facts.answer(Questions(stages=frozenset({C1, C3, STRANGER})), now=NOON)
    assert answers.stages == {C1: Stage.NATIVE, C3: Stage.NATIVE, STRANGER: Stage.NATIVE}


async def test_a_stage_is_the_bucket_of_the_conversation() -> None:
    town = await open_town()
    town.flags.set(Rollout(UseCase("apply"), Stage.PARALLEL, 10_000, "salt"), Axis.INBOUND)
    process = Process(town)
    process.faults.fail("flags.read", memory.before("flags"), skip=1)
    threads = await process.conversations.threads([C1, C2])
    assigned = await process.stages.of(threads.values(), Axis.INBOUND)
    assert isinstance(assigned[C1], Cohort)
    assert {stage_of(one) for one in assigned.values()} == {Stage.PARALLEL}


def test_a_mail_is_counted_under_one_name() -> None:
    assert mail_name(read()) == mail_name(read(headers="X-Other: y\n")) != ""
    assert mail_name(read(headers="From: boss@corp.example\n")) == ""
    assert mail_name(read(headers="".join(f"X-{n}: y\n" for n in range(1_200)))) == ""
