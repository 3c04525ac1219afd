"""The loops: each worker takes steps until told to stop, and survives what is only away."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import timedelta
from typing import Any, Final, Literal, Protocol, TypeAlias, runtime_checkable

from attrs import frozen

from convalias.ports.ambient import Clock, Telemetry
from convalias.ports.errors import Unavailable
from convalias.services.inbound_worker import InboundWorker

Worker: TypeAlias = Literal["inbound", "feed", "outbound"]
WORKERS: Final[tuple[Worker, ...]] = ("inbound", "feed", "outbound")
Step: TypeAlias = Callable[[], Awaitable[int]]
"""Does what is due, without waiting for more; how much was done."""

IDLE: Final = timedelta(milliseconds=50)
"""Between two looks. A stop ends this pause, while a wait inside an engine would have to be sat out."""
UNHURRIED: Final = timedelta(milliseconds=500)
"""The same for what no mail's way waits for: a store that is shared answers every look of every worker."""
AWAY: Final = timedelta(seconds=1)
"""After the first failure; twice as long after each further one in a row."""
LONGEST_AWAY: Final = timedelta(seconds=16)
MOST_FAILURES: Final = 20
"""In a row, of what is no outage: then the worker is broken and ends for good."""

log: Final = logging.getLogger("convalias.workers")


@runtime_checkable
class Polled(Protocol):
    """A queue whose every answer is paid for: a worker waits in it, rather than ask twenty times a second."""

    @property
    def poll(self) -> timedelta:
        """So long; a stop sits it out."""
        ...


@frozen(kw_only=True)
class Work:
    """What a worker does over and over."""

    step: Step
    idle: timedelta = IDLE
    """Between two looks that find nothing."""
    woken: asyncio.Event | None = None
    """Set by whoever knows that there is something to find: ends that pause."""


@frozen(kw_only=True)
class Loop:
    """One worker's loop. Ends when `stopping` is set, between two steps; raises when it is broken."""

    worker: str
    step: Step
    clock: Clock
    telemetry: Telemetry
    idle: timedelta = IDLE
    woken: asyncio.Event | None = None

    async def run(self, stopping: asyncio.Event) -> None:
        """Until stopped or cancelled."""
        failures = 0
        away = AWAY
        while not stopping.is_set():
            requests = _requests_to_cancel()
            try:
                done = await self.step()
                failures, away = 0, AWAY
                if not done:
                    await _pause(self.clock, self.idle, stopping, self.woken)
                continue
            except (Unavailable, TimeoutError) as error:
                self._note(error)
                pause = getattr(error, "retry_after", None) or away
                away = min(away * 2, LONGEST_AWAY)
            except (Exception, asyncio.CancelledError) as error:
                # Something that the step waited for was cancelled, not this loop: no reason to end without a word.
                if isinstance(error, asyncio.CancelledError) and _requests_to_cancel() > requests:
                    raise
                failures += 1
                self._note(error)
                if failures >= MOST_FAILURES:
                    if isinstance(error, asyncio.CancelledError):  # which nobody would hear of
                        raise RuntimeError("what this worker waits for is cancelled again and again") from error
                    raise
                pause = AWAY
            await _pause(self.clock, pause, stopping)

    def _note(self, error: Exception | asyncio.CancelledError) -> None:
        """The class alone: a message could quote an address."""
        self.telemetry.measure("convalias.worker.errors", 1, worker=self.worker, error=type(error).__name__)
        what = error.what if isinstance(error, Unavailable) else ""
        log.warning("worker %s: %s %s", self.worker, type(error).__name__, what)


class Batches:
    """Batches of mail that the loops of one process work on side by side. One of them looks for more at a time."""

    def __init__(self) -> None:
        """Nobody looks."""
        self.found = asyncio.Event()
        """Set by whoever has found some: there may be more."""
        self._looking = asyncio.Lock()
        self._in_line = 0
        """Who looks, and who waits for that."""

    async def step(self, inbound: InboundWorker, *, wait: timedelta, stopping: asyncio.Event) -> int:
        """A batch, as `InboundWorker.step`. Whoever waited for another's look does not begin one when all are to stop."""
        has_waited = self._in_line > 0
        self._in_line += 1
        try:
            async with self._looking:
                if has_waited and stopping.is_set():
                    return 0
                jobs = await inbound.take(wait=wait)
        finally:
            self._in_line -= 1
        if jobs:
            self.found.set()
        return await inbound.work(jobs)


def loops_of(worker: Worker, works: Iterable[Work], clock: Clock, telemetry: Telemetry) -> list[Loop]:
    """The loops of one worker."""
    return [
        Loop(worker=worker, step=work.step, clock=clock, telemetry=telemetry, idle=work.idle, woken=work.woken)
        for work in works
    ]


def _requests_to_cancel() -> int:
    """How often somebody asked this task to end."""
    task = asyncio.current_task()
    return 0 if task is None else task.cancelling()


async def _pause(
    clock: Clock, duration: timedelta, stopping: asyncio.Event, woken: asyncio.Event | None = None
) -> None:
    """Sleep, but not through a stop, and not when woken: what set that before the pause began ends it at once."""
    events = [stopping] if woken is None else [stopping, woken]
    waits: list[asyncio.Future[Any]] = [
        *(asyncio.ensure_future(event.wait()) for event in events),
        asyncio.ensure_future(clock.sleep(duration)),
    ]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for one in waits:
            one.cancel()
        await asyncio.gather(*waits, return_exceptions=True)
    if woken is not None:
        woken.clear()


@frozen
class Idle:
    """What `run_until_idle` did, and what only time or a mended dependency will make due."""

    done: Mapping[str, int]
    waiting: int
    dead: int


async def drain(steps: Mapping[str, Step], *, catch_up: Callable[[], Awaitable[bool]]) -> dict[str, int]:
    """Step them all until none finds anything due; how much each did. Raises what a step raises.

    `catch_up` is asked then: True when it waited for something that a step may now find.
    """
    done = dict.fromkeys(steps, 0)
    is_caught_up = False
    while True:
        before = sum(done.values())
        for name, step in steps.items():
            while count := await step():
                done[name] += count
        if sum(done.values()) > before:
            is_caught_up = False
        elif is_caught_up or not await catch_up():
            return done
        else:
            is_caught_up = True
