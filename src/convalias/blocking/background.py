"""The event loop of this process that runs behind calls without `await`: one thread, made when it is first used."""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Final, TypeAlias, TypeVar

from convalias.blocking.errors import InsideLoop, NoBackground

T = TypeVar("T")

BEGIN_WITHIN: Final = 10.0
"""Seconds for the thread to begin. It takes less than a millisecond where threads run at all."""
CANCEL_WITHIN: Final = 5.0
"""Seconds for which an interrupted call waits for what it cancelled."""
HOLD_WITHIN: Final = 5.0
"""Seconds for which a fork waits for what is being made ready."""
LOOK_EVERY: Final = 0.5
"""Seconds after which who waits looks for signals. One that comes just before a thread begins to wait does not wake it."""
END_WITHIN: Final = 1.0
"""Seconds for which the end of the interpreter waits for the loop."""


_Answer: TypeAlias = tuple[T] | BaseException
"""What a call came to: its value, or what it raised."""


class Background:
    """An event loop in a daemon thread. Safe to call from any number of threads."""

    def __init__(self, *, within: float = BEGIN_WITHIN) -> None:
        """Begin. Raises `NoBackground` if the thread does not run `within` seconds."""
        self.pid: Final = os.getpid()
        self.loop: Final = asyncio.new_event_loop()
        self.held: Final[set[object]] = set()
        """What must not be finalised before this is. After a fork that is never: the thread, gone there, holds this."""
        self._began: SimpleQueue[None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="convalias", daemon=True)
        self._thread.start()
        try:
            self._began.get(timeout=within)
        except Empty:
            self.loop.close()
            raise NoBackground(
                f"no thread began within {within:g} s; let this process run threads: under uWSGI set enable-threads"
            ) from None

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self._began.put(None)
        self.loop.run_forever()

    def wait_for(self, begin: Callable[[], Awaitable[T]], *, within: float | None = None) -> T:
        """Run it on the loop; return and raise what it does.

        An exception that a signal handler raises meanwhile (`KeyboardInterrupt`, a soft time limit) cancels it, and is
        raised when it has ended, `CANCEL_WITHIN` seconds later at most. Raises `InsideLoop`, and `TimeoutError` if it
        takes more than `within` seconds; then it goes on.
        """
        refuse_inside_loop()
        return self.wait_anywhere(begin, within=within)

    def wait_anywhere(self, begin: Callable[[], Awaitable[T]], *, within: float | None = None) -> T:
        """Do the same in a thread that runs another event loop, which stands still meanwhile."""
        # A queue and no future: a signal handler that waits too never finds a lock that this very thread holds.
        answers: SimpleQueue[_Answer[T]] = SimpleQueue()
        tasks: list[asyncio.Task[None]] = []

        def start() -> None:
            tasks.append(self.loop.create_task(_answered(begin, answers)))

        def cancel() -> None:
            for task in tasks:
                task.cancel()

        try:
            self.loop.call_soon_threadsafe(start)
            answer = _waited(answers, within)
        except Empty:
            raise TimeoutError from None
        except BaseException:
            self.loop.call_soon_threadsafe(cancel)
            with suppress(Empty):
                answers.get(timeout=CANCEL_WITHIN)
            raise
        if isinstance(answer, BaseException):
            try:
                raise answer
            finally:
                del answer  # the error holds this frame, which would hold the error
        return answer[0]

    @property
    def is_this_thread(self) -> bool:
        """Whether the caller runs on this loop."""
        return threading.current_thread() is self._thread

    def park(self) -> None:
        """Let nothing more run on the loop, as the interpreter is about to end. To its tasks the process just died."""
        parked: SimpleQueue[None] = SimpleQueue()
        never: SimpleQueue[None] = SimpleQueue()

        def stay() -> None:
            parked.put(None)
            never.get()

        self.loop.call_soon_threadsafe(stay)
        with suppress(Empty):
            parked.get(timeout=END_WITHIN)


def _waited(answers: SimpleQueue[_Answer[T]], within: float | None) -> _Answer[T]:
    """Raises `Empty` after `within` seconds; None: waits as long as it takes."""
    end = None if within is None else time.monotonic() + within
    while True:
        left = LOOK_EVERY if end is None else min(LOOK_EVERY, end - time.monotonic())
        try:
            return answers.get(timeout=max(left, 0.0))
        except Empty:
            if end is not None and time.monotonic() >= end:
                raise


async def _answered(begin: Callable[[], Awaitable[T]], answers: SimpleQueue[_Answer[T]]) -> None:
    try:
        answers.put((await begin(),))
    except BaseException as error:  # noqa: BLE001 - raised in the thread that asked; here it would end the loop
        answers.put(error)


async def in_thread(work: Callable[[], object], *, name: str) -> None:
    """Run it in a thread of its own and wait. Cancelled: it goes on by itself, and nobody hears of it.

    A daemon, and none of the loop's own threads: a function that never returns keeps neither them nor the interpreter.
    """
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[None] = loop.create_future()

    def tell(error: BaseException | None) -> None:
        if ended.done():
            return
        if error is None:
            ended.set_result(None)
        else:
            ended.set_exception(error if isinstance(error, Exception) else RuntimeError(repr(error)))

    def run() -> None:
        error: BaseException | None = None
        try:
            work()
        except BaseException as raised:  # noqa: BLE001 - raised where it is waited for
            error = raised
        with suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(tell, error)

    threading.Thread(target=run, name=name, daemon=True).start()
    await ended


def refuse_inside_loop() -> None:
    """Raise `InsideLoop` in a thread that runs an event loop."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise InsideLoop(
        "an event loop runs in this thread, and waiting would stop it: use convalias.Convalias with await here,"
        " or call this by asyncio.to_thread"
    )


class ForkLock:
    """A lock of a module, held while this process forks. In the child it is new: its holder may not be there."""

    def __init__(self) -> None:
        """Make it; once for each module, for it is registered for good."""
        self._lock = threading.Lock()
        self._is_held = False
        os.register_at_fork(before=self._hold, after_in_parent=self._free, after_in_child=self._renew)

    def _hold(self) -> None:
        """Keep others from what it guards while this process forks; bounded, for this thread may have it already."""
        self._is_held = self._lock.acquire(timeout=HOLD_WITHIN)

    def _free(self) -> None:
        if self._is_held:
            self._lock.release()

    def _renew(self) -> None:
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *raised: object) -> None:
        self._lock.release()


class _OfThisProcess:
    """The one background loop of this process."""

    def __init__(self) -> None:
        self._lock = ForkLock()
        self._current: Background | None = None
        atexit.register(self._end)

    def get(self) -> Background:
        with self._lock:
            if self._current is None or self._current.pid != os.getpid():
                self._current = Background()
            return self._current

    def _end(self) -> None:
        """Park what runs in the background, before the interpreter takes apart what it stands on."""
        if self._current is not None and self._current.pid == os.getpid():
            self._current.park()


_HERE: Final = _OfThisProcess()


def background() -> Background:
    """Return the loop of this process; made if there is none, and anew in the child of a fork."""
    return _HERE.get()
