"""Records in MongoDB: one collection, one unique index that carries the rules, no transaction."""

from __future__ import annotations

import asyncio
import secrets
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import chain
from typing import Final, TypeAlias, assert_never

from bson.max_key import MaxKey
from pymongo import ASCENDING, DESCENDING
from pymongo.errors import BulkWriteError, DuplicateKeyError

from convalias.adapters.mongo.bodies import to_bson
from convalias.adapters.mongo.database import Database
from convalias.adapters.mongo.documents import Document, due_document, inserted, instant, key_document, stored
from convalias.adapters.mongo.errors import translated
from convalias.adapters.mongo.schema import DUE, NAMES
from convalias.ports.examining import Observation
from convalias.ports.records import Conflict, Delete, Insert, Key, Replace, Stored, Write, Written

_Filter: TypeAlias = Mapping[str, object]

_TAKEN: Final = 11000
_AT_ONCE: Final = 32
"""Replaces and deletes of one call side by side: a bulk would say only how many of them found their version."""
_PARTITIONS: Final = 100
"""Of one query of `get`: each is planned by itself."""
_NAMES: Final = 1_000
_PAGE: Final = 1_000
_BATCH: Final = 101
"""What a first answer holds unless more is asked for."""


class Records:
    """`ports.Records` in the collection `records`. A version is random text, so that one never comes back."""

    def __init__(self, database: Database) -> None:
        """Over an opened database."""
        self._database = database

    async def get(self, keys: Sequence[Key]) -> Mapping[Key, Stored]:
        """Find records by the unique index over all names of a partition, the key's own included."""
        found: dict[Key, Stored] = {}
        queries = _lookups(keys)
        pages = [await self._find(queries[0])] if len(queries) == 1 else await self._find_all(queries)
        for document in chain.from_iterable(pages):
            one = stored(document)
            found.update((one.key._replace(id=name), one) for name in document["names"])
        return {key: found[key] for key in keys if key in found}

    async def write(self, writes: Sequence[Write]) -> Sequence[Written | Conflict]:
        """Inserts of one call in one command, each of the others in its own. While an index is missing, none."""
        await self._database.checked()
        if len(writes) == 1:
            return [await self._write(writes[0])]
        answers: dict[int, Written | Conflict] = {}
        inserts = {number: write for number, write in enumerate(writes) if isinstance(write, Insert)}
        if inserts:
            answers.update(zip(inserts, await self._insert_many(list(inserts.values())), strict=True))
        others = {number: write for number, write in enumerate(writes) if number not in inserts}
        answers.update(zip(others, await self._side_by_side(list(others.values())), strict=True))
        return [answers[number] for number in range(len(writes))]

    async def write_in_order(self, writes: Sequence[Write]) -> Sequence[Written | Conflict]:
        """Inserts that stand behind one another in one ordered command, each of the others in its own."""
        await self._database.checked()
        answers: list[Written | Conflict] = []
        while len(answers) < len(writes):
            rest = writes[len(answers) :]
            inserts = _leading_inserts(rest)
            answers += await self._insert_in_order(inserts) if inserts else [await self._write(rest[0])]
            if isinstance(answers[-1], Conflict):
                break
        return answers

    async def range(self, table: str, partition: str, *, after: str, limit: int) -> Sequence[Stored]:
        """Return records by `_id`, ascending."""
        behind = {"table": table, "partition": partition, "id": after}
        found = await self._find(_between(behind), sort=[("_id", ASCENDING)], limit=limit)
        return [stored(document) for document in found]

    async def latest(self, table: str, partition: str) -> Stored | None:
        """The highest `_id`."""
        first = {"table": table, "partition": partition, "id": ""}
        found = await self._find(_between(first), sort=[("_id", DESCENDING)], limit=1)
        return stored(found[0]) if found else None

    async def due(self, lane: str, *, until: datetime, limit: int) -> Sequence[Stored]:
        """Return due records by (at, key), ascending."""
        await self._database.checked()  # it is asked for by name
        query = {"due.lane": lane, "due.at": {"$lte": instant(until)}}
        order = [("due.at", ASCENDING), ("_id", ASCENDING)]
        return [stored(document) for document in await self._find(query, sort=order, limit=limit, hint=DUE)]

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

    async def _ids(self, query: _Filter) -> Sequence[str]:
        """Partitions of a page, from the index over `_id` alone."""

        async def ask() -> list[Document]:
            cursor = self._database.records.find(query, {"_id": 1}, sort=[("_id", ASCENDING)], limit=_PAGE)
            return await cursor.batch_size(_PAGE).to_list()

        return [document["_id"]["partition"] for document in await self._database.read(ask)]

    async def _find_all(self, queries: Sequence[_Filter]) -> Sequence[list[Document]]:
        return await asyncio.gather(*(self._find(query) for query in queries))

    async def _find(
        self, query: _Filter, *, sort: list[tuple[str, int]] | None = None, limit: int = 0, hint: str | None = None
    ) -> list[Document]:
        if limit < 0 or (sort is not None and not limit):
            return []

        async def ask() -> list[Document]:
            cursor = self._database.records.find(query, sort=sort, limit=limit, hint=hint)
            if not 0 < limit <= _BATCH:
                cursor = cursor.batch_size(limit or _NAMES)
            return await cursor.to_list()

        return await self._database.read(ask)

    async def _write(self, write: Write) -> Written | Conflict:
        with translated("records"):
            match write:
                case Insert():
                    return await self._insert(write)
                case Replace():
                    return await self._replace(write)
                case Delete():
                    return await self._delete(write)
                case _:
                    assert_never(write)

    async def _insert(self, write: Insert) -> Written | Conflict:
        version = _version()
        try:
            await self._database.records.insert_one(inserted(write, version))
        except DuplicateKeyError:
            return Conflict()
        return Written(version)

    async def _insert_many(self, writes: Sequence[Insert]) -> Sequence[Written | Conflict]:
        versions = [_version() for _ in writes]
        documents = [inserted(write, version) for write, version in zip(writes, versions, strict=True)]
        taken: set[int] = set()
        with translated("records"):
            try:
                await self._database.records.insert_many(documents, ordered=False)
            except BulkWriteError as error:
                taken = _taken(error)
        return [Conflict() if number in taken else Written(version) for number, version in enumerate(versions)]

    async def _insert_in_order(self, writes: Sequence[Insert]) -> Sequence[Written | Conflict]:
        versions = [_version() for _ in writes]
        documents = [inserted(write, version) for write, version in zip(writes, versions, strict=True)]
        with translated("records"):
            try:
                await self._database.records.insert_many(documents, ordered=True)
            except BulkWriteError as error:
                (stopped,) = _taken(error)
                return [*map(Written, versions[:stopped]), Conflict()]
        return [Written(version) for version in versions]

    async def _replace(self, write: Replace) -> Written | Conflict:
        version = _version()
        fields: dict[str, object] = {"version": version, "body": to_bson(write.body)}
        change: dict[str, object] = {"$set": fields}
        if write.due is None:
            change["$unset"] = {"due": ""}
        else:
            fields["due"] = due_document(write.due)
        done = await self._database.records.update_one(_exactly(write.key, write.version), change)
        return Written(version) if done.matched_count else Conflict()

    async def _delete(self, write: Delete) -> Written | Conflict:
        done = await self._database.records.delete_one(_exactly(write.key, write.version))
        return Written("") if done.deleted_count else Conflict()

    async def _side_by_side(self, writes: Sequence[Write]) -> Sequence[Written | Conflict]:
        gate = asyncio.Semaphore(_AT_ONCE)

        async def one(write: Write) -> Written | Conflict:
            async with gate:
                return await self._write(write)

        return await asyncio.gather(*(one(write) for write in writes))


