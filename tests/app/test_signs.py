"""Workers leave a sign of life where other processes see it: seldom, after work that did not fail, and never in its way."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta

import pytest

from convalias.adapters import memory
from convalias.app.guards import SHOWN_FOR, AdapterFaults
from convalias.app.memory import memory_ports
from convalias.app.ports import Ports
from convalias.app.signs import EVERY, giving_signs, leave_faults
from convalias.app.workers import Work
from convalias.domain.operations.numbers import WORKERS, SignOfLife
from convalias.ports.errors import Unavailable
from convalias.services.running.log_lines import LogLines
from convalias.stores.deployment.signs import TABLE, Signs


def working(ports: Ports, *outcomes: int | Exception, raised: AdapterFaults | None = None) -> Work:
    left = list(outcomes)

    async def step() -> int:
        outcome = left.pop(0) if left else 1
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    first, *_ = giving_signs("feed", [Work(step=step), Work(step=step)], ports, raised or faults_of(ports))
    return first


def faults_of(ports: Ports) -> AdapterFaults:
    return AdapterFaults(ports.clock, LogLines(logging.getLogger("convalias.test"), ports.clock))


async def test_a_sign_is_given_at_most_every_twenty_seconds() -> None:
    ports = memory_ports(legacy=False)
    clock = ports.clock
    assert isinstance(clock, memory.Clock)
    work = working(ports)
    begun = clock.now()
    signs = Signs(records=ports.records)
    for _ in range(3):
        await work.step()
    assert await signs.latest() == {"feed": begun}
    await clock.advance(EVERY)
    await work.step()
    assert await signs.latest() == {"feed": begun + EVERY}


async def test_a_step_that_fails_gives_no_sign() -> None:
    ports = memory_ports(legacy=False)
    work = working(ports, Unavailable("store"))
    try:
        await work.step()
    except Unavailable:
        assert await Signs(records=ports.records).latest() == {}


async def test_a_store_that_is_away_stops_no_work() -> None:
    ports = memory_ports(legacy=False)
    faults = memory.Faults()
    faults.fail("records.range", memory.before("store"))
    work = working(ports.but(records=memory.faulty.Records(ports.records, faults)), 7)
    assert await work.step() == 7


@pytest.mark.parametrize(
    ("apart", "line"),
    [
        (-timedelta(seconds=26), "no inbound worker has given a sign of life lately: see that one runs"),
        (timedelta(seconds=6), "a worker wrote with a clock that is ahead of this one"),
        (-timedelta(seconds=25), ""),
        (timedelta(seconds=4), ""),
    ],
)
def test_who_gives_a_sign_says_who_gives_none_and_whose_clock_is_ahead(
    apart: timedelta, line: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def story() -> None:
        ports = memory_ports(legacy=False)
        sign = SignOfLife(worker="inbound", incarnation="another", at=ports.clock.now() + apart)
        await Signs(records=ports.records).give(sign)
        work = working(ports)
        await work.step()
        assert isinstance(ports.clock, memory.Clock)
        await ports.clock.advance(EVERY)
        await work.step()

    asyncio.run(story())
    assert [told.getMessage()[: len(line)] for told in caplog.records] == [line] * bool(line)


async def test_a_process_that_starts_does_not_miss_the_workers_that_start_with_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    ports = memory_ports(legacy=False)
    sign = SignOfLife(worker="inbound", incarnation="before", at=ports.clock.now() - timedelta(minutes=9))
    await Signs(records=ports.records).give(sign)
    work = working(ports)
    await work.step()
    assert caplog.records == []
    assert isinstance(ports.clock, memory.Clock)
    await ports.clock.advance(EVERY)
    await work.step()
    assert [told.getMessage() for told in caplog.records] == [
        "no inbound worker has given a sign of life lately: see that one runs"
    ]


async def test_a_sign_tells_what_adapters_raised_in_its_process_until_they_have_worked_for_a_while() -> None:
    ports = memory_ports(legacy=False)
    clock, signs, raised = ports.clock, Signs(records=ports.records), faults_of(ports)
    assert isinstance(clock, memory.Clock)
    raised.note("identity.at", KeyError("john@example.org"))
    await working(ports, raised=raised).step()
    (told,) = (await signs.faults(since=clock.now())).values()
    assert told.startswith("identity.at: KeyError")
    assert told.endswith(", once")
    assert "john" not in told
    raised.worked("identity.at")
    await clock.advance(SHOWN_FOR + EVERY)
    assert await signs.faults(since=clock.now() - SHOWN_FOR) == {}, "its process gives no sign any more"
    await working(ports, raised=raised).step()
    assert await signs.faults(since=clock.now() - SHOWN_FOR) == {}


async def test_a_run_leaves_what_adapters_raised_in_one_row_and_is_no_sign_of_life() -> None:
    ports = memory_ports(legacy=False)
    clock, signs, raised = ports.clock, Signs(records=ports.records), faults_of(ports)
    assert isinstance(clock, memory.Clock)
    await leave_faults(["inbound"], ports, raised)
    assert await signs.latest() == {}
    for _ in range(3):  # a process each
        raised = faults_of(ports)
        raised.note("rules.broken", KeyError("john@example.org"))
        await leave_faults(["inbound"], ports, raised)
        await clock.advance(timedelta(minutes=1))
    (told,) = (await signs.faults(since=clock.now() - SHOWN_FOR)).items()
    assert told[0] == "a run of inbound"
    assert told[1].startswith("rules.broken: KeyError")
    assert not {*await signs.latest()} & {*WORKERS}
    assert len(await ports.records.range(TABLE, TABLE, after="", limit=9)) == 1


async def test_a_store_that_is_away_fails_no_run_for_its_faults() -> None:
    ports, faults = memory_ports(legacy=False), memory.Faults()
    faults.fail("records.range", memory.before("store"))
    raised = faults_of(ports)
    raised.note("rules.broken", KeyError())
    await leave_faults(["inbound"], ports.but(records=memory.faulty.Records(ports.records, faults)), raised)
