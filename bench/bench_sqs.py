"""What the SQS adapter costs beside the bare client: CPU and throughput of sending and of receiving and deleting.

Aim: at least 0.9 of the bare client, 64 calls in flight. One by one: each call sends one job, as the receiver does; the
adapter's calls share requests there, which the bare client's cannot. Ten by ten: both send, receive and delete tens. The
server is ElasticMQ on the same machine (`make engines-build`), else moto; it shares the cores with both rivals, whose
rounds are interleaved.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from attrs import frozen

from _measure import Row, machine, row, tell
from adapters.sqs.queues import Queue
from convalias.adapters.sqs import JobQueue
from engines.fixtures import AwsServer
from engines.servers import sqs as servers
from engines.servers.given import EngineMissing

IN_FLIGHT: Final = 64
JOBS: Final = 1_200
ROUNDS: Final = 3
BODY: Final = f"mail/1 envelopes/2026/03/01/{'x' * 64} {'t' * 26} {'l' * 32}"
TEN: Final = [BODY] * 10
LEASE: Final = timedelta(minutes=10)
NO_WAIT: Final = timedelta(0)
COMPARED: Final = (
    ("send 1", "send by ones", "send 1"),
    ("send 1", "send by ones, against tens", "send 10"),
    ("send 10", "send by tens", "send 10"),
    ("receive + delete", "receive and delete by tens", "receive + delete"),
)
"""Ours, its name in the row, and the bare client's work beside it: ours by ones may share requests of ten."""
Call = Callable[[], Awaitable[int]]
"""Does one call; how many jobs that was."""


@frozen
class Cost:
    """Of one job, in seconds: of CPU, and of the clock with 64 calls in flight."""

    cpu: float
    wall: float


async def measure(call: Call) -> Cost:
    left = JOBS

    async def worker() -> None:
        nonlocal left
        while left > 0:
            done = await call()
            left -= done  # one statement would read what is left before it waits

    cpu, wall = time.process_time(), time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(IN_FLIGHT)))
    jobs = JOBS - left
    return Cost((time.process_time() - cpu) / jobs, (time.perf_counter() - wall) / jobs)


def bare_calls(client: Any, url: str) -> dict[str, Call]:  # noqa: ANN401 - it publishes no types
    async def send_one() -> int:
        await client.send_message(QueueUrl=url, MessageBody=BODY)
        return 1

    async def send_ten() -> int:
        await client.send_message_batch(
            QueueUrl=url, Entries=[{"Id": str(number), "MessageBody": body} for number, body in enumerate(TEN)]
        )
        return 10

    async def receive() -> int:
        answer = await client.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=10,
            VisibilityTimeout=600,
            MessageSystemAttributeNames=["ApproximateReceiveCount", "SentTimestamp"],
        )
        found = answer.get("Messages", [])
        if found:
            entries = [{"Id": str(number), "ReceiptHandle": one["ReceiptHandle"]} for number, one in enumerate(found)]
            await client.delete_message_batch(QueueUrl=url, Entries=entries)
        return len(found)

    return {"send 1": send_one, "send 10": send_ten, "receive + delete": receive}


def our_calls(queue: JobQueue) -> dict[str, Call]:
    async def send_one() -> int:
        await queue.put([BODY])
        return 1

    async def send_ten() -> int:
        await queue.put(TEN)
        return 10

    async def receive() -> int:
        jobs = await queue.take(limit=10, wait=NO_WAIT, lease=LEASE)
        await queue.done(jobs)
        return len(jobs)

    return {"send 1": send_one, "send 10": send_ten, "receive + delete": receive}


def better(one: Cost | None, other: Cost) -> Cost:
    return other if one is None else Cost(min(one.cpu, other.cpu), min(one.wall, other.wall))


async def compare(place: Queue) -> dict[tuple[str, str], Cost]:
    server = place.server
    bare = get_session().create_client(
        "sqs",
        region_name=server.region,
        endpoint_url=server.url,
        aws_access_key_id=server.access_key,
        aws_secret_access_key=server.secret_key,
        config=AioConfig(max_pool_connections=IN_FLIGHT),
    )
    found: dict[tuple[str, str], Cost] = {}
    async with bare as client, place.jobs() as queue:
        rivals = {"bare": bare_calls(client, place.address), "ours": our_calls(queue)}
        for _ in range(ROUNDS):
            for work in ("send 1", "send 10", "receive + delete"):
                for name, calls in rivals.items():
                    found[name, work] = better(found.get((name, work)), await measure(calls[work]))
            place.client.purge_queue(QueueUrl=place.address)  # what was sent twice as much as received
    return found


def question() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        try:
            server, tier = stack.enter_context(servers.elasticmq(Path(folder))), "ElasticMQ"
        except EngineMissing:
            server, tier = stack.enter_context(servers.moto(Path(folder))), "moto"
        found = asyncio.run(compare(Queue.made(AwsServer(server.url, tier=tier))))
    print(f"{machine()}, {tier}, {IN_FLIGHT} calls in flight, best of {ROUNDS} rounds of {JOBS} jobs")
    rows: list[Row] = []
    for work, name, unlike in COMPARED:
        bare, ours = found["bare", unlike], found["ours", work]
        print(f"  {name}: {1 / ours.wall:,.0f} a second, bare {1 / bare.wall:,.0f}")
        rival = (f"bare aiobotocore on {tier}, {unlike}", bare.cpu * 1e3)
        aim = "ratio >= 0.9" if work == unlike else None
        rows.append(row(f"SQS {name}", ours=ours.cpu * 1e3, rival=rival, unit="ms CPU a job", aim=aim))
    return rows


if __name__ == "__main__":
    tell(question)
