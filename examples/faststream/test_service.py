"""The service over FastStream's test broker, and over a real Kafka or the one that the client simulates."""

import asyncio
import os
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from types import SimpleNamespace

import pytest
from confluent_kafka import Consumer, KafkaException, Message
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from faststream.confluent import KafkaBroker, TestKafkaBroker

import local
from convalias.adapters import kafka
from convalias.ports import EventRecord, Unavailable

LIMIT = 120.0
"""Seconds until a test that waits for something fails."""
GIVEN = os.environ.get("TEST_KAFKA")
OWNER = None if GIVEN else local.simulated()
BOOTSTRAP = GIVEN or os.environ["CONVALIAS_EVENTS"].split("/")[2]
TOPIC = f"convalias-{uuid.uuid4().hex}"
os.environ["CONVALIAS_EVENTS"] = f"kafka://{BOOTSTRAP}/{TOPIC}"
DATA = os.environ["CONVALIAS_DATA"] = tempfile.mkdtemp()


def make_topic() -> None:
    """Make it with four partitions, and wait until a broker knows it. A simulated Kafka makes it when it is asked."""
    admin = AdminClient({"bootstrap.servers": BOOTSTRAP, "log_level": 0})
    if GIVEN:
        with suppress(KafkaException):  # given is a simulated one, too
            admin.create_topics([NewTopic(TOPIC, num_partitions=4)])[TOPIC].result(30)
    for _ in range(300):
        if len(admin.list_topics(TOPIC, timeout=30).topics[TOPIC].partitions) == 4:
            return
        time.sleep(0.1)
    pytest.fail("the topic is not there")


make_topic()

import service  # noqa: E402 - reads the address of the topic


async def are_sent(*texts: str) -> None:
    async with asyncio.timeout(LIMIT):
        while not set(texts) <= set(local.sent(DATA)):  # noqa: ASYNC110 - they are files
            await asyncio.sleep(0.1)
    assert [local.sent(DATA).count(text) for text in texts] == [1] * len(texts)


def published(group: str) -> list[Message]:
    """All that is in the topic."""
    reader = Consumer({"bootstrap.servers": BOOTSTRAP, "group.id": group, "auto.offset.reset": "earliest"})
    reader.subscribe([TOPIC])
    found: list[Message] = []
    while not (more := reader.consume(100, timeout=2)) or found != (found := [*found, *more]):
        if not more and found:
            break
    reader.close()
    return found


@asynccontextmanager
async def in_test() -> AsyncIterator[KafkaBroker]:
    async with service.cv, TestKafkaBroker(service.broker, connect_only=False) as broker:
        yield broker


def test_events_reach_the_handler_and_are_sent_once_however_often_they_come() -> None:
    async def story() -> None:
        async with in_test() as broker:
            await local.post(service.cv, "In test")
            await service.cv.run_until_idle("inbound", "feed")
            for _ in range(2):
                for one in published(uuid.uuid4().hex):
                    await broker.publish(one.value(), TOPIC, key=one.key())
            await are_sent("In test")

    asyncio.run(story())


def test_what_is_not_decided_is_raised_and_so_not_committed(monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(records: Sequence[EventRecord]) -> None:
        raise Unavailable("the store")

    async def story() -> None:
        async with in_test() as broker:
            monkeypatch.setattr(service, "cv", SimpleNamespace(outbound=SimpleNamespace(decide=away)))
            monkeypatch.setattr(service, "PAUSE", 0.0)
            with pytest.raises(Unavailable):
                await broker.publish(b"{}", TOPIC)

    asyncio.run(story())


def test_a_batch_that_fails_is_read_again_by_the_service_as_it_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    failures = 0

    def read_message(message: Message) -> EventRecord | None:
        nonlocal failures
        if failures < 2:
            failures += 1
            raise Unavailable("the store")
        return kafka.read_message(message)

    monkeypatch.setattr(service, "read_message", read_message)
    texts = asyncio.run(asyncio.wait_for(local.shown(DATA), LIMIT))
    assert (failures, texts.count("Hello Ann!")) == (2, 1)
