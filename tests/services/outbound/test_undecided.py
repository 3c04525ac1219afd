"""One conversation that cannot be read keeps no other waiting: its events are decided about later, apart from the log."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from attrs import evolve

from convalias.adapters.memory import before
from convalias.domain.conversations import events as e
from convalias.domain.ids import ConversationId, EventId, Seq
from convalias.domain.outbound.delivery import DeliveryDecision
from convalias.domain.outbound.undecided import UndecidedEvent
from convalias.ports.errors import AdapterFailed, Deferred, Unavailable
from convalias.ports.records import Due, Insert, Key
from convalias.services.feed.change_feed import record
from convalias.services.outbound.deciding import STUCK_AFTER, Deciding
from convalias.stores.conversations.event_store import EventStore
from convalias.stores.outbound.ledger import Ledger
from convalias.stores.outbound.letters import LANE as LETTERS
from convalias.stores.outbound.undecided import LANE, TABLE, UndecidedEvents
from services.outbound.test_growth import Hanging, among
from services.outbound_world import ANN, C1, World, own

FAR = datetime(2100, 1, 1, tzinfo=UTC)


class Broken(Hanging):
    """Events of which some conversations' cannot be read, and say so at once."""

    def __init__(self, events: EventStore, is_broken: Callable[[str], bool], failure: Exception) -> None:
        super().__init__(events)
        self.is_broken, self.failure = is_broken, failure

    async def after(self, conversation: ConversationId, seq: int, *, limit: int) -> Sequence[e.ConversationEvent]:
        if self.is_broken(conversation):
            self.asked += 1
            raise self.failure
        return await self.events.after(conversation, seq, limit=limit)


def broken(
    world: World, is_broken: Callable[[str], bool] = lambda name: name == C1, failure: Exception | None = None
) -> Broken:
    found = Broken(world.conversations, is_broken, failure or Unavailable("events"))
    world.own = own(found, world.raw_records, world.clock)
    return found


def mended(world: World) -> None:
    world.own = own(world.conversations, world.raw_records, world.clock)


def impatient(world: World, name: str = "w1") -> Deciding:
    return evolve(world.worker(name).deciding, patience=timedelta(milliseconds=200))


async def waiting(world: World) -> int:
    return len(await world.raw_records.due(LANE, until=FAR, limit=1_000))


async def drained(world: World) -> None:
    """Whatever waits is tried by another process, as often as an hour takes."""
    worker = world.worker("w9")
    for _ in range(60):
        await world.pass_time(minutes=1)
        await worker.take_up_undecided()
        while await worker.deliver_due():
            pass


@pytest.mark.parametrize("others", [20, 200])
async def test_a_conversation_that_never_answers_keeps_no_other_waiting(others: int) -> None:
    world, hanging, slow, quick = await among(others)
    hanging.hangs = True
    deciding = impatient(world)
    await deciding.decide([record(event) for event in (*slow, *quick)])  # raises nothing: the log goes on
    assert [await world.states(one) for one in quick] == [["planned"]] * others
    asked = hanging.asked
    late = await world.said()
    await deciding.decide([record(late)])
    assert hanging.asked == asked
    assert await waiting(world) == len(slow) + 1 == world.telemetry.total("mons.decisions.put_aside")
    assert await world.worker().take_up_undecided() == 0  # not yet
    hanging.hangs = False
    await drained(world)
    for event in (*slow, late, *quick):
        assert set(await world.states(event)) == {"sent"}
    assert set(world.hub.left.values()) == {1}
    assert await waiting(world) == 0


async def test_what_waits_is_decided_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    world, _, slow, quick = await among(1)
    broken(world)
    await impatient(world).decide([record(event) for event in (*slow, *quick)])
    mended(world)
    decided: list[str] = []
    insert = Ledger.insert

    async def noted(self: Ledger, decision: DeliveryDecision) -> bool:
        decided.append(decision.event)
        return await insert(self, decision)

    monkeypatch.setattr(Ledger, "insert", noted)
    await drained(world)
    assert decided == [event.id for event in slow]


async def test_while_a_conversation_waits_what_nobody_is_told_of_is_read_past() -> None:
    world, _, slow, quick = await among(1)
    broken(world)
    deciding = impatient(world)
    await deciding.decide([record(slow[-1]), record(quick[0])])
    assert await waiting(world) == 1
    read = await world.happens(e.MessagesRead(ANN, slow[-1].seq))
    await deciding.decide([record(read)])
    assert await waiting(world) == 1
    await deciding.decide([record(await world.said())])
    assert await waiting(world) == 2
    mended(world)
    await drained(world)
    assert await waiting(world) == 0


async def test_a_conversation_that_still_cannot_be_read_waits_longer_each_time() -> None:
    world, _, slow, quick = await among(1)
    events = broken(world)
    await impatient(world).decide([record(slow[0]), record(quick[0])])
    tries: list[int] = []
    for second in range(0, 300, 5):
        await world.pass_time(seconds=5)
        asked = events.asked
        if await world.raw_records.due(LANE, until=world.clock.now(), limit=1):
            assert await world.worker().take_up_undecided() == 0
        tries += [second] if events.asked > asked else []
    assert [later - earlier for earlier, later in pairwise(tries)] == [5, 10, 20, 40, 60, 60, 60]


