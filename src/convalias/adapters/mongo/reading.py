"""Reads of calls in flight, together: point reads by one `find`, ranges by one `aggregate`."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any, Final, TypeAlias

from attrs import evolve, frozen
from bson.codec_options import CodecOptions
from bson.max_key import MaxKey
from pymongo import ASCENDING, DESCENDING

from convalias.adapters._sharing import Bound, Line, each
from convalias.adapters.mongo.database import Database
from convalias.adapters.mongo.documents import Document, stored
from convalias.adapters.mongo.errors import lost
from convalias.adapters.mongo.schema import COLLECTION, NAMES
from convalias.adapters.mongo.shared import AT_ONCE, apart
from convalias.ports.records import Key, Stored

Filter: TypeAlias = Mapping[str, object]

KEYS: Final = 100
"""In one shared request, and of one query of `get`: each partition is planned by itself."""
RANGES: Final = 50
"""In one shared request: each is a pipeline of its own."""
SHORT: Final = 100
"""Rows that a range may have in a shared request. A longer one is read by itself, and keeps no neighbour waiting."""
_NAMES: Final = 1_000
"""Of one partition, in one clause."""
_BATCH: Final = 101
"""What a first answer holds unless more is asked for."""


class AskedDocument(Document):
    """A document, and which of the ranges of its request it belongs to."""

    asked: int


@frozen
class Range:
    """Records of a partition behind an id, ascending or from the last."""

    table: str
    partition: str
    after: str
    limit: int
    is_from_last: bool = False

    @property
    def query(self) -> Filter:
        """Behind that key, in its table and partition."""
        after = {"table": self.table, "partition": self.partition, "id": self.after}
        return {"_id": {"$gt": after, "$lt": {**after, "id": MaxKey()}}}

    @property
    def order(self) -> int:
        """The order of `_id`."""
        return DESCENDING if self.is_from_last else ASCENDING

    def pipeline(self, number: int) -> Sequence[Mapping[str, Any]]:
        """The same as a pipeline, whose documents say that they are of the range of this number."""
        return [
            {"$match": self.query},
            {"$sort": {"_id": self.order}},
            {"$limit": self.limit},
            {"$set": {"asked": number}},
        ]


class Reader:
    """Reads that share requests. Each caller has documents of its own."""

    def __init__(self, database: Database) -> None:
        """Over an opened database."""
        self._database = database
        self._keys = Line[tuple[Key, ...], Mapping[Key, Stored]](
            apart(self._find_keys),
            at_once=AT_ONCE,
            bounds=(Bound(KEYS, len),),
            lost=lost,
            patience=database.patience,
        )
        self._ranges = Line[Range, Sequence[Stored] | None](
            apart(self._find_ranges),
            at_once=AT_ONCE,
            bounds=(Bound(RANGES, each),),
            lost=lost,
            patience=database.patience,
        )

    async def get(self, keys: Sequence[Key]) -> Mapping[Key, Stored]:
        """Find records by the unique index over all names of a partition, the key's own included."""
        asked = tuple(dict.fromkeys(keys))
        if not asked:
            return {}
        if len(asked) > KEYS:
            return _of(asked, await self._named(asked))
        return await self._keys.ask(asked)

    async def range(self, asked: Range) -> Sequence[Stored]:
        """Return records by `_id`."""
        if asked.limit <= 0:
            return []
        found = await self._ranges.ask(asked)
        return await self._by_itself(asked) if found is None else found

    async def end(self) -> None:
        """Turn away who waits."""
        await self._keys.end()
        await self._ranges.end()

    async def find(
        self, query: Filter, *, sort: list[tuple[str, int]] | None = None, limit: int = 0, hint: str | None = None
    ) -> list[Document]:
        """Ask alone. No limit: all that there is, as far as names can ask for it."""

        async def ask() -> list[Document]:
            cursor = self._database.records.find(query, sort=sort, limit=limit, hint=hint)
            if not 0 < limit <= _BATCH:
                cursor = cursor.batch_size(limit or _NAMES)
            return await cursor.to_list()

        return await self._database.read(ask)

    async def _find_keys(self, asked: Sequence[tuple[Key, ...]]) -> Sequence[Mapping[Key, Stored]]:
        named = await self._named(tuple(dict.fromkeys(chain.from_iterable(asked))))
        return [_of(keys, named) for keys in asked]

    async def _named(self, keys: Sequence[Key]) -> Mapping[Key, Document]:
        """Documents by each of their names."""
        queries = _lookups(keys)
        pages = [await self.find(queries[0])] if len(queries) == 1 else await self._find_all(queries)
        found: dict[Key, Document] = {}
        for document in chain.from_iterable(pages):
            at = document["_id"]
            found.update((Key(at["table"], at["partition"], name), document) for name in document["names"])
        return found

    async def _find_all(self, queries: Sequence[Filter]) -> Sequence[list[Document]]:
        return await asyncio.gather(*(self.find(query) for query in queries))

    async def _find_ranges(self, asked: Sequence[Range]) -> Sequence[Sequence[Stored] | None]:
        """Answer each range with its rows; None: there are more than a shared request may have."""
        if len(asked) == 1:
            return [await self._by_itself(asked[0])]
        numbers = {one: number for number, one in enumerate(dict.fromkeys(asked))}
        found = await self._together([evolve(one, limit=min(one.limit, SHORT)) for one in numbers])
        return [
            None if len(rows := found[numbers[one]]) == SHORT < one.limit else [stored(row) for row in rows]
            for one in asked
        ]

    async def _by_itself(self, asked: Range) -> Sequence[Stored]:
        found = await self.find(asked.query, sort=[("_id", asked.order)], limit=asked.limit)
        return [stored(document) for document in found]

    async def _together(self, asked: Sequence[Range]) -> Mapping[int, Sequence[Document]]:
        """The rows of each by its number: whoever asks is answered from one read, and never from a neighbour's."""
        first, *others = [list(one.pipeline(number)) for number, one in enumerate(asked)]
        unions = [{"$unionWith": {"coll": COLLECTION, "pipeline": other}} for other in others]
        collection = self._database.records.with_options(codec_options=CodecOptions[AskedDocument]())

        async def ask() -> list[AskedDocument]:
            cursor = await collection.aggregate([*first, *unions], batchSize=len(asked) * SHORT)
            return await cursor.to_list()

        found: defaultdict[int, list[Document]] = defaultdict(list)
        for document in await self._database.read(ask):
            found[document["asked"]].append(document)
        return found


def _of(keys: Sequence[Key], named: Mapping[Key, Document]) -> Mapping[Key, Stored]:
    return {key: stored(named[key]) for key in keys if key in named}


def _lookups(keys: Sequence[Key]) -> list[Filter]:
    """The fewest queries: the names of a partition together, partitions by the hundred."""
    names: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for key in keys:
        names[key.table, key.partition].append(key.id)
    clauses: list[Filter] = [
        {"_id.table": table, "_id.partition": partition, NAMES: {"$in": some[start : start + _NAMES]}}
        for (table, partition), some in names.items()
        for start in range(0, len(some), _NAMES)
    ]
    if len(clauses) == 1:
        return clauses
    return [{"$or": clauses[start : start + KEYS]} for start in range(0, len(clauses), KEYS)]
