"""Records that count what is asked of them: calls, rows and octets, never time."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final

from convalias.ports.records import (
    Body,
    Conflict,
    Delete,
    DuePlace,
    Insert,
    Key,
    Ordered,
    Records,
    Stored,
    Write,
    Written,
    due_after,
    write_in_order,
)


def octets(body: Body) -> int:
    """How long that body is as JSON in UTF-8."""
    return len(json.dumps(body, ensure_ascii=False).encode())


def _tables(keys: Iterable[Key]) -> str:
    return "+".join(sorted({key.table for key in keys}))


class Counting:
    """`ports.Records`, `Ordered` and `Paged` that count, over any others. Call `forget()` between two measurements."""

    def __init__(self, records: Records, *, with_octets: bool = False) -> None:
        """`with_octets`: count those too, which costs more than most calls do: who measures CPU leaves it off."""
        self.records: Final = records
        self._with_octets = with_octets
        self.calls: Counter[str] = Counter()
        """By what was asked of which table or lane: `get events`, `range threads`, `write claims+events`."""
        self.rows: Counter[str] = Counter()
        """Rows that came back, by table."""
        self.writes: Counter[str] = Counter()
        """Records that were asked to be written, conflicts among them, by table and kind, `events insert` or `envelopes update`."""
        self.most_rows = 0
        """Rows of the largest answer."""
        self.octets_read = 0
        self.octets_written = 0

    def forget(self) -> None:
        """Begin at nothing again."""
        for counter in (self.calls, self.rows, self.writes):
            counter.clear()
        self.most_rows = self.octets_read = self.octets_written = 0

    def _read(self, found: Collection[Stored]) -> None:
        self.most_rows = max(self.most_rows, len(found))
        for stored in found:
            self.rows[stored.key.table] += 1
            self.octets_read += octets(stored.body) if self._with_octets else 0

    def _written(self, writes: Sequence[Write], answers: Sequence[Written | Conflict]) -> None:
        """Count writes that were answered; a subclass may look at the answers too."""
        self.calls[f"write {_tables(write.key for write in writes)}"] += 1
        for write in writes:
            kind = "insert" if isinstance(write, Insert) else "update"
            self.writes[f"{write.key.table} {kind}"] += 1
            if self._with_octets and not isinstance(write, Delete):
                self.octets_written += octets(write.body)

    async def get(self, keys: Sequence[Key]) -> Mapping[Key, Stored]:
        found = await self.records.get(keys)
        self.calls[f"get {_tables(keys)}"] += 1
        self._read(found.values())
        return found

    async def write(self, writes: Sequence[Write]) -> Sequence[Written | Conflict]:
        answers = await self.records.write(writes)
        self._written(writes, answers)
        return answers

    async def write_in_order(self, writes: Sequence[Write]) -> Sequence[Written | Conflict]:
        answers = await write_in_order(self.records, writes)
        self._written(writes[: len(answers)], answers)
        if not isinstance(self.records, Ordered):  # each was a call of its own
            self.calls[f"write {_tables(write.key for write in writes)}"] += len(answers) - 1
        return answers

    async def range(self, table: str, partition: str, *, after: str, limit: int) -> Sequence[Stored]:
        found = await self.records.range(table, partition, after=after, limit=limit)
        self.calls[f"range {table}"] += 1
        self._read(found)
        return found

    async def latest(self, table: str, partition: str) -> Stored | None:
        found = await self.records.latest(table, partition)
        self.calls[f"latest {table}"] += 1
        self._read(() if found is None else (found,))
        return found

    async def due(self, lane: str, *, until: datetime, limit: int) -> Sequence[Stored]:
        found = await self.records.due(lane, until=until, limit=limit)
        self.calls[f"due {lane}"] += 1
        self._read(found)
        return found

    async def due_after(self, lane: str, *, after: DuePlace, until: datetime, limit: int) -> Sequence[Stored]:
        found = await due_after(self.records, lane, after=after, until=until, limit=limit)
        self.calls[f"due {lane}"] += 1
        self._read(found)
        return found
