"""A process that stands still for minutes: it hears nothing, its clock jumps, and others have its work by then."""

import asyncio
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any

import pytest

from convalias.testing.simulator.draws import Draws
from convalias.testing.simulator.loop import VirtualLoop
from convalias.testing.simulator.ports import EPOCH, Clock, Rings
from convalias.testing.simulator.process import Process
from convalias.testing.simulator.run import Plan, simulate
from convalias.testing.simulator.weather import Fault, Weather
from testing.simulator.pinned import expect_seen


def run(story: Coroutine[Any, Any, None]) -> None:
    loop = VirtualLoop()
    try:
        loop.run_until_complete(story)
    finally:
        loop.close()


async def _no_rest(*_: object) -> None:
    raise AssertionError("nobody rests here")


def test_who_is_stopped_goes_on_later_and_sees_the_time_that_has_passed() -> None:
    async def story() -> None:
        process = Process("worker-0", 1, Draws(1))
        clock = Clock(process, Rings(lambda _: None, _no_rest))
        process.stopped_until = 300.0
        assert clock.now() == EPOCH + timedelta(seconds=300), "it looks when it goes on"
        await clock.sleep(timedelta(seconds=1))
        assert asyncio.get_running_loop().time() == 300.0
        await clock.sleep(timedelta(seconds=1))
        assert asyncio.get_running_loop().time() == 301.0

    run(story())


@pytest.mark.slow
def test_nothing_is_doubled_or_lost_by_processes_that_stand_still() -> None:
    stops = 0
    for seed in range(6):
        weather = Weather(on=frozenset({Fault.STOPPED, Fault.FORGET, Fault.DUPLICATE}), until=3600.0)
        report = simulate(Plan(seed=seed, mails=40, weather=weather))
        assert list(report.violations) == []
        stops += report.faults.get(Fault.STOPPED.value, 0)
    assert stops


# What was being sent by a process that never goes on is left to the collector, in the middle of its call.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.slow
def test_who_calls_although_his_lease_is_over_is_seen() -> None:
    expect_seen("called-behind-the-lease")
