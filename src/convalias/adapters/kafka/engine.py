"""Apache Kafka as the engine of the event log, registered for `kafka`."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Final

from convalias.adapters.kafka.event_log import EventLog
from convalias.ports.engines import EngineAt


class Engine:
    """`ports.EventLogEngine`."""

    def opened(self, at: EngineAt) -> AbstractAsyncContextManager[EventLog]:
        """Open the engine at this URL."""
        return EventLog(at.url)


ENGINE: Final = Engine()
