"""A conversation is made what it is given as; twice is the same as once."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta

import pytest
from attrs import evolve

from convalias.adapters import memory
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.aliases.alias import ConversationAlias
from convalias.domain.conversations.participants import Participant
from convalias.domain.conversations.threads import ThreadState
from convalias.domain.errors import InvalidValue
from convalias.domain.ids import AccountId, ConversationId, UseCase
from convalias.domain.migration.rollout import Stage
from convalias.ports.errors import Unavailable
from convalias.services.conversations.loading import GivenConversation
from convalias.stores.errors import NoFreeAddress
from services.messaging_desk import ANN, BOB, C1, EVE, HOME, NOON, PEOPLE, Desk


def alias(name: str, who: AccountId = ANN) -> ConversationAlias:
    address = EmailAddress.parse(f"{name}-1ab131e2@reply.example")
    return ConversationAlias(address=address, conversation=C1, stands_for=who)


GIVEN = GivenConversation(
    id=C1,
    use_case=UseCase("apply"),
    participants=PEOPLE,
    market="jp",
    cc_seen=frozenset({HOME}),
    aliases=(alias("ann-old"), alias("ann"), alias("bob", BOB)),
)


async def test_what_is_given_is_there_with_the_events_that_made_it() -> None:
    desk = Desk()
    thread = await desk.loading.load(GIVEN)
    assert (thread.use_case, thread.participants, thread.market) == ("apply", PEOPLE, "jp")
    assert (thread.cc_seen, thread.state) == ({HOME}, ThreadState.OPEN)
    assert await desk.kinds() == ["ConversationCreated", "CopiesSeen", *["AliasIssued"] * 3]


async def test_the_last_listed_alias_of_a_participant_is_live_and_all_work() -> None:
    desk = Desk()
    await desk.loading.load(GIVEN)
    old, live = [await desk.messaging.resolve(str(one.address)) for one in GIVEN.aliases[:2]]
    assert old is not None
    assert live is not None
    assert (old.superseded_by, live.superseded_by) == (live.id, None)
    assert await desk.aliasing.issue(C1, account=ANN) == live


@pytest.mark.parametrize("state", list(ThreadState))
async def test_loading_twice_is_loading_once(state: ThreadState) -> None:
    desk = Desk()
    given = evolve(GIVEN, state=state, aliases=(*GIVEN.aliases, evolve(alias("gone"), revoked_at=NOON)))
    first = await desk.loading.load(given)
    kinds, aliases = await desk.kinds(), await desk.aliases.of(C1)
    desk.clock.step(timedelta(days=1))
    assert await desk.loading.load(given) == first
    assert (await desk.kinds(), await desk.aliases.of(C1)) == (kinds, aliases)
    assert first.state is state


async def test_loading_changes_what_differs_only() -> None:
    desk = Desk()
    await desk.loading.load(GIVEN)
    eve, bob = Participant(EVE, name="Eve"), Participant(BOB, name="Robert")
    await desk.loading.load(
        evolve(GIVEN, participants=(bob, eve), state=ThreadState.CLOSED, aliases=(alias("eve", EVE),))
    )
    thread = await desk.loading.load(evolve(GIVEN, participants=(bob, eve)))
    assert (thread.participants, thread.state) == ((bob, eve), ThreadState.OPEN)
    assert (await desk.kinds())[5:] == [
        "ParticipantAdded",
        "ParticipantAdded",
        "ParticipantRemoved",
        "AliasIssued",
        "ConversationClosed",
        "ConversationReopened",
    ]


@pytest.mark.parametrize("writes", range(0, 14, 2))
async def test_a_load_that_broke_off_anywhere_is_completed_by_loading_again(writes: int) -> None:
    faults = memory.Faults()
    desk = Desk(memory.faulty.Records(memory.Records(), faults))
    given = evolve(GIVEN, state=ThreadState.ERASED)
    faults.fail("records.write", memory.after("records"), times=1, skip=writes)
    with suppress(Unavailable):  # where there were fewer writes
        await desk.loading.load(given)
    thread = await desk.loading.load(given)
    whole = Desk()
    assert thread == evolve(await whole.loading.load(given), created_at=thread.created_at)
    assert sorted(await desk.kinds()) == sorted(await whole.kinds())


def test_no_event_changes_a_use_case() -> None:
    async def story() -> None:
        desk = Desk()
        await desk.loading.load(GIVEN)
        await desk.loading.load(evolve(GIVEN, use_case=UseCase("sourcing")))

    with pytest.raises(InvalidValue, match="found 'sourcing', expected apply"):
        asyncio.run(story())


@pytest.mark.parametrize(
    ("standing", "given"),
    [
        (ThreadState.ARCHIVED, ThreadState.OPEN),
        (ThreadState.ARCHIVED, ThreadState.CLOSED),
        (ThreadState.ERASED, ThreadState.ARCHIVED),
    ],
)
def test_nothing_leads_out_of_a_final_state(standing: ThreadState, given: ThreadState) -> None:
    async def story() -> None:
        desk = Desk()
        await desk.loading.load(evolve(GIVEN, state=standing))
        await desk.loading.load(evolve(GIVEN, state=given))

    with pytest.raises(InvalidValue, match=f"state of conversation c1: found '{given.value}'"):
        asyncio.run(story())


def test_an_alias_of_another_conversation_is_refused() -> None:
    async def story() -> None:
        desk = Desk()
        await desk.loading.load(GIVEN)
        other = ConversationId("c2")
        await desk.loading.load(evolve(GIVEN, id=other, aliases=(evolve(alias("ann"), conversation=other),)))

    with pytest.raises(NoFreeAddress):
        asyncio.run(story())


async def test_participants_who_were_given_no_alias_get_one_where_minting_is_on() -> None:
    for unset, state, having in (
        (Stage.NATIVE, ThreadState.OPEN, {ANN, BOB}),
        (Stage.NATIVE, ThreadState.CLOSED, {ANN, BOB}),
        (Stage.NATIVE, ThreadState.ARCHIVED, {ANN}),
        (Stage.LEGACY, ThreadState.OPEN, {ANN}),
    ):
        desk = Desk(unset=unset)
        one = evolve(GIVEN, state=state, aliases=(alias("ann"),))
        for _ in range(2):
            await desk.loading.load(one)
            listed = await desk.aliases.of(C1)
            assert {found.stands_for for found in listed} == having, (unset, state)
            assert len(listed) == len(having)
