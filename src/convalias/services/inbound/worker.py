"""The loop for those who have none: batches from the queue, heartbeat, graceful stop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Final, TypeAlias
from weakref import WeakValueDictionary

from attrs import Factory, field, frozen

from convalias.domain.ids import TraceId
from convalias.domain.inbound.dead_letters import DeadLetter, DeadLetterId
from convalias.domain.inbound.outcomes import Again, Dead, Progress
from convalias.ports.ambient import Clock, Telemetry
from convalias.ports.queue import Job, JobQueue
from convalias.services.inbound.receiver import read_reference
from convalias.services.inbound.relay import LANE, InboundRelay
from convalias.services.running.log_lines import LogLines, engine_away
from convalias.services.running.outages import because
from convalias.services.running.task_group import TaskGroup
from convalias.stores.encoding import digest

BATCH: Final = 10
VISIBLE_FOR: Final = timedelta(seconds=60)
ACKNOWLEDGE_WITHIN: Final = timedelta(seconds=20)
UNREADABLE: Final = "no reference of ours"
Receipt: TypeAlias = tuple[str, str]
"""Id and lease: a queue may give one lease to a whole batch, and one job twice."""
_SUSPECTS: Final = "\0suspects"
"""The lane of those that may stop their worker; no conversation's id is one like it."""
HEARD_WITHIN: Final = timedelta(minutes=1)
"""So long after its next try is due a mail is still waited for here; then another worker has it."""
log: Final = logging.getLogger("convalias.workers")
OUT_OF_TIME: Final = Again(timedelta(0), "out of time")
"""The answer for a job that the given time did not reach."""


@frozen
class Processed:
    """A job and its progress. `Again`: it stays in the queue; anything else: it is done."""

    job: Job
    progress: Progress


def _no_turns() -> WeakValueDictionary[str, asyncio.Lock]:
    return WeakValueDictionary()


