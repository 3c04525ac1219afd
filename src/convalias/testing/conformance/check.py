"""Checks that a conformance suite is made of, each named by its promise."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Generic, TypeAlias, TypeVar

from attrs import frozen

M = TypeVar("M")
P = TypeVar("P")

Open: TypeAlias = Callable[[str], AbstractAsyncContextManager[P]]
"""Opens the port at a place. The same place opened twice is the same store, seen by two processes."""
PassTime: TypeAlias = Callable[[timedelta], Awaitable[None]]
"""Lets that much time pass for the port: by waiting, or by moving its clock."""


class PromiseBrokenError(AssertionError):
    """The adapter does not do what its port promises."""


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
    """Raise `PromiseBrokenError` with the promise unless it holds."""
    if not condition:
        raise PromiseBrokenError(promise)
