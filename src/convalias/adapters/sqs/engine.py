"""Amazon SQS as the engine of the job queue, registered for `sqs`."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Final

from convalias.adapters.sqs.queue import JobQueue
from convalias.ports.engines import EngineAt


class Engine:
    """`ports.QueueEngine` and `LongPolls`."""

    def opened(self, at: EngineAt) -> AbstractAsyncContextManager[JobQueue]:
        """Open the engine at this URL."""
        return JobQueue(at.url, clock=at.clock)

    def poll(self, at: EngineAt) -> timedelta:
        """Return how long a worker waits, as the URL says."""
        return JobQueue(at.url, clock=at.clock).poll


ENGINE: Final = Engine()
