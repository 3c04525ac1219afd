"""The loops: each worker takes steps until told to stop, and outlasts whatever a step raises."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any, Final, Literal, Protocol, TypeAlias, runtime_checkable

from attrs import Factory, field, frozen

from convalias.app.health import LoopHealth, WorkersHealth
from convalias.ports.ambient import Clock, Telemetry
from convalias.services.inbound.worker import InboundWorker
from convalias.services.running.log_lines import LogLines, cause_of
from convalias.services.running.outages import outage_in
from convalias.services.running.places import told_of
from convalias.services.running.task_group import TaskGroup

Worker: TypeAlias = Literal["inbound", "feed", "outbound", "handlers"]
"""Names a kind of worker: `handlers` runs the functions of a host, the others the work of a deployment."""
WORKERS: Final[tuple[Worker, ...]] = ("inbound", "feed", "outbound")
"""Those that every deployment needs."""
ALL_WORKERS: Final[tuple[Worker, ...]] = (*WORKERS, "handlers")
"""With the one that calls the functions which a host gave to `Convalias.on`."""
Step: TypeAlias = Callable[[], Awaitable[int]]
"""Does what is due, without waiting for more; how much was done."""

IDLE: Final = timedelta(milliseconds=50)
"""Between two looks. A stop ends this pause, while a wait inside an engine would have to be sat out."""
UNHURRIED: Final = timedelta(milliseconds=500)
"""The same for what no mail's way waits for: a store that is shared answers every look of every worker."""
SELDOM: Final = timedelta(seconds=5)
"""The same for what is there only while something does not work as it should."""
AWAY: Final = timedelta(seconds=1)
"""After the first failure; twice as long after each further one in a row."""
LONGEST_AWAY: Final = timedelta(seconds=16)
BROKEN_AFTER: Final = 3
"""Failures in a row that are no outage: then the worker is broken, and its process is not ready."""

log: Final = logging.getLogger("convalias.workers")


@runtime_checkable
class Polled(Protocol):
    """A queue whose every answer is paid for: a worker waits in it, rather than ask twenty times a second."""

    @property
    def poll(self) -> timedelta:
        """Return how long a poll takes; a stop waits for its end."""
        ...


@frozen(kw_only=True)
class Work:
    """The work that a worker does over and over."""

    step: Step
    idle: timedelta = IDLE
    """Between two looks that find nothing."""
    woken: asyncio.Event | None = None
    """Set by whoever knows that there is something to find: ends that pause."""


@frozen(kw_only=True)
class Loop:
    """A worker's loop: takes steps until `stopping` is set, whatever a step raises.

    A step that fails is taken again after a pause, doubled up to a bound. After a few failures in a row that are no
    outage the loop is broken: it alarms, `health` says so with class, file and line, and it goes on trying. It ends
    when it is stopped or cancelled, and never because of what it works on.
    """

    worker: str
    step: Step
    clock: Clock
    telemetry: Telemetry
    idle: timedelta = IDLE
    woken: asyncio.Event | None = None
    health: LoopHealth = field(factory=LoopHealth)
    lines: LogLines = field(default=Factory(lambda self: LogLines(log, self.clock), takes_self=True))

    async def run(self, stopping: asyncio.Event) -> None:
        """Until stopped or cancelled."""
        self.health.ended = ""
        try:
            await self._run(stopping)
        finally:
            self.lines.back(seen_by=id(self))
            if not stopping.is_set():
                self.health.ended, self.health.since = "was cancelled, and not stopped", self.clock.now()

    async def _run(self, stopping: asyncio.Event) -> None:
        away = AWAY
        while not stopping.is_set():
            requests = _requests_to_cancel()
            try:
                done = await self.step()
            except asyncio.CancelledError as error:
                # Something that the step waited for was cancelled, not this loop: no reason to end without a word.
                if _requests_to_cancel() > requests:
                    raise
                self._failed(error)
            except Exception as error:  # noqa: BLE001 - whatever it is: a loop that ends is a worker that is gone
                self._failed(error)
                away = getattr(outage_in(error), "retry_after", None) or away
            else:
                self._worked()
                self.lines.look()
                away = AWAY
                if not done:
                    await _pause(self.clock, self.idle, stopping, self.woken)
                continue
            await _pause(self.clock, away, stopping)
            away = min(away * 2, LONGEST_AWAY)

    def _worked(self) -> None:
        health = self.health
        if health.waiting_for:
            health.waiting_for = ""
            self.lines.back(seen_by=id(self))
        if health.broken and health.since is not None:
            lasted = self.clock.now() - health.since
            extra = {"worker": self.worker}
            log.warning("worker %s works again after %.0f s", self.worker, lasted.total_seconds(), extra=extra)
        if health.failures:
            health.failures, health.broken, health.since = 0, "", None

    def _failed(self, error: Exception | asyncio.CancelledError) -> None:
        """Class and place alone: a message could quote an address."""
        name = type(error).__name__
        self.telemetry.measure("convalias.worker.errors", 1, worker=self.worker, error=name)
        health = self.health
        if outage_in(error) is not None:
            health.waiting_for = cause_of(error)
            self.lines.away(health.waiting_for, seen_by=id(self))
            return
        health.failures += 1
        told = told_of(error)
        self.lines.repeated(f"worker {self.worker}: {told}", worker=self.worker)
        if health.failures < BROKEN_AFTER:
            return
        if not health.broken:
            health.since = self.clock.now()
            self.telemetry.measure("convalias.worker.broken", 1, worker=self.worker, error=name)
            log.error(
                "worker %s cannot go on: %s; this process is not ready, and tries again",
                self.worker,
                told,
                extra={"worker": self.worker},
            )
        health.broken = told


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


