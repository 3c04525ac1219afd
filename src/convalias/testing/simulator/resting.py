"""Loops that rest: instead of polling twenty times a second, one sleeps until its next look may find something."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from typing import Final

from convalias.testing.simulator.draws import Draws

REST: Final = 600.0
"""Longest rest: a loop sweeps as often as that."""
AGAIN: Final = 1.0
"""Rest of a loop that found nothing where something is due: another has it."""
_BESIDE: Final = 0.2
"""How often all are woken who rest on the same."""


class Rests:
    """The loops that rest, and on what. In truth all poll: the looks that this leaves out would have found nothing."""

    def __init__(self, draws: Draws) -> None:
        """Nobody rests."""
        self._draws = draws
        self._resting: dict[str, dict[int, asyncio.Future[None]]] = {}
        self._rests = 0
        self._rings = 0

    def ring(self, resource: str) -> None:
        """Wake a loop that rests on what changed, and now and then all of them, for the races."""
        resting = self._resting.get(resource)
        if not resting:
            return
        self._rings += 1
        first, second = self._draws.units(f"ring {resource} {self._rings}")
        chosen = int(first * len(resting))
        for number, woken in enumerate(list(resting.values())):
            if number == chosen or second < _BESIDE:
                wake(woken)

    def wake_all(self) -> None:
        """A process died: whoever is left looks what it held."""
        for resting in self._resting.values():
            for woken in resting.values():
                wake(woken)

    async def rest(self, on: Collection[str], due: Callable[[str], float | None]) -> None:
        """Until something changes in one of these, or falls due there at the virtual second that `due` tells."""
        loop = asyncio.get_running_loop()
        woken: asyncio.Future[None] = loop.create_future()
        self._rests += 1
        number, now = self._rests, loop.time()
        at = min([*(at for one in sorted(on) if (at := due(one)) is not None), now + REST])
        handle = loop.call_at(at if at > now else now + AGAIN, wake, woken)
        for one in on:
            self._resting.setdefault(one, {})[number] = woken
        try:
            await woken
        finally:
            handle.cancel()
            for one in on:
                self._resting[one].pop(number, None)


def wake(woken: asyncio.Future[None]) -> None:
    """End a rest, unless it is over."""
    if not woken.done():
        woken.set_result(None)
