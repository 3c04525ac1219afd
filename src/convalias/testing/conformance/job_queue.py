"""JobQueue: nothing is lost, visibility timeouts, receipts."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Final, TypeAlias

from convalias.ports.queue import Job, JobQueue
from convalias.testing.conformance.check import Timed, agree, at_least, at_most, nothing, suite

MakeJobQueue: TypeAlias = Timed[JobQueue]
"""Opens the queue at a place, and lets time pass for it."""

_NO_WAIT: Final = timedelta(0)
_LEASE: Final = timedelta(seconds=2)
_LEASE_AND_A_BIT: Final = timedelta(seconds=2.2)
_LONG: Final = timedelta(minutes=10)


async def _take(queue: JobQueue, *, limit: int = 10, lease: timedelta = _LONG) -> Sequence[Job]:
    return await queue.take(limit=limit, wait=_NO_WAIT, lease=lease)


async def _bodies(queue: JobQueue) -> list[str]:
    """All that can be had: a queue may give less than the limit."""
    found: list[str] = []
    while jobs := await _take(queue):
        found += [job.body for job in jobs]
    return sorted(found)


async def what_is_put_is_taken(make: MakeJobQueue) -> None:
    """Each body once, as it was, received for the first time."""
    bodies = sorted(['{"record":"envelopes/2026/03/01/x.json"}', "b" * 10_000, "same", "same", "<&>'\""])
    async with make.open("a") as queue:
        await queue.put(bodies)
        await queue.put([])
        jobs = [job for _ in bodies for job in await _take(queue, limit=1)]
        agree("every body comes, twice put is two jobs", sorted(job.body for job in jobs), bodies)
        agree("each was received once", {job.receives for job in jobs}, {1})


async def a_taken_job_is_hidden_from_others(make: MakeJobQueue) -> None:
    """Take in this process and in another."""
    async with make.open("a") as one, make.open("a") as two:
        await one.put(["x"])
        agree("the first gets it", len(await _take(one)), 1)
        nothing("nobody else does", await _take(one))
        nothing("nobody else does", await _take(two))


async def of_concurrent_takers_one_gets_a_job(make: MakeJobQueue) -> None:
    """Two processes, many tasks."""
    async with make.open("a") as one, make.open("a") as two:
        await one.put([str(number) for number in range(40)])
        taken = await asyncio.gather(*(_take(store, limit=5) for _ in range(8) for store in (one, two)))
        bodies = [job.body for jobs in taken for job in jobs]
        agree("no job is with two", len(set(bodies)), len(bodies))
        agree("none is lost", len(bodies) + len(await _bodies(one)), 40)


async def a_take_gives_at_most_its_limit(make: MakeJobQueue) -> None:
    """Expect the others to stay."""
    async with make.open("a") as queue:
        await queue.put(["a", "b", "c"])
        at_most("two at most", len(await _take(queue, limit=2)), 2)
        at_least("the rest is there", len(await _bodies(queue)), 1)


async def a_job_comes_back_when_its_lease_runs_out(make: MakeJobQueue) -> None:
    """Expect the job not before, and how often it was received."""
    async with make.open("a") as queue:
        await queue.put(["x"])
        await _take(queue, lease=_LEASE)
        await make.pass_time(_LEASE / 2)
        nothing("the lease still runs", await _take(queue))
        await make.pass_time(_LEASE)
        jobs = await _take(queue)
        agree("it is back, received twice by now", [(job.body, job.receives) for job in jobs], [("x", 2)])


async def keep_extends_the_lease(make: MakeJobQueue) -> None:
    """Measure from now, not from when the job was taken."""
    async with make.open("a") as queue:
        await queue.put(["x"])
        jobs = await _take(queue, lease=_LEASE)
        await make.pass_time(_LEASE / 2)
        await queue.keep(jobs, _LEASE)
        await make.pass_time(_LEASE * 0.75)
        nothing("it is still held", await _take(queue))
        await make.pass_time(_LEASE * 0.5)
        agree("then it comes back", len(await _take(queue)), 1)


async def keep_for_nothing_gives_a_job_back_at_once(make: MakeJobQueue) -> None:
    """Take in any process."""
    async with make.open("a") as one, make.open("a") as two:
        await one.put(["x"])
        await one.keep(await _take(one), _NO_WAIT)
        agree("another process has it at once", [job.receives for job in await _take(two)], [2])


async def a_back_off_hides_a_job_for_its_time(make: MakeJobQueue) -> None:
    """No longer than that, and no shorter."""
    async with make.open("a") as one, make.open("a") as two:
        await one.put(["x"])
        await one.keep(await _take(one), _LEASE, held=False)
        nothing("it backs off", await _take(two))
        await make.pass_time(_LEASE_AND_A_BIT)
        agree("then it is there", len(await _take(two)), 1)


async def what_is_done_never_comes_again(make: MakeJobQueue) -> None:
    """Expect nothing, also after the lease would have run out."""
    async with make.open("a") as queue:
        await queue.put(["x", "y"])
        jobs = [*await _take(queue, limit=1, lease=_LEASE), *await _take(queue, limit=1, lease=_LEASE)]
        await queue.done([job for job in jobs if job.body == "x"])
        await make.pass_time(_LEASE_AND_A_BIT)
        agree("only the other comes again", await _bodies(queue), ["y"])


async def a_lost_lease_can_be_neither_kept_nor_given_back(make: MakeJobQueue) -> None:
    """The job is another's now."""
    async with make.open("a") as one, make.open("a") as two:
        await one.put(["x"])
        late = await _take(one, lease=_LEASE)
        await make.pass_time(_LEASE_AND_A_BIT)
        agree("another has it", len(await _take(two)), 1)
        await one.keep(late, _NO_WAIT)
        nothing("the late one cannot give it away", await _take(one))


