from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from attrs import frozen

from convalias.adapters import memory
from convalias.adapters.embedded import Database, JobQueue
from convalias.ports.queue import Job

MINUTE = timedelta(minutes=1)
NO_WAIT = timedelta(0)


@frozen
class Two:
    """Two processes on one queue; the first can die."""

    clock: memory.Clock
    gone: set[str]
    first: JobQueue
    second: JobQueue


@asynccontextmanager
async def two_processes(folder: Path) -> AsyncIterator[Two]:
    clock, gone = memory.Clock(), set[str]()
    async with Database(folder) as database:
        first, second = (
            JobQueue(database, clock=clock, incarnation=memory.Incarnation(name, gone=gone)) for name in ("1", "2")
        )
        yield Two(clock, gone, first, second)


async def take(queue: JobQueue) -> list[Job]:
    return list(await queue.take(limit=10, wait=NO_WAIT, lease=MINUTE))


async def test_what_a_dead_process_held_is_taken_at_once(tmp_path: Path) -> None:

    async with two_processes(tmp_path) as two:
        await two.first.put(["x"])
        await take(two.first)
        assert await take(two.second) == []
        two.gone.add("1")
        (job,) = await take(two.second)
        assert job.receives == 2


async def test_the_heartbeat_of_a_dead_process_holds_nothing(tmp_path: Path) -> None:

    async with two_processes(tmp_path) as two:
        await two.first.put(["x"])
        await two.first.keep(await take(two.first), 10 * MINUTE)
        two.gone.add("1")
        assert len(await take(two.second)) == 1


async def test_a_back_off_outlives_its_process(tmp_path: Path) -> None:

    async with two_processes(tmp_path) as two:
        await two.first.put(["x"])
        await two.first.keep(await take(two.first), MINUTE, held=False)
        two.gone.add("1")
        assert await take(two.second) == []
        await two.clock.advance(MINUTE)
        assert len(await take(two.second)) == 1


async def test_a_dead_process_that_was_not_dead_can_finish_nothing_that_another_has(tmp_path: Path) -> None:

    async with two_processes(tmp_path) as two:
        await two.first.put(["x"])
        old = await take(two.first)
        two.gone.add("1")
        new = await take(two.second)
        await two.first.done(old)
        await two.second.keep(new, NO_WAIT)
        assert len(await take(two.second)) == 1


async def test_depth_counts_what_a_dead_process_held_as_ready(tmp_path: Path) -> None:

    async with two_processes(tmp_path) as two:
        await two.first.put(["x", "y"])
        await two.first.keep((await take(two.first))[:1], MINUTE, held=False)
        assert (await two.second.depth()).ready == 0
        two.gone.add("1")
        depth = await two.second.depth()
        assert (depth.ready, depth.in_flight) == (1, 1)


async def test_nothing_to_do_is_nothing_written(tmp_path: Path) -> None:

    async with two_processes(tmp_path) as two:
        await two.first.put([])
        await two.first.done([])
        await two.first.keep([], MINUTE)
        assert (await two.first.depth()).oldest is None