def _lookups(keys: Sequence[Key]) -> list[_Filter]:
    """The fewest queries: the names of a partition together, partitions by the hundred."""
    names: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for key in dict.fromkeys(keys):
        names[key.table, key.partition].append(key.id)
    clauses: list[_Filter] = [
        {"_id.table": table, "_id.partition": partition, NAMES: {"$in": some[start : start + _NAMES]}}
        for (table, partition), some in names.items()
        for start in range(0, len(some), _NAMES)
    ]
    if len(clauses) == 1:
        return clauses
    return [{"$or": clauses[start : start + _PARTITIONS]} for start in range(0, len(clauses), _PARTITIONS)]


def _between(after: Mapping[str, str]) -> _Filter:
    """Behind that key, in its table and partition."""
    end = {**after, "id": MaxKey()}
    return {"_id": {"$gt": after, "$lt": end}}


def _exactly(key: Key, version: str) -> _Filter:
    return {"_id": key_document(key), "version": version}


def _leading_inserts(writes: Sequence[Write]) -> Sequence[Insert]:
    """The inserts before the first write of another kind."""
    inserts: list[Insert] = []
    for write in writes:
        if not isinstance(write, Insert):
            break
        inserts.append(write)
    return inserts


def _taken(error: BulkWriteError) -> set[int]:
    """Places of the writes whose key was taken. Raises the error when it is about anything else too."""
    wrong = error.details.get("writeErrors", ())
    if error.details.get("writeConcernErrors") or any(one["code"] != _TAKEN for one in wrong):
        raise error
    return {int(one["index"]) for one in wrong}


def _version() -> str:
    return secrets.token_hex(8)
