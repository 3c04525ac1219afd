"""Virtual time: a wait costs nothing, and nothing outside the loop is reached."""

import asyncio
import time
from collections.abc import Awaitable, Coroutine
from typing import Any, TypeVar

import pytest

from convalias.testing.simulator.loop import OutsideWorld, Stalled, VirtualLoop

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(work)
    finally:
        loop.close()


def test_a_day_takes_a_moment_and_is_a_day() -> None:
    async def day() -> float:
        await asyncio.sleep(86_400)
        return asyncio.get_running_loop().time()

    before = time.process_time()
    assert run(day()) == 86_400
    assert time.process_time() - before < 5


def test_who_waits_shorter_is_first_and_who_waits_as_long_keeps_his_turn() -> None:
    async def story() -> list[str]:
        order: list[str] = []

        async def after(seconds: float, name: str) -> None:
            await asyncio.sleep(seconds)
            order.append(name)

        await asyncio.gather(after(2, "late"), after(1, "first"), after(1, "second"))
        return order

    assert run(story()) == ["first", "second", "late"]


def test_a_bound_in_time_is_kept_in_virtual_time() -> None:
    async def story() -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(30):
                await asyncio.sleep(3600)
        return asyncio.get_running_loop().time()

    assert run(story()) == 30


async def in_a_thread() -> None:
    await asyncio.to_thread(time.monotonic)


async def by_a_socket() -> None:
    await asyncio.open_connection("127.0.0.1", 9)


async def by_a_child() -> None:
    await asyncio.create_subprocess_exec("true")


@pytest.mark.parametrize("way", [in_a_thread, by_a_socket, by_a_child])
def test_there_is_no_thread_no_socket_and_no_child(way: Any) -> None:
    async def story(reach: Awaitable[None]) -> None:
        await reach

    with pytest.raises((OutsideWorld, NotImplementedError)):
        run(story(way()))


def test_everybody_waiting_for_somebody_is_told_instead_of_hanging() -> None:
    async def story() -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(Stalled):
        run(story())
