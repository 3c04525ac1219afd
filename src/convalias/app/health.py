"""Report the health of the workers of this process for `/readyz`."""

from __future__ import annotations

from datetime import datetime

from attrs import define, field

from convalias.services.conversations.errors import NotReady


@define
class LoopHealth:
    """The health of a loop. Written by the loop, read by whoever asks."""

    worker: str = ""
    failures: int = 0
    """In a row, of what is no outage."""
    broken: str = ""
    """Class, file and line of what it cannot get past; empty while it works."""
    since: datetime | None = None
    """When it broke, or ended."""
    waiting_for: str = ""
    """What is away; empty while it works."""
    ended: str = ""
    """Why it ended although nobody stopped it."""

    @property
    def reason(self) -> str:
        """Return why this process is not ready, or empty."""
        why = self.ended or (self.broken and f"{self.broken}, {self.failures} times in a row")
        when = "" if self.since is None else f" since {self.since:%Y-%m-%dT%H:%M:%SZ}"
        return f"{self.worker}{when}: {why}" if why else ""


def _none() -> dict[str, LoopHealth]:
    return {}


@define
class WorkersHealth:
    """The loops of this process by name; a loop that is made anew takes the place of the one before."""

    loops: dict[str, LoopHealth] = field(factory=_none)

    def of(self, worker: str, number: int) -> LoopHealth:
        """The health of a loop that is about to be made."""
        fresh = self.loops[f"{worker} {number}"] = LoopHealth(worker)
        return fresh

    async def check(self) -> str:
        """Return the outage that is waited for, or empty. Raises `NotReady` when a loop cannot go on, or has ended."""
        broken = dict.fromkeys(reason for one in self.loops.values() if (reason := one.reason))
        if broken:
            raise NotReady("; ".join(broken))
        waiting = dict.fromkeys(
            f"{one.worker} waits: {one.waiting_for} is away" for one in self.loops.values() if one.waiting_for
        )
        return "; ".join(waiting)
