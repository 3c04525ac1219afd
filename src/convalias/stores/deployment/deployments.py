"""The one record of what a deployment was told about itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from attrs import frozen

from convalias.codec import dump, load
from convalias.domain.deployment.domains_and_policy import Deployment
from convalias.ports.records import Insert, Key, Records, Replace, Written
from convalias.stores.errors import Contended

KEY: Final = Key("deployment", "deployment", "deployment")
TRIES: Final = 100


@frozen(kw_only=True)
class Deployments:
    """Every call may be repeated. Raises `Unavailable`."""

    records: Records

    async def get(self) -> Deployment:
        """Return the present deployment; an empty one if none was set."""
        stored = (await self.records.get([KEY])).get(KEY)
        return Deployment() if stored is None else load(stored.body, Deployment)

    async def change(self, how: Callable[[Deployment], Deployment]) -> Deployment:
        """Put `how(standing)` in the place of what stands, by compare-and-set; what stands then."""
        for _ in range(TRIES):
            stored = (await self.records.get([KEY])).get(KEY)
            standing = Deployment() if stored is None else load(stored.body, Deployment)
            changed = how(standing)
            if stored is not None and changed == standing:
                return standing
            body = dump(changed)
            write = Insert(KEY, body) if stored is None else Replace(KEY, stored.version, body)
            (answer,) = await self.records.write([write])
            if isinstance(answer, Written):
                return changed
        raise Contended("deployment")
