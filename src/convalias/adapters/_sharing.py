"""Calls that share requests: what is asked while requests are under way goes out together with the next one."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextvars import Context
from itertools import chain
from typing import Generic, TypeAlias, TypeVar

from attrs import frozen

from convalias.ports.errors import PortError

E = TypeVar("E")
A = TypeVar("A")
Send: TypeAlias = Callable[[Sequence[E]], Awaitable[Sequence[A | Exception]]]
"""Makes one request. Answers for each entry, in their order: what was found, or the error of that entry alone."""


@frozen
class Bound(Generic[E]):
    """The most that goes into one request, by some measure. An entry that is heavier by itself travels alone."""

    most: int
    weigh: Callable[[E], int]


def each(_: object) -> int:
    """Weigh one: for a bound that counts entries."""
    return 1


@frozen(eq=False)
class _Group(Generic[E, A]):
    """Entries of one call that travel together, so that a call of many costs no more than its requests."""

    entries: Sequence[E]
    weights: tuple[int, ...]
    """By bound."""
    outcomes: asyncio.Future[Sequence[A | Exception]]


def answered(outcomes: Iterable[A | Exception]) -> Sequence[A]:
    """Raise the first error among outcomes, or answer."""
    answers: list[A] = []
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            raise outcome
        answers.append(outcome)
    return answers


class Line(Generic[E, A]):
    """Sends at once while fewer than `at_once` requests are under way; what comes meanwhile goes with the next ones.

    So a lone entry never waits for others, and under load requests fill themselves. Entries leave in the order in
    which they came. An entry whose caller was cancelled before it left is not sent; a request under way goes on,
    whoever is cancelled. Serves one event loop.
    """

    def __init__(
        self,
        send: Send[E, A],
        *,
        at_once: int,
        bounds: Sequence[Bound[E]],
        lost: Callable[[], PortError],
        patience: float | None = None,
    ) -> None:
        """`send` raises where all of the request failed.

        `lost`: the error of who is turned away, or has waited for `patience` seconds (None: the requests' own
        time-outs are enough).
        """
        self._send = send
        self._at_once = at_once
        self._bounds = bounds
        self._lost = lost
        self._patience = patience
        self._waiting: deque[_Group[E, A]] = deque()
        self._weights: tuple[int, ...] = (0,) * len(bounds)
        """Of all that waits, by bound."""
        self._senders: set[asyncio.Task[None]] = set()
        self._starting = self._running = 0
        self._is_closed = False

    async def ask(self, entry: E) -> A:
        """Send one entry; its answer. Raises its error."""
        (answer,) = await self.all((entry,))
        return answer

    async def all(self, entries: Sequence[E]) -> Sequence[A]:
        """Send them, wait for the outcome of every one, then raise the first error there was, or answer."""
        if self._is_closed:
            raise self._lost()
        groups = self._groups(entries)
        for group in groups:
            self._waiting.append(group)
            self._weights = _plus(self._weights, group.weights)
        self._start()
        try:
            async with asyncio.timeout(self._patience):
                outcomes = [await group.outcomes for group in groups]
        except TimeoutError as error:
            raise self._lost() from error
        finally:
            for group in groups:
                group.outcomes.cancel()
        return answered(chain.from_iterable(outcomes))

    async def close(self) -> None:
        """Wait for all that was asked."""
        await asyncio.gather(*self._senders, return_exceptions=True)

    async def end(self) -> None:
        """Call off what is under way and turn away who waits; likewise all who ask from now on."""
        self._is_closed = True
        for group in self._waiting:
            if not group.outcomes.done():
                group.outcomes.set_result([self._lost()] * len(group.entries))
        self._waiting.clear()
        for sender in self._senders:
            sender.cancel()
        await self.close()

    def _groups(self, entries: Sequence[E]) -> Sequence[_Group[E, A]]:
        loop = asyncio.get_running_loop()
        groups: list[_Group[E, A]] = []
        part: list[E] = []
        total = nothing = (0,) * len(self._bounds)
        for entry in entries:
            weights = tuple(bound.weigh(entry) for bound in self._bounds)
            if part and not self._fits(_plus(total, weights)):
                groups.append(_Group(part, total, loop.create_future()))
                part, total = [], nothing
            part.append(entry)
            total = _plus(total, weights)
        if part:
            groups.append(_Group(part, total, loop.create_future()))
        return groups

    def _fits(self, weights: Sequence[int]) -> bool:
        return all(weight <= bound.most for weight, bound in zip(weights, self._bounds, strict=True))

    def _start(self) -> None:
        """As many senders as there are requests to fill, within what may be under way."""
        needed = max(-(-weight // bound.most) for weight, bound in zip(self._weights, self._bounds, strict=True))
        while self._starting < needed and self._running < self._at_once:
            self._starting += 1
            self._running += 1
            # In a context of its own: what the first caller has set, such as a time-out, is not for its neighbours.
            sender = asyncio.get_running_loop().create_task(self._work(), context=Context())
            self._senders.add(sender)
            sender.add_done_callback(self._senders.discard)

    async def _work(self) -> None:
        self._starting -= 1
        try:
            while batch := self._next():
                await self._serve(batch)
        finally:
            self._running -= 1  # here, not when the task is collected: who asks in between must find a sender

    async def _serve(self, batch: Sequence[_Group[E, A]]) -> None:
        entries = batch[0].entries if len(batch) == 1 else [entry for group in batch for entry in group.entries]
        outcomes: Sequence[A | Exception] = [self._lost()] * len(entries)  # of a sender that is cancelled
        try:
            outcomes = await self._send(entries)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is for those who asked
            outcomes = [error] * len(entries)
        finally:
            start = 0
            for group in batch:
                end = start + len(group.entries)
                if not group.outcomes.done():  # its caller was cancelled
                    group.outcomes.set_result(outcomes[start:end])
                start = end

    def _next(self) -> Sequence[_Group[E, A]]:
        """As many as fit into one request, in their order."""
        batch: list[_Group[E, A]] = []
        total = (0,) * len(self._bounds)
        while self._waiting:
            group = self._waiting[0]
            added = _plus(total, group.weights)
            if batch and not self._fits(added):
                break
            self._waiting.popleft()
            self._weights = _minus(self._weights, group.weights)
            if not group.outcomes.done():
                batch.append(group)
                total = added
        return batch


def _plus(weights: Sequence[int], more: Sequence[int]) -> tuple[int, ...]:
    return tuple(weight + added for weight, added in zip(weights, more, strict=True))


def _minus(weights: Sequence[int], fewer: Sequence[int]) -> tuple[int, ...]:
    return tuple(weight - taken for weight, taken in zip(weights, fewer, strict=True))
