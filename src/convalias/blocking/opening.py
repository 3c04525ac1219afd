"""The deployment in one process: opened at its first call, on the background loop, closed within a bound."""

from __future__ import annotations

import asyncio
import concurrent.futures.thread
import logging
import os
from collections.abc import Awaitable, Callable, Generator
from contextlib import AbstractAsyncContextManager, contextmanager
from datetime import timedelta
from types import TracebackType
from typing import Final, Generic, TypeAlias, TypeVar
from weakref import WeakSet

from convalias.app.facade import Convalias, NotOpen
from convalias.blocking.background import Background

T = TypeVar("T")

Raised: TypeAlias = tuple[type[BaseException] | None, BaseException | None, TracebackType | None]
_NOTHING: Final[Raised] = (None, None, None)
LATE: Final = timedelta(seconds=2)
"""How much longer closing may take than it was given: to cancel what has not ended."""
FORK_WITHIN: Final = 5.0
"""Seconds for which a fork waits for calls in flight, and for closing behind them."""
CLOSED: Final = "convalias.blocking.Convalias is closed: enter it anew by `with`, or close it later"
_MEANWHILE: Final = "convalias.blocking.Convalias was closed before this call ended; it may have been done, or not"
log: Final = logging.getLogger("convalias.blocking")


class Entered(Generic[T]):
    """An async context manager that one task enters and leaves, whoever asks for either."""

    def __init__(self, manager: AbstractAsyncContextManager[T]) -> None:
        """Enter nothing yet."""
        loop = asyncio.get_running_loop()
        self._manager = manager
        self._inside: asyncio.Future[T] = loop.create_future()
        self._left: asyncio.Future[Raised] = loop.create_future()
        self._task = loop.create_task(self._own())

    async def _own(self) -> bool:
        self._inside.set_result(await self._manager.__aenter__())
        try:
            raised = await self._left
        except asyncio.CancelledError as error:
            await self._manager.__aexit__(type(error), error, error.__traceback__)
            raise
        return bool(await self._manager.__aexit__(*raised))

    async def enter(self) -> T:
        """Return what is inside. Raises what entering raises; cancelled, nothing stays entered."""
        try:
            await asyncio.wait((self._task, self._inside), return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            await self.drop()
            raise
        if not self._inside.done():
            await self._task  # raises
        return self._inside.result()

    async def leave(self, raised: Raised = _NOTHING) -> bool:
        """Whether what was raised inside goes no further. Cancelled, leaving is cancelled."""
        if not self._left.done():
            self._left.set_result(raised)
        return await self._task

    async def drop(self) -> None:
        """Cancel it, and wait until it has ended."""
        self._task.cancel()
        await asyncio.wait((self._task,))


class Opening:
    """A deployment in one process. Private methods run on the background loop, the others in any thread."""

    def __init__(self, inner: Convalias, background: Background) -> None:
        """Open nothing yet."""
        self.pid: Final = os.getpid()
        self.inner = inner
        self._background = background
        self._entering = asyncio.Lock()
        self._entered: Entered[Convalias] | None = None
        self._in_flight: set[asyncio.Task[object]] = set()
        self._lasting = 0
        self._may_begin = asyncio.Event()
        self._may_begin.set()
        self._is_spent = self._is_closed = False
        background.held.add(self)
        _ALL.add(self)

    @property
    def is_left(self) -> bool:
        """Whether nothing of it is open: what a child of this process inherits is as good as new."""
        return self._entered is None and not self._in_flight

    def call(self, ask: Callable[[Convalias], Awaitable[T]], *, lasts: bool = False) -> T:
        """Open it if need be, and wait for what it answers. Raises `NotOpen` if it is closed, or is while this runs.

        `lasts`: it goes on until it is stopped, so that a fork does not wait for it.
        """
        return self._background.wait_for(lambda: self._asked(ask, lasts=lasts))

    @contextmanager
    def entered(self, ask: Callable[[Convalias], AbstractAsyncContextManager[T]]) -> Generator[T]:
        """Do the same with a context manager, around the body of this one."""
        entered, value = self.call(lambda inner: self._enter(ask(inner)))
        raised = _NOTHING
        try:
            yield value
        except BaseException as error:
            raised = type(error), error, error.__traceback__
            if not self._background.wait_for(lambda: self._leave(entered, raised)):
                raise
        else:
            self._background.wait_for(lambda: self._leave(entered, _NOTHING))

    def close(self, within: timedelta) -> None:
        """Let calls end, stop workers, close: at most `within` and two seconds more. Repeatable."""
        seconds = (within + LATE).total_seconds()
        try:
            self._background.wait_for(lambda: self._close(within), within=seconds)
        except TimeoutError:
            log.warning("closing did not end within %g s: it is left as if this process had died", seconds)

    def before_fork(self) -> None:
        """Close, so that the child inherits nothing that is open; what lasts is left, and then the child is refused."""
        if self.pid != os.getpid() or self._background.is_this_thread:
            return
        try:
            self._background.wait_anywhere(self._rest, within=2 * FORK_WITHIN)
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - what is open still refuses the child
            log.warning("not closed before a fork: %s", type(error).__name__)

    def after_fork(self) -> None:
        """Go on in the parent: the next call opens again."""
        if self.pid == os.getpid():
            self._background.loop.call_soon_threadsafe(self._may_begin.set)

    async def _rest(self) -> None:
        self._may_begin.clear()
        if self._lasting:
            return
        if self._in_flight:
            await asyncio.wait(self._in_flight, timeout=FORK_WITHIN)
        if not self._in_flight:
            await self._shut()

    async def _asked(self, ask: Callable[[Convalias], Awaitable[T]], *, lasts: bool) -> T:
        await self._may_begin.wait()
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - `wait_for` runs this in a task
        self._in_flight.add(task)
        self._lasting += lasts
        try:
            await self._open()
            return await ask(self.inner)
        except asyncio.CancelledError:
            if self._is_closed:
                raise NotOpen(_MEANWHILE) from None
            raise
        finally:
            self._lasting -= lasts
            self._in_flight.discard(task)

    async def _enter(self, manager: AbstractAsyncContextManager[T]) -> tuple[Entered[T], T]:
        entered = Entered(manager)
        value = await entered.enter()
        self._lasting += 1
        return entered, value

    async def _leave(self, entered: Entered[T], raised: Raised) -> bool:
        try:
            return await entered.leave(raised)
        finally:
            self._lasting -= 1

    async def _open(self) -> None:
        async with self._entering:
            if self._is_closed:
                raise NotOpen(CLOSED)
            if self._entered is None:
                if self._is_spent:
                    self.inner, self._is_spent = self.inner.anew(), False
                entered = Entered(self.inner)
                await entered.enter()
                self._entered = entered

    async def _shut(self) -> None:
        async with self._entering:
            if self._entered is not None:
                self._is_spent = True
                await self._entered.leave()
                self._entered = None

    async def _close(self, within: timedelta) -> None:
        self._is_closed = True  # every call behind this one is refused
        try:
            async with asyncio.timeout(within.total_seconds()):
                await self.inner.stop(within=within / 2)
                if self._in_flight:
                    await asyncio.wait(self._in_flight)
                await self._shut()
        except TimeoutError:
            log.warning("not all has ended within %g s: what is left is cancelled", within.total_seconds())
            for task in self._in_flight:
                task.cancel()
            entered, self._entered = self._entered, None
            if entered is not None:
                await entered.drop()
        self._background.held.discard(self)


def _before_fork() -> None:
    for one in list(_ALL):
        one.before_fork()


def _after_fork() -> None:
    for one in list(_ALL):
        one.after_fork()


_ALL: Final = WeakSet[Opening]()
# Two connections of one process share what SQLite knows of its own locks on a file. The child of a fork inherits that
# knowledge without the locks: its own connections would take no lock, and others would remove the log under them.
# Python runs what is to be done before a fork latest registered first: `concurrent.futures.thread` takes a lock then,
# without which no thread of the loop gets work. Imported above, and so registered before, it takes that after ours.
_REGISTERED_BEFORE: Final = concurrent.futures.thread.ThreadPoolExecutor
os.register_at_fork(before=_before_fork, after_in_parent=_after_fork)
