"""Open a SQLite file: its lifecycle, reads that see every answered write, writes committed in groups."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from attrs import frozen

from convalias.adapters.embedded import folder
from convalias.adapters.embedded.errors import NotOpenError
from convalias.adapters.embedded.schema import connect, is_busy, patiently
from convalias.adapters.embedded.writer import GroupCommit, Work, is_outage, unavailable
from convalias.ports.errors import Unavailable

T = TypeVar("T")

_PATIENCE_SECONDS: Final = 10.0
_ROWS_AT_ONCE: Final = 64
"""A read of so few rows takes less time than handing it to a thread and back (0.1 ms)."""


class _Reader:
    """A connection that only reads, used by one caller at a time."""

    def __init__(self, path: Path, patience: float) -> None:
        self._connection = connect(path, patience=patience)
        self._connection.execute("PRAGMA query_only = ON")
        self._lock = threading.Lock()
        self._patience = patience

    def try_read(self, work: Work[T]) -> tuple[T] | None:
        """What `work` finds, or None when that would have to wait."""
        if not self._lock.acquire(blocking=False):
            return None
        try:
            return (work(self._connection),)
        except sqlite3.OperationalError as error:
            if is_busy(error):
                return None
            raise
        finally:
            self._lock.release()

    def read(self, work: Work[T]) -> T:
        with self._lock:
            return patiently(lambda: work(self._connection), self._patience)

    def close(self) -> None:
        with self._lock:
            self._connection.close()


@frozen
class _Open:
    """All that exists while a database is open."""

    pid: int
    writer: GroupCommit
    near: _Reader
    """For reads on the loop."""
    far: _Reader
    """For long reads, in a thread."""


class Database:
    """`store.db` of a data directory. Inert until `open()`; several processes may have it open at once.

    Raises `UnusableDirectoryError` when opened, `Unavailable` (with SQLite's error as its cause) afterwards.
    Every wait is bounded by `patience` (seconds).
    """

    def __init__(
        self,
        directory: Path,
        *,
        patience: float = _PATIENCE_SECONDS,
        open_within: float | None = None,
        anew: bool = False,
    ) -> None:
        """Name the data directory; nothing is touched. `open_within`: seconds for a lock when opening, where others.

        `anew`: make an empty store also where the one that was there is gone.
        """
        self._open_within = patience if open_within is None else open_within
        self._directory = directory
        self._anew = anew
        self._patience = patience
        self._open: _Open | None = None

    async def open(self) -> None:
        """Make the directory and the file if need be. Opening what is open changes nothing."""
        if self._open is None or self._open.pid != os.getpid():
            self._open = await asyncio.to_thread(self._open_here)

    async def close(self) -> None:
        """Commit what was asked for, let go of the file."""
        state, self._open = self._open, None
        if state is not None and state.pid == os.getpid():
            await asyncio.to_thread(_close, state)

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def write(self, work: Work[T]) -> T:
        """Do `work` in a write transaction; it is durable when this returns. Raises `Unavailable`."""
        state = self._state()
        try:
            async with asyncio.timeout(2 * self._patience):
                return await state.writer.write(work)
        except TimeoutError as error:
            raise Unavailable("the embedded store") from error

    async def read(self, work: Work[T], *, rows: int = 1) -> T:
        """Do `work` on the state that all answered writes have made. `rows`: how many it may touch."""
        state = self._state()
        try:
            if rows <= _ROWS_AT_ONCE:
                found = state.near.try_read(work)
                if found is not None:
                    return found[0]
            async with asyncio.timeout(2 * self._patience):
                return await asyncio.to_thread(state.far.read, work)
        except sqlite3.DatabaseError as error:
            if is_outage(error):
                raise unavailable(error) from error
            raise
        except TimeoutError as error:
            raise Unavailable("the embedded store") from error

    async def page(
        self, query: str, values: tuple[str | int | None, ...], made: Callable[[Any], T], *, limit: int
    ) -> Sequence[T]:
        """Select at most `limit` rows, and make a value of each. The last parameter of `query` is the limit."""

        def select(most: int) -> Work[list[Any]]:
            return lambda connection: connection.execute(query, (*values, most)).fetchall()

        # Pages are mostly all but empty, whatever their limit.
        few = await self.read(select(min(limit, _ROWS_AT_ONCE + 1)))
        if len(few) <= _ROWS_AT_ONCE:
            return [made(row) for row in few]
        return await self.read(lambda connection: [made(row) for row in select(limit)(connection)], rows=limit)

    def _state(self) -> _Open:
        if self._open is None:
            raise NotOpenError("the embedded store is not open; open() it first")
        if self._open.pid != os.getpid():
            raise NotOpenError("the embedded store was opened before a fork, and is not for the child")
        return self._open

    def _open_here(self) -> _Open:
        folder.make(self._directory)
        path = self._directory / "store.db"
        writer = connect(path, patience=self._open_within, anew=self._anew)
        near, far = _Reader(path, self._patience), _Reader(path, self._patience)
        return _Open(os.getpid(), GroupCommit(writer, patience=self._patience), near, far)


def _close(state: _Open) -> None:
    state.writer.stop()
    state.near.close()
    state.far.close()
