"""Entries of calls side by side, sent together: ten to a request, each call told how its own fared."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
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
    """Weigh nothing: for entries whose size does not count."""
    return 0


@frozen(eq=False)
class _Group(Generic[E]):
    """Entries of one call that travel together, so that a call of many costs no more than its requests."""

    entries: Sequence[E]
    octets: int
    fates: asyncio.Future[Fates]


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
        self._waiting: deque[_Group[E]] = deque()
        self._senders: set[asyncio.Task[None]] = set()
        self._starting = 0
        self._entries = 0

    async def all(self, entries: Sequence[E]) -> None:
        """Send them, wait for the fate of every one, then raise the first error there was."""
        loop = asyncio.get_running_loop()
        groups = [_Group(part, octets, loop.create_future()) for part, octets in self._parts(entries)]
        self._waiting.extend(groups)
        self._entries += len(entries)
        while self._starting * MOST < self._entries and len(self._senders) < self._at_once:
            self._starting += 1
            sender = loop.create_task(self._work())
            self._senders.add(sender)
            sender.add_done_callback(self._senders.discard)
        for fates in await asyncio.gather(*(one.fates for one in groups)):
            for wrong in fates:
                if wrong is not None:
                    raise wrong

    async def close(self) -> None:
        """Wait for what is under way."""
        await asyncio.gather(*self._senders, return_exceptions=True)

    def _parts(self, entries: Sequence[E]) -> Iterator[tuple[Sequence[E], int]]:
        start = octets = 0
        for number, entry in enumerate(entries):
            size = self._octets(entry)
            if number - start == MOST or (number > start and octets + size > MOST_OCTETS):
                yield entries[start:number], octets
                start, octets = number, 0
            octets += size
        if entries:
            yield entries[start:], octets

    async def _work(self) -> None:
        self._starting -= 1
        while batch := self._next():
            entries = batch[0].entries if len(batch) == 1 else [entry for group in batch for entry in group.entries]
            fates: Fates = [unavailable(None)] * len(entries)  # of a sender that is cancelled
            try:
                fates = await self._send(entries)
            except PortError as error:
                fates = [error] * len(entries)
            finally:
                start = 0
                for group in batch:
                    end = start + len(group.entries)
                    if not group.fates.done():  # its caller was cancelled
                        group.fates.set_result(fates[start:end])
                    start = end

    def _next(self) -> Sequence[_Group[E]]:
        """As many as fit into one request, in their order."""
        batch: list[_Group[E]] = []
        count = octets = 0
        while self._waiting:
            group = self._waiting[0]
            count += len(group.entries)
            octets += group.octets
            if batch and (count > MOST or octets > MOST_OCTETS):
                break
            self._waiting.popleft()
            self._entries -= len(group.entries)
            if group.fates.done():
                count -= len(group.entries)
                octets -= group.octets
            else:
                batch.append(group)
        return batch
