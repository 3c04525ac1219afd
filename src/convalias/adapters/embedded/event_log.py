"""The event log in SQLite: a table in order of commit, and a position for each group."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import timedelta
from typing import Final, TypeAlias

from convalias.adapters.embedded.database import Database
from convalias.adapters.embedded.times import MICROSECOND, stored
from convalias.domain.ids import ConversationId, EventId, Seq, TraceId
from convalias.ports.ambient import Clock, Incarnation
from convalias.ports.event_log import EventRecord, Lag

_POLL: Final = timedelta(milliseconds=20)
_LEASE: Final = timedelta(seconds=60)
KEEP: Final = 100_000
"""About 15 MB."""
_AT_ONCE: Final = 1_000
"""Removed in one step, so that no other write waits for long."""

_Row: TypeAlias = tuple[int, str, str, int, str, str]
_NEXT: Final = (
    "SELECT position, conversation, event, seq, kind, trace FROM event_log WHERE position > ? ORDER BY position LIMIT ?"
)
_ENDS: Final = (
    "SELECT (SELECT coalesce(max(position), 0) FROM event_groups WHERE name = ?),"
    " (SELECT coalesce(max(position), 0) FROM event_log)"
)
_TRIM: Final = (
    "DELETE FROM event_log WHERE position IN (SELECT position FROM event_log WHERE position <= min("
    "(SELECT min(position) FROM event_groups), (SELECT max(position) FROM event_log) - ?) ORDER BY position LIMIT ?)"
)
"""Without a group, or without a record, nothing is at most NULL."""
_JOIN: Final = (
    "UPDATE event_groups SET token = :token, holder = :holder, held_until = :until"
    " WHERE name = :name AND (token IN ('', :token) OR held_until <= :now OR holder = :gone) RETURNING position"
)


class EventLog:
    """`ports.EventLog` in one file. One consumer of a group reads at a time, so order holds; the others stand by.

    A consumer that died is followed at once, one that neither takes nor commits for a minute after that minute.
    Nothing ends by itself: `trim` removes what every group has read. A group that comes later begins at what is left.
    """

    def __init__(self, database: Database, *, clock: Clock, incarnation: Incarnation, keep: int = KEEP) -> None:
        """Over an opened database; `incarnation` signs whose turn it is. `keep`: so many records `trim` leaves."""
        self._database = database
        self._clock = clock
        self._incarnation = incarnation
        self._keep = keep

    async def publish(self, records: Sequence[EventRecord]) -> None:
        """All or none, behind all that is there."""
        rows = [(one.conversation, one.event, one.seq, one.kind, one.trace) for one in records]

        def step(connection: sqlite3.Connection) -> None:
            connection.executemany(
                "INSERT INTO event_log (conversation, event, seq, kind, trace) VALUES (?, ?, ?, ?, ?)", rows
            )

        if rows:
            await self._database.write(step)

    async def trim(self) -> int:
        """Remove what every group has committed, but for the newest `keep` records; how many. Repeatable."""
        values = (self._keep, _AT_ONCE)
        removed = 0
        while True:
            count = await self._database.write(lambda connection: connection.execute(_TRIM, values).rowcount)
            removed += count
            if count < _AT_ONCE:
                return removed

    async def lag(self, group: str) -> Lag:
        """Behind the group's position; two look-ups by key."""

        def step(connection: sqlite3.Connection) -> tuple[_Row | None, int]:
            position, end = connection.execute(_ENDS, (group,)).fetchone()
            return connection.execute(_NEXT, (position, 1)).fetchone(), int(end)

        first, end = await self._database.read(step)
        return Lag(0, None) if first is None else Lag(end - first[0] + 1, _record(first))

    def records(self, group: str) -> _Subscription:
        """A further consumer of that group; it joins with its first `take`."""
        return _Subscription(self._database, group, clock=self._clock, incarnation=self._incarnation)


