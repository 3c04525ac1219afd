"""The line of waiting calls, alone: what goes together, what never waits, and what becomes of who is called off."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextvars import ContextVar
from typing import Any

import pytest

from convalias.adapters._sharing import Bound, Line, each
from convalias.ports.errors import PortError, Rejected, Unavailable
from convalias.testing.simulator.loop import VirtualLoop

WHO: ContextVar[str] = ContextVar("who", default="nobody")


def lost() -> PortError:
    return Unavailable("engine")


class Engine:
    """Answers each request when it is let go, with the entries doubled; remembers what came together."""

    def __init__(self, *, most: int = 10, octets: int = 1_000, at_once: int = 2, patience: float | None = None) -> None:
        self.requests: list[list[str]] = []
        self.waiting: list[asyncio.Event] = []
        self.wrong: dict[str, Exception] = {}
        """Of an entry alone."""
        self.whole: Exception | None = None
        self.is_open = False
        self.line = Line[str, str](
            self.send, at_once=at_once, bounds=(Bound(most, each), Bound(octets, len)), lost=lost, patience=patience
        )

    async def send(self, entries: Sequence[str]) -> Sequence[str | Exception]:
        self.requests.append(list(entries))
        if not self.is_open:
            self.waiting.append(asyncio.Event())
            await self.waiting[-1].wait()
        if self.whole is not None:
            raise self.whole
        return [self.wrong.get(entry, entry * 2) for entry in entries]

    def ask(self, *entries: str) -> asyncio.Task[str]:
        (entry,) = entries
        return asyncio.ensure_future(self.line.ask(entry))

    def let_go(self, number: int) -> None:
        self.waiting[number].set()


async def turns(count: int = 5) -> None:
    """Let everything run that can."""
    for _ in range(count):
        await asyncio.sleep(0)


async def test_a_lone_entry_leaves_at_once() -> None:
    engine = Engine()
    engine.is_open = True
    assert await engine.line.ask("a") == "aa"
    assert engine.requests == [["a"]]


async def test_what_comes_while_requests_are_under_way_goes_with_the_next_in_its_order() -> None:
    engine = Engine()
    calls = [engine.ask("a")]
    await turns()
    calls.append(engine.ask("b"))
    await turns()
    calls += [engine.ask(entry) for entry in "cdefg"]
    await turns()
    assert engine.requests == [["a"], ["b"]]
    engine.let_go(1)
    await turns()
    assert engine.requests == [["a"], ["b"], [*"cdefg"]]
    engine.let_go(0)
    engine.let_go(2)
    assert await asyncio.gather(*calls) == [entry * 2 for entry in "abcdefg"]


async def test_forty_calls_at_once_are_as_many_requests_as_they_fill() -> None:
    for most, requests in ((100, 1), (20, 2), (10, 4)):
        engine = Engine(most=most)
        engine.is_open = True
        await asyncio.gather(*(engine.line.ask(str(number)) for number in range(40)))
        assert len(engine.requests) == requests


async def test_no_more_requests_than_allowed_are_under_way() -> None:
    engine = Engine(most=1, at_once=2)
    calls = [engine.ask(entry) for entry in "abcde"]
    await turns()
    for number in range(5):
        assert len(engine.requests) == min(number + 2, 5)
        engine.let_go(number)
        await turns()
    await asyncio.gather(*calls)


async def test_a_request_is_no_heavier_than_its_bounds_and_what_is_heavier_travels_alone() -> None:
    engine = Engine(most=3, octets=5)
    engine.is_open = True
    answers = await engine.line.all(["aa", "bb", "c", "d", "e" * 9, "f", "g", "h", "i"])
    assert answers == [entry * 2 for entry in ("aa", "bb", "c", "d", "e" * 9, "f", "g", "h", "i")]
    assert engine.requests == [["aa", "bb", "c"], ["d"], ["e" * 9], ["f", "g", "h"], ["i"]]


async def test_nothing_asks_nobody() -> None:
    engine = Engine()
    assert await engine.line.all([]) == []
    assert engine.requests == []


async def test_an_entry_that_fails_alone_fails_its_own_call() -> None:
    engine = Engine()
    engine.is_open = True
    engine.wrong["b"] = Rejected("b")
    outcomes = await asyncio.gather(*(engine.line.ask(entry) for entry in "abc"), return_exceptions=True)
    assert [type(one) for one in outcomes] == [str, Rejected, str]
    assert len(engine.requests) == 1
    with pytest.raises(Rejected):
        await engine.line.all(["x", "b"])


@pytest.mark.parametrize("error", [Unavailable("engine"), KeyError("a slip")])
async def test_a_request_that_fails_fails_all_its_calls_and_none_of_the_next(error: Exception) -> None:
    engine = Engine()
    engine.is_open = True
    engine.whole = error
    outcomes = await asyncio.gather(*(engine.line.ask(entry) for entry in "abc"), return_exceptions=True)
    assert [type(one) for one in outcomes] == [type(error)] * 3
    engine.whole = None
    assert await engine.line.ask("d") == "dd"


async def test_who_is_called_off_before_it_left_is_not_sent() -> None:
    engine = Engine(at_once=1)
    first, second, third = engine.ask("a"), engine.ask("b"), engine.ask("c")
    await turns()
    assert engine.requests == [["a", "b", "c"]]
    fourth, fifth = engine.ask("d"), engine.ask("e")
    await turns()
    fourth.cancel()
    engine.let_go(0)
    await turns()
    assert engine.requests[1:] == [["e"]]
    engine.let_go(1)
    assert [await call for call in (first, second, third, fifth)] == ["aa", "bb", "cc", "ee"]


async def test_a_call_of_many_that_is_called_off_leaves_nothing_behind() -> None:
    engine = Engine(most=1, at_once=1)
    call = asyncio.ensure_future(engine.line.all(["a", "b", "c"]))
    await turns()
    call.cancel()
    engine.let_go(0)
    await turns()
    assert engine.requests == [["a"]]


async def test_who_is_called_off_under_way_takes_no_neighbour_with_it() -> None:
    engine = Engine()
    first, second = engine.ask("a"), engine.ask("b")
    await turns()
    first.cancel()
    await turns()
    engine.let_go(0)
    assert await second == "bb"
    assert first.cancelled()


async def test_who_asks_again_at_once_finds_a_sender() -> None:
    engine = Engine(at_once=1)
    engine.is_open = True

    async def again() -> None:
        for _ in range(20):
            await engine.line.ask("a")

    async with asyncio.timeout(60):
        await asyncio.gather(again(), again(), again())


async def test_what_a_caller_has_set_is_not_for_its_neighbours() -> None:
    seen: list[str] = []

    async def send(entries: Sequence[str]) -> Sequence[str | Exception]:
        seen.append(WHO.get())
        return entries

    line = Line[str, str](send, at_once=1, bounds=(Bound(10, each),), lost=lost)
    token = WHO.set("the first caller")
    await asyncio.gather(line.ask("a"), line.ask("b"))
    WHO.reset(token)
    assert seen == ["nobody"]


def virtually(story: Callable[[], Coroutine[Any, Any, None]]) -> None:
    loop = VirtualLoop()
    try:
        loop.run_until_complete(story())
    finally:
        loop.close()


def test_nobody_waits_longer_than_its_patience_and_nothing_is_sent_for_it_then() -> None:
    async def story() -> None:
        engine = Engine(at_once=1, patience=10)
        first = engine.ask("a")
        await asyncio.sleep(6)
        second = engine.ask("b")
        await asyncio.sleep(6)
        with pytest.raises(Unavailable):
            await first
        assert not second.done()
        await asyncio.sleep(5)
        with pytest.raises(Unavailable):
            await second
        engine.let_go(0)
        await turns()
        assert engine.requests == [["a"]]

    virtually(story)


async def test_closing_waits_for_all_that_was_asked() -> None:
    engine = Engine(at_once=1)
    first = engine.ask("a")
    await turns()
    second = engine.ask("b")
    await turns()
    closing = asyncio.ensure_future(engine.line.close())
    engine.let_go(0)
    await turns()
    assert not closing.done()
    engine.let_go(1)
    await closing
    assert [await first, await second] == ["aa", "bb"]


async def test_the_end_turns_away_who_waits_who_is_under_way_and_who_comes() -> None:
    engine = Engine(at_once=1)
    under_way = engine.ask("a")
    await turns()
    waiting, called_off = engine.ask("b"), engine.ask("c")
    await turns()
    called_off.cancel()
    await engine.line.end()
    outcomes = await asyncio.gather(under_way, waiting, return_exceptions=True)
    assert [type(one) for one in outcomes] == [Unavailable, Unavailable]
    with pytest.raises(Unavailable):
        await engine.line.ask("d")
    assert engine.requests == [["a"]]
