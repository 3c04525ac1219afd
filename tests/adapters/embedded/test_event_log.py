import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from pathlib import Path

from attrs import frozen

from convalias.adapters import memory
from convalias.adapters.embedded import Database, EventLog
from convalias.domain.ids import ConversationId, EventId, Seq, TraceId
from convalias.ports.event_log import EventRecord, Subscription

NO_WAIT = timedelta(0)


@frozen
class Two:
    """Two processes on one log; the first can die."""

    clock: memory.Clock
    gone: set[str]
    first: EventLog
    second: EventLog


def run(folder: Path, work: Callable[[Two], Awaitable[None]]) -> None:
    async def inside() -> None:
        clock, gone = memory.Clock(), set[str]()
        async with Database(folder) as database:
            first, second = (
                EventLog(database, clock=clock, incarnation=memory.Incarnation(name, gone=gone)) for name in ("1", "2")
            )
            await first.publish([_event(seq) for seq in range(1, 6)])
            await work(Two(clock, gone, first, second))

    asyncio.run(inside())


def _event(seq: int) -> EventRecord:
    return EventRecord(ConversationId("c"), EventId(f"e{seq}"), Seq(seq), "message_added", TraceId("t"))


async def take(reader: Subscription, limit: int = 10) -> Sequence[int]:
    return [one.seq for one in await reader.take(limit=limit, wait=NO_WAIT)]


def test_while_one_consumer_of_a_group_reads_the_others_stand_by(tmp_path: Path) -> None:
    async def work(two: Two) -> None:
        one, other = two.first.records("g"), two.second.records("g")
        assert await take(one, 2) == [1, 2]
        assert await take(other) == []
        assert await take(one) == [3, 4, 5]

    run(tmp_path, work)


def test_a_dead_consumer_is_followed_at_once(tmp_path: Path) -> None:
    async def work(two: Two) -> None:
        one, other = two.first.records("g"), two.second.records("g")
        await take(one, 2)
        await one.commit()
        await take(one)
        two.gone.add("1")
        assert await take(other) == [3, 4, 5]

    run(tmp_path, work)


def test_a_consumer_that_stalls_loses_its_turn_and_its_late_commit_moves_nothing(tmp_path: Path) -> None:
    async def work(two: Two) -> None:
        one, other = two.first.records("g"), two.second.records("g")
        await take(one)
        await two.clock.advance(timedelta(seconds=61))
        assert await take(other, 2) == [1, 2]
        await one.commit()
        await one.commit()
        assert await take(one) == []
        await other.close()
        assert await take(one) == [1, 2, 3, 4, 5]

    run(tmp_path, work)


def test_a_consumer_at_work_keeps_its_turn_and_its_place(tmp_path: Path) -> None:
    async def work(two: Two) -> None:
        one, other = two.first.records("g"), two.second.records("g")
        for expected in range(1, 6):
            assert await take(one, 1) == [expected]
            assert await take(other) == []
            await two.clock.advance(timedelta(seconds=40))

    run(tmp_path, work)


def test_closing_what_never_had_a_turn_takes_nothing_from_who_has(tmp_path: Path) -> None:
    async def work(two: Two) -> None:
        one, other = two.first.records("g"), two.second.records("g")
        await take(one, 1)
        await other.commit()
        await other.close()
        assert await take(one, 1) == [2]
        assert await take(other) == []

    run(tmp_path, work)
