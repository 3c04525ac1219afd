"""From a change stream: every event in order, and a position that is lost is mended and told."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from convalias.adapters import memory
from convalias.ports.changes import ChangeStream
from convalias.ports.errors import Unavailable
from convalias.ports.event_log import EventRecord, Subscription
from convalias.ports.records import Key, Stored
from convalias.services.feed.change_stream import BEHIND, KEEP, LEASE, NAME, ChangeStreamFeed
from convalias.stores.feed.positions import Positions
from services.messaging_desk import ANN, C1, PEOPLE, Desk


class Log:
    def __init__(self) -> None:
        self.published: list[EventRecord] = []
        self.away = False
        self.hangs = False

    async def publish(self, records: Sequence[EventRecord]) -> None:
        if self.hangs:
            await asyncio.get_running_loop().create_future()
        if self.away:
            raise Unavailable("event log")
        self.published.extend(records)

    def records(self, group: str) -> Subscription:
        raise NotImplementedError(group)


class Station:
    def __init__(self) -> None:
        self.clock = memory.Clock()
        self.store = memory.ChangingRecords(self.clock)
        self.faults = memory.Faults()
        self.records = memory.faulty.Records(self.store, self.faults)
        self.desk = Desk(self.store, mints=False)
        self.desk.clock.step(self.clock.now() - self.desk.clock.now())
        self.log = Log()
        self.telemetry = memory.Telemetry()
        self.sent = 0

    def feed(self, name: str = "one", *, batch: int = 500) -> ChangeStreamFeed:
        positions = Positions(records=self.records, clock=self.clock, incarnation=memory.Incarnation(name))
        return ChangeStreamFeed(
            changes=self.store,
            positions=positions,
            log=self.log,
            clock=self.clock,
            telemetry=self.telemetry,
            batch=batch,
            wait=timedelta(0),
        )

    async def filled(self) -> Station:
        await self.desk.messaging.create("apply", PEOPLE, conversation=C1)
        await self.say(3)
        return self

    async def say(self, count: int = 1) -> None:
        for _ in range(count):
            self.sent += 1
            await self.desk.messaging.send(C1, "hello", author=ANN, key=f"{self.sent}")

    @property
    def seqs(self) -> list[int]:
        return [record.seq for record in self.log.published]

    @property
    def alarms(self) -> float:
        return self.telemetry.total("convs.feed.position_lost")

    async def cursor(self) -> str:
        shown = Positions(records=self.store, clock=self.clock, incarnation=memory.Incarnation("nobody"))
        return (await shown.show(NAME)).cursor


async def test_the_first_feed_publishes_what_was_there_and_then_what_comes() -> None:
    station = await Station().filled()
    feed = station.feed(batch=2)
    assert await feed.drain() == 4
    await station.say(2)
    assert await feed.drain() == 2
    assert station.seqs == [1, 2, 3, 4, 5, 6]
    assert station.alarms == 0
    assert station.telemetry.total("convs.events.created") == 6


async def test_a_feed_that_is_closed_is_gone_on_with_at_once_by_another() -> None:
    station = await Station().filled()
    one, two = station.feed(), station.feed("two")
    assert await one.drain() == 4
    await station.say()
    assert await two.step() == 0
    await one.close()
    await one.close()
    assert await two.drain() == 1
    assert station.seqs == [1, 2, 3, 4, 5]


async def test_what_could_not_be_published_comes_again() -> None:
    station = await Station().filled()
    feed = station.feed()
    await feed.drain()
    await station.say()
    station.log.away = True
    with pytest.raises(Unavailable):
        await feed.step()
    station.log.away = False
    assert await feed.drain() == 1
    assert station.seqs == [1, 2, 3, 4, 5]


async def test_a_log_that_does_not_answer_is_an_outage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("convalias.services.feed.change_stream.WITHIN", timedelta(milliseconds=10))
    station = await Station().filled()
    station.log.hangs = True
    feed = station.feed()
    with pytest.raises(Unavailable):
        await feed.step()
    station.log.hangs = False
    assert await feed.drain() == 4


async def test_the_position_of_a_busy_stream_is_kept_once_a_second() -> None:
    station = await Station().filled()
    feed = station.feed()
    await feed.drain()
    kept = await station.cursor()
    for _ in range(3):
        await station.say(2)
        assert await feed.step() == 2
    assert await station.cursor() == kept
    await station.clock.advance(BEHIND)
    assert await feed.step() == 0
    later = await station.cursor()
    assert later != kept
    await station.clock.advance(BEHIND)
    assert await feed.step() == 0
    assert await station.cursor() == later  # nothing was published since


async def test_what_was_published_behind_the_kept_position_comes_again_after_a_crash_and_not_after_a_stop() -> None:
    station = await Station().filled()
    crashed = station.feed()
    await crashed.drain()
    await station.say(2)
    assert await crashed.step() == 2
    await station.clock.advance(LEASE)
    stopped = station.feed("two")
    assert await stopped.drain() == 2  # again: their position was not kept
    await station.say()
    assert await stopped.step() == 1
    await stopped.close()
    third = station.feed("three")
    assert await third.drain() == 0
    assert list(dict.fromkeys(station.seqs)) == [1, 2, 3, 4, 5, 6, 7]


async def test_a_store_that_is_away_at_the_stop_costs_copies_and_no_more() -> None:
    station = await Station().filled()
    feed = station.feed()
    await feed.drain()
    await station.say(2)
    await feed.step()
    station.faults.fail("records.write", memory.before("records"), times=1)
    await feed.close()
    assert await station.feed("two").drain() == 2
    assert list(dict.fromkeys(station.seqs)) == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("fault", [memory.before, memory.after])
async def test_a_position_whose_saving_was_not_answered_loses_nothing(fault: object) -> None:
    station = await Station().filled()
    feed = station.feed()
    await feed.drain()
    await station.say(2)
    await station.clock.advance(BEHIND)
    assert callable(fault)
    station.faults.fail("records.write", fault("records"), times=1)
    with pytest.raises(Unavailable):
        await feed.step()
    await feed.drain()
    assert list(dict.fromkeys(station.seqs)) == [1, 2, 3, 4, 5, 6]


async def test_a_stalled_feed_stops_when_another_has_taken_over() -> None:
    station = await Station().filled()
    stalled, other = station.feed(), station.feed("two")
    await stalled.drain()
    await station.clock.advance(LEASE)
    await station.say()
    assert await other.drain() == 1
    kept = await station.cursor()
    await stalled.step()  # publishes a further copy, which consumers tell by its id, and writes nothing back
    assert await stalled.step() == 0
    assert await station.cursor() == kept
    await stalled.close()
    assert list(dict.fromkeys(station.seqs)) == [1, 2, 3, 4, 5]


async def test_one_that_lost_its_lease_while_it_opened_publishes_nothing_more() -> None:
    station = await Station().filled()
    feed, other = station.feed(), station.feed("two")
    real = station.store.since

    async def overtaken(position: str, *, table: str) -> ChangeStream:
        station.store.since = real  # type: ignore[method-assign]
        await station.clock.advance(LEASE)
        await other.drain()
        return await real(position, table=table)

    station.store.since = overtaken  # type: ignore[method-assign]
    assert await feed.step() == 0
    assert station.seqs == [1, 2, 3, 4]


async def test_the_position_of_a_quiet_stream_is_kept_now_and_then() -> None:
    station = await Station().filled()
    feed = station.feed()
    await feed.drain()
    for _ in range(3):
        kept = await station.cursor()
        await station.desk.store.records.write([])
        assert await feed.step() == 0
        assert await station.cursor() == kept
        await station.clock.advance(KEEP)
        assert await feed.step() == 0
    assert station.alarms == 0


@pytest.mark.parametrize("is_open", [True, False])
async def test_a_lost_position_is_told_and_what_may_lack_is_scanned(*, is_open: bool) -> None:
    station = await Station().filled()
    feed = station.feed(batch=2)
    await feed.drain()
    if not is_open:
        await feed.close()
        feed = station.feed("two", batch=2)
    await station.say(2)
    station.store.forget()
    await station.say(2)
    await feed.drain()
    assert list(dict.fromkeys(station.seqs)) == [1, 2, 3, 4, 5, 6, 7, 8]
    assert station.alarms == 1
    await station.say()
    await feed.drain()
    assert station.seqs[-1] == 9
    assert station.alarms == 1


async def test_a_position_lost_again_while_it_is_mended_leaves_nothing_out() -> None:
    station = await Station().filled()
    feed = station.feed(batch=2)
    await feed.drain()
    await station.say(5)
    station.store.forget()
    assert await feed.step() == 2
    await feed.close()
    await station.say(2)
    station.store.forget()
    again = station.feed("two", batch=2)
    await again.drain()
    assert list(dict.fromkeys(station.seqs)) == list(range(1, 12))
    assert station.alarms == 2


@pytest.mark.parametrize("count", [0, 4])
async def test_one_that_lost_its_lease_while_it_scanned_stops(count: int) -> None:
    station = Station() if count == 0 else await Station().filled()
    feed, other = station.feed(), station.feed("two")
    real = station.store.scan

    async def overtaken(lane: str, *, since: datetime, behind: Key | None, limit: int) -> Sequence[Stored]:
        station.store.scan = real  # type: ignore[method-assign]
        await station.clock.advance(LEASE)
        await other.drain()
        return await real(lane, since=since, behind=behind, limit=limit)

    station.store.scan = overtaken  # type: ignore[method-assign]
    assert await feed.step() == count
    kept = await station.cursor()
    assert await feed.step() == 0
    assert await station.cursor() == kept
