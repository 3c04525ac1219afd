"""Records in SQLite: two unique indexes carry the rules, the write lock makes check and insert one step."""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final, TypeAlias, assert_never

from convalias.adapters.embedded.database import Database
from convalias.adapters.embedded.times import restored, stored
from convalias.codec.json_text import JSON
from convalias.ports.records import Body, Conflict, Delete, Due, DuePlace, Insert, Key, Replace, Stored, Write, Written

_Row: TypeAlias = tuple[str, str, str, str, str, str, str | None, int | None]
_Step: TypeAlias = Callable[[sqlite3.Connection], Written | Conflict]

_NO_NAMES: Final = "[]"
# The order of columns is the schema's, which is as old as the format number says.
_BY_KEY: Final = "SELECT * FROM records WHERE tbl = ? AND part = ? AND id = ?"
_BY_NAME: Final = (
    "SELECT r.* FROM record_names n JOIN records r ON r.tbl = n.tbl AND r.part = n.part AND r.id = n.id"
    " WHERE n.tbl = ? AND n.part = ? AND n.name = ?"
)
_RANGE: Final = "SELECT * FROM records WHERE tbl = ? AND part = ? AND id > ? ORDER BY id LIMIT ?"
_LATEST: Final = "SELECT * FROM records WHERE tbl = ? AND part = ? ORDER BY id DESC LIMIT ?"
_PARTITIONS: Final = "SELECT DISTINCT part FROM records WHERE tbl = ? AND part > ? ORDER BY part LIMIT ?"
_DUE: Final = "SELECT * FROM records WHERE lane = ? AND at <= ? ORDER BY at, tbl, part, id LIMIT ?"
_DUE_AFTER: Final = (
    "SELECT * FROM records WHERE lane = ? AND (at, tbl, part, id) > (?, ?, ?, ?) AND at <= ?"
    " ORDER BY at, tbl, part, id LIMIT ?"
)
_ALL: Final = "SELECT * FROM records WHERE (tbl, part, id) > (?, ?, ?) ORDER BY tbl, part, id LIMIT ?"
_TAKEN: Final = (
    "SELECT 1 FROM records WHERE tbl = :tbl AND part = :part AND id IN (SELECT value FROM json_each(:names))"
    " UNION ALL SELECT 1 FROM record_names"
    " WHERE tbl = :tbl AND part = :part AND name IN (SELECT value FROM json_each(:names)) LIMIT 1"
)


class Records:
    """`ports.Records` in one file. A version is random text, so that a record made anew never has an old one."""

    def __init__(self, database: Database) -> None:
        """Over an opened database."""
        self._database = database

    async def get(self, keys: Sequence[Key]) -> Mapping[Key, Stored]:
        """Return records by key, else by further id."""
        return await self._database.read(lambda connection: _get(connection, keys), rows=len(keys))

    async def write(self, writes: Sequence[Write]) -> Sequence[Written | Conflict]:
        """All in one commit; a conflict of one leaves the others alone."""
        if not writes:
            return ()
        steps = [_step(write) for write in writes]
        return await self._database.write(lambda connection: [step(connection) for step in steps])

    async def write_in_order(self, writes: Sequence[Write]) -> Sequence[Written | Conflict]:
        """All in one commit, as far as the first conflict. What stands before it is kept."""
        if not writes:
            return ()
        steps = [_step(write) for write in writes]

        def work(connection: sqlite3.Connection) -> list[Written | Conflict]:
            answers: list[Written | Conflict] = []
            for step in steps:
                answers.append(step(connection))
                if isinstance(answers[-1], Conflict):
                    break
            return answers

        return await self._database.write(work)

    async def range(self, table: str, partition: str, *, after: str, limit: int) -> Sequence[Stored]:
        """Return records by key, ascending."""
        return await self._database.page(_RANGE, (table, partition, after), _stored, limit=limit)

    async def latest(self, table: str, partition: str) -> Stored | None:
        """The highest key."""
        found = await self._database.page(_LATEST, (table, partition), _stored, limit=1)
        return found[0] if found else None

    async def due(self, lane: str, *, until: datetime, limit: int) -> Sequence[Stored]:
        """Return due records by (at, key), ascending."""
        return await self._database.page(_DUE, (lane, stored(until)), _stored, limit=limit)

    async def due_after(self, lane: str, *, after: DuePlace, until: datetime, limit: int) -> Sequence[Stored]:
        """The same behind a place; the index of lanes is entered there."""
        values = (lane, stored(after.at), *after.key, stored(until))
        return await self._database.page(_DUE_AFTER, values, _stored, limit=limit)

    async def partitions(self, table: str, *, after: str, limit: int) -> Sequence[str]:
        """Return the partitions of a table, ascending; no part of the port: for tools that show a data directory."""
        values = (table, after, limit)
        return await self._database.read(
            lambda connection: [str(row[0]) for row in connection.execute(_PARTITIONS, values)], rows=limit
        )

    async def all(self, *, after: Key, limit: int) -> Sequence[Stored]:
        """Return all records of any table by key, ascending; no part of the port: for moving to another engine."""
        return await self._database.page(_ALL, after, _stored, limit=limit)


