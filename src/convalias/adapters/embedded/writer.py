"""Group commit: one thread that commits together whatever writes are waiting when it comes for the next."""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Final, Generic, Protocol, TypeAlias, TypeVar

from convalias.adapters.embedded.errors import NotOpenError
from convalias.adapters.embedded.schema import SchemaLook, patiently
from convalias.ports.errors import Unavailable

T = TypeVar("T")
Work: TypeAlias = Callable[[sqlite3.Connection], T]
"""What is done inside a transaction. It may be run again in a fresh one, so it touches the connection alone."""

_TOGETHER: Final = 1_000
"""Writes in one commit at most: what a crash may lose unanswered, and how long the lock is held."""


def is_outage(error: Exception) -> bool:
    """Whether the file failed (locked, full, damaged, disk error), not our own statement."""
    return isinstance(error, sqlite3.OperationalError) or type(error) is sqlite3.DatabaseError


def unavailable(error: Exception) -> Unavailable:
    """Translate a failure of SQLite for the callers of a port, with SQLite's own reason: it names no value."""
    answer = Unavailable(f"the embedded store ({error})")
    answer.__cause__ = error
    return answer


class _Pending(Protocol):
    """A write, whatever it answers."""

    loop: asyncio.AbstractEventLoop

    @property
    def is_unwanted(self) -> bool: ...
    def run(self, connection: sqlite3.Connection) -> None: ...
    def fail(self, error: BaseException) -> None: ...
    def tell(self) -> None: ...


class _Call(Generic[T]):
    """One write on its way, and where its answer goes."""

    def __init__(self, work: Work[T], loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.answer: asyncio.Future[T] = loop.create_future()
        self._work = work
        self._results: list[T] = []
        self._error: BaseException | None = None

    @property
    def is_unwanted(self) -> bool:
        return self.answer.cancelled()

    def run(self, connection: sqlite3.Connection) -> None:
        self._results = [self._work(connection)]

    def fail(self, error: BaseException) -> None:
        self._error = error

    def tell(self) -> None:
        if self.answer.done():
            return
        if self._error is not None:
            self.answer.set_exception(self._error)
        else:
            self.answer.set_result(self._results[0])


class GroupCommit:
    """Writes of one process, in transactions that each hold what was waiting. One sync serves them all."""

    def __init__(self, connection: sqlite3.Connection, *, patience: float) -> None:
        """Take over `connection`; wait for the lock of other processes for at most `patience` seconds."""
        self._connection = connection
        self._patience = patience
        self._inbox: queue.SimpleQueue[_Pending | None] = queue.SimpleQueue()
        self._stopping = False
        self._look = SchemaLook()
        self._thread = threading.Thread(target=self._serve, name="convalias-writer", daemon=True)
        self._thread.start()

    async def write(self, work: Work[T]) -> T:
        """Do `work` in a transaction; answered when that is durable. Raises `Unavailable`."""
        if self._stopping:
            raise _closed()
        call = _Call(work, asyncio.get_running_loop())
        self._inbox.put(call)
        return await call.answer

    def stop(self) -> None:
        """Commit what is waiting, then close the connection. Bounded by the patience."""
        self._stopping = True
        self._inbox.put(None)
        self._thread.join(2 * self._patience)

    def _serve(self) -> None:
        batch: list[_Pending] = []
        while (call := self._inbox.get()) is not None:
            batch = [call]
            stopping = self._fill(batch)
            self._settle(batch)
            if stopping:
                break
        self._connection.close()
        self._turn_away()

    def _turn_away(self) -> None:
        """Who passed the door while it was being closed is told so."""
        late: list[_Pending] = []
        self._fill(late)
        for call in late:
            call.fail(_closed())
        _tell(late)

    def _fill(self, batch: list[_Pending]) -> bool:
        while len(batch) < _TOGETHER:
            try:
                call = self._inbox.get_nowait()
            except queue.Empty:
                return False
            if call is None:
                return True
            batch.append(call)
        return False

    def _settle(self, batch: Sequence[_Pending]) -> None:
        # Who was cancelled while waiting gets nothing done; afterwards it may be either, as with any lost answer.
        wanted = [call for call in batch if not call.is_unwanted]
        try:
            patiently(lambda: self._connection.execute("BEGIN IMMEDIATE"), self._patience)
        except sqlite3.Error as error:
            for call in wanted:
                call.fail(unavailable(error))
        else:
            self._commit(wanted)
        _tell(wanted)

    def _commit(self, calls: Sequence[_Pending]) -> None:
        """Within a transaction: all together, or, when one of them fails, each by itself."""
        try:
            self._look(self._connection)
            for call in calls:
                call.run(self._connection)
            self._connection.execute("COMMIT")
        except Exception as error:  # noqa: BLE001 - whatever one write raises is its caller's, and must not end the thread
            self._roll_back()
            if len(calls) == 1:
                calls[0].fail(unavailable(error) if is_outage(error) else error)
            else:
                self._settle_apart(calls)

    def _settle_apart(self, calls: Sequence[_Pending]) -> None:
        for call in calls:
            try:
                patiently(lambda: self._connection.execute("BEGIN IMMEDIATE"), self._patience)
            except sqlite3.Error as error:
                call.fail(unavailable(error))
            else:
                self._commit([call])

    def _roll_back(self) -> None:
        if self._connection.in_transaction:  # some failures have rolled back already
            self._connection.execute("ROLLBACK")


def _closed() -> NotOpenError:
    return NotOpenError("the embedded store is closed; open() it first")


def _tell(calls: Sequence[_Pending]) -> None:
    """Wake each loop once for all its answers."""
    by_loop: defaultdict[asyncio.AbstractEventLoop, list[_Pending]] = defaultdict(list)
    for call in calls:
        by_loop[call.loop].append(call)
    for loop, answered in by_loop.items():
        try:
            loop.call_soon_threadsafe(_tell_here, answered)
        except RuntimeError:  # the loop is closed: nobody is there to be told
            continue


def _tell_here(calls: Sequence[_Pending]) -> None:
    for call in calls:
        call.tell()
