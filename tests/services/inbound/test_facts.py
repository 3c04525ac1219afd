"""Every question of the core is answered, or whoever could not answer is named."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from datetime import timedelta

import pytest
from attrs import evolve

from convalias.adapters import memory
from convalias.adapters.mime import Reader
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations.participants import Account
from convalias.domain.conversations.threads import ConversationThread
from convalias.domain.ids import AccountId, ConversationId, UseCase
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


class Together:
    """A directory that answers a question about addresses only when both have been asked."""

    def __init__(self) -> None:
        self.asked: set[str] = set()
        self._both = asyncio.Event()

    async def at(self, addresses: Collection[EmailAddress]) -> Mapping[EmailAddress, tuple[Account, ...]]:
        await self._met("at")
        return {address: (Account(BOB, (address,)),) for address in addresses}

    async def authenticated(self, addresses: Collection[EmailAddress]) -> frozenset[EmailAddress]:
        await self._met("authenticated")
        return frozenset(addresses)

    async def get(self, accounts: Collection[AccountId]) -> Mapping[AccountId, Account]:
        return {one: Account(one) for one in accounts}

    async def _met(self, name: str) -> None:
        self.asked.add(name)
        if len(self.asked) == 2:
            self._both.set()
        await self._both.wait()


async def test_both_questions_about_an_address_are_asked_at_once() -> None:
    facts = evolve(Process(await open_town()).facts, identities=Together(), within=timedelta(seconds=1))
    answers = await facts.answer(Questions(holders=frozenset({BOBS}), accounts=frozenset({ANN})), now=NOON)
    assert answers.holders[BOBS].authenticated_before
    assert [one.id for one in answers.holders[BOBS].accounts] == [BOB]
    assert answers.accounts[ANN] is not None


@pytest.mark.parametrize(
    ("addresses", "passed", "expected"),
    [(Unavailable("people"), ValueError(), Unavailable), (ZeroDivisionError(), ValueError(), ExceptionGroup)],
)
async def test_only_an_outage_of_the_directory_is_its_absence(
    addresses: Exception, passed: Exception, expected: type[Exception]
) -> None:
    """What else fails beside it is not passed over: the mail is tried again, and not decided without the directory."""

    class Broken(Together):
        async def at(self, addresses_: Collection[EmailAddress]) -> Mapping[EmailAddress, tuple[Account, ...]]:
            raise addresses

        async def authenticated(self, addresses: Collection[EmailAddress]) -> frozenset[EmailAddress]:
            raise passed

    facts = evolve(Process(await open_town()).facts, identities=Broken())
    with pytest.raises(expected):
        await facts.answer(Questions(holders=frozenset({BOBS})), now=NOON)
