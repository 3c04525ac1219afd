"""What is worth a warning is one, with the trace and record of its work; equal ones once a minute; all else is silent."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from convalias.adapters import memory
from convalias.adapters.alarms import ALARMS, Telemetry


@pytest.mark.parametrize("name", sorted(ALARMS))
def test_an_alarm_is_a_warning_with_its_tags(name: str, caplog: pytest.LogCaptureFixture) -> None:
    Telemetry(memory.Clock()).measure(name, 1, source="mailgun", reason="too_large")
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert record.getMessage() == f"{name}: {ALARMS[name]} (reason too_large, source mailgun)"
    assert not hasattr(record, "trace")


def test_all_else_is_silent(caplog: pytest.LogCaptureFixture) -> None:
    telemetry = Telemetry(memory.Clock())
    telemetry.measure("icer.messages.received", 1, source="mailgun")
    telemetry.measure("icer.token_reused", 0)
    with telemetry.span("relay", "trace"):
        telemetry.measure("icer.processing.latency", 0.1)
    telemetry.flush()
    assert caplog.records == []


async def test_an_alarm_names_the_trace_and_record_of_its_span(caplog: pytest.LogCaptureFixture) -> None:
    telemetry = Telemetry(memory.Clock())

    async def work(number: int, error: str) -> None:
        with telemetry.span("icer.processing", f"t{number}", record=f"r{number}"):
            await asyncio.sleep(0)
            async with asyncio.TaskGroup() as group:
                group.create_task(raises(error))

    async def raises(error: str) -> None:
        telemetry.measure("icer.processing.errors", 1, error=error)

    await asyncio.gather(work(1, "KeyError"), work(2, "ValueError"))
    with telemetry.span("hub.send", "t3"):
        telemetry.measure("mons.delivery.failures", 1)
    telemetry.measure("mons.feed.jumps", 1)
    assert [record.getMessage().partition("; ")[2] for record in caplog.records] == [
        "trace t1, record r1",
        "trace t2, record r2",
        "trace t3",
        "it was read from the store",
    ]
    assert [record.__dict__.get("record") for record in caplog.records] == ["r1", "r2", None, None]


async def test_a_flood_of_equal_alarms_is_a_line_a_minute_with_a_count(caplog: pytest.LogCaptureFixture) -> None:
    clock = memory.Clock()
    telemetry = Telemetry(clock)

    for second in range(150):
        with telemetry.span("icer.processing", f"t{second}", record=f"r{second}"):
            telemetry.measure("icer.processing.errors", 1, error="KeyError")
        await clock.advance(timedelta(seconds=1))
    telemetry.flush()
    alarm = f"icer.processing.errors: {ALARMS['icer.processing.errors']} (error KeyError)"
    assert caplog.messages == [
        f"{alarm}; trace t0, record r0",
        f"{alarm} (60 times since the last such line); trace t60, record r60",
        f"{alarm} (60 times since the last such line); trace t120, record r120",
        f"{alarm} (29 times since the last such line); trace t149, record r149",
    ]


async def test_a_span_of_a_task_that_is_closed_from_outside_ends_without_a_fault() -> None:
    telemetry = Telemetry(memory.Clock())

    async def works() -> None:
        with telemetry.span("icer.processing", "t1"):
            await asyncio.Event().wait()

    work = works()
    task = asyncio.create_task(asyncio.sleep(0))
    work.send(None)
    await task
    await asyncio.to_thread(work.close)
