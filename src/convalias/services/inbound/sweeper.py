"""Find mail that was kept and never concluded, and queue it again."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from attrs import frozen

from convalias.codec import CodecError, loads
from convalias.domain.ids import TraceId
from convalias.domain.inbound.posts import EnvelopeRecord, MailReference, RecordKey
from convalias.ports.ambient import Clock, Telemetry
from convalias.ports.blobs import Blobs
from convalias.ports.queue import JobQueue
from convalias.ports.records import Records
from convalias.services.inbound.envelope_records import days_of, without_outcome
from convalias.services.inbound.receiver import reference_body, reference_to
from convalias.stores.inbound.mails import InboundRecords
from convalias.stores.inbound.sweeps import Sweeps

AFTER: Final = timedelta(hours=1)
"""Older than the oldest waiting job by so much, so that a long outage does not flood itself."""
EVERY: Final = timedelta(hours=6)
"""Each record is queued again at most once in this time."""


@frozen(kw_only=True)
class Sweeper:
    """Envelope records without an outcome, an hour older than the oldest waiting job. Repeatable."""

    blobs: Blobs
    queue: JobQueue
    records: Records
    inbound: InboundRecords
    clock: Clock
    telemetry: Telemetry
    days: int = 4
    """So long a day is looked at in any case: a token's day may lie three days before its reception, or one after."""

    async def in_turn(self, *, every: timedelta) -> int:
        """Sweep, unless another worker did within `every`: all of them would list the same days.

        One that dies over it has had its turn; the next one has the rest.
        """
        now = self.clock.now()
        return await self.sweep() if await Sweeps(records=self.records).turn(now=now, every=every) else 0

    async def sweep(self) -> int:
        """Queue kept mails without an outcome again, and return how many.

        A day all of whose mail has come to an end is not looked at again.
        """
        now = self.clock.now()
        depth = await self.queue.depth()
        oldest = depth.oldest or depth.oldest_at_most or timedelta(0)
        before = now - oldest - AFTER
        over = f"{now - timedelta(days=self.days):%Y/%m/%d}"
        sweeps = Sweeps(records=self.records)
        swept = 0
        async for day in days_of(self.blobs):
            if day < over and await sweeps.is_through(day):
                continue
            waits = False
            async for key in without_outcome(self.blobs, self.inbound, day):
                waits = True
                swept += await self._again(key, sweeps, before=before, now=now)
            if day < over and not waits:
                await sweeps.through(day, now=now)
        return swept

    async def _again(self, key: RecordKey, sweeps: Sweeps, *, before: datetime, now: datetime) -> bool:
        body = await self.blobs.get(key)
        if body is None:
            return False
        try:
            record = loads(body, EnvelopeRecord)
            reference = reference_to(record) if record.post.received_at < before else None
        except CodecError:  # the relay says what is wrong with it, and gives it up in the end
            reference = MailReference(key, TraceId(self.clock.new_id()))
        if reference is None or not await sweeps.take(key, now=now, every=EVERY):
            return False
        await self.queue.put([reference_body(reference)])
        with self.telemetry.span("icer.sweeping", reference.trace, record=key):
            self.telemetry.measure("icer.messages.swept", 1)
        return True
