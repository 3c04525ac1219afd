"""A flood is mailed as the bounds allow: in order, by either system, by any number of workers, and not more than once."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from datetime import timedelta

import pytest
from attrs import evolve

from convalias.domain.conversations.events import RESTORED, ConversationEvent, MessageAdded, MessagesRead, Origin
from convalias.domain.conversations.participants import AccountAuthor, Author, PeripheralAuthor
from convalias.domain.ids import EventId
from convalias.domain.migration.rollout import Stage
from convalias.domain.outbound.pacing import UNVERIFIED_AN_HOUR, AuthorGroup, MessageBounds
from convalias.ports.records import Insert
from convalias.services.feed.change_feed import record
from convalias.services.outbound.pacing import Pacing
from convalias.stores.errors import Contended
from convalias.stores.outbound.paces import Paces
from services.outbound_world import ANN, BOB, C1, World, address
from stores.interfering import Stubborn

STRANGER = PeripheralAuthor(address("eve@evil.example"), verified=True)
FLOOD = 50
HOURS = 3


async def flooded(world: World, count: int = FLOOD, author: Author = STRANGER) -> Sequence[ConversationEvent]:
    """So many mails of one author within seconds, decided about."""
    events: list[ConversationEvent] = []
    for _ in range(count):
        events.append(await world.said(author, origin=Origin.ALIAS_MAIL))
        await world.worker().decide([record(events[-1])])
        await world.pass_time(seconds=1)
    return events


def told_of(world: World, events: Sequence[ConversationEvent]) -> list[int]:
    """The place in the flood of each message that Ann has heard of, as she heard."""
    places = {event.id: place for place, event in enumerate(events)}
    return [places[EventId(one.split(".")[0])] for one in world.hub.left if ".email" in one and is_for_ann(one)]


def is_for_ann(notification: str) -> bool:
    return notification.split(".")[1] == ANN_DIGEST


ANN_DIGEST = hashlib.sha256(b"ann").hexdigest()[:16]


async def settle(world: World) -> None:
    while await world.worker().deliver_due():
        pass


@pytest.mark.parametrize("stage", [Stage.NATIVE, Stage.PARALLEL])
async def test_a_flood_is_mailed_in_order_twenty_an_hour_and_nothing_is_lost(stage: Stage) -> None:
    world = World()
    await world.begin()
    world.set(stage)
    events = await flooded(world)
    heard: list[int] = []
    for hour in range(HOURS):
        await settle(world)
        now = told_of(world, events)
        assert len(now) - len(heard) == (UNVERIFIED_AN_HOUR if hour < HOURS - 1 else FLOOD % UNVERIFIED_AN_HOUR)
        heard = now
        await world.pass_time(hours=1)
    assert heard == list(range(FLOOD))
    assert {state for event in events for state in await world.states(event)} == {"sent"}
    assert set(world.hub.left.values()) == {1}


async def test_what_waits_was_not_tried_and_may_still_change_its_owner() -> None:
    world = World()
    await world.begin()
    world.set(Stage.LEGACY)
    events = await flooded(world)
    await settle(world)
    assert len(await world.legacy.calls()) == UNVERIFIED_AN_HOUR
    waiting = [await world.decision(event) for event in events[UNVERIFIED_AN_HOUR:]]
    assert {one.tried for one in waiting} == {None}
    assert "waits, more than 20 messages an hour of unverified authors" in waiting[0].reason
    assert world.telemetry.total("mons.messages.postponed", author="unverified") == FLOOD - UNVERIFIED_AN_HOUR
    world.set(Stage.NATIVE)
    await world.worker().give_back(waiting[0].use_case)
    await settle(world)
    assert not world.hub.left
    await world.pass_time(hours=HOURS)
    await settle(world)
    assert len(await world.legacy.calls()) == UNVERIFIED_AN_HOUR
    assert told_of(world, events) == list(range(UNVERIFIED_AN_HOUR, FLOOD))


async def test_a_flood_of_strangers_holds_up_no_chat() -> None:
    world = World()
    await world.begin()
    await flooded(world)
    chat = await world.said(AccountAuthor(BOB))
    await world.worker().decide([record(chat)])
    await settle(world)
    assert await world.states(chat) == ["sent", "sent"]


async def test_a_message_that_waits_and_is_read_meanwhile_is_not_mailed() -> None:
    world = World()
    await world.begin()
    events = await flooded(world, UNVERIFIED_AN_HOUR + 5)
    await world.happens(MessagesRead(ANN, events[-1].seq))
    await world.pass_time(hours=1)
    await settle(world)
    assert "cancelled" in await world.states(events[-1])


async def test_two_workers_and_a_worker_that_died_keep_one_bound() -> None:
    world = World()
    await world.begin()
    events = [await world.said(STRANGER, origin=Origin.ALIAS_MAIL) for _ in range(FLOOD)]
    # The same records to both, as after a rebalance.
    both = [world.worker("w1"), world.worker("w2")]
    await asyncio.gather(*[worker.decide([record(event) for event in events]) for worker in both])
    await world.worker("w3").decide([record(event) for event in events])
    await settle(world)
    at_once = told_of(world, events)
    assert sorted(at_once) == list(range(UNVERIFIED_AN_HOUR))
    await world.pass_time(hours=HOURS)
    await settle(world)
    assert told_of(world, events) == [*at_once, *range(UNVERIFIED_AN_HOUR, FLOOD)]


async def test_a_pace_that_was_written_before_its_worker_died_is_used_by_the_next() -> None:
    world = World()
    await world.begin()
    events = [await world.said(STRANGER, origin=Origin.ALIAS_MAIL) for _ in range(UNVERIFIED_AN_HOUR + 3)]
    pacing, last = world.worker().deciding.pacing, events[-1]
    draft = await world.worker().deciding.draft(C1, last.id, last.seq)
    assert draft is not None
    first = await pacing.paced(draft, last)
    assert first.due_at != draft.due_at
    assert await pacing.paced(draft, last) == first


async def test_whoever_writes_below_the_bound_costs_no_call() -> None:
    world = World()
    await world.begin()
    event = await world.said(STRANGER, origin=Origin.ALIAS_MAIL)
    draft = await world.worker().deciding.draft(C1, event.id, event.seq)
    assert draft is not None
    calls = world.faults.calls.total()
    assert await world.worker().deciding.pacing.paced(draft, event) is draft
    assert world.faults.calls.total() == calls


async def test_a_long_conversation_in_which_little_is_written_never_waits() -> None:
    world = World()
    await world.begin()
    for _ in range(UNVERIFIED_AN_HOUR + 5):
        await world.said(STRANGER, origin=Origin.ALIAS_MAIL)
        await world.pass_time(minutes=4)
    event = await world.said(STRANGER, origin=Origin.ALIAS_MAIL)
    await world.worker().decide([record(event)])
    assert (await world.decision(event)).due_at == world.clock.now()
    assert await Paces(records=world.raw_records).get(C1, AuthorGroup.UNVERIFIED) is None


@pytest.mark.parametrize("page", [2, 500])
async def test_strangers_are_counted_among_much_chat(monkeypatch: pytest.MonkeyPatch, page: int) -> None:
    monkeypatch.setattr("convalias.services.outbound.pacing.PAGE", page)
    world = World()
    await world.begin()
    await world.pass_time(hours=2)
    for number in range(60):
        await world.said(
            STRANGER if number % 4 == 0 else AccountAuthor(BOB),
            origin=Origin.ALIAS_MAIL if number % 4 == 0 else Origin.CHAT,
        )
    event = await world.said(STRANGER, origin=Origin.ALIAS_MAIL)
    worker = world.worker()
    await worker.decide([record(event)])
    assert (await world.decision(event)).due_at == world.clock.now()
    events = [await world.said(STRANGER, origin=Origin.ALIAS_MAIL) for _ in range(6)]
    await worker.decide([record(event) for event in events])
    assert [(await world.decision(one)).due_at == world.clock.now() for one in events] == [True] * 4 + [False] * 2


async def test_what_mails_nobody_is_not_counted() -> None:
    world = World()
    await world.begin()
    events = [await world.said(STRANGER, origin=Origin.LEGACY_SYNC) for _ in range(UNVERIFIED_AN_HOUR + 1)]
    restored = MessageAdded(author=STRANGER, text="hi", flags=frozenset({RESTORED}))
    events += [await world.happens(restored, origin=Origin.ALIAS_MAIL) for _ in range(UNVERIFIED_AN_HOUR + 1)]
    events.append(await world.said(STRANGER, origin=Origin.ALIAS_MAIL, age=timedelta(days=8)))
    events.append(await world.said(STRANGER, origin=Origin.ALIAS_MAIL))
    await world.worker().decide([record(event) for event in events])
    assert (await world.decision(events[-1])).due_at == world.clock.now()


async def test_bounds_are_a_choice() -> None:
    world = World()
    await world.begin()
    worker = world.worker()
    object.__setattr__(worker.deciding.pacing, "bounds", MessageBounds(verified=2))
    events = [await world.said(AccountAuthor(BOB)) for _ in range(4)]
    await worker.decide([record(event) for event in events])
    times = [(await world.decision(one)).due_at for one in events]
    assert times.count(world.clock.now()) == 2


async def test_releases_that_are_always_fought_over_are_told() -> None:
    world = World()
    await world.begin()
    events = [await world.said(STRANGER, origin=Origin.ALIAS_MAIL) for _ in range(UNVERIFIED_AN_HOUR + 1)]
    pacing = Pacing(conversations=world.own, paces=Paces(records=Stubborn(Insert, "paces")), telemetry=world.telemetry)
    draft = await world.worker().deciding.draft(C1, events[-1].id, events[-1].seq)
    assert draft is not None
    with pytest.raises(Contended, match="releases of a conversation"):
        await pacing.paced(draft, events[-1])


@pytest.mark.parametrize("spread", [timedelta(seconds=20), timedelta(minutes=4), timedelta(minutes=11)])
async def test_who_remembers_the_last_look_releases_as_who_looks_anew(spread: timedelta) -> None:
    """Over a conversation that is now quiet, now busy, and in which both groups write."""

    async def story(*, remembers: bool) -> list[object]:
        world = World()
        await world.begin()
        pacing = evolve(world.worker().deciding.pacing, bounds=MessageBounds(verified=6, unverified=3))
        found: list[object] = []
        for number in range(60):
            await world.pass_time(seconds=spread.total_seconds() if number % 10 < 7 else 1)
            event = await world.said(STRANGER if number % 4 == 3 else None, origin=Origin.ALIAS_MAIL)
            decision = await world.worker().deciding.draft(C1, event.id, event.seq)
            assert decision is not None
            found.append((await pacing.paced(decision, event)).due_at)
            if not remembers:
                pacing = evolve(pacing)
        return found

    assert await story(remembers=True) == await story(remembers=False)


async def test_a_busy_conversation_is_remembered_among_so_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("convalias.services.outbound.pacing.REMEMBERED", 1)
    world = World()
    await world.begin()
    pacing = evolve(world.worker().deciding.pacing, bounds=MessageBounds(verified=1, unverified=1))
    for author in (None, None, STRANGER, STRANGER):
        event = await world.said(author)
        decision = await world.worker().deciding.draft(C1, event.id, event.seq)
        assert decision is not None
        await pacing.paced(decision, event)
    assert len(pacing._recent) == 1
