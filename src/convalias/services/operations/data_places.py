"""Refuse a second data directory beside a shared store: what lies in one, the machines of the other never see."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from convalias.domain.deployment.data_places import DataPlace, DirectoryClaim
from convalias.ports.ambient import Clock
from convalias.services.conversations.errors import PlaceRefused
from convalias.stores.deployment.data_places import DirectoryClaims

HOLDS_FOR: Final = timedelta(minutes=1)
"""How long an answer holds: another directory may have taken over since."""


class PlaceGuard:
    """Compares this data directory with the one that the store belongs with; the first one claims it.

    Raises `PlaceRefused`, `Unavailable`, `Contended`. Where every engine is shared nothing is asked.
    """

    def __init__(self, *, claims: DirectoryClaims, place: Callable[[], DataPlace] | None, clock: Clock) -> None:
        """`place` makes the directory's id at its first call. None: no data directory keeps anything."""
        self._claims = claims
        self._place = place
        self._clock = clock
        self._asked: datetime | None = None

    async def check(self) -> None:
        """Refuse a directory that is not the store's. One read a minute."""
        now = self._clock.now()
        if self._place is None or (self._asked is not None and abs(now - self._asked) < HOLDS_FOR):
            return
        place = await asyncio.to_thread(self._place)
        standing = await self._claims.claim(DirectoryClaim(directory=place.directory, since=now))
        if standing.directory != place.directory:
            raise PlaceRefused(place, standing)
        self._asked = now

    async def take_over(self) -> DataPlace | None:
        """Let the store belong with this directory from now on; None: no data directory keeps anything."""
        if self._place is None:
            return None
        place = await asyncio.to_thread(self._place)
        await self._claims.take_over(DirectoryClaim(directory=place.directory, since=self._clock.now()))
        return place
