"""An asyncio event loop under virtual time: no clock, no socket, no thread; a wait costs nothing."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor
from contextvars import Context, copy_context
from heapq import heappop, heappush
from itertools import count
from typing import Any, TypeVar

from typing_extensions import TypeVarTuple, Unpack

T = TypeVar("T")
Args = TypeVarTuple("Args")


class OutsideWorld(RuntimeError):
    """A simulated task reached for a thread, a socket or a child process."""


class Stalled(RuntimeError):
    """All tasks wait for one another, and none waits for time."""


class _Soon(asyncio.Handle):
    """A handle without what debugging needs: most of what a loop does is to make these and to run them."""

    __slots__ = ()

    def __init__(
        self,
        callback: Callable[..., object],
        args: tuple[Any, ...],
        loop: asyncio.AbstractEventLoop,
        context: Context | None,
    ) -> None:
        """As `asyncio.Handle`."""
        self._context = copy_context() if context is None else context
        self._loop = loop
        self._callback = callback
        self._args = args
        self._cancelled = False
        self._repr = None
        self._source_traceback = None


class VirtualLoop(asyncio.BaseEventLoop):
    """Runs what is ready, in the order asyncio promises; when nothing is, the next timer's time has come.

    It draws nothing: whatever is random in a simulation sits in its ports, so `call_soon` keeps its order. Timers of
    one moment run in the order in which they were set. Nothing is polled, so nothing of a selector is here: a run is
    little else than this loop, and what it leaves out is seen in mails per second.
    """

    _ready: deque[asyncio.Handle]

    def __init__(self) -> None:
        """At time 0."""
        super().__init__()
        self._elapsed = 0.0
        self._thread = threading.get_ident()
        self._timers: list[tuple[float, int, asyncio.TimerHandle | asyncio.Future[None]]] = []
        self._set = count()

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._elapsed

    def call_later(
        self,
        delay: float,
        callback: Callable[[Unpack[Args]], object],
        *args: *Args,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Call so many virtual seconds from now."""
        return self.call_at(self._elapsed + delay, callback, *args, context=context)

    def call_at(
        self,
        when: float,
        callback: Callable[[Unpack[Args]], object],
        *args: *Args,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Call at that virtual second."""
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        heappush(self._timers, (when, next(self._set), handle))
        return handle

    def call_soon(
        self, callback: Callable[[Unpack[Args]], object], *args: *Args, context: Context | None = None
    ) -> asyncio.Handle:
        """Behind what is ready already."""
        handle = _Soon(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def pause(self, seconds: float) -> asyncio.Future[None]:
        """Done in so many virtual seconds. Called off, it leaves its timer: that costs less than to look for it."""
        over: asyncio.Future[None] = self.create_future()
        heappush(self._timers, (self._elapsed + seconds, next(self._set), over))
        return over

    def _run_once(self) -> None:
        """What is ready now; before that, if nothing is, time passes until something is."""
        ready, timers = self._ready, self._timers
        if not ready:
            while timers and timers[0][2].cancelled():
                heappop(timers)
            if not timers:
                raise Stalled("nothing is scheduled, and the simulation has not ended")
            self._elapsed = max(self._elapsed, timers[0][0])
        while timers and timers[0][0] <= self._elapsed:
            due = heappop(timers)[2]
            if isinstance(due, asyncio.Handle):
                ready.append(due)
            elif not due.done():
                due.set_result(None)  # which makes ready whoever waits for it
        for _ in range(len(ready)):
            now = ready.popleft()
            if not now.cancelled():
                now._run()  # noqa: SLF001 - what asyncio's own loops do with a handle

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """It is left where it is until its time has come."""

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[Unpack[Args]], T], *args: *Args
    ) -> asyncio.Future[T]:
        """No thread runs in a simulation."""
        del executor, args
        raise OutsideWorld(f"{getattr(func, '__qualname__', func)} was to run in a thread: a simulation has none")

    def call_soon_threadsafe(
        self, callback: Callable[[Unpack[Args]], object], *args: *Args, context: Context | None = None
    ) -> asyncio.Handle:
        """No other thread calls into a simulation; an abandoned generator is closed this way from our own."""
        if threading.get_ident() != self._thread:
            raise OutsideWorld(
                f"{getattr(callback, '__qualname__', callback)} came from a thread: a simulation has none"
            )
        return self.call_soon(callback, *args, context=context)

    def _write_to_self(self) -> None:
        """Nobody is to be woken: all of it runs in one thread."""


def pause(loop: asyncio.AbstractEventLoop, seconds: float) -> asyncio.Future[None]:
    """`VirtualLoop.pause` of the loop that runs; every simulation runs in one of those."""
    if not isinstance(loop, VirtualLoop):
        raise OutsideWorld("simulated ports run in a VirtualLoop")
    return loop.pause(seconds)