class _Subscription:
    def __init__(self, database: Database, group: str, *, clock: Clock, incarnation: Incarnation) -> None:
        self._database = database
        self._group = group
        self._clock = clock
        self._incarnation = incarnation
        self._token = clock.new_id()
        self._held_until = 0
        self._cursor: int | None = None
        """Position of the last record taken; None: not our turn."""
        self._committed: int | None = None

    async def take(self, *, limit: int, wait: timedelta) -> Sequence[EventRecord]:
        waited = timedelta(0)
        while True:
            records = await self._next(limit) if await self._has_turn() else ()
            if records or waited >= wait:
                return records
            pause = min(_POLL, wait - waited)
            await self._clock.sleep(pause)
            waited += pause

    async def commit(self) -> None:
        # Without a turn there is nothing to commit: what was taken has come to another consumer by now.
        if self._cursor is None or self._cursor == self._committed:
            return
        cursor, held_until = self._cursor, self._lease_end()
        values = (cursor, held_until, self._group, self._token)

        def step(connection: sqlite3.Connection) -> bool:
            query = "UPDATE event_groups SET position = ?, held_until = ? WHERE name = ? AND token = ?"
            return connection.execute(query, values).rowcount > 0

        if await self._database.write(step):
            self._held_until, self._committed = held_until, cursor
        else:
            self._cursor = None

    async def close(self) -> None:
        if self._cursor is None:
            return
        self._cursor = None
        values = (self._group, self._token)

        def step(connection: sqlite3.Connection) -> None:
            connection.execute(
                "UPDATE event_groups SET token = '', holder = '', held_until = 0 WHERE name = ? AND token = ?", values
            )

        await self._database.write(step)

    def _lease_end(self) -> int:
        return stored(self._clock.now() + _LEASE)

    async def _has_turn(self) -> bool:
        """Whether we are the group's reader, after trying to be. Renewed when half of the lease is over."""
        now = stored(self._clock.now())
        if self._cursor is not None and self._held_until - now > _LEASE // MICROSECOND // 2:
            return True
        query = "SELECT token, holder, held_until FROM event_groups WHERE name = ?"
        row: tuple[str, str, int] | None = await self._database.read(
            lambda connection: connection.execute(query, (self._group,)).fetchone()
        )
        token, holder, held_until = row or ("", "", 0)
        gone = holder if holder and self._incarnation.is_gone(holder) else None
        if token not in {"", self._token} and held_until > now and gone is None:
            self._cursor = None
            return False
        return await self._join(now, gone)

    async def _join(self, now: int, gone: str | None) -> bool:
        held_until = self._lease_end()
        values = {
            "token": self._token,
            "holder": self._incarnation.name,
            "until": held_until,
            "name": self._group,
            "now": now,
            "gone": gone,
        }

        def step(connection: sqlite3.Connection) -> tuple[bool, int] | None:
            connection.execute("INSERT OR IGNORE INTO event_groups (name, position) VALUES (?, 0)", (self._group,))
            was_ours = connection.execute(
                "SELECT 1 FROM event_groups WHERE name = ? AND token = ?", (self._group, self._token)
            ).fetchone()
            joined = connection.execute(_JOIN, values).fetchall()
            return (was_ours is not None, int(joined[0][0])) if joined else None

        joined = await self._database.write(step)
        if joined is None:
            self._cursor = None
            return False
        was_ours, self._committed = joined
        if not was_ours or self._cursor is None:
            self._cursor = self._committed
        self._held_until = held_until
        return True

    async def _next(self, limit: int) -> Sequence[EventRecord]:
        rows: Sequence[_Row] = await self._database.page(_NEXT, (self._cursor,), tuple, limit=limit)
        if rows:
            self._cursor = rows[-1][0]
        return [_record(row) for row in rows]


def _record(row: _Row) -> EventRecord:
    _, conversation, event, seq, kind, trace = row
    return EventRecord(ConversationId(conversation), EventId(event), Seq(seq), kind, TraceId(trace))
