"""Blobs: big immutable things (raw mail, attachments, envelope records). An object store, a folder."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Protocol


class Put(Enum):
    """The result of a conditional create."""

    NEW = "new"
    THERE = "there"


class Blobs(Protocol):
    """Immutable objects by key. Keys are printable ASCII, at most 400 octets, `/` separates, no `..`.

    Promises: an object is whole or absent; `put` is durable when answered, and answered calls are seen by every
    later call of every process. Of two creates of one key exactly one answers NEW.
    Raises: `Unavailable`. Every call may be repeated.
    """

    async def put(self, key: str, body: bytes) -> Put:
        """Create if absent; THERE leaves what is there, whatever `body` is."""
        ...

    async def get(self, key: str) -> bytes | None:
        """The whole object, or None when there is none."""
        ...

    async def delete(self, keys: Sequence[str]) -> None:
        """Gone afterwards, whether they were there or not."""
        ...

    async def names(self, prefix: str, *, after: str, limit: int) -> Sequence[str]:
        """Keys that start with `prefix` and are greater than `after`, ascending."""
        ...
