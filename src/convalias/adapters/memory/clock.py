"""Virtual time: it stands still until it is advanced, so a test of three days takes no time."""

from __future__ import annotations

import asyncio
import heapq
import random
from datetime import UTC, datetime, timedelta
from typing import Final

_DIGITS: Final = "0123456789abcdefghijklmnopqrstuv"
_ID_LENGTH: Final = 26
_ROUNDS: Final = 32
"""Turns of the loop that a woken task gets before time moves on."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


class Clock:
    """`ports.Clock` under a test's hand. Ids and entropy follow from `seed`, so a run can be repeated."""

    def __init__(self, now: datetime = datetime(2026, 3, 1, 12, tzinfo=UTC), *, seed: int = 0) -> None:
        """Start at `now` (aware)."""
        self._wall = now.astimezone(UTC)
        self._elapsed = timedelta(0)
        self._sleepers: list[tuple[timedelta, int, asyncio.Future[None]]] = []
        self._count = 0
        self._random = random.Random(seed)  # noqa: S311 - repeatable on purpose: nothing here guards a secret

    def now(self) -> datetime:
        """Return what the wall clock shows."""
        return self._wall

    async def sleep(self, duration: timedelta) -> None:
        """Wait until time has been advanced that far."""
        if duration <= timedelta(0):
            await asyncio.sleep(0)
            return
        self._count += 1
        woken = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._elapsed + duration, self._count, woken))
        await woken

    def new_id(self) -> str:
        """26 characters: microseconds of virtual time, then a count. Ascending while time is."""
        self._count += 1
        value = (((self._wall - _EPOCH) // _MICROSECOND) << 64) | self._count
        return "".join(_DIGITS[(value >> shift) & 31] for shift in range(5 * (_ID_LENGTH - 1), -1, -5))

    def entropy(self, octets: int) -> bytes:
        """Octets that follow from the seed."""
        return self._random.randbytes(octets)

    async def advance(self, by: timedelta) -> None:
        """Let time pass. Sleepers wake in the order of their deadlines, each before time moves on."""
        until = self._elapsed + by
        await _let_others_run()
        while self._sleepers and self._sleepers[0][0] <= until:
            deadline, _, woken = heapq.heappop(self._sleepers)
            if woken.done():  # cancelled while it slept
                continue
            self._move_to(deadline)
            woken.set_result(None)
            await _let_others_run()
        self._move_to(until)

    def step(self, by: timedelta) -> None:
        """Set the wall clock forward or back, as a time server does; who sleeps notices nothing."""
        self._wall += by

    def _move_to(self, elapsed: timedelta) -> None:
        self._wall += elapsed - self._elapsed
        self._elapsed = elapsed


async def _let_others_run() -> None:
    for _ in range(_ROUNDS):
        await asyncio.sleep(0)
