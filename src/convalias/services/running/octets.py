"""A bound on octets that are held in memory at once: whoever needs more waits until others have let go."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress


class Octets:
    """Hands out at most `most` octets at once, to those who asked first.

    Whoever asks for more than `most` gets all of it, alone.
    """

    def __init__(self, most: int) -> None:
        """Begin with all of them free."""
        self._most = most
        self._free = most
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @asynccontextmanager
    async def held(self, octets: int) -> AsyncGenerator[None]:
        """Hold that many while the block runs; wait for them first."""
        wanted = min(octets, self._most)
        await self._take(wanted)
        try:
            yield
        finally:
            self._give(wanted)

    async def _take(self, wanted: int) -> None:
        if not self._waiting and wanted <= self._free:
            self._free -= wanted
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        place = (wanted, turn)
        self._waiting.append(place)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # they had been given in the same moment
                self._give(wanted)
                raise
            with suppress(ValueError):  # whoever gave passed over it
                self._waiting.remove(place)
            self._give(0)
            raise

    def _give(self, octets: int) -> None:
        self._free += octets
        while self._waiting and self._waiting[0][0] <= self._free:
            wanted, turn = self._waiting.popleft()
            if not turn.cancelled():
                self._free -= wanted
                turn.set_result(None)
