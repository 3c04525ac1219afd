"""The one data directory that a shared store belongs with."""

from __future__ import annotations

from typing import Final

from attrs import frozen

from convalias.codec import dump, load
from convalias.domain.deployment.data_places import DirectoryClaim
from convalias.ports.records import Insert, Key, Records, Replace, Written
from convalias.stores.errors import Contended

TABLE: Final = "data_places"
KEY: Final = Key(TABLE, TABLE, TABLE)
TRIES: Final = 10


@frozen(kw_only=True)
class DirectoryClaims:
    """Every call may be repeated. Raises `Unavailable`, `Contended`."""

    records: Records

    async def claim(self, mine: DirectoryClaim) -> DirectoryClaim:
        """Claim the store unless a directory has; the claim that stands then."""
        return await self._put(mine, over=False)

    async def take_over(self, mine: DirectoryClaim) -> DirectoryClaim:
        """Claim the store whoever has; the claim that stands then."""
        return await self._put(mine, over=True)

    async def _put(self, mine: DirectoryClaim, *, over: bool) -> DirectoryClaim:
        for _ in range(TRIES):
            stored = (await self.records.get([KEY])).get(KEY)
            standing = None if stored is None else load(stored.body, DirectoryClaim)
            if standing is not None and (not over or standing.directory == mine.directory):
                return standing
            write = Insert(KEY, dump(mine)) if stored is None else Replace(KEY, stored.version, dump(mine))
            (answer,) = await self.records.write([write])
            if isinstance(answer, Written):
                return mine
        raise Contended("data places")
