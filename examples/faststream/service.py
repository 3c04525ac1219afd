"""A FastStream service that decides who hears of each event, and sends what is due."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from confluent_kafka import Message
from faststream import AckPolicy, FastStream
from faststream.confluent import KafkaBroker, KafkaMessage

from convalias import Convalias
from convalias.adapters.kafka import read_message
from convalias.ports import Unavailable

GROUP = "notifications"
PAUSE = 1.0
"""Seconds until a batch is tried again, and between two looks for what is due."""

log = logging.getLogger("service")
cv = Convalias.from_toml("convalias.toml")
events = urlsplit(os.environ["CONVALIAS_EVENTS"])
if events.username is not None or events.scheme != "kafka":
    raise SystemExit("CONVALIAS_EVENTS: this example speaks to a Kafka without password and TLS; give its client yours")
TOPIC = events.path.strip("/")
broker = KafkaBroker(events.netloc, allow_auto_create_topics=False)


@broker.subscriber(
    TOPIC,
    group_id=GROUP,
    batch=True,
    max_records=100,
    auto_offset_reset="earliest",
    ack_policy=AckPolicy.NACK_ON_ERROR,  # returned: committed; raised: read again
)
async def decide(message: KafkaMessage) -> None:
    raw = message.raw_message
    batch = [raw] if isinstance(raw, Message) else raw
    try:
        await cv.outbound.decide([record for one in batch if (record := read_message(one)) is not None])
    except Unavailable:
        await asyncio.sleep(PAUSE)
        raise


async def due() -> None:
    """What was put off, and events of conversations that could not be read for a while."""
    while True:
        try:
            await cv.outbound.take_up_undecided()
            await cv.outbound.deliver_due()
        except Unavailable as away:
            log.warning("%s; tried again", away)
        await asyncio.sleep(PAUSE)


@asynccontextmanager
async def lifespan() -> AsyncIterator[None]:
    async with cv, cv.running("inbound", "feed"):  # all but "outbound", which this service is
        working = asyncio.create_task(due())
        yield
        working.cancel()


app = FastStream(broker, lifespan=lifespan)
