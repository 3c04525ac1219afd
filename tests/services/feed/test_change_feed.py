"""Every event is published in seq order, at least once, and says nothing personal."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest
from attrs import evolve

from convalias.adapters import memory
from convalias.domain.conversations.events import MessageAdded
from convalias.ports.errors import Unavailable
from convalias.ports.event_log import EventRecord, Subscription
from convalias.services.feed.change_feed import AWAY, ChangeFeedPump
from services.messaging_desk import ANN, ANN_WRITES, C1, PEOPLE, Desk, addition, content, mail_key


class Log:
    """Keeps what was published; may do something first."""

    def __init__(self) -> None:
        self.published: list[EventRecord] = []
        self.batches: list[int] = []
        self.first: object = None

    async def publish(self, records: Sequence[EventRecord]) -> None:
        self.published.extend(records)
        self.batches.append(len(records))
        if callable(self.first):
            act, self.first = self.first, None
            await act()

    def records(self, group: str) -> Subscription:
        raise NotImplementedError(group)


class Station:
    """A desk with some messages, a log, and a pump."""

    def __init__(self, **settings: object) -> None:
        self.faults = memory.Faults()
        self.desk = Desk(memory.faulty.Records(memory.Records(), self.faults), mints=False)
        self.log = Log()
        self.telemetry = memory.Telemetry()
        self.pump = self.another(**settings)

    def another(self, **settings: object) -> ChangeFeedPump:
        return ChangeFeedPump(
            records=self.desk.records, log=self.log, clock=self.desk.clock, telemetry=self.telemetry, **settings
        )

    async def filled(self, *conversations: str) -> Station:
        for conversation in conversations or (C1,):
            await self.desk.messaging.create("apply", PEOPLE, conversation=conversation)
            for number in range(3):
                await self.desk.messaging.send(conversation, "hello", author=ANN, key=f"{number}")
        return self

    def seqs(self, conversation: str = C1) -> list[int]:
        return [record.seq for record in self.log.published if record.conversation == conversation]


async def test_what_waits_is_published_in_order_once() -> None:
    station = await Station().filled()
    assert await station.pump.drain() == 4
    assert station.seqs() == [1, 2, 3, 4]
    assert await station.pump.drain() == 0
    await station.desk.messaging.send(C1, "more", author=ANN, key="more")
    assert await station.pump.step() == 1
    assert station.seqs() == [1, 2, 3, 4, 5]
    assert station.telemetry.total("convs.events.created") == 5


async def test_small_batches_keep_the_order_of_each_conversation() -> None:
    station = await Station(batch=3).filled("c1", "c2", "c0")
    assert await station.pump.drain() == 12
    assert station.log.batches == [3, 3, 3, 3]
    assert [station.seqs(one) for one in ("c0", "c1", "c2")] == [[1, 2, 3, 4]] * 3


async def test_an_event_from_a_clock_that_is_ahead_is_published_now() -> None:
    station = await Station().filled()
    ahead = Desk(station.desk.records, mints=False)
    ahead.clock.step(timedelta(days=1))
    await ahead.messaging.send(C1, "from tomorrow", author=ANN, key="t")
    await station.desk.messaging.send(C1, "from today", author=ANN, key="n")
    assert await station.pump.drain() == 6
    assert station.seqs() == [1, 2, 3, 4, 5, 6]


async def test_what_was_published_but_not_noted_is_published_again_by_another_process() -> None:
    station = await Station().filled()
    station.faults.fail("records.write", memory.before("records"), times=1)
    with pytest.raises(Unavailable):
        await station.pump.drain()
    assert await station.another().drain() == 4
    assert station.seqs() == [1, 2, 3, 4, 1, 2, 3, 4]


async def test_a_store_that_takes_no_note_does_not_flood_the_log() -> None:
    station = await Station().filled()
    station.faults.fail("records.write", memory.before("records"), times=3)
    for _ in range(3):
        with pytest.raises(Unavailable):
            await station.pump.step()
    assert await station.pump.drain() == 4
    assert station.seqs() == [1, 2, 3, 4]


async def test_only_so_much_of_what_was_published_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("convalias.services.feed.change_feed.REMEMBERED", 2)
    station = await Station().filled()
    station.faults.fail("records.write", memory.before("records"), times=1)
    with pytest.raises(Unavailable):
        await station.pump.step()
    assert await station.pump.drain() == 4
    assert station.seqs() == [1, 2, 3, 4, 1, 2]


async def test_two_pumps_at_once_publish_the_first_copies_in_order() -> None:
    station = await Station(batch=2).filled()
    station.log.first = station.another().drain  # the other one overtakes while the first waits for its answer
    assert await station.pump.drain() >= 2
    firsts = list(dict.fromkeys(station.seqs()))
    assert firsts == [1, 2, 3, 4]
    assert await station.another().drain() == 0


async def test_a_redaction_in_between_leaves_the_event_due() -> None:
    station = await Station().filled()
    last = await station.desk.store.last(C1)
    assert last is not None
    assert isinstance(last.happening, MessageAdded)
    blank = evolve(last, happening=evolve(last.happening, text="", full_text=""))
    station.log.first = lambda: station.desk.store.redact(blank)
    assert await station.pump.drain() == 5
    assert station.seqs() == [1, 2, 3, 4]
    assert await station.desk.store.last(C1) == blank


async def test_nothing_personal_is_published() -> None:
    station = Station()
    await station.desk.messaging.create("apply", PEOPLE, conversation=C1)
    await station.desk.messaging.add_mail(
        content("secret"), conversation=C1, author=ANN_WRITES, key=mail_key("ann@home"), addition=addition()
    )
    await station.pump.drain()
    record = station.log.published[-1]
    assert (record.kind, record.trace, record.conversation) == ("message_added", "t", C1)
    assert not any(word in str(station.log.published) for word in ("secret", "home", "Ann"))


async def test_a_log_that_never_answers_is_unavailable() -> None:
    station = await Station(within=timedelta(milliseconds=1)).filled()
    station.log.first = asyncio.Event().wait
    with pytest.raises(Unavailable, match="change feed"):
        await station.pump.step()


async def test_a_running_pump_waits_for_events_and_for_what_is_away() -> None:
    station = await Station().filled()
    station.faults.fail("records.due", memory.before("records"), times=1)
    running = asyncio.create_task(station.pump.run())
    await station.desk.clock.advance(timedelta(0))
    assert station.seqs() == []
    await station.desk.clock.advance(AWAY)
    assert station.seqs() == [1, 2, 3, 4]
    await station.desk.messaging.send(C1, "more", author=ANN, key="more")
    await station.desk.clock.advance(timedelta(milliseconds=100))
    assert station.seqs() == [1, 2, 3, 4, 5]
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_a_fault_that_is_no_outage_ends_a_running_pump() -> None:
    station = await Station().filled()
    station.faults.fail("records.due", memory.before(ZeroDivisionError))
    with pytest.raises(ZeroDivisionError):
        await station.pump.run()
