"""Records: the one storage primitive that every storing part of the library stands on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol, TypeAlias, runtime_checkable

from attrs import frozen

Json: TypeAlias = "str | int | float | bool | Sequence[Json] | Mapping[str, Json] | None"
"""Value of a JSON document."""
Body: TypeAlias = Mapping[str, Json]
"""A JSON document that an operator can read in the engine. The key `$` names its format; no other starts with `$`."""


class Key(NamedTuple):
    """The key of a record: table, partition, id.

    Printable ASCII, at most 400 octets in all; `id` sorts by its octets.
    """

    table: str
    partition: str
    id: str


@frozen
class Due:
    """The time and lane in which a record is due. Aware, microsecond UTC."""

    lane: str
    at: datetime


@frozen
class Insert:
    """Store a record under `key` and under all of `also`; a conflict if any of them is taken."""

    key: Key
    body: Body
    also: tuple[str, ...] = ()
    """Further unique ids in the record's own table and partition; they share one name space with `key.id`."""
    due: Due | None = None


@frozen
class Replace:
    """Put a new body and due in the place of exactly `version`; the keys stay."""

    key: Key
    version: str
    body: Body
    due: Due | None = None


@frozen
class Delete:
    """Remove exactly `version`, under all its keys."""

    key: Key
    version: str


class DuePlace(NamedTuple):
    """A place in a due lane: behind this time and key. The record that was there may have moved, or be gone."""

    at: datetime
    key: Key

    @classmethod
    def of(cls, record: Stored) -> DuePlace:
        """Return where a record stands. Raises `ValueError` for one that is due nowhere."""
        if record.due is None:
            raise ValueError(f"`due` gave a record of {record.key.table} that is due nowhere, expected its due time")
        return cls(record.due.at, record.key)


Write: TypeAlias = Insert | Replace | Delete
"""Change of one record, which is made only if its condition holds."""


@frozen
class Stored:
    """A record as it is kept; `version` is the store's own opaque text."""

    key: Key
    also: tuple[str, ...]
    body: Body
    version: str
    due: Due | None


@frozen
class Written:
    """The write is durable; the record has this version now (empty after a delete)."""

    version: str


@frozen
class Conflict:
    """A key was taken, or the version is not the one named (gone included). Which it was, a `get` tells."""


class Records(Protocol):
    """A place for small JSON documents under conditional writes.

    Promises: each write is atomic and durable when its answer is back; what was answered is seen by every later
    call of every process (after a fail-over too: majority, not local reads). A body is a copy, on its way in and on
    its way out: what a caller does to it afterwards changes nothing that is kept.
    Does not promise: any order or atomicity *between* the writes of one call.
    Raises: `Unavailable`; then each write may or may not have happened. Every call may be repeated: a repeated
    write that had happened is a `Conflict`, and the library looks what is there.
    """

    async def get(self, keys: Sequence[Key]) -> Mapping[Key, Stored]:
        """Return records by `key` or by any of `also`, keyed as asked; missing records are left out."""
        ...

    async def write(self, writes: Sequence[Write]) -> Sequence[Written | Conflict]:
        """Answers in the order of `writes`."""
        ...

    async def range(self, table: str, partition: str, *, after: str, limit: int) -> Sequence[Stored]:
        """Records whose `key` (not `also`) lies there with an id greater than `after`, ascending by id."""
        ...

    async def latest(self, table: str, partition: str) -> Stored | None:
        """The last of that range."""
        ...

    async def due(self, lane: str, *, until: datetime, limit: int) -> Sequence[Stored]:
        """Records due in the lane at or before `until`, ascending by (at, key)."""
        ...


@runtime_checkable
class Partitioned(Protocol):
    """Records that can also say which partitions a table has: for tools, and for what an older release left."""

    async def partitions(self, table: str, *, after: str, limit: int) -> Sequence[str]:
        """Return the partitions greater than `after`, ascending."""
        ...


@runtime_checkable
class Ordered(Protocol):
    """Records that can do several writes one after the other in one call. Optional: see `write_in_order`."""

    async def write_in_order(self, writes: Sequence[Write]) -> Sequence[Written | Conflict]:
        """Write one after the other, and stop behind the first conflict, which is the last answer.

        There are as many answers as writes that were tried: all of them, or those before the conflict and the
        conflict. Promises: a write is tried only when those before it are durable, so that what a reader or a later
        call finds is always a prefix. Does not promise: that the writes become visible at once; other writers may
        get in between any two. Raises: `Unavailable`, or another `PortError`; then any prefix may have happened, and
        more of the writes may still happen, in their order.
        """
        ...


async def write_in_order(records: Records, writes: Sequence[Write]) -> Sequence[Written | Conflict]:
    """Do what `Ordered.write_in_order` promises with any records: in one call if they can, else in a call each."""
    if isinstance(records, Ordered):
        return await records.write_in_order(writes)
    answers: list[Written | Conflict] = []
    for write in writes:
        answers += await records.write([write])
        if isinstance(answers[-1], Conflict):
            break
    return answers


@runtime_checkable
class Paged(Protocol):
    """Records that can go on in a due lane behind a place. Optional: see `due_after` and `due_pages`."""

    async def due_after(self, lane: str, *, after: DuePlace, until: datetime, limit: int) -> Sequence[Stored]:
        """Return records of `due` whose (at, key) is greater than `after`, ascending by (at, key).

        Promises: of several records that are due at one time none is left out and none comes twice, wherever a page
        ends; no record need stand at `after`. Does not promise one view of the whole lane: each call gives what stands
        when it is made.
        """
        ...


async def due_after(records: Records, lane: str, *, after: DuePlace, until: datetime, limit: int) -> Sequence[Stored]:
    """Do what `Paged.due_after` promises with any records. Those without it read the lane from its beginning."""
    if isinstance(records, Paged):
        return await records.due_after(lane, after=after, until=until, limit=limit)
    asked = limit
    while True:
        asked *= 2
        found = await records.due(lane, until=until, limit=asked)
        behind = [one for one in found if DuePlace.of(one) > after]
        if len(behind) >= limit or len(found) < asked:
            return behind[:limit]


async def due_pages(records: Records, lane: str, *, until: datetime, size: int) -> AsyncIterator[Sequence[Stored]]:
    """Read a due lane with any records, in pages of at most `size`, none of them empty.

    A record that keeps its due time comes once. One whose due time changes meanwhile comes once more if its new place
    lies behind the page, and is left out if it had not come yet and moves before it. Records that are not `Paged` are
    asked for the whole lane first, for they can only begin anew with each page.
    """
    if not isinstance(records, Paged):
        limit = size
        while len(found := await records.due(lane, until=until, limit=limit)) >= limit:
            limit *= 2
        for start in range(0, len(found), size):
            yield found[start : start + size]
        return
    page = await records.due(lane, until=until, limit=size)
    while page:
        yield page
        page = await records.due_after(lane, after=DuePlace.of(page[-1]), until=until, limit=size)
