"""What becomes of jobs over a real server that is killed, stands still, loses its queue, or is asked and called off."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import pytest

from adapters.sqs.queues import Queue
from convalias.adapters.sqs import JobQueue, UnusableQueueError
from convalias.ports.errors import Unavailable
from convalias.ports.queue import Job
from engines.fixtures import AwsServer, or_skip
from engines.servers import sqs as sqs_servers

pytestmark = pytest.mark.engine

T = TypeVar("T")
NO_WAIT = timedelta(0)
SECOND = timedelta(seconds=1)
LONG = timedelta(minutes=10)


@pytest.fixture
def elastic(tmp_path: Path) -> Iterator[sqs_servers.ElasticMQ]:
    """One of the test's own, to be killed."""
    with or_skip(sqs_servers.elasticmq(tmp_path)) as server:
        yield server


def own(elastic: sqs_servers.ElasticMQ) -> Queue:
    return Queue.made(AwsServer(elastic.url, tier="elasticmq"))


async def insistently(work: Callable[[], Awaitable[T]]) -> T:
    while True:
        try:
            return await work()
        except Unavailable:
            await asyncio.sleep(0)


async def emptied(queue: JobQueue) -> list[str]:
    found: list[str] = []
    while jobs := await queue.take(limit=10, wait=SECOND, lease=LONG):
        found += [job.body for job in jobs]
        await queue.done(jobs)
    return sorted(found)


async def test_a_missing_queue_is_told_and_one_that_goes_is_an_outage(sqs: AwsServer) -> None:
    with pytest.raises(UnusableQueueError, match="create it"):
        await Queue.named(sqs, "convalias-nowhere").jobs().open()
    queue = Queue.made(sqs)
    async with queue.jobs(retries=0) as jobs:
        queue.client.delete_queue(QueueUrl=queue.address)
        with pytest.raises(Unavailable):
            await jobs.put(["a"])
        with pytest.raises(Unavailable):
            await jobs.depth()
        queue.client.create_queue(QueueName=queue.name)
        await jobs.put(["a"])
        assert await emptied(jobs) == ["a"]


async def test_what_was_answered_outlives_the_server_and_calls_work_again(elastic: sqs_servers.ElasticMQ) -> None:
    async with own(elastic).jobs(timeout=2) as queue:
        await queue.put(["kept"])
        elastic.process.kill()
        with pytest.raises(Unavailable):
            await queue.put(["later"])
        with pytest.raises(Unavailable):
            await queue.take(limit=1, wait=SECOND, lease=LONG)
        await asyncio.to_thread(elastic.process.start)
        await queue.put(["later"])
        assert await emptied(queue) == ["kept", "later"]


async def test_a_server_that_stands_still_is_unavailable_in_time(elastic: sqs_servers.ElasticMQ) -> None:
    async with own(elastic).jobs(timeout=0.5, retries=0) as queue:
        await queue.put(["a"])
        elastic.process.stop()
        async with asyncio.timeout(120):
            for call in (queue.depth, lambda: queue.take(limit=1, wait=SECOND, lease=LONG)):
                with pytest.raises(Unavailable):
                    await call()
        elastic.process.cont()
        await insistently(lambda: queue.put(["b"]))
        # A poll that was given up may still have taken a job: that one comes when its lease is over.
        assert set(await emptied(queue)) <= {"a", "b"}


async def consume(queue: JobQueue, seen: Counter[str], stopping: asyncio.Event, *, lease: timedelta = LONG) -> None:
    while not stopping.is_set():
        jobs: Sequence[Job] = await insistently(lambda: queue.take(limit=10, wait=SECOND, lease=lease))
        seen.update(job.body for job in jobs)
        await insistently(lambda done=jobs: queue.done(done))


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(300):
        while not true():  # noqa: ASYNC110 - the consumers know nothing of an event
            await asyncio.sleep(0.05)


async def test_two_consumers_of_a_loaded_queue_share_it_out(sqs: AwsServer) -> None:
    bodies = {f"job-{number}" for number in range(300)}

    place, seen, stopping = Queue.made(sqs), Counter[str](), asyncio.Event()
    patience = 60.0  # of a busy machine: a call that timed out may have sent its job, and the job would come twice
    async with place.jobs(timeout=patience) as one, place.jobs(timeout=patience) as two:
        working = [asyncio.create_task(consume(queue, seen, stopping)) for queue in (one, two, one, two)]
        await asyncio.gather(*(one.put([body]) for body in bodies))
        await until(lambda: len(seen) == len(bodies))
        stopping.set()
        await asyncio.gather(*working)
        assert seen == Counter(bodies)
        depth = await one.depth()
        assert (depth.ready, depth.in_flight) == (0, 0)


async def test_nothing_is_lost_while_the_server_is_killed_under_load(elastic: sqs_servers.ElasticMQ) -> None:
    bodies = [f"job-{number}" for number in range(400)]

    async def produce(queue: JobQueue, share: Sequence[str]) -> None:
        for body in share:
            await insistently(lambda put=body: queue.put([put]))

    place, seen, stopping = own(elastic), Counter[str](), asyncio.Event()
    async with place.jobs(timeout=3) as one, place.jobs(timeout=3) as two:
        lease = 5 * SECOND  # what an answer took along that never arrived comes back in this time
        working = [asyncio.create_task(consume(queue, seen, stopping, lease=lease)) for queue in (one, two)]
        producing = [asyncio.create_task(produce(one, bodies[share::4])) for share in range(4)]
        await until(lambda: len(seen) > 50)
        elastic.process.kill()
        await asyncio.to_thread(elastic.process.start)
        await asyncio.gather(*producing)
        await until(lambda: len(seen) == len(bodies))
        stopping.set()
        await asyncio.gather(*working)


async def test_polls_that_are_called_off_lose_nothing(sqs: AwsServer) -> None:
    """With a lease of ten minutes: a job that is not given back would be missed."""
    draw = random.Random(7)
    bodies = [f"job-{number}" for number in range(60)]

    place = Queue.made(sqs)
    async with place.jobs(timeout=60.0) as producer:  # of a busy machine: a time-out here says nothing of lost jobs
        async with place.jobs(timeout=60.0, poll=1) as queue:
            for body in bodies:
                taking = asyncio.create_task(queue.take(limit=10, wait=5 * SECOND, lease=LONG))
                for _ in range(draw.randrange(12)):
                    await asyncio.sleep(0)
                putting = asyncio.create_task(producer.put([body]))
                await asyncio.wait([taking, putting], timeout=draw.random() / 50)
                taking.cancel()
                await asyncio.wait([taking])
                if not taking.cancelled():
                    await queue.keep(taking.result(), NO_WAIT)
                await putting
        assert await emptied(producer) == sorted(bodies)
