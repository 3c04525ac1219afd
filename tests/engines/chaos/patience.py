"""What looks on from outside asks again: members of a busy machine elect anew by themselves, before and after all faults."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from confluent_kafka import KafkaException
from pymongo.errors import PyMongoError

from convalias.ports.errors import Unavailable

T = TypeVar("T")
_AWAY: Final = (Unavailable, TimeoutError, PyMongoError, KafkaException)
_PAUSE: Final = 0.5


async def patiently(ask: Callable[[], Awaitable[T]], *, within: float = 300.0) -> T:
    """The answer of what may be asked twice; after that time, what it raises."""
    until = time.monotonic() + within
    while True:
        try:
            return await ask()
        except _AWAY:
            if time.monotonic() > until:
                raise
            await asyncio.sleep(_PAUSE)
