"""Mail and events for a loop of the host's own: each call prepares as a worker does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Final, TypeVar

from attrs import frozen

from convalias.domain.ids import UseCase
from convalias.domain.inbound.dead_letters import DeadLetter
from convalias.domain.inbound.outcomes import Again
from convalias.ports.event_log import EventRecord
from convalias.ports.queue import Job
from convalias.services.inbound.worker import OUT_OF_TIME, InboundWorker, Processed
from convalias.services.outbound.notifier import OutboundNotifier
from convalias.services.outbound.redriving import Redriving
from convalias.services.running.group_reader import BATCH
from convalias.services.running.log_lines import engine_away
from convalias.services.running.outages import because, outage_in
from convalias.stores.outbound.ledger import GivenBack

AWAY: Final = timedelta(seconds=1)
"""When to try a mail again if the store did not say whether this process may work on it."""
S = TypeVar("S")
Prepare = Callable[[], Awaitable[S]]
"""Refreshes the deployment, checks place, keys and host, and returns the service of now. Raises what they raise."""


@frozen(kw_only=True)
class InboundLoop:
    """Mail for a loop of the host's own. Every call looks for news of the deployment first, at most once a second.

    Raises `KeysRefused`, `PlaceRefused` and `HostMissing`: then this process must not work on any mail.
    """

    prepare: Prepare[InboundWorker]

    async def process(self, jobs: Sequence[Job], *, within: float | None = None) -> Sequence[Processed]:
        """Process jobs and return one answer for each, in their order; never raises for a job.

        `Again`: it must come back, after the time that the answer says. Anything else: acknowledge it. What `within`
        seconds do not reach is `Again`, and so are all if the store is away.
        """
        until = None if within is None else asyncio.get_running_loop().time() + within
        limit = asyncio.timeout_at(until)
        try:
            async with limit:
                worker = await self.prepare()
        except Exception as error:
            outage = outage_in(error)
            if outage is None:
                raise
            answer = (
                OUT_OF_TIME
                if limit.expired()
                else Again(outage.retry_after or AWAY, because(error), away=engine_away(error))
            )
            return [Processed(job, answer) for job in jobs]
        left = None if until is None else max(0.0, until - asyncio.get_running_loop().time())
        return await worker.process(jobs, within=left)

    async def step(self, *, wait: timedelta = timedelta(0)) -> int:
        """Take, process and acknowledge one batch; return how many jobs were concluded or put off.

        Raises `Unavailable` too. Waits at most `wait` for the first job.
        """
        return await (await self.prepare()).step(wait=wait)

    async def take(self, *, wait: timedelta = timedelta(0)) -> Sequence[Job]:
        """The next batch, which is this worker's for as long as `work` may take to begin. Raises `Unavailable` too."""
        return await (await self.prepare()).take(wait=wait)

    async def work(self, jobs: Sequence[Job]) -> int:
        """Process jobs that were just taken, to the acknowledgement; count as `step` does. Raises `Unavailable` too."""
        return await (await self.prepare()).work(jobs)


@frozen(kw_only=True)
class OutboundLoop:
    """Decisions and deliveries for a loop of the host's own: exactly one system delivers.

    What works on events looks for news of the deployment first, at most once a second, and raises `KeysRefused`,
    `PlaceRefused` and `HostMissing`: then this process must not decide or deliver.
    """

    prepare: Prepare[OutboundNotifier]
    notifier: Callable[[], OutboundNotifier]
    """The service of now."""

    async def decide(self, records: Sequence[EventRecord]) -> None:
        """Returned: every record has its decision, commit. Raised (`Unavailable`): commit nothing."""
        await (await self.prepare()).decide(records)

    async def deliver_due(self, *, limit: int = BATCH) -> int:
        """Try once what is due now, and return how many decisions were worked on. Raises `Unavailable` too."""
        return await (await self.prepare()).deliver_due(limit=limit)

    async def take_up_undecided(self) -> int:
        """Decide about events that wait apart from the log; how many there were. Raises `Unavailable` too."""
        return await (await self.prepare()).take_up_undecided()

    async def sent(self) -> bool:
        """Wait for what is sent as soon as it is decided; whether there was anything."""
        return await self.notifier().sent()

    async def finish(self, *, within: timedelta) -> None:
        """Wait so long for what is being sent, then release it. Another worker asks what became of it."""
        await self.notifier().finish(within=within)

    async def give_back(self, use_case: UseCase) -> GivenBack:
        """Put what was not yet tried under the flag as it stands now."""
        return await self.notifier().give_back(use_case)

    async def redrive(self, letter: DeadLetter) -> bool:
        """Try again what was given up about the event of that letter. False: there was nothing left to do.

        A parked conversation is taken up in order; one that still cannot be read raises `Parked` and stays parked.
        """
        return await self.notifier().redrive(letter)

    @property
    def redriving(self) -> Redriving:
        """Return the service that redrives, counts, and has a dry run."""
        return self.notifier().redriving
