"""Which indexes the store stands on, how they are made, and what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

from attrs import frozen
from bson.codec_options import CodecOptions
from pymongo import ASCENDING, IndexModel
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import OperationFailure

from convalias.adapters.mongo.documents import Document
from convalias.adapters.mongo.errors import DuplicatesError

COLLECTION: Final = "records"
NAMES: Final = "names"
DUE: Final = "due"
MOST: Final = 50
"""So many duplicates are named at once."""
_TAKEN: Final = 11000


@frozen(kw_only=True)
class Index:
    """An index, as it has to be."""

    name: str
    fields: tuple[str, ...]
    is_unique: bool = False
    only_with: str | None = None
    """Only documents that have this field are in it."""

    def model(self) -> IndexModel:
        """Return the index for the driver."""
        keys = [(field, ASCENDING) for field in self.fields]
        if self.only_with is None:
            return IndexModel(keys, name=self.name, unique=self.is_unique)
        only = {self.only_with: {"$exists": True}}
        return IndexModel(keys, name=self.name, unique=self.is_unique, partialFilterExpression=only)


INDEXES: Final = (
    # Its first two fields can be a shard key, and a unique index that starts with the shard key holds on every shard.
    Index(name=NAMES, fields=("_id.table", "_id.partition", "names"), is_unique=True),
    Index(name=DUE, fields=("due.lane", "due.at", "_id"), only_with="due.lane"),
)
"""Besides the one over `_id`, by whose order `range` and `latest` go."""


@frozen(kw_only=True)
class Duplicate:
    """Several records under one name of a table and partition. They came while the unique index was missing."""

    table: str
    partition: str
    name: str
    ids: tuple[str, ...]
    """Of all of them, ascending."""

    def __str__(self) -> str:
        """One line: table, partition, name, ids. All of them are ids and digests of ours."""
        return f"{self.table} {self.partition} {self.name}: {', '.join(self.ids)}"

    @property
    def keeper(self) -> str:
        """Which of them keeps the name: the record whose own id it is, else the first."""
        return self.name if self.name in self.ids else self.ids[0]


async def migrate(database: AsyncDatabase[Document], *, keep_first: bool = False) -> Sequence[str]:
    """Make what is missing; the names of what was made. May be repeated, and run beside a working deployment.

    Raises `DuplicatesError` where records stand under one name. `keep_first`: the first of each keeps it, the others
    lose the name and stay.
    """
    collection = database[COLLECTION]
    lacking = await missing(collection)
    if not lacking:
        return lacking
    if keep_first:
        while found := await duplicates(collection):
            for duplicate in found:
                await _free(collection, duplicate)
    try:
        # One by one: what can be made is made, whatever stands in the way of another.
        for index in sorted(INDEXES, key=lambda index: index.is_unique):
            if index.name in lacking:
                await _made(collection, index)
    except OperationFailure as error:
        if error.code == _TAKEN and (found := await duplicates(collection)):
            raise DuplicatesError([str(one) for one in found]) from error
        raise
    return lacking


async def _made(collection: AsyncCollection[Document], index: Index) -> None:
    """One that is there under this name, but otherwise than it has to be, gives way."""
    with suppress(OperationFailure):
        await collection.drop_index(index.name)
    await collection.create_indexes([index.model()])


async def duplicates(collection: AsyncCollection[Document], *, limit: int = MOST) -> Sequence[Duplicate]:
    """Names that several records of a partition have. Reads the whole collection."""
    unique = {"table": "$_id.table", "partition": "$_id.partition", "name": "$names"}
    steps: list[dict[str, object]] = [
        {"$unwind": "$names"},
        {"$group": {"_id": unique, "ids": {"$addToSet": "$_id.id"}}},
        {"$match": {"ids.1": {"$exists": True}}},
        {"$limit": limit},
    ]
    plain: AsyncCollection[dict[str, Any]] = collection.with_options(codec_options=CodecOptions[dict[str, Any]]())
    cursor = await plain.aggregate(steps, allowDiskUse=True)
    found = [
        Duplicate(
            table=one["_id"]["table"],
            partition=one["_id"]["partition"],
            name=one["_id"]["name"],
            ids=tuple(sorted(one["ids"])),
        )
        for one in await cursor.to_list()
    ]
    return sorted(found, key=lambda one: (one.table, one.partition, one.name))


async def _free(collection: AsyncCollection[Document], duplicate: Duplicate) -> None:
    """Take the name from all but the one that keeps it. A record's own id stays with it, by `_id`."""
    for one in duplicate.ids:
        if one != duplicate.keeper:
            at = {"table": duplicate.table, "partition": duplicate.partition, "id": one}
            await collection.update_one({"_id": at}, {"$pull": {"names": duplicate.name}})


async def missing(collection: AsyncCollection[Document]) -> Sequence[str]:
    """Names of indexes that are not there as they have to be."""
    cursor = await collection.list_indexes()
    there = {str(one["name"]): one for one in await cursor.to_list()}
    return [
        index.name
        for index in INDEXES
        if (found := there.get(index.name)) is None
        or tuple(found["key"]) != index.fields
        or bool(found.get("unique")) is not index.is_unique
        or (index.only_with is None) is not ("partialFilterExpression" not in found)
    ]
