"""What grows: rows, calls and writes at two sizes. Counts, never a clock."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

import pytest
from attrs import evolve

from convalias.adapters import memory
from convalias.adapters.memory import before
from convalias.codec import Codec
from convalias.domain.conversations import events as e
from convalias.domain.conversations.participants import AccountAuthor, Participant
from convalias.domain.ids import AccountId, ConversationId, EventId, Seq, UseCase
from convalias.domain.migration.rollout import Axis, Rollout
from convalias.domain.outbound.notifications import Notification
from convalias.domain.outbound.suppressions import EventPlace
from convalias.ports.hub import Declined, Sent
from convalias.ports.records import Conflict, Key, Stored, Write, Written
from convalias.services.feed.change_feed import record
from convalias.services.outbound.sending import RECIPIENTS_AT_ONCE, Sending
from convalias.services.outbound.slots import SLOTS
from convalias.services.running.task_group import called_off
from convalias.stores.conversations.event_store import EventStore
from convalias.stores.outbound.ledger import Ledger
from convalias.stores.outbound.suppressions import Suppressions
from services.outbound_world import ANN, APPLY, BOB, C1, EVE, Hub, World, address, own


class Counting(memory.Records):
    """Counts the rows that come, and the writes, by their table."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: Counter[str] = Counter()
        self.writes: Counter[str] = Counter()
        self.conflicts = 0

    async def get(self, keys: Sequence[Key]) -> dict[Key, Stored]:  # type: ignore[override]
        found = await super().get(keys)
        self.rows.update(key.table for key in found)
        return dict(found)

    async def range(self, table: str, partition: str, *, after: str, limit: int) -> Sequence[Stored]:
        found = await super().range(table, partition, after=after, limit=limit)
        self.rows[table] += len(found)
        return found

    async def write(self, writes: Sequence[Write]) -> Sequence[Written | Conflict]:
        answers = await super().write(writes)
        self.writes.update(write.key.table for write in writes)
        self.conflicts += sum(isinstance(one, Conflict) for one in answers)
        return answers

    def clear(self) -> None:
        self.rows.clear()
        self.writes.clear()
        self.conflicts = 0


async def grown(count: int) -> tuple[World, Counting]:
    """A conversation of so many events, which somebody has read before."""
    records = Counting()
    world = World(records=records)
    await world.begin()
    for _ in range(count - 2):
        await world.happens(e.StatusNoted(ANN, "absence"))
    await own(world.conversations, records, world.clock).thread(C1)
    await world.pass_time(hours=2)
    return world, records


@pytest.mark.parametrize("count", [600, 6_000])
async def test_somebody_who_joins_between_message_and_decision_costs_at_most_300_rows(count: int) -> None:
    world, records = await grown(count)
    await world.own.thread(C1)
    event = await world.said()
    await world.happens(e.ParticipantAdded(Participant(AccountId("late"))))
    records.clear()
    await world.worker().decide([record(event)])
    assert [row.recipient for row in await world.rows(event)] == [BOB, EVE]
    assert records.rows.total() <= 300


BATCH = 100


async def decided(world: World, events: Sequence[e.ConversationEvent], name: str = "w1") -> None:
    """As the log brings them: batch after batch, in order."""
    worker = world.worker(name)
    for begin in range(0, len(events), BATCH):
        await worker.decide([record(event) for event in events[begin : begin + BATCH]])


@pytest.mark.parametrize("backlog", [40, 400])
@pytest.mark.parametrize("then", [None, e.ParticipantAdded(Participant(AccountId("late")))])
async def test_who_is_so_many_events_behind_reads_at_most_ten_rows_for_each(
    backlog: int, then: e.Happening | None
) -> None:
    """Also where somebody has joined since; decided by a process that has seen nothing."""
    world, records = await grown(600)
    events = []
    for _ in range(backlog):
        events.append(await world.said())
        await world.pass_time(seconds=1)
    if then is not None:
        await world.happens(then)
    world.own = own(world.watched, records, world.clock)
    records.clear()
    await decided(world, events)
    assert [row.recipient for row in await world.rows(events[-1])] == [BOB, EVE]
    assert records.rows.total() / backlog <= 10
    records.clear()
    worked = 0
    while done := await world.worker().deliver_due():
        worked += done
    assert worked == min(backlog, 300)
    assert records.rows["events"] / worked <= 5


async def test_what_a_batch_has_read_is_looked_at_again_before_each_call() -> None:
    """While the first of twenty is being sent, the last ones are redacted, or somebody leaves."""
    world = World()
    await world.begin()
    events = [await world.said() for _ in range(20)]
    await decided(world, events)

    class Late(Hub):
        async def send(self, notification: Notification) -> Sent | Declined:
            if not self.told:
                await world.happens(e.MessageRedacted(events[-1].id))
                await world.happens(e.ParticipantRemoved(EVE))
            return await super().send(notification)

    world.hub = Late(world.clock)
    assert await world.worker().deliver_due() == 20
    assert await world.states(events[-1]) == ["cancelled", "cancelled"]
    assert await world.states(events[-2]) == ["sent", "cancelled"]