def _get(connection: sqlite3.Connection, keys: Sequence[Key]) -> Mapping[Key, Stored]:
    found: dict[Key, Stored] = {}
    for key in keys:
        row = connection.execute(_BY_KEY, key).fetchone() or connection.execute(_BY_NAME, key).fetchone()
        if row is not None:
            found[key] = _stored(row)
    return found


def _stored(row: _Row) -> Stored:
    table, partition, id_, also, text, version, lane, at = row
    body: Body = JSON.loads(text)
    names: list[str] = json.loads(also) if also != _NO_NAMES else []
    due = None if lane is None or at is None else Due(lane, restored(at))
    return Stored(Key(table, partition, id_), tuple(names), body, version, due)


def _step(write: Write) -> _Step:
    """A write, prepared: what cannot be put into JSON fails in its caller, not in the commit of many."""
    match write:
        case Insert():
            return _insert(write)
        case Replace():
            return _replace(write)
        case Delete():
            return lambda connection: _delete(connection, write)
        case _:
            assert_never(write)


def _insert(write: Insert) -> _Step:
    table, partition, id_ = write.key
    names = [name for name in dict.fromkeys(write.also) if name != id_]
    taken = {"tbl": table, "part": partition, "names": json.dumps([id_, *names])}
    version = secrets.token_hex(8)
    row = (table, partition, id_, json.dumps(write.also), JSON.text(write.body), version, *_due(write.due))

    def step(connection: sqlite3.Connection) -> Written | Conflict:
        if connection.execute(_TAKEN, taken).fetchone():
            return Conflict()
        connection.execute("INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
        further = [(table, partition, name, id_) for name in names]
        connection.executemany("INSERT INTO record_names VALUES (?, ?, ?, ?)", further)
        return Written(version)

    return step


def _replace(write: Replace) -> _Step:
    version = secrets.token_hex(8)
    values = (JSON.text(write.body), version, *_due(write.due), *write.key, write.version)

    def step(connection: sqlite3.Connection) -> Written | Conflict:
        done = connection.execute(
            "UPDATE records SET body = ?, version = ?, lane = ?, at = ?"
            " WHERE tbl = ? AND part = ? AND id = ? AND version = ?",
            values,
        )
        return Written(version) if done.rowcount else Conflict()

    return step


def _delete(connection: sqlite3.Connection, write: Delete) -> Written | Conflict:
    gone = connection.execute(
        "DELETE FROM records WHERE tbl = ? AND part = ? AND id = ? AND version = ? RETURNING also",
        (*write.key, write.version),
    ).fetchall()
    if not gone:
        return Conflict()
    connection.execute(
        "DELETE FROM record_names WHERE tbl = ? AND part = ? AND name IN (SELECT value FROM json_each(?))",
        (write.key.table, write.key.partition, gone[0][0]),
    )
    return Written("")


def _due(due: Due | None) -> tuple[str, int] | tuple[None, None]:
    return (None, None) if due is None else (due.lane, stored(due.at))
