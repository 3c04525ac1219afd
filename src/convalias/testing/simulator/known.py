"""Records with the value that they were read as: values never change, so a run decodes the same octets once."""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, TypeVar
from unittest.mock import patch

from attrs import Factory, field, frozen

from convalias.adapters.memory.records import Row
from convalias.codec.formats import Format
from convalias.codec.stored import CODEC, Codec
from convalias.ports.records import Body

T = TypeVar("T")


class Known(dict[str, Any]):
    """A body that is read again and again, and what it was loaded as."""

    def __init__(self, body: Body) -> None:
        """Not loaded yet."""
        super().__init__(body)
        self.loaded: dict[object, Any] = {}


@frozen
class KnownRow(Row):
    """A stored record whose octets are parsed once: they are the same for all who read them."""

    _known: Known = field(
        default=Factory(lambda self: Known(json.loads(self.text)), takes_self=True), init=False, repr=False, eq=False
    )

    def body(self) -> Body:
        """The one that everybody gets. Who changed it would change it for all processes, which no store does."""
        return self._known


@contextmanager
def decoding_once() -> Generator[None]:
    """Keep what was loaded from a `Known` body while entered: it is not built anew."""
    plain = Codec.load

    def load(self: Codec, body: Body, expected: type[T] | Format[T]) -> T:
        if self is not CODEC or not isinstance(body, Known):
            return plain(self, body, expected)
        found: T | None = body.loaded.get(expected)
        if found is None:
            found = body.loaded[expected] = plain(self, body, expected)
        return found

    with patch.object(Codec, "load", load):
        yield
