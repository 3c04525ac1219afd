"""Jobs that this process took: until when each is ours, since when, and how old what waits must be."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from attrs import evolve, frozen

from convalias.ports.queue import Job

LONGEST: Final = 43_200
"""Seconds that SQS hides a job in all, from one receipt on: 12 hours."""
_SLOT: Final = 300.0
"""Seconds: what was taken in this slot and the one before says how old what waits is."""
_TIDY_FROM: Final = 1_000


@frozen
class _Lease:
    sent: datetime
    taken: float
    until: float


class Held:
    """Leases of this process. Times without a date are of the loop's clock, which never steps back."""

    def __init__(self) -> None:
        """Nothing is held."""
        self._leases: dict[str, _Lease] = {}
        self._tidy_at = _TIDY_FROM
        self._slot = 0
        self._seen: tuple[datetime | None, datetime | None] = (None, None)

    def took(self, jobs: Sequence[tuple[Job, datetime]], *, at: float, now: datetime, lease: int) -> None:
        """Remember a take, with when each job was sent. Also one that found nothing says something: at `now`."""
        for job, sent in jobs:
            self._leases[job.lease] = _Lease(sent, at, at + lease)
        self._turn(at)
        oldest, before = self._seen
        found = min((sent for _, sent in jobs), default=now)
        self._seen = (found if oldest is None else min(oldest, found), before)
        self._tidy(at)

    def seconds(self, job: Job, lease: timedelta, *, at: float) -> int | None:
        """Return for how long SQS may hide the job: whole seconds, within 12 hours in all. None: it is lost."""
        wanted = -(-lease // timedelta(seconds=1))
        known = self._leases.get(job.lease)
        if known is None:  # another process took it
            return min(wanted, LONGEST)
        if at >= known.until:
            return None
        left = LONGEST - 1 - int(at - known.taken)
        return min(wanted, left) if left or not wanted else None

    def kept(self, job: Job, seconds: int, *, at: float) -> None:
        """Note that the job is hidden for so long from now."""
        known = self._leases.get(job.lease)
        if known is not None:
            self._leases[job.lease] = evolve(known, until=at + seconds)

    def done(self, job: Job) -> None:
        """Forget it."""
        self._leases.pop(job.lease, None)

    def oldest(self, *, at: float) -> datetime | None:
        """Return when the oldest job was sent: SQS gives roughly the oldest first. None: none was lately."""
        self._turn(at)
        held = (lease.sent for lease in self._leases.values() if lease.until > at)
        seen = [sent for sent in self._seen if sent is not None]
        return min([*held, *seen], default=None) if seen else None

    def _turn(self, at: float) -> None:
        slot = int(at // _SLOT)
        if slot != self._slot:
            self._seen = (None, self._seen[0] if slot == self._slot + 1 else None)
            self._slot = slot

    def _tidy(self, at: float) -> None:
        """Leases that ran out long ago: what is asked about them, the engine answers."""
        if len(self._leases) >= self._tidy_at:
            self._leases = {one: lease for one, lease in self._leases.items() if lease.until + _SLOT > at}
            self._tidy_at = max(_TIDY_FROM, 2 * len(self._leases))
