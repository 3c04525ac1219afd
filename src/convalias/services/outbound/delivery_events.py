"""Take events of a mail provider: each acts once, on the notification that it proves."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Final

from attrs import evolve, frozen

from convalias.domain.ids import TraceId
from convalias.domain.outbound.reports import DeliveryEvent, EventAnswer
from convalias.domain.outbound.seals import Seals
from convalias.ports.ambient import Clock, Telemetry
from convalias.ports.errors import Unavailable
from convalias.services.outbound.reports import Reported, Reports
from convalias.stores.errors import StoreError
from convalias.stores.outbound.delivery_events import DeliveryEvents as Events

WITHIN: Final = timedelta(seconds=25)
"""For all of it; then the provider is told to post the event again."""


@frozen(kw_only=True)
class DeliveryEvents:
    """Acts on events in any order, however often each comes.

    An event may come before the call that sent the mail has its answer. Raises `Unavailable`: the provider is to post the event again.
    """

    reports: Reports
    events: Events
    seals: Seals
    clock: Clock
    telemetry: Telemetry
    within: timedelta = WITHIN

    async def take(self, event: DeliveryEvent) -> EventAnswer:
        """Act on one event whose signature its door has verified."""
        try:
            async with asyncio.timeout(self.within.total_seconds()):
                answer = await self._take(event)
        except (StoreError, TimeoutError) as late:
            raise Unavailable("what an event is written to") from late
        if answer is EventAnswer.DONE:
            self.telemetry.measure("mons.delivery.events", 1, event=type(event.report).__name__.lower())
        elif answer is not EventAnswer.IGNORED:
            self.telemetry.measure("mons.delivery.events.refused", 1, source=event.source, reason=answer.value)
        return answer

    async def _take(self, event: DeliveryEvent) -> EventAnswer:
        now = self.clock.now()
        if not await self.events.bind(event, now=now):
            return EventAnswer.REUSED
        if event.report is None:
            return EventAnswer.IGNORED
        notification = self.seals.receipted(event.receipt_token)
        if notification is None:
            return EventAnswer.UNPROVED
        if await self.events.is_done(event):
            return EventAnswer.DONE
        reported = Reported(at=event.at, trace=TraceId(self.clock.new_id()), address=event.recipient)
        if not await self.reports.act(evolve(event.report, notification=notification), reported):
            return EventAnswer.UNPROVED
        await self.events.done(event, now=now)
        return EventAnswer.DONE
