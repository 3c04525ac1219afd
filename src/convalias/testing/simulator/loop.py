"""An asyncio event loop under virtual time: no clock, no socket, no thread; a wait costs nothing."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Executor
from contextvars import Context
from typing import Final, TypeVar

from typing_extensions import TypeVarTuple, Unpack

T = TypeVar("T")
Args = TypeVarTuple("Args")
_LONGEST: Final = 10.0**9


class OutsideWorld(RuntimeError):
    """Something under simulation reached for a thread, a socket or a child process."""


class Stalled(RuntimeError):
    """Everybody waits for somebody, and nobody for time."""


class _Jump:
    """Stands where a selector would: instead of waiting for time to pass, it lets it have passed."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def select(self, timeout: float | None) -> list[object]:
        if timeout is None:
            raise Stalled("nothing is scheduled, and the simulation has not ended")
        if timeout > 0:
            self._loop.pass_time(min(timeout, _LONGEST))
        return []

    def close(self) -> None:
        """Nothing is open."""


class VirtualLoop(asyncio.BaseEventLoop):
    """Runs what is ready, in the order asyncio promises; when nothing is, the next timer's time has come.

    It draws nothing: whatever is random in a simulation sits in its ports, so `call_soon` keeps its order.
    """

    def __init__(self) -> None:
        """At time 0."""
        super().__init__()
        self._elapsed = 0.0
        self._thread = threading.get_ident()
        self._selector = _Jump(self)

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._elapsed

    def pass_time(self, seconds: float) -> None:
        """It is later now."""
        self._elapsed += seconds

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

    def _process_events(self, event_list: object) -> None:
        """There are none: nothing is open."""

    def _write_to_self(self) -> None:
        """Nobody is to be woken: all of it runs in one thread."""
