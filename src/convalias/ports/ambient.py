"""Clock, Telemetry and Incarnation: the surroundings of a service. Synchronous but for sleeping."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Time, waiting and fresh ids: the only source of either."""

    def now(self) -> datetime:
        """Aware, UTC, microseconds. May step back."""
        ...

    async def sleep(self, duration: timedelta) -> None:
        """Wait."""
        ...

    def new_id(self) -> str:
        """26 characters `[0-9a-z]`, sortable by time, unique."""
        ...

    def entropy(self, octets: int) -> bytes:
        """Unguessable octets (alias ids)."""
        ...


class Telemetry(Protocol):
    """Figures and spans. Never an address, never text: ids, kinds and reasons only."""

    def measure(self, name: str, value: float, **tags: str) -> None:
        """Record one value under a name of the metric catalogue."""
        ...

    def span(self, name: str, trace: str, **tags: str) -> AbstractContextManager[None]:
        """Time what happens inside."""
        ...


class Incarnation(Protocol):
    """The identity of this run of a process, so that work of a dead one is taken over at once."""

    @property
    def name(self) -> str:
        """Unique among all runs of all processes; printable ASCII."""
        ...

    def is_gone(self, name: str) -> bool:
        """Whether that one is surely dead. False when it cannot be told (another machine)."""
        ...