# --- one slow or broken conversation ----------------------------------------------------------------------------


class Hanging:
    """Events of which one conversation's are never read: asked for, nobody answers."""

    def __init__(self, events: EventStore) -> None:
        self.events = events
        self.hangs = False
        self.asked = 0

    def __getattr__(self, name: str) -> object:
        return getattr(self.events, name)

    async def after(self, conversation: ConversationId, seq: int, *, limit: int) -> Sequence[e.ConversationEvent]:
        if self.hangs and conversation == C1:
            self.asked += 1
            await asyncio.Event().wait()
        return await self.events.after(conversation, seq, limit=limit)


async def among(others: int) -> tuple[World, Hanging, Sequence[e.ConversationEvent], Sequence[e.ConversationEvent]]:
    """One conversation with forty messages, and others with one each."""
    world = World()
    hanging = Hanging(world.conversations)
    world.own = own(hanging, world.raw_records, world.clock)
    await world.begin()
    slow = [await world.said() for _ in range(40)]
    quick: list[e.ConversationEvent] = []
    for number in range(others):
        name = ConversationId(f"other {number}")
        people = tuple(Participant(account, addresses=(address(f"{account}@home.example"),)) for account in (ANN, BOB))
        for seq, what in enumerate((e.ConversationCreated(APPLY, None, people), slow[0].happening), start=1):
            quick.append(
                evolve(
                    slow[0],
                    id=EventId(f"{name} {seq}"),
                    conversation=name,
                    seq=Seq(seq),
                    happening=what,
                    dedup_key=f"k{seq}",
                )
            )
            await world.conversations.append(quick[-1])
    return world, hanging, slow, quick[1::2]


async def test_a_conversation_that_is_never_read_holds_up_no_other_delivery() -> None:
    world, hanging, slow, quick = await among(60)
    await decided(world, [*slow, *quick])
    hanging.hangs = True
    sending = world.worker().sending
    sending = evolve(sending, calls=evolve(sending.calls, within=timedelta(milliseconds=20)))
    assert await sending.deliver_due() == 100
    assert {state for one in quick for state in await world.states(one)} == {"sent"}
    assert {state for one in slow for state in await world.states(one)} == {"planned"}
    assert hanging.asked == 1
    hanging.hangs = False
    await world.pass_time(minutes=2)
    assert await world.worker().deliver_due() == 40
    assert set(world.hub.left.values()) == {1}


async def test_who_reads_is_waited_for_though_nothing_ends_meanwhile() -> None:
    world, hanging, slow, _ = await among(1)
    await decided(world, slow)
    hanging.hangs = True
    sending = world.worker().sending
    within, patience = timedelta(milliseconds=20), timedelta(milliseconds=1)
    sending = evolve(sending, calls=evolve(sending.calls, within=within), patience=patience)
    assert await sending.deliver_due() == len(slow)
    assert hanging.asked == 1


class HangingHub(Hub):
    """A channel that gives no answer about one conversation."""

    def __init__(self, world: World) -> None:
        super().__init__(world.clock)
        self.go = asyncio.Event()

    async def send(self, notification: Notification) -> Sent | Declined:
        if notification.conversation == C1:
            await self.go.wait()
        return await super().send(notification)


