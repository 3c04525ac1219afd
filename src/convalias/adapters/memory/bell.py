"""Waking those who wait for something new, at the latest after a while."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from convalias.ports.ambient import Clock


class Bell:
    """Futures, not an `asyncio.Event`: a bell belongs to no loop, so it may outlive one."""

    def __init__(self, clock: Clock) -> None:
        """Waiting ends by that clock."""
        self._clock = clock
        self._waiting: set[asyncio.Future[None]] = set()

    def ring(self) -> None:
        """Wake everybody who waits now."""
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_result(None)

    async def wait(self, at_most: timedelta) -> None:
        """Until it rings, or `at_most` has passed."""
        rung: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        asleep = asyncio.ensure_future(self._clock.sleep(at_most))
        self._waiting.add(rung)
        try:
            await asyncio.wait((rung, asleep), return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._waiting.discard(rung)
            asleep.cancel()
