"""A loop outlasts what is away, and asks it ever less often."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta

import pytest

from convalias.adapters import memory
from convalias.app import Convalias
from convalias.app.health import LoopHealth, WorkersHealth
from convalias.app.workers import BROKEN_AFTER, Loop, Step, drain, kept_running
from convalias.ports.errors import Unavailable
from convalias.ports.queue import Job
from convalias.services.conversations.errors import NotReady


class Restless(memory.Clock):
    """Time passes by itself; how long each pause was is kept."""

    def __init__(self) -> None:
        super().__init__()
        self.pauses: list[float] = []

    async def sleep(self, duration: timedelta) -> None:
        self.pauses.append(duration.total_seconds())


def pauses(ends: Sequence[int | BaseException]) -> list[float]:
    """Between steps that end so, one after the other; the loop is stopped with the last."""
    clock, stopping, left = Restless(), asyncio.Event(), list(ends)

    async def step() -> int:
        end = left.pop(0)
        if not left:
            stopping.set()
        if isinstance(end, BaseException):
            raise end
        return end

    async def story() -> None:
        loop = Loop(worker="feed", step=step, clock=clock, telemetry=memory.NoTelemetry())
        await loop.run(stopping)

    asyncio.run(story())
    return clock.pauses


def test_a_step_that_did_something_is_followed_by_the_next_at_once() -> None:
    assert pauses([3, 1, 0, 0, 2]) == [0.05, 0.05]


def test_what_stays_away_is_asked_ever_less_often_up_to_a_bound() -> None:
    away = Unavailable("the store")
    assert pauses([*[away] * 7, 1]) == [1, 2, 4, 8, 16, 16, 16]


def test_what_came_back_and_goes_again_is_asked_after_a_second() -> None:
    assert pauses([TimeoutError(), TimeoutError(), 1, TimeoutError(), 1]) == [1, 2, 1]


def test_a_dependency_may_say_when_to_come_again() -> None:
    late = Unavailable("the hub", retry_after=timedelta(minutes=3))
    assert pauses([late, late, 1]) == [180, 180]


@pytest.mark.parametrize("failure", [ZeroDivisionError(), asyncio.CancelledError()])
def test_a_loop_that_fails_again_and_again_is_tried_again_ever_less_often_and_never_ends(
    failure: BaseException,
) -> None:
    """Cancelled was something that it waited for, not the loop."""
    assert pauses([failure, 1]) == [1]
    assert pauses([*[failure] * 50, 1]) == [1, 2, 4, 8, *[16] * 46]


def test_a_loop_that_cannot_go_on_says_so_once_alarms_and_works_again(caplog: pytest.LogCaptureFixture) -> None:
    clock, stopping, telemetry = Restless(), asyncio.Event(), memory.Telemetry()
    health = LoopHealth("feed")
    seen: list[str] = []

    async def step() -> int:
        seen.append(health.reason)
        if len(seen) <= BROKEN_AFTER + 2:
            raise KeyError("bob@corp.example")
        if len(seen) > BROKEN_AFTER + 3:
            stopping.set()
        return 1

    loop = Loop(worker="feed", step=step, clock=clock, telemetry=telemetry, health=health)
    asyncio.run(loop.run(stopping))
    place = r"KeyError at app/test_workers\.py:\d+ in .*step"
    assert seen[:BROKEN_AFTER] == [""] * BROKEN_AFTER
    assert re.fullmatch(rf"feed since \S+: {place}, {BROKEN_AFTER} times in a row", seen[BROKEN_AFTER])
    assert f"{BROKEN_AFTER + 2} times in a row" in seen[BROKEN_AFTER + 2]
    assert seen[BROKEN_AFTER + 3] == health.reason == ""
    lines = [line.getMessage() for line in caplog.records]
    assert [bool(re.search(place, line)) for line in lines] == [True, True, False]
    assert "cannot go on" in lines[1]
    assert "works again" in lines[2]
    assert "bob" not in caplog.text
    assert telemetry.total("convalias.worker.broken") == 1


async def test_a_loop_that_was_cancelled_and_not_stopped_is_not_ready() -> None:
    health = WorkersHealth()
    loop = Loop(
        worker="feed",
        step=asyncio.get_running_loop().create_future,
        clock=Restless(),
        telemetry=memory.NoTelemetry(),
        health=health.of("feed", 0),
    )
    stopping = asyncio.Event()
    task = asyncio.create_task(loop.run(stopping))
    await asyncio.sleep(0)
    assert await health.check() == ""
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    with pytest.raises(NotReady, match=r"feed since .*: was cancelled, and not stopped"):
        await health.check()
    stopping.set()
    await loop.run(stopping)
    assert await health.check() == ""


class Stopped(Restless):
    """A clock that does not tell the time while it is broken."""

    broken = False

    def now(self) -> datetime:
        if self.broken:
            raise OSError("bob@home.example")
        return super().now()


async def test_a_loop_that_falls_over_ends_no_other_and_begins_anew(caplog: pytest.LogCaptureFixture) -> None:
    """Of a clock's fault, say: nothing that a loop stands on is caught in the loop."""
    good, bad = Stopped(), Stopped()
    stopping, again, steps = asyncio.Event(), asyncio.Event(), 0

    async def failing() -> int:
        nonlocal steps
        steps += 1
        if steps == 2:
            again.set()
        bad.broken = steps == 1
        raise KeyError

    health, nothing = WorkersHealth(), memory.NoTelemetry()
    loops = [
        Loop(worker="feed", step=failing, clock=bad, telemetry=nothing, health=health.of("feed", 0)),
        Loop(
            worker="outbound",
            step=asyncio.get_running_loop().create_future,
            clock=good,
            telemetry=nothing,
            health=health.of("outbound", 0),
        ),
    ]
    running = set[asyncio.Task[None]]()
    work = asyncio.create_task(kept_running(loops, stopping, running))
    async with asyncio.timeout(60):
        await again.wait()
    assert len(running) == 2
    assert not work.done()
    stopping.set()
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)
    assert "worker feed has ended: OSError at app/test_workers.py" in caplog.text
    assert "bob@" not in caplog.text


