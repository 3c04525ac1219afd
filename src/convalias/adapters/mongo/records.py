"""Records in MongoDB: one collection, one unique index that carries the rules, no transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import chain
from typing import Final, assert_never

from bson.max_key import MaxKey
from pymongo import ASCENDING

from convalias.adapters.mongo.database import Database
from convalias.adapters.mongo.documents import Document, instant, key_document, stored
from convalias.adapters.mongo.reading import Filter, Range, Reader
from convalias.adapters.mongo.schema import DUE
from convalias.adapters.mongo.writing import Answer, Writer
from convalias.ports.examining import Observation
from convalias.ports.records import Conflict, Delete, DuePlace, Insert, Key, Replace, Stored, Write, Written

_AT_ONCE: Final = 32
"""Deletes of one call side by side: a bulk would say only how many of them found their version."""
_PAGE: Final = 1_000


class Records:
    """`ports.Records`, `Ordered` and `Paged` in the collection `records`.

    Calls in flight share requests: what is asked while two requests of its kind are under way goes out together with
    the next one. A lone call never waits. While an index is missing, nothing is written.
    """

    def __init__(self, database: Database) -> None:
        """Over an opened database."""
        self._database = database
        self._reader = Reader(database)
        self._writer = Writer(database)
        database.on_close(self._end)

    async def get(self, keys: Sequence[Key]) -> Mapping[Key, Stored]:
        """Find records by the unique index over all names of a partition, the key's own included."""
        return await self._reader.get(keys)

    async def write(self, writes: Sequence[Write]) -> Sequence[Written | Conflict]:
        """Inserts in one command, replaces in one, each delete in its own."""
        if len(writes) == 1:
            return [await self._write(writes[0])]
        inserts = {number: write for number, write in enumerate(writes) if isinstance(write, Insert)}
        replaces = {number: write for number, write in enumerate(writes) if isinstance(write, Replace)}
        deletes = {number: write for number, write in enumerate(writes) if isinstance(write, Delete)}
        done = await asyncio.gather(
            self._writer.insert(list(inserts.values())),
            self._writer.replace(list(replaces.values())),
            self._delete(list(deletes.values())),
        )
        answers = dict(zip([*inserts, *replaces, *deletes], chain.from_iterable(done), strict=True))
        return [answers[number] for number in range(len(writes))]

    async def write_in_order(self, writes: Sequence[Write]) -> Sequence[Written | Conflict]:
        """Inserts that stand behind one another in one ordered command, each of the others by itself."""
        answers: list[Written | Conflict] = []
        while len(answers) < len(writes):
            rest = writes[len(answers) :]
            inserts = _leading_inserts(rest)
            answers += await (self._writer.insert_in_order(inserts) if inserts else self.write(rest[:1]))
            if isinstance(answers[-1], Conflict):
                break
        return answers

    async def range(self, table: str, partition: str, *, after: str, limit: int) -> Sequence[Stored]:
        """Return records by `_id`, ascending."""
        return await self._reader.range(Range(table, partition, after, limit))

    async def latest(self, table: str, partition: str) -> Stored | None:
        """The highest `_id`."""
        found = await self._reader.range(Range(table, partition, "", 1, is_from_last=True))
        return found[0] if found else None

    async def due(self, lane: str, *, until: datetime, limit: int) -> Sequence[Stored]:
        """Return due records by (at, key), ascending."""
        return await self._due({"due.lane": lane, "due.at": {"$lte": instant(until)}}, limit)

    async def due_after(self, lane: str, *, after: DuePlace, until: datetime, limit: int) -> Sequence[Stored]:
        """Return the same behind a place.

        Those due at its time are asked for first, then those due later: each is a stretch of the index.
        """
        if after.at > until:
            return []
        at = instant(after.at)
        same = await self._due({"due.lane": lane, "due.at": at, "_id": {"$gt": key_document(after.key)}}, limit)
        later = {"due.lane": lane, "due.at": {"$gt": at, "$lte": instant(until)}}
        return [*same, *await self._due(later, limit - len(same))]

    async def partitions(self, table: str, *, after: str, limit: int) -> Sequence[str]:
        """Return the partitions of that table, ascending; no part of the port: for tools that show a whole store."""
        found: list[str] = []
        while len(found) < limit:
            behind = {"table": table, "partition": after, "id": MaxKey()}
            query = {"_id": {"$gt": behind, "$lt": {"table": table, "partition": MaxKey()}}}
            page = await self._ids(query)
            if not page:
                break
            found += dict.fromkeys(page)
            after = found[-1]
        return found[:limit]

    async def examine(self) -> Sequence[Observation]:
        """Return what the database says about itself."""
        return await self._database.examine()

    async def _ids(self, query: Filter) -> Sequence[str]:
        """Partitions of a page, from the index over `_id` alone."""

        async def ask() -> list[Document]:
            cursor = self._database.records.find(query, {"_id": 1}, sort=[("_id", ASCENDING)], limit=_PAGE)
            return await cursor.batch_size(_PAGE).to_list()

        return [document["_id"]["partition"] for document in await self._database.read(ask)]

    async def _due(self, query: Filter, limit: int) -> Sequence[Stored]:
        if limit <= 0:
            return []
        await self._database.checked()  # it is asked for by name
        order = [("due.at", ASCENDING), ("_id", ASCENDING)]
        found = await self._reader.find(query, sort=order, limit=limit, hint=DUE)
        return [stored(document) for document in found]

    async def _write(self, write: Write) -> Answer:
        match write:
            case Insert():
                (answer,) = await self._writer.insert([write])
            case Replace():
                (answer,) = await self._writer.replace([write])
            case Delete():
                answer = await self._writer.delete(write)
            case _:
                assert_never(write)
        return answer

    async def _delete(self, writes: Sequence[Delete]) -> Sequence[Answer]:
        gate = asyncio.Semaphore(_AT_ONCE)

        async def one(write: Delete) -> Answer:
            async with gate:
                return await self._writer.delete(write)

        return await asyncio.gather(*map(one, writes))

    async def _end(self) -> None:
        await self._reader.end()
        await self._writer.end()


def _leading_inserts(writes: Sequence[Write]) -> Sequence[Insert]:
    """The inserts before the first write of another kind."""
    inserts: list[Insert] = []
    for write in writes:
        if not isinstance(write, Insert):
            break
        inserts.append(write)
    return inserts
