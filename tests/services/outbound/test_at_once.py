"""What is due is sent as soon as it is decided, while a slot is free: under the same promises as what waits for its turn."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from contextlib import closing
from datetime import datetime, timedelta
from unittest.mock import patch

import pytest
from attrs import evolve

from convalias.adapters.memory import Fault, after, before
from convalias.domain.conversations import events as e
from convalias.domain.conversations.events import ConversationEvent, Origin
from convalias.domain.ids import ConversationId
from convalias.domain.migration.rollout import Stage
from convalias.domain.outbound.delivery import DeliveryDecision
from convalias.domain.outbound.notifications import Notification
from convalias.domain.outbound.pacing import MessageBounds
from convalias.ports.errors import Unavailable
from convalias.ports.hub import Declined, Sent
from convalias.services.feed.change_feed import record
from convalias.services.outbound.notifier import OutboundNotifier
from convalias.services.outbound.slots import SLOTS, SendingSlots
from convalias.stores.conversations.access import Ahead
from convalias.stores.conversations.own import OwnConversations
from convalias.stores.outbound.ledger import Ledger, Work
from services.outbound.test_growth import Counting
from services.outbound_world import C1, EVE, FOR_EVER, Hub, World

HALF = SLOTS // 2
"""What one conversation may have of them."""


def at_once(world: World, name: str = "w1", *, slots: SendingSlots | None = None) -> OutboundNotifier:
    """A worker as it is wired."""
    worker = world.worker(name)
    sending = evolve(worker.sending, slots=slots or SendingSlots())
    return OutboundNotifier(deciding=evolve(worker.deciding, sending=sending), sending=sending)


class Slow(Hub):
    """A hub whose answers wait for a sign."""

    def __init__(self, world: World) -> None:
        super().__init__(world.clock, FOR_EVER)
        self.go = asyncio.Event()
        self.at_once = self.most = 0

    async def send(self, notification: Notification) -> Sent | Declined:
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        try:
            await self.go.wait()
        finally:
            self.at_once -= 1
        return await super().send(notification)


async def said(world: World, count: int) -> list[ConversationEvent]:
    await world.begin()
    return [await world.said() for _ in range(count)]


async def settled() -> None:
    for _ in range(200):
        await asyncio.sleep(0)


@pytest.mark.parametrize("stage", [Stage.NATIVE, Stage.PARALLEL, Stage.LEGACY])
async def test_what_is_decided_is_sent_without_another_look(stage: Stage) -> None:
    world = World()
    (event,) = await said(world, 1)
    world.set(stage)
    worker = at_once(world)
    await worker.decide([record(event)])
    assert await worker.sent()
    assert await world.states(event) == ["sent", "sent"]
    assert await worker.deliver_due() == 1  # it says how many were sent since it was asked last
    assert await worker.deliver_due() == 0
    assert not await worker.sent()


@pytest.mark.parametrize("events", [1, 8])
async def test_a_message_costs_one_write_less(events: int) -> None:
    counts = []
    for made in (at_once, World.worker):
        records = Counting()
        world = World(records=records)
        told = await said(world, events)
        records.clear()
        worker = made(world)
        await worker.decide([record(one) for one in told])
        await worker.sent()
        await worker.deliver_due()
        assert {state for one in told for state in await world.states(one)} == {"sent"}
        counts.append((records.writes["decisions"], records.writes["event_places"]))
    assert counts == [(2 * events, events), (3 * events, events)]


async def test_deciding_waits_for_no_answer_and_what_finds_no_slot_waits_for_its_turn() -> None:
    world = World()
    events = await said(world, 20)
    world.hub = slow = Slow(world)
    worker = at_once(world, slots=SendingSlots(waited=timedelta(0)))
    await worker.decide([record(event) for event in events])
    states = [await world.states(event) for event in events]
    assert states.count(["tried", "tried"]) == HALF
    assert states.count(["planned", "planned"]) == 20 - HALF
    delivering = asyncio.create_task(worker.deliver_due())
    await settled()
    assert slow.most == 2 * HALF  # two recipients each; those that are due have no slot either
    assert await delivering == 0, "the conversation has all that it may have, and is passed over"
    slow.go.set()
    await worker.sent()
    assert await worker.deliver_due() == 20
    assert {state for event in events for state in await world.states(event)} == {"sent"}
    assert set(slow.left.values()) == {1}
    assert slow.most == 2 * HALF


async def test_a_slot_is_waited_for_and_after_a_wait_in_vain_no_more_until_one_is_free() -> None:
    slots = SendingSlots(1, waited=timedelta(hours=1))
    assert await slots.take_free("c1")
    for conversation in ("c1", "c2"):
        next_one = asyncio.create_task(slots.take_free(conversation))
        await settled()
        assert not next_one.done()
        slots.giving_back("c1")()
        assert await next_one
        slots.giving_back(conversation)()
        assert await slots.take_free("c1")


@pytest.mark.parametrize("other", ["c1", "c2"])
async def test_after_a_wait_in_vain_nobody_waits_until_a_slot_is_free(other: str) -> None:
    slots = SendingSlots(1, waited=timedelta(0))
    assert await slots.take_free("c1")
    assert not await slots.take_free(other)
    with patch.object(asyncio, "timeout", side_effect=AssertionError("it waits again")):
        assert not await slots.take_free(other)
    slots.giving_back("c1")()
    assert await slots.take_free(other)


async def test_one_conversation_has_half_of_them_at_most() -> None:
    slots = SendingSlots(4, waited=timedelta(0))
    assert [await slots.take_free("c1") for _ in range(3)] == [True, True, False]
    assert slots.is_full("c1")
    assert not slots.is_full("c2")
    async with slots.slot("c2"):
        assert await slots.take_free("c3")
        waiting = asyncio.create_task(slots.take_free("c2"))
        assert not await waiting
    for conversation in ("c1", "c1", "c3"):
        slots.giving_back(conversation)()
    assert not slots.is_full("c1")
    assert not slots._here.shares, "nothing is kept of conversations of which nothing is sent"


async def test_who_is_called_off_while_he_waits_for_a_slot_leaves_nothing() -> None:
    slots = SendingSlots(2, waited=timedelta(hours=1))
    assert await slots.take_free("c1")
    assert await slots.take_free("c2")
    for conversation in ("c1", "c3"):
        waiting = asyncio.create_task(slots.take_free(conversation))
        await settled()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    for conversation in ("c1", "c2"):
        slots.giving_back(conversation)()
    assert not slots._here.shares
    assert await slots.take_free("c3")


async def test_who_is_called_off_lets_the_next_of_his_conversation_go_on() -> None:
    slots = SendingSlots(2, waited=timedelta(hours=1))
    assert await slots.take_free("c1")
    assert await slots.take_free("c2")
    first, second = (asyncio.create_task(slots.take_free("c3")) for _ in range(2))
    await settled()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    slots.giving_back("c1")()
    await settled()
    assert second.done()
    assert await second


def test_what_a_closed_loop_left_gives_its_slot_to_no_other() -> None:
    """Its work is ended when it is collected, which may be while another loop runs."""
    slots = SendingSlots(2)

    async def taken() -> Callable[[], None]:
        assert await slots.take_free("c1")
        return slots.giving_back("c1")

    async def elsewhere(give_back: Callable[[], None]) -> list[bool]:
        assert await slots.take_free("c1")
        give_back()
        return [slots.is_full("c1"), await slots.take_free("c2"), slots.is_full("c2")]

    first, second = asyncio.new_event_loop(), asyncio.new_event_loop()
    with closing(first), closing(second):
        assert second.run_until_complete(elsewhere(first.run_until_complete(taken()))) == [True] * 3


async def test_after_a_death_no_more_is_in_doubt_than_was_being_sent() -> None:
    world = World()
    events = await said(world, 20)
    world.hub = slow = Slow(world)
    dead = at_once(world, slots=SendingSlots(waited=timedelta(0)))
    await dead.decide([record(event) for event in events])
    await settled()
    world.gone.add("w1")
    world.hub = Hub(world.clock, FOR_EVER)
    await world.worker("w2").deliver_due()
    assert [len(await world.states(event)) for event in events] == [2] * 20
    attempts = [row.attempts for event in events for row in await world.rows(event)]
    assert sorted(attempts) == [1] * 2 * (20 - HALF) + [2] * 2 * HALF
    assert slow.left.total() == 0
    await dead.finish(within=timedelta(0))


async def test_what_has_to_wait_is_not_sent_at_once() -> None:
    world = World()
    events = await said(world, 5)
    worker = at_once(world)
    deciding = worker.deciding
    paced = evolve(deciding.pacing, bounds=MessageBounds(verified=3, unverified=3))
    worker = evolve(worker, deciding=evolve(deciding, pacing=paced))
    await worker.decide([record(event) for event in events])
    await worker.sent()
    assert [(await world.states(event))[0] for event in events].count("planned") == 2


async def test_a_decision_for_nobody_is_only_written_down() -> None:
    world = World()
    await world.begin()
    event = await world.said(origin=Origin.LEGACY_SYNC)
    worker = at_once(world)
    await worker.decide([record(event)])
    assert not await worker.sent()
    assert (await world.decision(event)).deliveries == ()


async def test_only_what_the_log_brings_is_sent_at_once() -> None:
    """A redrive may be a command that ends before its calls."""
    world = World()
    (event,) = await said(world, 1)
    worker = at_once(world)
    assert await worker.deciding.decide_one(C1, event.id, event.seq)
    assert not await worker.sent()
    assert await world.states(event) == ["planned", "planned"]


async def test_where_another_has_decided_nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    (event,) = await said(world, 1)
    other, worker = world.worker("w2"), at_once(world)
    insert = Ledger.insert_taken

    async def late(self: Ledger, decision: DeliveryDecision, **how: object) -> Work | None:
        await other.decide([record(event)])
        return await insert(self, decision, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(Ledger, "insert_taken", late)
    await worker.decide([record(event)])
    assert not await worker.sent()
    assert await world.states(event) == ["planned", "planned"]
    assert not worker.sending.slots._here.shares


@pytest.mark.parametrize("fault", [before("records"), after("records")])
async def test_a_decision_that_could_not_be_written_holds_no_slot_and_is_made_again(fault: Fault) -> None:
    world = World()
    (event,) = await said(world, 1)
    slots = SendingSlots(1)
    worker = at_once(world, slots=slots)
    world.faults.fail("records.write_in_order", fault, times=1)
    with pytest.raises(Unavailable):
        await worker.decide([record(event)])
    assert not slots._here.shares
    await worker.decide([record(event)])
    await worker.sent()
    await world.pass_time(minutes=2)
    await worker.deliver_due()
    await world.pass_time(minutes=2)
    await worker.deliver_due()
    assert await world.states(event) == ["sent", "sent"]
    assert set(world.hub.left.values()) == {1}


async def test_what_was_read_too_long_ago_is_read_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    (event,) = await said(world, 1)
    worker = at_once(world)
    insert = Ledger.insert_taken

    async def slowly(self: Ledger, decision: DeliveryDecision, *, now: datetime, lease: timedelta) -> Work | None:
        await world.pass_time(seconds=3)
        await world.happens(e.ParticipantRemoved(EVE))
        return await insert(self, decision, now=now, lease=lease)

    monkeypatch.setattr(Ledger, "insert_taken", slowly)
    await worker.decide([record(event)])
    await worker.sent()
    assert await world.states(event) == ["sent", "cancelled"]


async def test_who_closes_waits_for_what_was_begun() -> None:
    world = World()
    (event,) = await said(world, 1)
    world.hub = slow = Slow(world)
    consumer = world.consumer()
    consumer.notifier = at_once(world)
    await world.log.publish([record(event)])
    assert await consumer.decide() == 1
    closing = asyncio.create_task(consumer.close())
    await settled()
    assert not closing.done()
    slow.go.set()
    await closing
    assert await world.states(event) == ["sent", "sent"]


async def test_what_is_not_finished_in_time_is_released() -> None:
    world = World()
    (event,) = await said(world, 1)
    world.hub = Slow(world)
    worker = at_once(world)
    await worker.decide([record(event)])
    await settled()
    await worker.finish(within=timedelta(0))
    assert (await world.decision(event)).holder == ""
    world.hub = Hub(world.clock, FOR_EVER)
    await world.pass_time(minutes=2)
    await world.worker("w2").deliver_due()
    assert await world.states(event) == ["sent", "sent"]


async def test_a_result_that_could_not_be_written_is_told_by_the_next_delivery() -> None:
    world = World()
    (event,) = await said(world, 1)
    worker = at_once(world)
    world.faults.fail("records.write", before(ZeroDivisionError), skip=2, times=1)
    await worker.decide([record(event)])
    await worker.sent()
    with pytest.raises(ZeroDivisionError):
        await worker.deliver_due()


async def test_a_drained_worker_has_sent_what_it_began() -> None:
    world = World()
    events = await said(world, 20)
    await world.log.publish([record(event) for event in events])
    consumer = world.consumer()
    consumer.notifier = at_once(world)
    assert await consumer.drain() == 2 * 20
    assert {state for event in events for state in await world.states(event)} == {"sent"}


@pytest.mark.threads
async def test_slots_are_those_of_the_running_loop() -> None:
    slots = SendingSlots(1, waited=timedelta(0))
    assert await slots.take_free("c1")
    assert not await slots.take_free("c1")
    assert await asyncio.to_thread(lambda: asyncio.run(slots.take_free("c1")))
    await slots.finish(timedelta(0))


class Odd(OwnConversations):
    """Reads nothing together, for a reason of its own."""

    async def ahead(self, conversation: ConversationId, seqs: Collection[int], *, for_sends: bool = False) -> Ahead:
        raise ZeroDivisionError


async def test_what_cannot_be_read_together_is_read_one_by_one() -> None:
    world = World()
    events = await said(world, 3)
    worker = at_once(world)
    odd = Odd(events=world.own.events, folded=world.own.folded, clock=world.clock)
    worker = evolve(worker, deciding=evolve(worker.deciding, conversations=odd))
    await worker.decide([record(event) for event in events])
    await worker.sent()
    assert [await world.states(event) for event in events] == [["sent", "sent"]] * 3