async def test_of_those_that_wait_one_that_still_cannot_be_read_stops_no_other() -> None:
    world, _, slow, quick = await among(2)
    broken(world, lambda name: name in {C1, "other 0"})
    await impatient(world).decide([record(slow[0]), *map(record, quick)])
    broken(world)
    await world.pass_time(minutes=1)
    assert await world.worker().take_up_undecided() == 1
    assert await world.states(quick[0]) == ["planned"]
    assert await waiting(world) == 1


async def test_who_says_when_is_asked_again_then() -> None:
    world, _, slow, quick = await among(1)
    broken(world, failure=Deferred("not yet", retry_after=timedelta(minutes=3)))
    await impatient(world).decide([record(slow[0]), record(quick[0])])
    (row,) = await world.raw_records.due(LANE, until=FAR, limit=9)
    assert row.due is not None
    assert row.due.at == world.clock.now() + timedelta(minutes=3)
    await world.pass_time(minutes=3)
    assert await world.worker().take_up_undecided() == 0
    (row,) = await world.raw_records.due(LANE, until=FAR, limit=9)
    assert row.due is not None
    assert row.due.at == world.clock.now() + timedelta(minutes=3)


async def test_where_nothing_can_be_decided_the_batch_comes_again_and_at_last_waits_apart() -> None:
    world, _, slow, quick = await among(2)
    broken(world, lambda name: True)
    deciding, records = impatient(world), [record(slow[0]), *map(record, quick)]
    for _ in range(STUCK_AFTER - 1):
        with pytest.raises(Unavailable):
            await deciding.decide(records)
        assert await waiting(world) == 0
    await deciding.decide(records)
    assert await waiting(world) == 3
    mended(world)
    await drained(world)
    assert set(world.hub.left.values()) == {1}
    assert {len(await world.states(event)) for event in (slow[0], *quick)} == {1, 2}


async def test_what_cannot_be_written_down_as_waiting_is_not_committed() -> None:
    world, _, slow, quick = await among(1)
    broken(world)
    world.dead_letters = evolve(world.dead_letters, records=world.records)
    deciding = impatient(world)
    world.faults.fail("records.write", before("records"), times=9)
    with pytest.raises(Unavailable):
        await deciding.decide([record(slow[0]), record(quick[0])])


async def test_what_the_log_has_lost_before_it_waits_with_it() -> None:
    world, _, slow, quick = await among(1)
    deciding = impatient(world)
    await deciding.decide([record(slow[0])])
    broken(world)
    await evolve(deciding, conversations=world.own).decide([record(slow[0])])
    jumping = impatient(world)
    jumping._seen[C1] = slow[0].seq
    await jumping.decide([record(slow[5]), record(slow[6]), record(quick[0])])
    assert await waiting(world) == 2
    mended(world)
    await drained(world)
    for event in slow[:7]:
        assert set(await world.states(event)) == {"sent"}


async def test_one_that_somebody_else_decides_meanwhile_is_decided_once() -> None:
    world, _, slow, quick = await among(1)
    broken(world)
    await impatient(world).decide([record(slow[0]), record(quick[0])])
    mended(world)
    await world.worker("w2").decide([record(slow[0])])
    await drained(world)
    assert await waiting(world) == 0
    assert set(world.hub.left.values()) == {1}


async def test_a_row_that_cannot_be_read_is_put_aside_and_stops_no_other() -> None:
    world, _, slow, quick = await among(1)
    broken(world)
    await impatient(world).decide([record(slow[0]), record(quick[0])])
    due = Due(LANE, world.clock.now())
    await world.raw_records.write([Insert(Key(TABLE, "c", "newer"), {"$": "undecided_event/99"}, due=due)])
    mended(world)
    await drained(world)
    assert set(await world.states(slow[0])) == {"sent"}
    assert [row.key.id for row in await world.raw_records.due(f"{LANE}.parked", until=FAR, limit=9)] == ["newer"]


async def test_a_fault_of_ours_is_raised_whatever_the_others_do() -> None:
    world, _, slow, quick = await among(1)
    world.dead_letters = evolve(world.dead_letters, records=world.records)
    world.faults.fail("records.write", before(ZeroDivisionError))
    broken(world, failure=ValueError())
    with pytest.raises(ZeroDivisionError):
        await impatient(world).decide([record(slow[0]), record(quick[0])])


