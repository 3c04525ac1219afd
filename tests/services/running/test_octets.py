"""Octets held at once stay within their bound; who asked first is served first; nothing is lost to who gives up."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from convalias.services.running.octets import Octets


class Users:
    """Tasks that hold octets until they are told to let go."""

    def __init__(self, most: int) -> None:
        self.octets = Octets(most)
        self.holding: dict[str, int] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self.done: dict[str, asyncio.Event] = {}

    async def begin(self, name: str, octets: int) -> None:
        self.done[name] = asyncio.Event()

        async def hold() -> None:
            async with self.octets.held(octets):
                self.holding[name] = octets
                try:
                    await self.done[name].wait()
                finally:
                    del self.holding[name]

        self.tasks[name] = asyncio.create_task(hold())
        await settled()

    async def end(self, *names: str) -> None:
        for name in names:
            self.done[name].set()
        await settled()


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_who_does_not_fit_waits_and_nobody_passes_it() -> None:
    users = Users(10)
    for name, octets in (("a", 6), ("b", 5), ("c", 1)):
        await users.begin(name, octets)
    assert set(users.holding) == {"a"}
    await users.end("a")
    assert set(users.holding) == {"b", "c"}
    await users.end("b", "c")


async def test_more_than_there_is_goes_alone() -> None:
    users = Users(10)
    await users.begin("a", 1)
    await users.begin("big", 50)
    await users.begin("b", 1)
    assert set(users.holding) == {"a"}
    await users.end("a")
    assert set(users.holding) == {"big"}
    await users.end("big")
    assert set(users.holding) == {"b"}
    await users.end("b")


async def test_who_gives_up_waiting_lets_the_next_one_in() -> None:
    users = Users(10)
    for name, octets in (("a", 6), ("big", 9), ("c", 4)):
        await users.begin(name, octets)
    users.tasks["big"].cancel()
    await settled()
    assert set(users.holding) == {"a", "c"}
    await users.end("a", "c")
    await users.begin("all", 10)
    assert set(users.holding) == {"all"}
    await users.end("all")


async def test_who_gives_up_in_the_moment_of_its_turn_gives_them_back() -> None:
    users = Users(10)
    await users.begin("a", 10)
    await users.begin("b", 10)
    users.done["a"].set()
    await asyncio.sleep(0)  # a has let go, and b's turn is set; b has not run
    users.tasks["b"].cancel()
    await settled()
    await users.begin("c", 10)
    assert set(users.holding) == {"c"}
    await users.end("c")
    with suppress(asyncio.CancelledError):
        await users.tasks["b"]


async def test_who_gave_up_and_has_not_run_yet_is_passed_over() -> None:
    users = Users(10)
    for name in ("a", "b", "c"):
        await users.begin(name, 10)
    users.done["a"].set()
    users.tasks["b"].cancel()  # a runs before b
    await settled()
    assert set(users.holding) == {"c"}
    await users.end("c")
