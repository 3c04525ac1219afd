"""Changes: what is inserted into a store, told in order by the store itself instead of asked for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from convalias.ports.errors import PortError
from convalias.ports.records import Key, Stored


class PositionLost(PortError):
    """The store no longer knows what came behind this position. Going on from now would skip what came since."""

    def __init__(self, what: str = "the change stream's position") -> None:
        """Name the stream."""
        super().__init__(f"{what} is lost: the store no longer has what came behind it")


class ChangeStream(Protocol):
    """Inserts of one table, in the order in which the store made them durable. Not shared between tasks."""

    @property
    def position(self) -> str:
        """Opaque text: `since` it gives what was not taken yet. There from the start on, and moves when all is quiet."""
        ...

    async def take(self, *, limit: int, wait: timedelta) -> Sequence[Stored]:
        """Return the next records as they were inserted; wait at most `wait` for the first. Raises `PositionLost`."""
        ...

    async def close(self) -> None:
        """Let go of it."""
        ...


class Changes(Protocol):
    """The inserts of a store. Optional: a store without them is polled by its due lane.

    Promises: every insert that was answered comes, once per stream, and of one partition in the order of inserts where
    each was made after the one before was answered; only what no fail-over can take back.
    Does not promise: replaces and deletes; a record that came may have been replaced or deleted since.
    Raises: `Unavailable`; every call may be repeated, and after it a stream goes on where it was, or is opened anew by
    its position.
    """

    async def since(self, position: str, *, table: str) -> ChangeStream:
        """Open a stream of what is inserted behind a position; empty: from now on.

        Raises `PositionLost`, never skips.
        """
        ...

    async def scan(self, lane: str, *, since: datetime, behind: Key | None, limit: int) -> Sequence[Stored]:
        """Records of a due lane from that time on, ascending by (at, key); with `behind`: behind (since, behind)."""
        ...