async def test_what_an_adapter_fails_on_is_a_letter_after_a_day_though_each_process_ends_at_once() -> None:
    """As under cron: no process lives for five minutes, nor sees the fault twice."""
    world, _, slow, quick = await among(1)
    fault = AdapterFailed("conversations.after", "KeyError at own/talks.py:7 in after")
    broken(world, failure=fault)
    await impatient(world).decide([record(slow[0]), record(quick[0])])
    await world.pass_time(hours=1)
    first = world.clock.now()
    for hour in range(25):
        assert await world.letters() == []
        assert await impatient(world, f"w{hour}").take_up_undecided() == (hour == 24)
        standing = await UndecidedEvents(records=world.raw_records).of(C1, slow[0].id)
        if hour < 24:
            assert standing is not None
            assert (standing.fault, standing.failing_since) == (str(fault), first)
        await world.pass_time(hours=1)
    assert await waiting(world) == 0
    (letter,) = [one async for one in world.dead_letters.list(LETTERS)]
    assert letter.reason == f"no decision: {fault}"


async def test_an_outage_is_no_fault_of_an_adapter_however_long() -> None:
    world, _, slow, quick = await among(1)
    broken(world)
    await impatient(world).decide([record(slow[0]), record(quick[0])])
    for day in range(3):
        await world.pass_time(hours=24)
        assert await impatient(world, f"w{day}").take_up_undecided() == 0
    standing = await UndecidedEvents(records=world.raw_records).of(C1, slow[0].id)
    assert standing is not None
    assert (standing.fault, standing.failing_since) == ("", None)


async def test_a_worker_that_steps_by_itself_takes_up_what_waits() -> None:
    world, _, slow, quick = await among(1)
    broken(world)
    await impatient(world).decide([record(slow[0]), record(quick[0])])
    mended(world)
    await world.pass_time(minutes=1)
    assert await world.consumer("w3").drain() == 1 + 2
    assert set(await world.states(slow[0])) == {"sent"}
    assert ANN not in {one.recipient for one in world.hub.told}


async def test_where_none_of_those_that_wait_can_be_read_the_failure_is_told() -> None:
    world, _, slow, quick = await among(1)
    events = broken(world)
    await impatient(world).decide([record(slow[0]), record(quick[0])])
    await world.pass_time(minutes=1)
    events.failure = Unavailable("events")
    world.faults.fail("records.write", before("records"), times=99)
    world.dead_letters = evolve(world.dead_letters, records=world.records)
    with pytest.raises(Unavailable):
        await world.worker().take_up_undecided()
    assert await waiting(world) == 1


async def test_an_error_that_nobody_foresaw_is_found_at_its_own_event_and_stops_no_other() -> None:
    world, _, slow, quick = await among(1)
    broken(world, failure=ZeroDivisionError())
    await impatient(world).decide([record(slow[0]), *map(record, quick)])
    assert await world.states(quick[0]) == ["planned"]
    assert len(await world.letters()) == 1


async def test_a_jump_behind_which_the_store_has_nothing_ends() -> None:
    """A store restored to before what the log has."""
    world = World()
    await world.begin()
    event, deciding = await world.said(), impatient(world)
    await deciding.decide([record(event)])
    far = evolve(record(event), seq=Seq(event.seq + 9), event=EventId("z" * 26))
    await deciding.decide([far])
    assert world.telemetry.total("mons.feed.jumps") == 1
    assert world.telemetry.total("mons.events.gone") == 1
    assert await world.states(event) == ["planned", "planned"]


async def test_a_batch_of_nothing_but_conversations_that_others_have_passed_is_no_outage() -> None:
    world, _, slow, quick = await among(1)
    broken(world)
    deciding = impatient(world)
    await deciding.decide([record(slow[0]), record(quick[0])])
    await world.pass_time(minutes=5)  # nothing has taken up what waits: the next batch tries the conversation again
    await deciding.decide([record(slow[1])])  # raises nothing: what is behind it in the log goes on
    assert await waiting(world) == 2


async def test_a_conversation_that_was_taken_up_again_is_told_of_as_an_outage_again() -> None:
    world, _, slow, quick = await among(1)
    events = broken(world)
    deciding = impatient(world)
    await deciding.decide([record(slow[0]), record(quick[0])])
    events.is_broken = lambda _: False
    await world.pass_time(minutes=1)
    assert await deciding.take_up_undecided() == 1
    events.is_broken = lambda name: name == C1
    with pytest.raises(Unavailable):
        await deciding.decide([record(slow[1])])


async def test_a_conversation_whose_turn_was_called_off_waits_longer_and_is_left_alone_by_the_log() -> None:
    world, hanging, slow, quick = await among(1)
    hanging.hangs = True
    deciding = impatient(world)
    await deciding.decide([record(slow[0]), record(quick[0])])
    late = await world.said()
    other = UndecidedEvent(
        conversation=quick[0].conversation, event=quick[0].id, seq=quick[0].seq, since=world.clock.now()
    )
    await deciding.undecided.put([other], due=world.clock.now())
    await world.pass_time(seconds=31)
    assert await deciding.take_up_undecided() == 1  # the other's; the slow one was called off
    (row,) = await world.raw_records.due(LANE, until=FAR, limit=9)
    assert row.due is not None
    assert row.due.at == world.clock.now() + timedelta(seconds=31)
    asked = hanging.asked
    await world.pass_time(seconds=40)
    await deciding.decide([record(late)])
    assert hanging.asked == asked
