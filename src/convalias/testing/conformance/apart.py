"""Threads that stand for processes, each with a loop of its own; one that blocks is bounded, too."""

from __future__ import annotations

import asyncio
import sys
import threading
import traceback
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future
from datetime import timedelta
from types import FrameType
from typing import Any, Final, Generic, TypeVar

from attrs import define, field, frozen

from convalias.testing.conformance.check import Check, PromiseBrokenError

M = TypeVar("M")
T = TypeVar("T")

AT_MOST: Final = timedelta(seconds=30)
"""For one check: a host on a slow machine needs two seconds for the longest."""
RETRIES: Final = 50
"""How often a call that raises is repeated where others write meanwhile: raising means "try again"."""
PAUSE: Final = 0.02
"""Seconds between two tries."""
_WAITING: Final = frozenset({"asyncio.locks", "asyncio.tasks", "asyncio.timeouts", "contextlib", "queue", "threading"})
"""Modules whose functions wait for others: who called them is of interest."""
_FAREWELL: Final = 0.5
"""Seconds for a check that ran out of time to close what it opened."""


@define(eq=False)
class Apart(Generic[T]):
    """A coroutine in a daemon thread with a loop of its own.

    A call that never returns then stops this thread alone: neither the waiting loop nor the end of the program.
    """

    work: Callable[[], Coroutine[Any, Any, T]]
    answer: Future[T] = field(factory=Future, init=False)
    _loop: asyncio.AbstractEventLoop | None = field(default=None, init=False)
    _task: asyncio.Task[T] | None = field(default=None, init=False)
    _thread: threading.Thread = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Start the thread."""
        self._thread = threading.Thread(target=self._run, name="conformance", daemon=True)
        self._thread.start()

    def cancel(self) -> None:
        """Ask it to stop; a call that blocks does not hear it."""
        if self._loop is not None and self._task is not None and not self.answer.done():
            self._loop.call_soon_threadsafe(self._task.cancel)

    def place(self) -> str:
        """Return file, line and function where it is: of the blocking call, or of the innermost `await`."""
        frame = sys._current_frames().get(self._thread.ident or 0)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - no other way
        if frame is None:
            return "its end"
        if frame.f_globals.get("__name__") == "selectors":  # its loop waits, and nothing blocks it
            frames = _awaiting(self._task)
        else:
            frames = [found for found, _ in traceback.walk_stack(frame)][::-1]
        last = next((one for one in reversed(frames) if one.f_globals.get("__name__") not in _WAITING), frame)
        return f"{last.f_code.co_filename}:{last.f_lineno} in {last.f_code.co_name}"

    def _run(self) -> None:
        self.answer.set_running_or_notify_cancel()  # from here on nobody cancels the answer, and it can be set
        try:
            self.answer.set_result(asyncio.run(self._main()))
        except BaseException as error:  # noqa: BLE001 - it is raised where the answer is waited for
            self.answer.set_exception(error)

    async def _main(self) -> T:
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        return await self.work()


def _awaiting(task: asyncio.Task[Any] | None) -> list[FrameType]:
    """Return the frames of the coroutines that a task waits in, the innermost last."""
    frames: list[FrameType] = []
    coroutine: object = task.get_coro() if task is not None else None
    while coroutine is not None:
        frame: FrameType | None = getattr(coroutine, "cr_frame", None)
        frames += [frame] if frame is not None else []
        coroutine = getattr(coroutine, "cr_await", None)
    return frames


async def together(*works: Callable[[], Coroutine[Any, Any, T]]) -> list[T]:
    """Run each in a thread of its own, as processes of a host are; raise the first error of any."""
    return list(await asyncio.gather(*(asyncio.wrap_future(Apart(work).answer) for work in works)))


async def until_answered(call: Callable[[], Awaitable[T]]) -> T:
    """Repeat a call that raises, as the library does. Raises the last error."""
    for _ in range(RETRIES):
        try:
            return await call()
        except Exception:  # noqa: BLE001 - whatever is raised means "try again"
            await asyncio.sleep(PAUSE)
    return await call()


@frozen
class BoundedCheck(Check[M]):
    """A check that ends in time, also where a call of the host blocks its thread.

    The experiment runs in a thread with a loop of its own, so whatever the maker opens is opened and closed there.
    """

    at_most: timedelta = AT_MOST

    async def __call__(self, maker: M) -> None:
        """Make the experiment. Whatever it raises, the promise is not kept."""
        apart = Apart(lambda: self._experiment(maker))
        answer = asyncio.wrap_future(apart.answer)
        answer.add_done_callback(
            lambda ended: ended.cancelled() or ended.exception()
        )  # of what nobody waits for any more
        try:
            done, _ = await asyncio.wait({answer}, timeout=self.at_most.total_seconds())
            if done:
                return answer.result()
            stuck = apart.place()
            apart.cancel()
            await asyncio.wait({answer}, timeout=_FAREWELL)
        finally:
            apart.cancel()
            answer.cancel()
        seconds = f"{self.at_most.total_seconds():g} s"
        raise PromiseBrokenError(f"{self.name}: found no end within {seconds}, expected one; it was at {stuck}")

    async def _experiment(self, maker: M) -> None:
        await self.experiment(maker)


def bounded_suite(*experiments: Callable[[M], Awaitable[None]]) -> tuple[Check[M], ...]:
    """Checks named as their experiments are, each bounded in time."""
    return tuple(BoundedCheck(experiment.__name__.replace("_", " "), experiment) for experiment in experiments)
