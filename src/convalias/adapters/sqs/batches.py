"""Entries of calls side by side, sent together: ten to a request, each call told how its own fared."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Generic, TypeAlias, TypeVar

from attrs import frozen

from convalias.adapters.sqs.errors import unavailable
from convalias.ports.errors import PortError

E = TypeVar("E")

MOST: Final = 10
"""Entries in one request."""
MOST_OCTETS: Final = 262_144
"""Of one body, and of all bodies in one request."""
Fates: TypeAlias = Sequence[PortError | None]
"""For each entry what went wrong with it."""


def weightless(_: object) -> int:
    """For entries whose size does not count."""
    return 0


@frozen(eq=False)
class _Waiting(Generic[E]):
    entry: E
    fate: asyncio.Future[PortError | None]


class Batches(Generic[E]):
    """Sends at once while fewer than `at_once` requests are under way; what comes meanwhile goes with the next ones.

    So a lone entry never waits for others, and under load requests fill themselves. An entry whose caller was
    cancelled before it left is not sent.
    """

    def __init__(
        self, send: Callable[[Sequence[E]], Awaitable[Fates]], *, at_once: int, octets: Callable[[E], int] = weightless
    ) -> None:
        """`send` makes one request and raises `PortError` when all of it failed."""
        self._send = send
        self._at_once = at_once
        self._octets = octets
        self._waiting: deque[_Waiting[E]] = deque()
        self._senders: set[asyncio.Task[None]] = set()
        self._starting = 0

    async def all(self, entries: Sequence[E]) -> None:
        """Send them, wait for the fate of every one, then raise the first error there was."""
        loop = asyncio.get_running_loop()
        waiting = [_Waiting(entry, loop.create_future()) for entry in entries]
        self._waiting.extend(waiting)
        while self._starting * MOST < len(self._waiting) and len(self._senders) < self._at_once:
            self._starting += 1
            sender = loop.create_task(self._work())
            self._senders.add(sender)
            sender.add_done_callback(self._senders.discard)
        for wrong in await asyncio.gather(*(one.fate for one in waiting)):
            if wrong is not None:
                raise wrong

    async def close(self) -> None:
        """Wait for what is under way."""
        await asyncio.gather(*self._senders, return_exceptions=True)

    async def _work(self) -> None:
        self._starting -= 1
        while batch := self._next():
            fates: Fates = [unavailable(None)] * len(batch)  # of a sender that is cancelled
            try:
                fates = await self._send([one.entry for one in batch])
            except PortError as error:
                fates = [error] * len(batch)
            finally:
                for one, fate in zip(batch, fates, strict=True):
                    if not one.fate.done():  # its caller was cancelled
                        one.fate.set_result(fate)

    def _next(self) -> Sequence[_Waiting[E]]:
        batch: list[_Waiting[E]] = []
        octets = 0
        while self._waiting and len(batch) < MOST:
            one = self._waiting[0]
            octets += self._octets(one.entry)
            if batch and octets > MOST_OCTETS:
                break
            self._waiting.popleft()
            if not one.fate.done():
                batch.append(one)
        return batch