async def test_a_channel_that_hangs_over_one_conversation_keeps_no_other_waiting() -> None:
    world, _, slow, quick = await among(70)
    await decided(world, [*slow, *quick])
    world.hub = hub = HangingHub(world)
    sending = world.worker().sending
    assert await sending.deliver_due() == 60
    assert await sending.deliver_due() == 10
    assert {state for one in quick for state in await world.states(one)} == {"sent"}
    states = [(await world.states(one))[0] for one in slow]
    assert (states.count("tried"), states.count("planned")) == (SLOTS // 2, len(slow) - SLOTS // 2)
    assert await sending.deliver_due() == 0, "all that it may have is taken, so it is passed over"
    hub.go.set()
    await sending.slots.wait()
    assert await sending.deliver_due() == len(slow)
    assert {state for one in slow for state in await world.states(one)} == {"sent"}
    assert set(hub.left.values()) == {1}


class Killed(BaseException):
    """What nobody catches."""


async def test_what_nobody_catches_in_one_of_a_batch_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    world, _, slow, _ = await among(1)
    await decided(world, slow[:2])

    async def killed(self: Ledger, *given: object, **how: object) -> None:
        raise Killed

    monkeypatch.setattr(Ledger, "take", killed)
    with pytest.raises(Killed):
        await world.worker().deliver_due()


async def test_a_batch_that_is_called_off_releases_what_it_holds() -> None:
    world, _, slow, _ = await among(1)
    await decided(world, slow)
    world.hub = HangingHub(world)
    sending = world.worker().sending
    batch = asyncio.create_task(sending.deliver_due())
    for _ in range(2_000):
        await asyncio.sleep(0)
    assert [(await world.states(one))[0] for one in slow].count("tried") == SLOTS // 2
    batch.cancel()
    with pytest.raises(asyncio.CancelledError):
        await batch
    assert not sending.slots._here.shares
    assert await world.raw_records.due("deliveries.leased", until=world.clock.now() + timedelta(days=9), limit=9) == []


async def test_who_is_called_off_twice_waits_for_what_he_calls_off() -> None:
    async def reluctant() -> bool:
        try:
            await asyncio.Event().wait()
        finally:
            for _ in range(50):
                await asyncio.sleep(0)
        return True

    async def failing() -> bool:
        raise ZeroDivisionError

    tasks = [asyncio.create_task(reluctant()), asyncio.create_task(failing())]
    await asyncio.sleep(0)
    ending = asyncio.create_task(called_off(tasks))
    for _ in range(3):
        await asyncio.sleep(0)
        ending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await ending
    assert tasks[0].cancelled()


async def test_a_decision_that_cannot_be_taken_or_released_calls_off_no_other() -> None:
    world, _, slow, quick = await among(20)
    await decided(world, [slow[0], *quick])
    world.faults.fail("records.write", before("records"), skip=3, times=1)
    assert await world.worker().deliver_due() == 20
    await world.pass_time(minutes=2)
    await world.worker().deliver_due()
    assert {state for one in (slow[0], *quick) for state in await world.states(one)} == {"sent"}
    assert set(world.hub.left.values()) == {1}


# --- participants -----------------------------------------------------------------------------------------------


async def crowded(people: int) -> tuple[World, Counting, e.ConversationEvent]:
    """A conversation of so many, in which one has said something."""
    records = Counting()
    world = World(records=records)
    accounts = [AccountId(f"p{number}") for number in range(people)]
    everybody = tuple(Participant(one, addresses=(address(f"{one}@home.example"),)) for one in accounts)
    await world.happens(e.ConversationCreated(APPLY, None, everybody))
    return world, records, await world.said(AccountAuthor(accounts[0]))


def with_places(world: World) -> Sending:
    sending = world.worker().sending
    return evolve(sending, calls=evolve(sending.calls, suppressions=Suppressions(records=world.raw_records)))


@pytest.mark.parametrize("people", [2, 1_000])
async def test_one_place_one_decision_and_one_result_are_written_whatever_the_number_of_recipients(people: int) -> None:
    world, records, event = await crowded(people)
    await decided(world, [event])
    records.clear()
    sending = with_places(world)
    assert await sending.deliver_due() == 1
    assert records.writes == {"decisions": 2}
    assert records.conflicts == 0
    (first, *_) = await world.rows(event)
    place = await Suppressions(records=records).where(first.id)
    assert place == EventPlace(event=event.id, conversation=C1)
    assert len(world.hub.told) == people - 1


async def test_the_place_is_there_before_the_decision_and_one_that_was_left_behind_is_no_hindrance() -> None:
    world, records, event = await crowded(3)
    decision = await world.worker().deciding.draft(C1, event.id, event.seq)
    assert decision is not None
    await Suppressions(records=records).place(decision.deliveries[0].id, EventPlace(event=event.id, conversation=C1))
    assert await world.ledger().insert(decision)
    assert not await world.ledger("w2").insert(decision)
    assert (await world.decision(event)).placed


async def test_the_place_of_a_decision_of_the_former_release_is_written_once_before_its_mails() -> None:
    world, records, event = await crowded(50)
    former = Ledger(records=records, incarnation=memory.Incarnation("w0", gone=set()), codec=Codec({"decision": 3}))
    await evolve(world.worker().deciding, ledger=former).decide([record(event)])
    records.clear()
    assert await with_places(world).deliver_due() == 1
    assert records.writes == {"decisions": 2, "event_places": 1}
    assert len(world.hub.told) == 49


@pytest.mark.parametrize("people", [2, 1_000])
async def test_recipients_are_sent_to_side_by_side_within_a_bound(people: int) -> None:
    world, _, event = await crowded(people)
    await decided(world, [event])

    class Watched(Hub):
        at_once = most = 0

        async def send(self, notification: Notification) -> Sent | Declined:
            self.at_once += 1
            self.most = max(self.most, self.at_once)
            await asyncio.sleep(0)
            self.at_once -= 1
            return await super().send(notification)

    world.hub = Watched(world.clock)
    assert await world.worker().deliver_due() == 1
    assert world.hub.most == min(people - 1, RECIPIENTS_AT_ONCE)
    assert len(world.hub.told) == people - 1


@pytest.mark.parametrize("others", [5, 50])
async def test_a_batch_reads_the_flag_of_its_use_case_once(others: int) -> None:
    world, _, slow, quick = await among(others)
    reads = 0
    read = world.flags.read

    async def counted(use_case: UseCase, axis: Axis) -> Rollout | None:
        nonlocal reads
        reads += axis is Axis.OUTBOUND
        return await read(use_case, axis)

    world.flags.read = counted  # type: ignore[method-assign]
    await world.worker().decide([record(event) for event in (*slow[:1], *quick)])
    assert reads == 1
