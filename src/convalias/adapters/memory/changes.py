"""Records in memory that tell of their inserts: the reference of what `ports.changes` means."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from convalias.adapters.memory.bell import Bell
from convalias.adapters.memory.records import Records
from convalias.ports.ambient import Clock
from convalias.ports.changes import PositionLost
from convalias.ports.records import Conflict, Insert, Key, Stored, Written


class _History:
    """What all streams read."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.bell = Bell(clock)
        self.inserts: list[Stored] = []
        self.forgotten = 0


class ChangingRecords(Records):
    """`ports.Records` and `ports.Changes` in one. A position is the number of inserts before it."""

    def __init__(self, clock: Clock) -> None:
        """Empty; waiting ends by that clock."""
        super().__init__()
        self._history = _History(clock)

    def forget(self) -> None:
        """Lose the history of inserts, as a store does whose log is too short."""
        self._history.forgotten = len(self._history.inserts)

    async def since(self, position: str, *, table: str) -> _Stream:
        """Follow the changes from that number on; empty: from now on."""
        if position and not (position.isascii() and position.isdecimal()):
            raise PositionLost
        start = int(position) if position else len(self._history.inserts)
        stream = _Stream(self._history, table, start)
        stream.check()
        return stream

    async def scan(self, lane: str, *, since: datetime, behind: Key | None, limit: int) -> Sequence[Stored]:
        """Return due rows by (at, key), ascending."""
        later = [
            key for at, key in self._lanes[lane] if at > since or (at == since and (behind is None or key > behind))
        ]
        return [self._rows[key].stored() for key in later[:limit]]

    def _insert(self, write: Insert) -> Written | Conflict:
        answer = super()._insert(write)
        if isinstance(answer, Written):
            self._history.inserts.append(self._rows[write.key].stored())
            self._history.bell.ring()
        return answer


class _Stream:
    def __init__(self, history: _History, table: str, start: int) -> None:
        self._history = history
        self._table = table
        self._next = start

    @property
    def position(self) -> str:
        return str(self._next)

    def check(self) -> None:
        """What was forgotten, or never was, cannot be gone on from."""
        if not self._history.forgotten <= self._next <= len(self._history.inserts):
            raise PositionLost

    async def take(self, *, limit: int, wait: timedelta) -> Sequence[Stored]:
        until = self._history.clock.now() + wait
        while not (found := self._found(limit)):
            now = self._history.clock.now()
            if now >= until:
                break
            await self._history.bell.wait(until - now)
        return found

    def _found(self, limit: int) -> Sequence[Stored]:
        self.check()
        found: list[Stored] = []
        inserts = self._history.inserts
        while self._next < len(inserts) and len(found) < limit:
            one = inserts[self._next]
            self._next += 1
            if one.key.table == self._table:
                found.append(one)
        return found

    async def close(self) -> None:
        return
