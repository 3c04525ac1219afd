"""A record as one document: what `ports.records` calls it, by names that an operator understands."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NotRequired, TypedDict

from convalias.adapters.mongo.bodies import Bson, from_bson, to_bson
from convalias.ports.records import Body, Due, Insert, Key, Stored


class KeyDocument(TypedDict):
    """The primary key. The order of its fields is the order of records."""

    table: str
    partition: str
    id: str


class DueDocument(TypedDict):
    """The due time of a record, and its lane."""

    lane: str
    at: str
    """ISO 8601, always with six digits and in UTC, so that its order is that of time: BSON's dates end at milliseconds."""


class Document(TypedDict):
    """A record as a document."""

    _id: KeyDocument
    names: list[str]
    """`key.id` first, then each of `also`: unique in (table, partition)."""
    version: str
    due: NotRequired[DueDocument]
    body: dict[str, Bson]


class Token(TypedDict):
    """A resume token."""

    _data: str


class Change(TypedDict):
    """The part of a change stream's entry about an insert that is read."""

    _id: Token
    fullDocument: Document


def key_document(key: Key) -> KeyDocument:
    """Return the key as `_id`. MongoDB compares embedded documents field by field, text by its octets."""
    return {"table": key.table, "partition": key.partition, "id": key.id}


def key_of(document: KeyDocument) -> Key:
    """The key it stands for."""
    return Key(document["table"], document["partition"], document["id"])


def inserted(insert: Insert, version: str) -> Document:
    """The document of a new record."""
    return document(insert.key, [insert.key.id, *insert.also], version, insert.body, insert.due)


def document(key: Key, names: list[str], version: str, body: Body, due: Due | None) -> Document:
    """The document of a record. Without a due time it is in no lane, and in no index of lanes."""
    if due is None:
        return {"_id": key_document(key), "names": names, "version": version, "body": to_bson(body)}
    return {
        "_id": key_document(key),
        "names": names,
        "version": version,
        "due": due_document(due),
        "body": to_bson(body),
    }


def due_document(due: Due) -> DueDocument:
    """The lane, and the time as text."""
    return {"lane": due.lane, "at": instant(due.at)}


def instant(at: datetime) -> str:
    """Exact to the microsecond; sorts as time does."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def stored(found: Document) -> Stored:
    """The record of a document."""
    due = found.get("due")
    return Stored(
        key_of(found["_id"]),
        tuple(found["names"][1:]),
        from_bson(found["body"]),
        found["version"],
        None if due is None else Due(due["lane"], datetime.fromisoformat(due["at"])),
    )
