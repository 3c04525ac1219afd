"""Which indexes the store stands on, how they are made, and what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from attrs import frozen
from pymongo import ASCENDING, IndexModel
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase

from convalias.adapters.mongo.documents import Document

COLLECTION: Final = "records"
NAMES: Final = "names"
DUE: Final = "due"


@frozen(kw_only=True)
class Index:
    """One index, as it has to be."""

    name: str
    fields: tuple[str, ...]
    is_unique: bool = False
    only_with: str | None = None
    """Only documents that have this field are in it."""

    def model(self) -> IndexModel:
        """For the driver."""
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


async def migrate(database: AsyncDatabase[Document]) -> Sequence[str]:
    """Make what is missing; the names of what was made. May be repeated, and run beside a working deployment."""
    collection = database[COLLECTION]
    lacking = await missing(collection)
    if lacking:
        await collection.create_indexes([index.model() for index in INDEXES if index.name in lacking])
    return lacking


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