@frozen(kw_only=True)
class InboundWorker:
    """Feeds the relay. Jobs of a batch run side by side; what is held is kept hidden from others by a heartbeat.

    Batches may run side by side too, `work` in several tasks. Mails of one lane still go after one another, in the
    order in which they were taken.
    """

    queue: JobQueue
    relay: InboundRelay
    clock: Clock
    telemetry: Telemetry
    batch: int = BATCH
    visible_for: timedelta = VISIBLE_FOR
    lines: LogLines = field(default=Factory(lambda self: LogLines(log, self.clock), takes_self=True))
    """Where it is told what mail waits for: `Again` is no failure of a step, and an outage all the same."""
    _turns: WeakValueDictionary[str, asyncio.Lock] = field(factory=_no_turns, init=False, repr=False, eq=False)
    """One for each lane that somebody is in, or waits for."""

    async def process(self, jobs: Sequence[Job], *, within: float | None = None) -> Sequence[Processed]:
        """Process jobs and return one answer for each, in their order; never raises for a job.

        What `within` seconds do not reach is `Again`.

        Lanes side by side, the mails of one lane after one another. Those that were received often come after all
        others and one by one, those of other batches too: one of them may stop its worker, and then no other waits for it,
        or is blamed for it.
        """
        answers: dict[Receipt, Processed] = {}
        suspects = [job for job in jobs if self.relay.patience.is_suspect(job.receives)]
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                async with TaskGroup() as group:
                    for name, lane in _lanes([job for job in jobs if job not in suspects]).items():
                        group.create_task(self._in_lane(name, lane, answers))
                if suspects:
                    await self._in_lane(_SUSPECTS, suspects, answers)
        return [answers.get(_receipt(job)) or Processed(job, OUT_OF_TIME) for job in jobs]

    async def _in_lane(self, name: str, jobs: Sequence[Job], answers: dict[Receipt, Processed]) -> None:
        turn = self._turns.get(name)
        if turn is None:
            turn = self._turns[name] = asyncio.Lock()
        async with turn:
            await self._in_turn(jobs, answers)

    async def _in_turn(self, jobs: Sequence[Job], answers: dict[Receipt, Processed]) -> None:
        for job in jobs:
            progress = await self._answer(job)
            answers[_receipt(job)] = Processed(job, progress)
            self._tell(job, progress)

    def _tell(self, job: Job, progress: Progress) -> None:
        if not isinstance(progress, Again):
            self.lines.back(seen_by=job.body)
        elif progress.away:
            until = self.clock.now() + progress.after + HEARD_WITHIN
            self.lines.away(progress.away, seen_by=job.body, until=until)

    async def _answer(self, job: Job) -> Progress:
        try:
            return await self._one(job)
        except Exception as error:  # noqa: BLE001 - our own fault, not the mail's: keep the job
            self.telemetry.measure("icer.processing.errors", 1, error=type(error).__name__)
            return Again(self.visible_for, because(error), away=engine_away(error))

    async def _one(self, job: Job) -> Progress:
        reference = read_reference(job.body)
        if reference is not None:
            return await self.relay.process(reference, receives=job.receives)
        trace = TraceId(f"job-{digest(job.body)[:32]}")
        with self.telemetry.span("icer.processing", trace):
            self.telemetry.measure("icer.processing.errors", 1, error="UnreadableJob")
        letter = DeadLetter(
            id=DeadLetterId(str(trace)),
            lane=LANE,
            subject=f"queue job {digest(job.body)[:32]}",
            reason=UNREADABLE,
            tries=job.receives,
            at=self.clock.now(),
            trace=trace,
        )
        await self.relay.stores.dead_letters.put(letter)
        return Dead(UNREADABLE, job.receives)

    async def step(self, *, wait: timedelta = timedelta(0)) -> int:
        """Take, process and acknowledge one batch; return how many jobs were concluded or put off."""
        return await self.work(await self.take(wait=wait))

    async def take(self, *, wait: timedelta = timedelta(0)) -> Sequence[Job]:
        """The next batch, which is this worker's for as long as `work` may take to begin."""
        return await self.queue.take(limit=self.batch, wait=wait, lease=self.visible_for)

    async def work(self, jobs: Sequence[Job]) -> int:
        """Process jobs that were just taken, to the acknowledgement; count as `step` does."""
        if not jobs:
            return 0
        heartbeat = asyncio.create_task(self._keep(jobs))
        try:
            processed = await self.process(jobs)
        except asyncio.CancelledError:
            await self._give_back(jobs)
            raise
        finally:
            heartbeat.cancel()
            await asyncio.gather(heartbeat, return_exceptions=True)
        return await self._acknowledge(processed)

    async def _acknowledge(self, processed: Sequence[Processed]) -> int:
        done = [one.job for one in processed if not isinstance(one.progress, Again)]
        async with asyncio.timeout(ACKNOWLEDGE_WITHIN.total_seconds()):
            await self.queue.done(done)
            for one in processed:
                if isinstance(one.progress, Again):
                    await self.queue.keep([one.job], one.progress.after, held=False)
        return len(done) + sum(isinstance(one.progress, Again) and bool(one.progress.after) for one in processed)

    async def _keep(self, jobs: Sequence[Job]) -> None:
        """Extend the lease while work goes on. A queue that is away for a moment is no reason to stop."""
        while True:
            await self.clock.sleep(self.visible_for / 3)
            try:
                async with asyncio.timeout(ACKNOWLEDGE_WITHIN.total_seconds()):
                    await self.queue.keep(jobs, self.visible_for)
            except Exception as error:  # noqa: BLE001 - the next beat may get through; at the worst a job comes twice
                self.telemetry.measure("icer.heartbeat.errors", 1, error=type(error).__name__)

    async def _give_back(self, jobs: Sequence[Job]) -> None:
        """Cancelled: what is held is visible to others at once. At the worst its lease runs out by itself."""
        with suppress(Exception):
            async with asyncio.timeout(ACKNOWLEDGE_WITHIN.total_seconds()):
                await self.queue.keep(jobs, timedelta(0))


def _receipt(job: Job) -> Receipt:
    return job.id, job.lease


def _lanes(jobs: Sequence[Job]) -> Mapping[str, Sequence[Job]]:
    """Jobs that must not overtake one another, oldest mail first. A job of no lane is one of its own."""
    lanes: dict[str, list[Job]] = {}
    for job in jobs:
        reference = read_reference(job.body)
        lane = "" if reference is None else reference.lane
        lanes.setdefault(lane or f"{job.id} {job.lease}", []).append(job)
    return lanes
