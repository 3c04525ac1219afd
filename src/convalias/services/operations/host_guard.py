"""Guard a deployment whose conversations a host keeps: a process without them must not work."""

from __future__ import annotations

from attrs import frozen

from convalias.services.conversations.errors import HostMissing
from convalias.stores.conversations.host_rows import HostRows


@frozen(kw_only=True)
class HostGuard:
    """Looks whether a host's conversations were ever looked at. Raises `Unavailable`."""

    rows: HostRows
    has_host: bool
    """Whether this process was given a host's conversations."""

    async def check(self) -> None:
        """Refuse to work on our own events where a host keeps the conversations. Raises `HostMissing`."""
        if self.has_host:
            return
        since = await self.rows.started()
        if since is not None:
            raise HostMissing(since)

    async def give_up(self) -> None:
        """Let conversations be our own events from now on."""
        await self.rows.forget_start()
