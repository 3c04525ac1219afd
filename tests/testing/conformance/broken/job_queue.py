"""A broken `JobQueue` for each check."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

from attrs import evolve

from convalias.adapters import memory
from convalias.ports.queue import Job, JobQueue, QueueDepth
from convalias.testing.conformance import MakeJobQueue, Timed
from testing.conformance.broken.places import private, shared

_NO_WAIT = timedelta(0)


class DropsTwins(memory.JobQueue):
    async def put(self, bodies: Sequence[str]) -> None:
        await super().put(sorted(set(bodies)))


class HidesNothing(memory.JobQueue):
    async def take(self, *, limit: int, wait: timedelta, lease: timedelta) -> Sequence[Job]:
        return await super().take(limit=limit, wait=wait, lease=_NO_WAIT)


class LeasesLate(memory.JobQueue):
    async def take(self, *, limit: int, wait: timedelta, lease: timedelta) -> Sequence[Job]:
        jobs = [Job(str(number), entry.body, 1, entry.lease) for number, entry in self._entries.items()][:limit]
        await asyncio.sleep(0)
        await super().take(limit=limit, wait=wait, lease=lease)
        return jobs


class IgnoresTheLimit(memory.JobQueue):
    async def take(self, *, limit: int, wait: timedelta, lease: timedelta) -> Sequence[Job]:
        return await super().take(limit=limit + 1, wait=wait, lease=lease)


class LeasesForEver(memory.JobQueue):
    async def take(self, *, limit: int, wait: timedelta, lease: timedelta) -> Sequence[Job]:
        return await super().take(limit=limit, wait=wait, lease=lease * 1000)


class KeepsNothing(memory.JobQueue):
    async def keep(self, jobs: Sequence[Job], lease: timedelta, *, held: bool = True) -> None:
        """Nothing."""


class GivesNothingBack(memory.JobQueue):
    async def keep(self, jobs: Sequence[Job], lease: timedelta, *, held: bool = True) -> None:
        if lease:
            await super().keep(jobs, lease)


class BacksOffNever(memory.JobQueue):
    async def keep(self, jobs: Sequence[Job], lease: timedelta, *, held: bool = True) -> None:
        await super().keep(jobs, lease if held else _NO_WAIT)


class ForgetsDone(memory.JobQueue):
    async def done(self, jobs: Sequence[Job]) -> None:
        """Nothing."""


class TrustsOldReceipts(memory.JobQueue):
    def _still_held(self, jobs: Sequence[Job]) -> list[int]:
        return [int(job.id) for job in jobs if int(job.id) in self._entries]


class NeverWaits(memory.JobQueue):
    async def take(self, *, limit: int, wait: timedelta, lease: timedelta) -> Sequence[Job]:
        return await super().take(limit=limit, wait=_NO_WAIT, lease=lease)


class WaitsForEver(memory.JobQueue):
    async def take(self, *, limit: int, wait: timedelta, lease: timedelta) -> Sequence[Job]:
        return await super().take(limit=limit, wait=wait * 1000, lease=lease)


class AgeOfTheNewest(memory.JobQueue):
    async def depth(self) -> QueueDepth:
        depth = await super().depth()
        return evolve(depth, oldest=_NO_WAIT if depth.oldest is not None else None)


def _over(broken: Callable[[memory.Clock], JobQueue]) -> Callable[[], MakeJobQueue]:
    def make() -> MakeJobQueue:
        clock = memory.Clock()
        return Timed(shared(lambda: broken(clock)), clock.advance)

    return make


def _private() -> MakeJobQueue:
    clock = memory.Clock()
    return Timed(private(lambda: memory.JobQueue(clock)), clock.advance)


MUTANTS: Mapping[str, Callable[[], MakeJobQueue]] = {
    "what is put is taken": _over(DropsTwins),
    "a taken job is hidden from others": _over(HidesNothing),
    "of concurrent takers one gets a job": _over(LeasesLate),
    "a take gives at most its limit": _over(IgnoresTheLimit),
    "a job comes back when its lease runs out": _over(LeasesForEver),
    "keep extends the lease": _over(KeepsNothing),
    "keep for nothing gives a job back at once": _over(GivesNothingBack),
    "a back off hides a job for its time": _over(BacksOffNever),
    "what is done never comes again": _over(ForgetsDone),
    "a lost lease can be neither kept nor given back": _over(TrustsOldReceipts),
    "a take waits for a job": _over(NeverWaits),
    "a take ends when its wait is over": _over(WaitsForEver),
    "depth tells what waits and since when": _over(AgeOfTheNewest),
    "what was answered is there after everybody left": _private,
}
