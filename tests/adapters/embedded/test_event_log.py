from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from attrs import frozen

from convalias.adapters import memory
from convalias.adapters.embedded import Database, EventLog
from convalias.domain.ids import ConversationId, EventId, Seq, TraceId
from convalias.ports.event_log import EventRecord, Lag, Subscription

NO_WAIT = timedelta(0)


@frozen
class Two:
    """Two processes on one log; the first can die."""

    clock: memory.Clock
    gone: set[str]
    first: EventLog
    second: EventLog


@asynccontextmanager
async def two_processes(folder: Path, *, keep: int = 2) -> AsyncIterator[Two]:
    clock, gone = memory.Clock(), set[str]()
    async with Database(folder) as database:
        first, second = (
            EventLog(database, clock=clock, incarnation=memory.Incarnation(name, gone=gone), keep=keep)
            for name in ("1", "2")
        )
        await first.publish([_event(seq) for seq in range(1, 6)])
        yield Two(clock, gone, first, second)


def _event(seq: int) -> EventRecord:
    return EventRecord(ConversationId("c"), EventId(f"e{seq}"), Seq(seq), "message_added", TraceId("t"))


async def take(reader: Subscription, limit: int = 10) -> Sequence[int]:
    return [one.seq for one in await reader.take(limit=limit, wait=NO_WAIT)]


async def test_while_one_consumer_of_a_group_reads_the_others_stand_by(tmp_path: Path) -> None:

    async with two_processes(tmp_path) as two:
        one, other = two.first.records("g"), two.second.records("g")
        assert await take(one, 2) == [1, 2]
        assert await take(other) == []
        assert await take(one) == [3, 4, 5]


async def test_a_dead_consumer_is_followed_at_once(tmp_path: Path) -> None:

    async with two_processes(tmp_path) as two:
        one, other = two.first.records("g"), two.second.records("g")
        await take(one, 2)
        await one.commit()
        await take(one)
        two.gone.add("1")
        assert await take(other) == [3, 4, 5]


async def test_a_consumer_that_stalls_loses_its_turn_and_its_late_commit_moves_nothing(tmp_path: Path) -> None:

    async with two_processes(tmp_path) as two:
        one, other = two.first.records("g"), two.second.records("g")
        await take(one)
        await two.clock.advance(timedelta(seconds=61))
        assert await take(other, 2) == [1, 2]
        await one.commit()
        await one.commit()
        assert await take(one) == []
        await other.close()
        assert await take(one) == [1, 2, 3, 4, 5]


async def test_a_consumer_at_work_keeps_its_turn_and_its_place(tmp_path: Path) -> None:

    async with two_processes(tmp_path) as two:
        one, other = two.first.records("g"), two.second.records("g")
        for expected in range(1, 6):
            assert await take(one, 1) == [expected]
            assert await take(other) == []
            await two.clock.advance(timedelta(seconds=40))


async def test_closing_what_never_had_a_turn_takes_nothing_from_who_has(tmp_path: Path) -> None:

    async with two_processes(tmp_path) as two:
        one, other = two.first.records("g"), two.second.records("g")
        await take(one, 1)
        await other.commit()
        await other.close()
        assert await take(one, 1) == [2]
        assert await take(other) == []


async def test_what_every_group_has_read_is_removed_but_for_the_newest(tmp_path: Path) -> None:

    async with two_processes(tmp_path) as two:
        one, other = two.first.records("g"), two.second.records("h")
        assert await two.first.trim() == 0  # nobody has read anything
        assert await take(one) == [1, 2, 3, 4, 5]
        await one.commit()
        assert await take(other, 2) == [1, 2]
        assert await two.first.trim() == 0  # one of them has committed nothing
        await other.commit()
        assert [await two.first.trim(), await two.second.trim()] == [2, 0]
        assert await take(two.first.records("new")) == [3, 4, 5]
        assert await take(other) == [3, 4, 5]
        await other.commit()
        assert await two.first.trim() == 0  # the new group has read nothing of it


async def test_what_nobody_has_committed_stays_however_much_it_is(tmp_path: Path) -> None:

    async with two_processes(tmp_path, keep=0) as two:
        reader = two.first.records("g")
        assert await take(reader, 4) == [1, 2, 3, 4]
        assert await two.first.trim() == 0
        await reader.commit()
        assert await two.first.trim() == 4
        await two.first.publish([_event(6)])
        assert await take(reader) == [5, 6]


async def test_an_empty_log_can_be_trimmed_and_a_trimmed_one_goes_on_in_order(tmp_path: Path) -> None:

    async with two_processes(tmp_path, keep=0) as two:
        reader = two.first.records("g")
        await take(reader)
        await reader.commit()
        assert [await two.first.trim(), await two.first.trim()] == [5, 0]
        await two.first.publish([_event(seq) for seq in range(6, 2_506)])
        assert len(await take(reader, 5_000)) == 2_500
        await reader.commit()
        assert await two.second.trim() == 2_500
        await two.first.publish([_event(2_506)])
        assert await take(two.second.records("new")) == [2_506]
        assert await take(reader) == [2_506]


async def test_a_group_knows_how_far_it_is_behind(tmp_path: Path) -> None:

    async with two_processes(tmp_path) as two:
        assert (await two.first.lag("g")).count == 5
        reader = two.first.records("g")
        await reader.take(limit=3, wait=NO_WAIT)
        assert (await two.second.lag("g")).count == 5
        await reader.commit()
        assert await two.second.lag("g") == Lag(2, _event(4))
        await reader.take(limit=3, wait=NO_WAIT)
        await reader.commit()
        assert await two.second.lag("g") == Lag(0, None)
