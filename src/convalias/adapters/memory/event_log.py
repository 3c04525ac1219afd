"""An event log in memory: the newest records, and a position per group."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import count
from typing import Final

from convalias.adapters.memory.bell import Bell
from convalias.ports.ambient import Clock
from convalias.ports.event_log import EventRecord, Lag

_LEASE: Final = timedelta(seconds=60)
KEEP: Final = 100_000


class _Kept:
    """Records that are still there. A position counts from the first that ever was."""

    def __init__(self) -> None:
        self.first = 0
        """The position of the oldest record that is left."""
        self.records: list[EventRecord] = []

    @property
    def end(self) -> int:
        return self.first + len(self.records)

    def between(self, start: int, end: int) -> list[EventRecord]:
        return self.records[max(0, start - self.first) : max(0, end - self.first)]


class _Group:
    """Where a group is, and which consumer reads for it: one at a time, so that order holds."""

    def __init__(self) -> None:
        self.position = 0
        self.holder: int | None = None
        self.held_until: datetime | None = None


class EventLog:
    """`ports.EventLog`. A consumer that neither takes nor commits for a minute loses its turn to another.

    Nothing ends by itself: `trim` removes what every group has read. A group that comes later begins at what is left.
    """

    def __init__(self, clock: Clock, *, keep: int = KEEP) -> None:
        """Waiting and turns run by that clock. `keep`: so many records `trim` leaves."""
        self._clock = clock
        self._keep = keep
        self._kept = _Kept()
        self._groups: dict[str, _Group] = {}
        self._consumers = count(1)
        self._bell = Bell(clock)

    async def publish(self, records: Sequence[EventRecord]) -> None:
        """Behind all that is there."""
        self._kept.records.extend(records)
        self._bell.ring()

    async def trim(self) -> int:
        """Remove what every group has committed, but for the newest `keep` records; how many. Repeatable."""
        kept = self._kept
        if not self._groups:
            return 0
        read = min(group.position for group in self._groups.values())
        removed = max(0, min(read, kept.end - self._keep) - kept.first)
        del kept.records[:removed]
        kept.first += removed
        return removed

    async def lag(self, group: str) -> Lag:
        """Behind the group's position."""
        state, kept = self._groups.get(group), self._kept
        position = max(kept.first, 0 if state is None else state.position)
        behind = kept.end - position
        return Lag(behind, kept.between(position, position + 1)[0] if behind else None)

    def records(self, group: str) -> _Subscription:
        """A further consumer of that group."""
        state = self._groups.setdefault(group, _Group())
        return _Subscription(self._kept, state, consumer=next(self._consumers), clock=self._clock, bell=self._bell)


class _Subscription:
    def __init__(self, kept: _Kept, group: _Group, *, consumer: int, clock: Clock, bell: Bell) -> None:
        self._kept = kept
        self._group = group
        self._consumer = consumer
        self._clock = clock
        self._bell = bell
        self._cursor = 0

    async def take(self, *, limit: int, wait: timedelta) -> Sequence[EventRecord]:
        until = self._clock.now() + wait
        while True:
            if self._has_turn() and self._cursor < self._kept.end:
                start = max(self._cursor, self._kept.first)
                self._cursor = min(start + limit, self._kept.end)
                return self._kept.between(start, self._cursor)
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
