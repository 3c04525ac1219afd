"""The last seen deployment of a process, kept in the raw store for when the store is away."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from attrs import frozen

from convalias.codec import dumps, loads
from convalias.codec.errors import CodecError
from convalias.domain.deployment.domains_and_policy import Deployment
from convalias.ports.blobs import Blobs

PREFIX: Final = "deployment/"
_PAGE: Final = 100
_TIME: Final = "%Y%m%dT%H%M%S%f"
_DIGEST: Final = 16


@frozen(kw_only=True)
class LastSeen:
    """Keeps one blob for each change of the domains, the newest last. Every call may be repeated. Raises `Unavailable`.

    Domains alone: a policy names people, and no mail is decided about while the store is away.
    """

    blobs: Blobs

    async def get(self) -> Deployment | None:
        """The newest that this release can read; None where there is none."""
        for name in reversed(await self._names()):
            body = await self.blobs.get(name)
            try:
                if body is not None:
                    return loads(body, Deployment)
            except CodecError:
                continue
        return None

    async def keep(self, deployment: Deployment, *, now: datetime) -> None:
        """Write the domains down unless they are the newest; the one before stays, those before it end."""
        domains = Deployment(
            alias_domains=deployment.alias_domains,
            legacy_domains=deployment.legacy_domains,
            foreign_tokens=deployment.foreign_tokens,
        )
        body = dumps(domains)
        digest = hashlib.sha256(body).hexdigest()[:_DIGEST]
        names = await self._names()
        newest = names[-1].removeprefix(PREFIX) if names else ""
        if newest.endswith(f"-{digest}.json"):
            return
        await self.blobs.put(f"{PREFIX}{_behind(newest, now):{_TIME}}-{digest}.json", body)
        if len(names) > 1:
            await self.blobs.delete(names[:-1])

    async def _names(self) -> Sequence[str]:
        found: list[str] = []
        while page := await self.blobs.names(PREFIX, after=found[-1] if found else "", limit=_PAGE):
            found += page
        return found


def _behind(newest: str, now: datetime) -> datetime:
    """A time that sorts behind the newest, also where the clock of this machine is behind."""
    try:
        written = datetime.strptime(newest.partition("-")[0], _TIME).replace(tzinfo=UTC)
    except ValueError:
        return now
    return max(now, written + timedelta(microseconds=1))
