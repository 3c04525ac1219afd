"""An event log in memory: one list, a position per group."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import count
from typing import Final

from convalias.adapters.memory.bell import Bell
from convalias.ports.ambient import Clock
from convalias.ports.event_log import EventRecord, Lag

_LEASE: Final = timedelta(seconds=60)


class _Group:
    """Where a group is, and which consumer reads for it: one at a time, so that order holds."""

    def __init__(self) -> None:
        self.position = 0
        self.holder: int | None = None
        self.held_until: datetime | None = None


class EventLog:
    """`ports.EventLog`. A consumer that neither takes nor commits for a minute loses its turn to another."""

    def __init__(self, clock: Clock) -> None:
        """Waiting and turns run by that clock."""
        self._clock = clock
        self._records: list[EventRecord] = []
        self._groups: dict[str, _Group] = {}
        self._consumers = count(1)
        self._bell = Bell(clock)

    async def publish(self, records: Sequence[EventRecord]) -> None:
        """Behind all that is there."""
        self._records.extend(records)
        self._bell.ring()

    async def lag(self, group: str) -> Lag:
        """Behind the group's position."""
        state = self._groups.get(group)
        behind = self._records[0 if state is None else state.position :]
        return Lag(len(behind), behind[0] if behind else None)

    def records(self, group: str) -> _Subscription:
        """A further consumer of that group."""
        state = self._groups.setdefault(group, _Group())
        return _Subscription(self._records, state, consumer=next(self._consumers), clock=self._clock, bell=self._bell)


class _Subscription:
    def __init__(self, records: list[EventRecord], group: _Group, *, consumer: int, clock: Clock, bell: Bell) -> None:
        self._records = records
        self._group = group
        self._consumer = consumer
        self._clock = clock
        self._bell = bell
        self._cursor = 0

    async def take(self, *, limit: int, wait: timedelta) -> Sequence[EventRecord]:
        until = self._clock.now() + wait
        while True:
            if self._has_turn() and self._cursor < len(self._records):
                start, self._cursor = self._cursor, min(self._cursor + limit, len(self._records))
                return self._records[start : self._cursor]
            now = self._clock.now()
            if now >= until:
                return ()
            await self._bell.wait(until - now)

    async def commit(self) -> None:
        if self._group.holder == self._consumer:
            self._group.position = self._cursor
            self._group.held_until = self._clock.now() + _LEASE

    async def close(self) -> None:
        if self._group.holder == self._consumer:
            self._group.holder = None
            self._bell.ring()

    def _has_turn(self) -> bool:
        now, group = self._clock.now(), self._group
        if group.holder != self._consumer:
            if group.holder is not None and group.held_until is not None and now < group.held_until:
                return False
            group.holder, self._cursor = self._consumer, group.position
        group.held_until = now + _LEASE
        return True
