"""What only a Kafka of the test's own shows: a broker that is killed and one that is stopped, under load."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from adapters.kafka.topics import opened
from convalias.adapters.kafka import EventLog, Limits
from convalias.domain.ids import ConversationId, EventId, Seq, TraceId
from convalias.ports.errors import Unavailable
from convalias.ports.event_log import EventRecord, Subscription
from engines.fixtures import KafkaServer, or_skip
from engines.servers import kafka as kafka_servers

pytestmark = [pytest.mark.engine, pytest.mark.slow]

CONVERSATIONS = 5
EACH = 400
BATCH = 20
LIMITS = Limits(timeout=2, release_within=2, session_timeout=10)
EVENTS = [
    EventRecord(ConversationId(f"c{one}"), EventId(f"c{one}-{seq}"), Seq(seq), "message_added", TraceId("t"))
    for seq in range(1, EACH + 1)
    for one in range(CONVERSATIONS)
]


class Load:
    """A pump that starts again from its saved position, and a consumer that joins anew after a fault."""

    def __init__(self, log: EventLog) -> None:
        self.log = log
        self.published = 0
        self.failures = 0
        self.seen: list[EventRecord] = []
        self.events: set[EventId] = set()

    async def pump(self, pauses: asyncio.Event) -> None:
        while self.published < len(EVENTS):
            await pauses.wait()
            try:
                await self.log.publish(EVENTS[self.published : self.published + BATCH])
            except Unavailable:
                self.failures += 1
            else:
                self.published += BATCH

    async def consume(self) -> None:
        reader: Subscription | None = None
        while len(self.events) < len(EVENTS):
            reader = reader or self.log.records("g")
            try:
                records = await reader.take(limit=30, wait=timedelta(seconds=0.2))
                # Done before it is committed: a commit that failed may be done all the same.
                self.seen.extend(records)
                self.events.update(one.event for one in records)
                await reader.commit()
            except Unavailable:
                await reader.close()
                reader = None
        if reader is not None:
            await reader.close()


async def until(there: Callable[[], bool]) -> None:
    while not there():  # noqa: ASYNC110 - what is watched lives in other threads and processes
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("fault", ["kill", "stop"])
def test_nothing_is_lost_and_order_is_kept_when_the_broker_goes(fault: str, tmp_path: Path) -> None:
    async def story(broker: kafka_servers.Kafka, url: str) -> Load:
        async with opened(url, LIMITS) as log, asyncio.timeout(150), asyncio.TaskGroup() as group:
            load, going = Load(log), asyncio.Event()
            going.set()
            group.create_task(load.pump(going))
            group.create_task(load.consume())
            for share in (1, 2, 3):
                await until(lambda share=share: load.published > share * len(EVENTS) // 5)
                failures = load.failures
                if fault == "kill":
                    broker.process.kill()
                    await until(lambda failures=failures: load.failures > failures)
                    await asyncio.to_thread(broker.process.start)
                else:
                    broker.process.stop()
                    await until(lambda failures=failures: load.failures > failures)
                    broker.process.cont()
        return load

    with or_skip(kafka_servers.apache_kafka(tmp_path)) as broker:
        url = f"kafka://{broker.url}/{KafkaServer(broker.url, tier='apache').make_topic()}"
        load = asyncio.run(story(broker, url))
    assert load.failures >= 3
    for number in range(CONVERSATIONS):
        seqs = [one.seq for one in load.seen if one.conversation == f"c{number}"]
        assert list(dict.fromkeys(seqs)) == list(range(1, EACH + 1))
