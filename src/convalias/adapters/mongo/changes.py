"""Changes from a MongoDB change stream: inserts that a majority has, in the order of the oplog."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, TypeAlias

from attrs import frozen
from pymongo import ASCENDING
from pymongo.asynchronous.change_stream import AsyncChangeStream
from pymongo.errors import OperationFailure, PyMongoError

from convalias.adapters.mongo.database import Database
from convalias.adapters.mongo.documents import Change, Document, instant, key_document, stored
from convalias.adapters.mongo.errors import translate, translated
from convalias.adapters.mongo.schema import DUE
from convalias.ports.changes import PositionLost
from convalias.ports.errors import PortError, Unavailable
from convalias.ports.records import Key, Stored

_What: TypeAlias = "_Arrival | PortError"

AWAIT_MS: Final = 1_000
"""How long the server holds a request while nothing happens; what happens is sent at once."""
_AHEAD: Final = 1_000
"""Inserts that wait here to be taken."""
_TRIES: Final = 10
_LOST: Final = frozenset({9, 40576, 40585, 40615, 40647, 40649, 50795, 50811, 136, 222, 260, 280, 286})
"""ChangeStreamHistoryLost, ChangeStreamFatalError, CappedPositionLost, CloseChangeStream, and what is no token."""
_NOT_RESUMABLE: Final = "NonResumableChangeStreamError"


@frozen
class _Arrival:
    """One insert, or none, and the position behind it."""

    insert: Stored | None
    position: str


class Changes:
    """`ports.Changes`. The position is the text of a resume token."""

    def __init__(self, database: Database) -> None:
        """Over an opened database."""
        self._database = database

    async def since(self, position: str, *, table: str) -> _Stream:
        """`startAfter` survives an invalidation, which `resumeAfter` does not."""
        after = {"_data": position} if position else None
        match = {"$match": {"operationType": "insert", "documentKey._id.table": table}}
        for _ in range(_TRIES):
            try:
                stream = await self._database.changes.watch([match], start_after=after, max_await_time_ms=AWAIT_MS)
            except PyMongoError as error:
                raise _translated(error) from error
            if start := position or _token(stream):
                return _Stream(stream, start)
            # An insert was in the first answer, and the driver then does not tell where it began.
            await stream.close()
        raise Unavailable("changes")

    async def scan(self, lane: str, *, since: datetime, behind: Key | None, limit: int) -> Sequence[Stored]:
        """Return due rows by the index of lanes, from a place in it."""
        await self._database.checked()
        at = instant(since)
        later: list[dict[str, object]] = [{"due.at": {"$gt": at}}]
        later.append({"due.at": at} if behind is None else {"due.at": at, "_id": {"$gt": key_document(behind)}})
        order = [("due.at", ASCENDING), ("_id", ASCENDING)]

        async def ask() -> list[Document]:
            query = {"due.lane": lane, "$or": later}
            return await self._database.records.find(query, sort=order, limit=limit, hint=DUE).to_list()

        return [stored(document) for document in await self._database.read(ask)]


class _Stream:
    """A task reads ahead, so that an insert is there when it is asked for, and nothing waits for a second one."""

    def __init__(self, stream: AsyncChangeStream[Change], position: str) -> None:
        self._stream = stream
        self._position = position
        self._arrivals: asyncio.Queue[_What] = asyncio.Queue(_AHEAD)
        self._failed: PortError | None = None
        self._is_closing = False
        self._reading = asyncio.create_task(self._read(), name="convalias change stream")

    @property
    def position(self) -> str:
        return self._position

    async def take(self, *, limit: int, wait: timedelta) -> Sequence[Stored]:
        found: list[Stored] = []
        try:
            async with asyncio.timeout(wait.total_seconds()):
                while not found:
                    self._accept(await self._arrivals.get(), found)
        except TimeoutError:
            if self._reading.done():  # by a fault of ours: silence would be taken for quiet
                raise Unavailable("changes") from None
            return found
        while len(found) < limit and not self._arrivals.empty() and self._failed is None:
            self._accept(self._arrivals.get_nowait(), found)
        return found

    async def close(self) -> None:
        # A cancellation that meets an answer just come can be swallowed by the driver: the task looks for itself too,
        # and in that case ends within the second for which the server may hold its next request.
        self._is_closing = True
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)
        with translated("changes"):
            await self._stream.close()

    def _accept(self, what: _What, found: list[Stored]) -> None:
        """Remember the position behind it. An error comes once what was read before it is taken, and every time."""
        if isinstance(what, PortError):
            self._failed = what
            self._arrivals.put_nowait(what)
            if not found:
                raise what
            return
        self._position = what.position
        if what.insert is not None:
            found.append(what.insert)

    async def _read(self) -> None:
        try:
            while self._stream.alive and not self._is_closing:
                change = await self._stream.try_next()
                if change is not None:
                    await self._arrivals.put(_Arrival(stored(change["fullDocument"]), change["_id"]["_data"]))
                elif position := _token(self._stream):
                    await self._arrivals.put(_Arrival(None, position))
        except PyMongoError as error:
            await self._arrivals.put(_translated(error))
        else:
            # The collection was dropped or renamed: what is in it now, the stream has not seen.
            await self._arrivals.put(PositionLost())


def _token(stream: AsyncChangeStream[Change]) -> str:
    token = stream.resume_token
    return "" if token is None else str(token["_data"])


def _translated(error: PyMongoError) -> PortError:
    if isinstance(error, OperationFailure) and (error.code in _LOST or error.has_error_label(_NOT_RESUMABLE)):
        lost = PositionLost()
        lost.__cause__ = error
        return lost
    return translate(error, "changes")
