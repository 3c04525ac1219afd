"""Records to documents and back. The one place that knows tags, versions and cattrs."""

from __future__ import annotations

from typing import TypeVar

from convalias.codec.errors import BrokenRecord, CodecError, UnknownFormat
from convalias.codec.formats import FORMATS, OUTCOME, TAGS, Format
from convalias.codec.stored import CODEC, Codec
from convalias.domain.events import Happening
from convalias.ports.records import Body

T = TypeVar("T")

__all__ = [
    "CODEC",
    "FORMATS",
    "OUTCOME",
    "BrokenRecord",
    "Codec",
    "CodecError",
    "Format",
    "UnknownFormat",
    "dump",
    "dumps",
    "kind_of",
    "load",
    "loads",
]


def dump(record: object) -> Body:
    """A JSON document with `"$": "<tag>/<version>"`, of the newest version."""
    return CODEC.dump(record)


def load(body: Body, expected: type[T] | Format[T]) -> T:
    """The record in a body of any version; `expected` is its class, or the row of a union (`OUTCOME`)."""
    return CODEC.load(body, expected)


def dumps(record: object) -> bytes:
    """The same as octets."""
    return CODEC.dumps(record)


def loads(octets: bytes, expected: type[T] | Format[T]) -> T:
    """The record in octets."""
    return CODEC.loads(octets, expected)


def kind_of(happening: Happening) -> str:
    """The stable name of an event's kind, as it is stored and published: `message_added`, `closed`, ..."""
    return TAGS[type(happening)]
