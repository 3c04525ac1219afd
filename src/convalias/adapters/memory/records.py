"""Records in memory: the reference of what the port means."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import count, islice
from typing import TypeAlias, assert_never

from attrs import frozen

from convalias.codec.json_text import JSON
from convalias.ports.records import Body, Conflict, Delete, Due, DuePlace, Insert, Key, Replace, Stored, Write, Written

_Appointment: TypeAlias = tuple[datetime, Key]


@frozen
class Row:
    """A stored record, as text."""

    key: Key
    also: tuple[str, ...]
    text: str
    version: str
    due: Due | None

    def stored(self) -> Stored:
        """Return the row for its reader."""
        return Stored(self.key, self.also, self.body(), self.version, self.due)

    def body(self) -> Body:
        """A document of the reader's own."""
        body: Body = JSON.loads(self.text)
        return body


class Records:
    """`ports.Records`, `Ordered` and `Paged`. Bodies pass through JSON, so nobody shares an object with the store."""

    _row: type[Row] = Row

    def __init__(self) -> None:
        """Empty."""
        self._rows: dict[Key, Row] = {}
        self._names: dict[Key, Key] = {}
        self._ids: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
        self._lanes: defaultdict[str, list[_Appointment]] = defaultdict(list)
        self._versions = count(1)

    async def get(self, keys: Sequence[Key]) -> Mapping[Key, Stored]:
        """Find a record by its key or by any of `also`."""
        found = {key: self._names.get(key) for key in keys}
        return {key: self._rows[name].stored() for key, name in found.items() if name is not None}

    async def write(self, writes: Sequence[Write]) -> Sequence[Written | Conflict]:
        """Write one after the other, each by itself."""
        return [self._write(write) for write in writes]

    async def write_in_order(self, writes: Sequence[Write]) -> Sequence[Written | Conflict]:
        """The same, as far as the first conflict."""
        answers: list[Written | Conflict] = []
        for write in writes:
            answers.append(self._write(write))
            if isinstance(answers[-1], Conflict):
                break
        return answers

    async def range(self, table: str, partition: str, *, after: str, limit: int) -> Sequence[Stored]:
        """Return records by key, ascending."""
        ids = self._ids[table, partition]
        start = bisect_right(ids, after)
        return [self._rows[Key(table, partition, one)].stored() for one in ids[start : start + limit]]

    async def latest(self, table: str, partition: str) -> Stored | None:
        """The highest key."""
        ids = self._ids[table, partition]
        return self._rows[Key(table, partition, ids[-1])].stored() if ids else None

    async def due(self, lane: str, *, until: datetime, limit: int) -> Sequence[Stored]:
        """Return due records by (at, key), ascending."""
        waiting = islice(self._lanes[lane], limit)
        return [self._rows[key].stored() for at, key in waiting if at <= until]

    async def due_after(self, lane: str, *, after: DuePlace, until: datetime, limit: int) -> Sequence[Stored]:
        """The same behind a place."""
        start = bisect_right(self._lanes[lane], after)
        waiting = islice(self._lanes[lane], start, start + limit)
        return [self._rows[key].stored() for at, key in waiting if at <= until]

    async def partitions(self, table: str, *, after: str, limit: int) -> Sequence[str]:
        """Return the partitions of that table, ascending; no part of the port."""
        found = (partition for name, partition in self._ids if name == table and self._ids[name, partition])
        return sorted(one for one in found if one > after)[:limit]

    def tables(self) -> set[str]:
        """Return the tables that hold anything; no part of the port."""
        return {key.table for key in self._rows}

    def _write(self, write: Write) -> Written | Conflict:
        match write:
            case Insert():
                return self._insert(write)
            case Replace():
                return self._replace(write)
            case Delete():
                return self._delete(write)
            case _:
                assert_never(write)

    def _insert(self, write: Insert) -> Written | Conflict:
        names = {write.key._replace(id=name) for name in (write.key.id, *write.also)}
        if not self._names.keys().isdisjoint(names):
            return Conflict()
        self._names.update(dict.fromkeys(names, write.key))
        insort(self._ids[write.key.table, write.key.partition], write.key.id)
        return self._put(write.key, write.also, write.body, write.due)

    def _replace(self, write: Replace) -> Written | Conflict:
        there = self._at(write.key, write.version)
        if there is None:
            return Conflict()
        self._cancel(there)
        return self._put(write.key, there.also, write.body, write.due)

    def _delete(self, write: Delete) -> Written | Conflict:
        there = self._at(write.key, write.version)
        if there is None:
            return Conflict()
        self._cancel(there)
        del self._rows[there.key]
        for name in {there.key.id, *there.also}:
            del self._names[there.key._replace(id=name)]
        ids = self._ids[there.key.table, there.key.partition]
        del ids[bisect_left(ids, there.key.id)]
        return Written("")

    def _at(self, key: Key, version: str) -> Row | None:
        row = self._rows.get(key)
        return row if row is not None and row.version == version else None

    def _put(self, key: Key, also: tuple[str, ...], body: Body, due: Due | None) -> Written:
        row = self._row(key, also, JSON.text(body), str(next(self._versions)), due)
        self._rows[key] = row
        if due is not None:
            insort(self._lanes[due.lane], (due.at, key))
        return Written(row.version)

    def _cancel(self, row: Row) -> None:
        if row.due is not None:
            lane = self._lanes[row.due.lane]
            del lane[bisect_left(lane, (row.due.at, row.key))]
