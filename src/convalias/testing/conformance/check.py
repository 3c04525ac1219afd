"""Checks that a conformance suite is made of, each named by its promise."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Any, Generic, TypeAlias, TypeVar
from unittest import SkipTest

from attrs import frozen

M = TypeVar("M")
P = TypeVar("P")
T = TypeVar("T")

Open: TypeAlias = Callable[[str], AbstractAsyncContextManager[P]]
"""Opens the port at a place. The same place opened twice is the same store, seen by two processes."""
PassTime: TypeAlias = Callable[[timedelta], Awaitable[None]]
"""Lets that much time pass for the port: by waiting, or by moving its clock."""


class PromiseBrokenError(AssertionError):
    """The adapter does not do what its port promises. The text says what was found and what was expected."""


class NotSupportedError(SkipTest):
    """The adapter says by its own word that it does not do what a check is about.

    pytest and unittest report the test as skipped, with this reason: neither as passed nor as failed.
    """

    def __init__(self, promise: str, said: str) -> None:
        """The promise, and the word of the adapter."""
        super().__init__(f"{promise}: not supported by its own word ({said})")
        self.promise = promise
        self.said = said


@frozen
class Check(Generic[M]):
    """A promise of a port, and the experiment that shows whether an adapter keeps it.

    `name` says the promise, `await check(maker)` makes the experiment and raises `PromiseBrokenError`. Each works in
    places of its own names, so one maker per check: a fresh folder, database or name space.
    """

    name: str
    experiment: Callable[[M], Awaitable[None]]

    async def __call__(self, maker: M) -> None:
        """Make the experiment. Whatever it raises, the promise is not kept."""
        async with asyncio.timeout(_AT_MOST.total_seconds()):
            await self.experiment(maker)

    def __str__(self) -> str:
        """The promise: use it as the id of a parametrised test."""
        return self.name


_AT_MOST = timedelta(minutes=2)


@frozen
class Timed(Generic[P]):
    """A maker of a port in which time matters. `pass_time` waits, unless the adapter's clock can be moved."""

    open: Open[P]
    pass_time: PassTime = lambda duration: asyncio.sleep(duration.total_seconds())


def suite(*experiments: Callable[[M], Awaitable[None]]) -> tuple[Check[M], ...]:
    """Checks named as their experiments are: `an_insert_is_found` looks at "an insert is found"."""
    return tuple(Check(experiment.__name__.replace("_", " "), experiment) for experiment in experiments)


def expect(condition: object, promise: str) -> None:
    """Raise `PromiseBrokenError` with the promise unless it holds. The promise says found and expected itself."""
    if not condition:
        raise PromiseBrokenError(promise)


def agree(what: str, found: object, expected: object) -> None:
    """Raise `PromiseBrokenError` with both unless they are equal."""
    _expect(found == expected, what, found, repr(expected))


def is_a(what: str, found: object, kind: type) -> None:
    """Raise `PromiseBrokenError` unless it is of that class."""
    _expect(isinstance(found, kind), what, found, kind.__name__)


def is_no(what: str, found: object, kind: type) -> None:
    """Raise `PromiseBrokenError` if it is of that class."""
    _expect(not isinstance(found, kind), what, found, f"no {kind.__name__}")


def is_there(what: str, found: T | None) -> T:
    """Return it. Raise `PromiseBrokenError` for None and for what is empty."""
    if found:
        return found
    raise PromiseBrokenError(f"{what}: found {found!r}, expected something")


def nothing(what: str, found: object) -> None:
    """Raise `PromiseBrokenError` unless it is None or empty."""
    _expect(not found, what, found, "nothing")


def at_most(what: str, found: Any, bound: Any) -> None:  # noqa: ANN401 - numbers, times and sets alike
    """Raise `PromiseBrokenError` if it is more than that, or not within that set."""
    _expect(found <= bound, what, found, f"at most {bound!r}")


def at_least(what: str, found: Any, bound: Any) -> None:  # noqa: ANN401
    """Raise `PromiseBrokenError` if it is less than that, or lacks something of that set."""
    _expect(found >= bound, what, found, f"at least {bound!r}")


def one_of(what: str, found: object, among: Collection[object]) -> None:
    """Raise `PromiseBrokenError` unless it is one of those."""
    _expect(found in among, what, found, f"one of {among!r}")


def none_of(what: str, found: object, among: Collection[object]) -> None:
    """Raise `PromiseBrokenError` if it is one of those."""
    _expect(found not in among, what, found, f"none of {among!r}")


def raised(what: str, found: str, expected: str) -> None:
    """Raise `PromiseBrokenError`: an error should have been raised, or another one."""
    _expect(False, what, found, expected, shown=str)  # noqa: FBT003


def _expect(holds: bool, what: str, found: object, expected: str, *, shown: Callable[[object], str] = repr) -> None:  # noqa: FBT001
    if not holds:
        raise PromiseBrokenError(f"{what}: found {shown(found)}, expected {expected}")
