"""Topics of the tests' own on whichever Kafka is there."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

from confluent_kafka import Producer

from convalias.adapters.kafka import EventLog, Limits
from engines.fixtures import KafkaServer

LIMITS: Final = Limits(timeout=60, release_within=5, session_timeout=6)
"""A busy machine has time for its calls; a mock cluster shares out anew after the session's time less a second."""


def made(server: KafkaServer, *, partitions: int = 4, config: Mapping[str, str] | None = None) -> str:
    """The URL of a fresh topic; a mock cluster makes it when it is first asked about."""
    topic = server.make_topic(partitions=partitions, config=config)
    Producer({"bootstrap.servers": server.bootstrap, "log_level": 0}).list_topics(topic, timeout=60)
    return f"kafka://{server.bootstrap}/{topic}"


@asynccontextmanager
async def opened(url: str, limits: Limits = LIMITS) -> AsyncIterator[EventLog]:
    """A log, as one process has it."""
    async with EventLog(url, limits=limits) as log:
        yield log
