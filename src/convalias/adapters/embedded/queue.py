"""A job queue in SQLite: visibility timeouts, and what a dead process held is visible at once."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from convalias.adapters.embedded.database import Database
from convalias.adapters.embedded.times import MICROSECOND, stored
from convalias.ports.ambient import Clock, Incarnation
from convalias.ports.queue import Job, QueueDepth

_POLL: Final = timedelta(milliseconds=20)
"""How soon a job that another process put is seen."""

_PROBE: Final = "!probe"
"""No group has such a name."""
_TAKE: Final = (
    "UPDATE jobs SET receives = receives + 1, lease = ?, holder = ?, visible_at = ?"
    " WHERE number IN (SELECT number FROM jobs WHERE visible_at <= ? ORDER BY visible_at, number LIMIT ?)"
    " RETURNING number, body, receives"
)


class JobQueue:
    """`ports.JobQueue` in one file, for all processes of this machine. Exact depth; roughly first in, first out."""

    def __init__(self, database: Database, *, clock: Clock, incarnation: Incarnation) -> None:
        """Over an opened database; `incarnation` signs what is held, and knows who died."""
        self._database = database
        self._clock = clock
        self._incarnation = incarnation

    async def put(self, bodies: Sequence[str]) -> None:
        """Visible at once."""
        now = self._now()
        rows = [(body, now, now) for body in bodies]

        def step(connection: sqlite3.Connection) -> None:
            connection.executemany("INSERT INTO jobs (body, put_at, visible_at) VALUES (?, ?, ?)", rows)

        if rows:
            await self._database.write(step)

    async def take(self, *, limit: int, wait: timedelta, lease: timedelta) -> Sequence[Job]:
        """Take the jobs that have been visible longest."""
        waited = timedelta(0)
        while True:
            gone = await self._gone()
            if gone or await self._any_visible():
                jobs = await self._take(gone, limit, lease)
                if jobs:
                    return jobs
            if waited >= wait:
                return ()
            pause = min(_POLL, wait - waited)
            await self._clock.sleep(pause)
            waited += pause

    async def keep(self, jobs: Sequence[Job], lease: timedelta, *, held: bool = True) -> None:
        """A job that is not held waits for its time, whoever dies."""
        visible_at = self._now() + lease // MICROSECOND
        holder = self._incarnation.name if held else None
        rows = [(visible_at, holder, int(job.id), job.lease) for job in jobs]

        def step(connection: sqlite3.Connection) -> None:
            connection.executemany("UPDATE jobs SET visible_at = ?, holder = ? WHERE number = ? AND lease = ?", rows)

        if rows:
            await self._database.write(step)

    async def done(self, jobs: Sequence[Job]) -> None:
        """Forget them."""
        rows = [(int(job.id), job.lease) for job in jobs]

        def step(connection: sqlite3.Connection) -> None:
            connection.executemany("DELETE FROM jobs WHERE number = ? AND lease = ?", rows)

        if rows:
            await self._database.write(step)

    async def depth(self) -> QueueDepth:
        """Exact; what a dead process held counts as ready."""
        now, gone = self._now(), json.dumps(await self._gone())

        def count(connection: sqlite3.Connection) -> tuple[int, int, int | None]:
            row: tuple[int, int, int | None] = connection.execute(
                "SELECT count(*), count(*) FILTER (WHERE visible_at <= ?"
                " OR holder IN (SELECT value FROM json_each(?))), min(put_at) FROM jobs",
                (now, gone),
            ).fetchone()
            return row

        jobs, ready, oldest = await self._database.read(count)
        age = None if oldest is None else max(now - oldest, 0) * MICROSECOND
        return QueueDepth(ready, jobs - ready, age)

    def _now(self) -> int:
        return stored(self._clock.now())

    async def _any_visible(self) -> bool:
        now = self._now()
        query = "SELECT 1 FROM jobs WHERE visible_at <= ? LIMIT 1"
        return await self._database.read(lambda connection: connection.execute(query, (now,)).fetchone() is not None)

    async def probe(self) -> None:
        """Commit a row that is gone again within the same transaction: a full disk or a locked file says so."""

        def step(connection: sqlite3.Connection) -> None:
            connection.execute("INSERT INTO event_groups (name, position) VALUES (?, 0)", (_PROBE,))
            connection.execute("DELETE FROM event_groups WHERE name = ?", (_PROBE,))

        await self._database.write(step)

    async def _gone(self) -> list[str]:
        """Holders that are dead. They never come back, so this cannot be outdated."""
        query = "SELECT DISTINCT holder FROM jobs WHERE holder IS NOT NULL"
        holders = await self._database.read(lambda connection: [str(row[0]) for row in connection.execute(query)])
        return [holder for holder in holders if self._incarnation.is_gone(holder)]

    async def _take(self, gone: Sequence[str], limit: int, lease: timedelta) -> Sequence[Job]:
        receipt, holder, dead = self._clock.new_id(), self._incarnation.name, json.dumps(gone)
        now = self._now()
        values = (receipt, holder, now + lease // MICROSECOND, now, limit)

        def step(connection: sqlite3.Connection) -> list[tuple[int, str, int]]:
            connection.execute(
                "UPDATE jobs SET visible_at = min(visible_at, ?), holder = NULL, lease = ''"
                " WHERE holder IN (SELECT value FROM json_each(?))",
                (now, dead),
            )
            return connection.execute(_TAKE, values).fetchall()

        taken = await self._database.write(step)
        return [Job(str(number), body, receives, receipt) for number, body, receives in sorted(taken)]