async def a_take_waits_for_a_job(make: MakeJobQueue) -> None:
    """Put by another process."""
    async with make.open("a") as one, make.open("a") as two:
        waiting = asyncio.create_task(one.take(limit=1, wait=timedelta(seconds=20), lease=_LONG))
        await make.pass_time(timedelta(seconds=0.2))
        nothing("it waits", waiting.done())
        await two.put(["x"])
        for _ in range(200):
            if waiting.done():
                break
            await make.pass_time(timedelta(seconds=0.05))
        agree("it gets the job", [job.body for job in await waiting], ["x"])


async def a_take_ends_when_its_wait_is_over(make: MakeJobQueue) -> None:
    """Empty-handed, and no error."""
    async with make.open("a") as queue:
        waiting = asyncio.create_task(queue.take(limit=1, wait=timedelta(seconds=1), lease=_LONG))
        await make.pass_time(timedelta(seconds=1.5))
        for _ in range(200):
            if waiting.done():
                break
            await make.pass_time(timedelta(seconds=0.05))
        agree("whether a take has ended whose wait is over", waiting.done(), True)  # noqa: FBT003
        nothing("what a take gives when nothing came", waiting.result())
        waiting.cancel()


async def depth_tells_what_waits_and_since_when(make: MakeJobQueue) -> None:
    """Ready, in flight, and the age of the oldest that is not done, or that it cannot be told."""
    async with make.open("a") as queue:
        agree("none waits", (await queue.depth()).oldest, None)
        await queue.put(["old"])
        await make.pass_time(_LEASE)
        await queue.put(["new", "newer"])
        jobs = await _take(queue, limit=1)
        depth = await queue.depth()
        agree("two are ready, one is in flight", (depth.ready, depth.in_flight), (2, 1))
        age = depth.oldest_at_most if depth.oldest is None else depth.oldest
        at_least("the time that the oldest has waited since it was put", _LEASE if age is None else age, _LEASE)
        await queue.done(jobs)
        depth = await queue.depth()
        agree("what is done counts no more", (depth.ready, depth.in_flight), (2, 0))


async def what_was_answered_is_there_after_everybody_left(make: MakeJobQueue) -> None:
    """Durable: puts, leases and dones."""
    async with make.open("a") as queue:
        await queue.put(["done"])
        await queue.done(await _take(queue))
        await queue.put(["waits"])
    async with make.open("a") as queue:
        agree("one waits, the other is done", await _bodies(queue), ["waits"])


JOB_QUEUE: Final = suite(
    what_is_put_is_taken,
    a_taken_job_is_hidden_from_others,
    of_concurrent_takers_one_gets_a_job,
    a_take_gives_at_most_its_limit,
    a_job_comes_back_when_its_lease_runs_out,
    keep_extends_the_lease,
    keep_for_nothing_gives_a_job_back_at_once,
    a_back_off_hides_a_job_for_its_time,
    what_is_done_never_comes_again,
    a_lost_lease_can_be_neither_kept_nor_given_back,
    a_take_waits_for_a_job,
    a_take_ends_when_its_wait_is_over,
    depth_tells_what_waits_and_since_when,
    what_was_answered_is_there_after_everybody_left,
)
"""Promises of `JobQueue`."""
