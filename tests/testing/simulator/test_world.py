"""When a run is over."""

import asyncio
from datetime import timedelta

import pytest

from convalias.app.facade import ENTER_WITHIN
from convalias.ports.errors import Unavailable
from convalias.ports.records import Due, Insert, Key
from convalias.testing.simulator.loop import VirtualLoop
from convalias.testing.simulator.ports import EPOCH
from convalias.testing.simulator.weather import CALM
from convalias.testing.simulator.world import RESTART_WITHIN, Shape, World


def left(lane: str, due: timedelta) -> list[str]:
    """What keeps a world busy in which one record is due in that lane."""

    async def story() -> list[str]:
        world = World(1, weather=CALM, shape=Shape())
        await asyncio.sleep(0)
        await world.engines.records.write([Insert(Key("t", "p", "1"), {}, due=Due(lane, EPOCH + due))])
        try:
            return await world.undrained()
        finally:
            await world.close()

    loop = VirtualLoop()
    try:
        return loop.run_until_complete(story())
    finally:
        loop.close()


@pytest.mark.parametrize("lane", ["feed", "deliveries", "deliveries.leased"])
def test_a_run_is_not_over_while_an_event_or_a_delivery_waits_however_long(lane: str) -> None:
    assert left(lane, timedelta(days=1)) == [f"lane {lane}: something due"]


def test_a_run_waits_for_approved_mail_that_is_tried_again_and_for_no_hold_to_expire() -> None:
    assert left("holds", timedelta(minutes=15)) == ["lane holds: something due"]
    assert left("holds", timedelta(days=14)) == []


def test_other_lanes_keep_a_run_busy_with_what_is_past_alone() -> None:
    assert left("system_outbox", timedelta(0)) == ["lane system_outbox: something due"]
    assert left("system_outbox", timedelta(seconds=1)) == []


def test_a_process_that_dies_while_it_starts_is_asked_by_nobody() -> None:
    async def story() -> tuple[list[str], list[str]]:
        world = World(1, weather=CALM, shape=Shape())
        process = world.boot("web-0")
        await asyncio.sleep(world.weather.latency / 10)  # its first calls are on their way
        world.crash(process)
        await asyncio.sleep(2 * ENTER_WITHIN.total_seconds() + RESTART_WITHIN)
        await world.close()
        return [process.name], [host.process.name for host in world.hosts["web"]]

    loop = VirtualLoop()
    try:
        assert loop.run_until_complete(story()) == (["web-0#1"], ["web-0#2"])
    finally:
        loop.close()


def test_a_late_call_that_cannot_be_done_then_is_never_done_and_ends_no_run() -> None:
    async def story() -> list[str]:
        world = World(1, weather=CALM, shape=Shape())

        async def refused() -> None:
            raise Unavailable("legacy")

        async def broken() -> None:
            raise ZeroDivisionError

        world.later(1.0, refused)
        world.later(1.0, broken)
        await asyncio.sleep(2.0)
        await world.close()
        return world.failures

    loop = VirtualLoop()
    try:
        assert loop.run_until_complete(story()) == ["outside: ZeroDivisionError()"]
    finally:
        loop.close()