@pytest.mark.parametrize("before", [0, 1], ids=["", "although a library had left a request to cancel behind"])
def test_a_loop_that_is_cancelled_ends(before: int) -> None:
    clock = Restless()

    async def step() -> int:
        task = asyncio.current_task()
        assert task is not None
        if task.cancelling() < before:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(0)
            raise Unavailable("the store")
        await asyncio.get_running_loop().create_future()
        return 1

    async def story() -> None:
        loop = Loop(worker="feed", step=step, clock=clock, telemetry=memory.NoTelemetry())
        task = asyncio.create_task(loop.run(asyncio.Event()))
        for _ in range(20):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(story())
    assert clock.pauses == [1.0] * before


class Queue(memory.JobQueue):
    """Each look takes a virtual second, and they are counted."""

    def __init__(self, clock: memory.Clock) -> None:
        super().__init__(clock)
        self.clock = clock
        self.looking = self.most = self.looks = 0

    async def take(self, *, limit: int, wait: timedelta, lease: timedelta) -> Sequence[Job]:
        self.looking += 1
        self.looks += 1
        self.most = max(self.most, self.looking)
        try:
            await self.clock.sleep(timedelta(seconds=1))
            return await super().take(limit=limit, wait=timedelta(0), lease=lease)
        finally:
            self.looking -= 1


async def test_of_the_loops_of_a_process_one_looks_at_a_time_and_all_end_with_its_look() -> None:
    clock = memory.Clock()
    queue = Queue(clock)
    async with Convalias.in_memory(alias_domain="reply.example", queue=queue, clock=clock) as cv:
        running = asyncio.ensure_future(cv.run("inbound"))
        await clock.advance(timedelta(seconds=10))
        assert queue.most == 1
        stopping = asyncio.ensure_future(cv.stop())
        await asyncio.sleep(0)  # it has begun
        looks = queue.looks
        assert 5 <= looks <= 11
        await clock.advance(timedelta(seconds=3))
        await stopping
        await running
        assert queue.looks == looks


def woken_by(moment: str) -> list[str]:
    """What happens around one pause of ten minutes whose loop is woken then."""
    clock, stopping, woken = memory.Clock(), asyncio.Event(), asyncio.Event()
    happened: list[str] = []

    async def step() -> int:
        happened.append(f"{clock.now():%M:%S}")
        if moment == "before" and len(happened) == 1:
            woken.set()
        if len(happened) == 3:
            stopping.set()
        return 0

    async def story() -> None:
        loop = Loop(
            worker="outbound",
            step=step,
            clock=clock,
            telemetry=memory.NoTelemetry(),
            idle=timedelta(minutes=10),
            woken=woken,
        )
        running = asyncio.ensure_future(loop.run(stopping))
        await clock.advance(timedelta(minutes=1))
        if moment == "during":
            woken.set()
        await clock.advance(timedelta(minutes=25))
        await running

    asyncio.run(story())
    return happened


def test_a_loop_is_woken_out_of_its_pause_once_for_each_time() -> None:
    began = woken_by("never")
    minutes = [int(one[:2]) for one in began]
    assert [one - minutes[0] for one in minutes] == [0, 10, 20]
    for moment, waits in [("before", [0, 0, 10]), ("during", [0, 1, 11])]:
        minutes = [int(one[:2]) for one in woken_by(moment)]
        assert [one - minutes[0] for one in minutes] == waits


def test_who_drains_looks_again_after_catching_up() -> None:
    left = [0, 2, 0]
    waits: list[bool] = []

    async def step() -> int:
        return left.pop(0) if left else 0

    async def catch_up() -> bool:
        waits.append(True)
        return len(waits) < 3

    done = Counter[str]()
    assert asyncio.run(drain({"outbound": step}, catch_up=catch_up, done=done))
    assert done == {"outbound": 2}
    assert len(waits) == 2


def test_what_raises_in_one_worker_keeps_no_other_from_its_work() -> None:
    """As from a cron job: each run is a process of its own, and one message of the host may fail in all of them."""
    left = {"inbound": [1, 0], "outbound": [2, 1, 0]}
    tries: list[str] = []

    def working(name: str) -> Step:
        async def step() -> int:
            return left[name].pop(0) if left[name] else 0

        return step

    async def failing() -> int:
        tries.append("feed")
        raise KeyError("row")

    async def catch_up() -> bool:
        return False

    steps = {"inbound": working("inbound"), "feed": failing, "outbound": working("outbound")}
    done = Counter[str]()
    with pytest.raises(KeyError, match="row"):
        asyncio.run(drain(steps, catch_up=catch_up, done=done))
    assert done == {"inbound": 1, "outbound": 3}
    assert tries == ["feed"]