@frozen(kw_only=True)
class Ambience:
    """The surroundings that all loops of a process share."""

    clock: Clock
    telemetry: Telemetry
    health: WorkersHealth
    lines: LogLines


def loops_of(worker: Worker, works: Iterable[Work], ambience: Ambience) -> list[Loop]:
    """The loops of one worker."""
    return [
        Loop(
            worker=worker,
            step=work.step,
            clock=ambience.clock,
            telemetry=ambience.telemetry,
            idle=work.idle,
            woken=work.woken,
            health=ambience.health.of(worker, number),
            lines=ambience.lines,
        )
        for number, work in enumerate(works)
    ]


async def kept_running(loops: Sequence[Loop], stopping: asyncio.Event, running: set[asyncio.Task[None]]) -> None:
    """Run them side by side until stopped or cancelled. None ends another; one that was cancelled begins anew."""

    def begin(loop: Loop, after: timedelta) -> asyncio.Task[None]:
        task = group.create_task(_begun(loop, stopping, after), name=f"convalias {loop.worker}")
        running.add(task)
        task.add_done_callback(running.discard)
        return task

    async with TaskGroup() as group:
        at_work = {begin(loop, timedelta(0)): loop for loop in loops}
        while at_work:
            ended, _ = await asyncio.wait(at_work, return_when=asyncio.FIRST_COMPLETED)
            for task in ended:
                loop = at_work.pop(task)
                if not task.cancelled():
                    task.result()
                if not stopping.is_set():
                    at_work[begin(loop, AWAY)] = loop


async def _begun(loop: Loop, stopping: asyncio.Event, after: timedelta) -> None:
    """Nothing that a loop raises is raised here: it would end the loops beside it."""
    if after:
        await _pause(loop.clock, after, stopping)
    try:
        await loop.run(stopping)
    except Exception as error:  # noqa: BLE001 - of what every loop stands on: a clock, say
        loop.health.ended = told_of(error)
        log.error("worker %s has ended: %s; it begins anew", loop.worker, loop.health.ended)  # noqa: TRY400 - a trace could quote
        with suppress(TimeoutError):  # by the time of the machine: it may be the clock that fails
            async with asyncio.timeout(AWAY.total_seconds()):
                await stopping.wait()


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
    """The result of `run_until_idle`, and what only time or a mended dependency will make due."""

    done: Mapping[str, int]
    waiting: int
    dead: int
    in_time: bool = True
    """False: the time that was given ended first, and more is due."""


def _never() -> bool:
    return False


async def drain(
    steps: Mapping[str, Step],
    *,
    catch_up: Callable[[], Awaitable[bool]],
    is_over: Callable[[], bool] = _never,
    done: Counter[str],
) -> bool:
    """Step them all until none finds anything due, and count in `done` how much each did.

    A step that raises is left; the others are done to their end, and then what it raised is raised.

    `catch_up` is asked then: True when it waited for something that a step may now find. `is_over` is asked before
    each step: True when no other may begin. Returns whether nothing is due.
    """
    is_caught_up, failed = False, dict[str, Exception]()
    while True:
        before = done.total()
        for name, step in steps.items():
            try:
                while name not in failed and not is_over() and (count := await step()):
                    done[name] += count
            except Exception as error:  # noqa: BLE001 - raised below: others would never be told of anything
                failed[name] = error
        in_time = not is_over()
        if in_time and done.total() > before:
            is_caught_up = False
        elif not in_time or is_caught_up or not await catch_up():
            break
        else:
            is_caught_up = True
    for raised in failed.values():
        raise raised
    return in_time
