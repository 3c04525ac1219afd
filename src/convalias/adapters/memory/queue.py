"""A job queue in memory, with real visibility timeouts over a clock."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import count

from attrs import evolve, frozen

from convalias.adapters.memory.bell import Bell
from convalias.ports.ambient import Clock
from convalias.ports.queue import Job, QueueDepth

_NOW = timedelta(0)


@frozen
class _Entry:
    body: str
    put_at: datetime
    visible_at: datetime
    receives: int = 0
    lease: str = ""


class JobQueue:
    """`ports.JobQueue`. It cannot tell that a holder died: what one held comes back when its lease runs out."""

    def __init__(self, clock: Clock) -> None:
        """Leases run by that clock."""
        self._clock = clock
        self._entries: dict[int, _Entry] = {}
        self._order: list[tuple[datetime, int]] = []
        self._numbers = count(1)
        self._bell = Bell(clock)

    async def put(self, bodies: Sequence[str]) -> None:
        """Visible at once."""
        now = self._clock.now()
        for body in bodies:
            self._keep(next(self._numbers), _Entry(body, now, now))
        self._bell.ring()

    async def take(self, *, limit: int, wait: timedelta, lease: timedelta) -> Sequence[Job]:
        """Take the jobs that have been visible longest."""
        until = self._clock.now() + wait
        while True:
            now = self._clock.now()
            jobs = self._visible(now, limit, lease)
            if jobs or now >= until:
                return jobs
            next_visible = self._order[0][0] if self._order else until
            await self._bell.wait(max(min(until, next_visible) - now, timedelta(microseconds=1)))

    async def keep(self, jobs: Sequence[Job], lease: timedelta, *, held: bool = True) -> None:
        """Held or backed off is the same here: only time brings a job back."""
        del held
        visible_at = self._clock.now() + lease
        for number in self._still_held(jobs):
            self._keep(number, evolve(self._entries[number], visible_at=visible_at))
        self._bell.ring()

    async def done(self, jobs: Sequence[Job]) -> None:
        """Forget them."""
        for number in self._still_held(jobs):
            del self._entries[number]

    async def depth(self) -> QueueDepth:
        """Exact."""
        now = self._clock.now()
        ready = sum(entry.visible_at <= now for entry in self._entries.values())
        oldest = min((entry.put_at for entry in self._entries.values()), default=None)
        return QueueDepth(ready, len(self._entries) - ready, None if oldest is None else max(now - oldest, _NOW))

    def _keep(self, number: int, entry: _Entry) -> None:
        self._entries[number] = entry
        heapq.heappush(self._order, (entry.visible_at, number))

    def _visible(self, now: datetime, limit: int, lease: timedelta) -> list[Job]:
        jobs: list[Job] = []
        while len(jobs) < limit and self._order and self._order[0][0] <= now:
            visible_at, number = heapq.heappop(self._order)
            entry = self._entries.get(number)
            if entry is None or entry.visible_at != visible_at:  # done, or kept longer since
                continue
            taken = evolve(
                entry, visible_at=now + lease, receives=entry.receives + 1, lease=f"{number}.{entry.receives + 1}"
            )
            self._keep(number, taken)
            jobs.append(Job(str(number), taken.body, taken.receives, taken.lease))
        return jobs

    def _still_held(self, jobs: Sequence[Job]) -> list[int]:
        numbers = [(int(job.id), job.lease) for job in jobs]
        return [n for n, lease in numbers if n in self._entries and self._entries[n].lease == lease]
