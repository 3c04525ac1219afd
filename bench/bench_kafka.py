"""What the Kafka adapter costs beside the bare client: CPU and throughput of publish, and of take and commit.

Aim: at least 0.5 of the bare client by CPU, and 20,000 records/s a core. The broker is Apache Kafka on the same machine
(`make engines-build`), else librdkafka's mock cluster in this process; rivals' rounds are interleaved. The bare client
produces the same octets with the same promises and waits for every batch; it reads values and decodes nothing.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from datetime import timedelta
from functools import partial
from itertools import product
from pathlib import Path
from typing import Final
from uuid import uuid4

from attrs import frozen
from confluent_kafka import Consumer, KafkaError, Message, Producer

from _measure import Row, machine, row, tell
from adapters.kafka.topics import made
from convalias.adapters.kafka import EventLog, messages
from convalias.adapters.kafka.place import consumer_config, producer_config, read_url
from convalias.domain.ids import ConversationId, EventId, Seq, TraceId
from convalias.ports.event_log import EventRecord, Subscription
from engines.fixtures import KafkaServer
from engines.servers import kafka as servers
from engines.servers.given import EngineMissing

RECORDS: Final = 20_000
BATCH: Final = 500
BATCHES: Final = {1: 400, 10: 4_000, BATCH: RECORDS}
"""How many records are published in batches of one, of ten, and of as many as the feed publishes."""
ROUNDS: Final = 5
EVENTS: Final = [
    EventRecord(
        ConversationId(f"conversation-{number % 997:06d}"),
        EventId(f"000p5vaf6m3o{number:014d}"),
        Seq(number),
        "message_added",
        TraceId(f"{number:032x}"),
    )
    for number in range(RECORDS)
]


@frozen
class Cost:
    """Of one record, in seconds: of CPU, and of the clock."""

    cpu: float
    wall: float


async def measured(work: Callable[[], Awaitable[None]], records: int = RECORDS) -> Cost:
    cpu, wall = time.process_time(), time.perf_counter()
    await work()
    return Cost((time.process_time() - cpu) / records, (time.perf_counter() - wall) / records)


def bare_publish(producer: Producer, topic: str, batch: int) -> None:
    def answered(error: KafkaError | None, message: Message) -> None:
        del message
        if error is not None:
            raise RuntimeError(error.name())

    for start in range(0, BATCHES[batch], batch):
        for record in EVENTS[start : start + batch]:
            producer.produce(
                topic,
                messages.value(record),
                messages.key(record),
                on_delivery=answered,
                headers=messages.headers(record),
            )
        producer.flush(30)


def bare_read(consumer: Consumer) -> None:
    count = 0
    while count < RECORDS:
        batch = consumer.consume(BATCH, 0.05)
        values = [message.value() for message in batch if message.error() is None]
        count += len(values)
        if values:
            consumer.commit(asynchronous=False, message=batch[-1])


async def publish(log: EventLog, batch: int) -> None:
    for start in range(0, BATCHES[batch], batch):
        await log.publish(EVENTS[start : start + batch])


async def read(reader: Subscription) -> None:
    count = 0
    while count < RECORDS:
        count += len(await reader.take(limit=BATCH, wait=timedelta(seconds=1)))
        await reader.commit()


async def compare(url: str) -> dict[str, Cost]:
    place = read_url(url)
    found: dict[str, Cost] = {}

    def note(name: str, cost: Cost) -> None:
        before = found.get(name, cost)
        found[name] = Cost(min(before.cpu, cost.cpu), min(before.wall, cost.wall))

    producer = Producer(producer_config(place))
    async with EventLog(url) as log:
        for _, (batch, records) in product(range(ROUNDS), BATCHES.items()):
            bare = partial(asyncio.to_thread, bare_publish, producer, place.topic, batch)
            note(f"bare publish by {batch}", await measured(bare, records))
            note(f"ours publish by {batch}", await measured(partial(publish, log, batch), records))
        for _ in range(ROUNDS):
            consumer = Consumer(consumer_config(place, uuid4().hex))
            consumer.subscribe([place.topic])
            while not consumer.assignment():
                consumer.poll(0.05)
            note(f"bare take by {BATCH}", await measured(partial(asyncio.to_thread, bare_read, consumer)))
            consumer.close()
            reader = log.records(uuid4().hex)
            await reader.take(limit=1, wait=timedelta(seconds=20))
            note(f"ours take by {BATCH}", await measured(partial(read, reader)))
            await reader.close()
    return found


def question() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        try:
            bootstrap, tier = stack.enter_context(servers.apache_kafka(Path(folder))).url, "apache"
        except EngineMissing:
            bootstrap, tier = stack.enter_context(servers.mock_cluster()), "mock"
        found = asyncio.run(compare(made(KafkaServer(bootstrap, tier=tier))))
    print(f"{machine()}, {tier}, {RECORDS} records in batches of {BATCH}, best of {ROUNDS} rounds")
    rows: list[Row] = []
    for work in (*(f"publish by {batch}" for batch in BATCHES), f"take by {BATCH}"):
        bare, ours = found[f"bare {work}"], found[f"ours {work}"]
        print(f"  {work}: {1 / ours.wall:,.0f} a second, bare {1 / bare.wall:,.0f}")
        aim = "ratio >= 0.5" if str(BATCH) in work else None
        rival, unit = (f"bare confluent-kafka on {tier}", bare.cpu * 1e6), "us CPU a record"
        rows.append(row(f"Kafka {work}", ours=ours.cpu * 1e6, rival=rival, unit=unit, aim=aim))
        if aim is not None:
            rows.append(row(f"Kafka {work}, 20,000 a second", ours=ours.cpu * 1e6, rival=rival, unit=unit, aim="<= 50"))
    return rows


if __name__ == "__main__":
    tell(question)
