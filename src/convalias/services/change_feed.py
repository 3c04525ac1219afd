"""From the store to the event log: every event, in seq order per conversation, at least once."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

from attrs import field, frozen

from convalias.codec import CODEC, Codec, kind_of
from convalias.domain.events import ConversationEvent
from convalias.domain.ids import EventId, TraceId
from convalias.ports.ambient import Clock, Telemetry
from convalias.ports.errors import Unavailable
from convalias.ports.event_log import EventLog, EventRecord
from convalias.ports.records import Records, Replace, Stored
from convalias.stores.conversations import FEED

BATCH: Final = 500
REMEMBERED: Final = 10_000
WITHIN: Final = timedelta(seconds=30)
IDLE: Final = timedelta(milliseconds=50)
AWAY: Final = timedelta(seconds=1)
WHENEVER: Final = datetime.max.replace(tzinfo=UTC)
"""An event is due as soon as it is there. Its append time is another process's clock: only its order counts."""


class Feed(Protocol):
    """Publishes events. Which of the two it is, the store decides: one that tells of its changes is not polled."""

    async def step(self) -> int:
        """Publish one batch; how many events it had. Raises `Unavailable`; repeatable."""
        ...

    async def drain(self) -> int:
        """Publish until nothing waits; how many events there were."""
        ...

    async def close(self) -> None:
        """Give back what is held."""
        ...


def _nothing() -> OrderedDict[EventId, None]:
    return OrderedDict()


@frozen(kw_only=True)
class ChangeFeedPump:
    """Polls the lane in which events wait. Any number of processes may pump at once.

    The order of the lane is seq order within a conversation, as no event is appended before its predecessor. Events
    leave it only after they were published: whoever publishes an event has, before it or in the same batch, its
    predecessor, or finds that published. So the first copies of a conversation's events are in order; later copies
    are told by their event id.
    """

    records: Records
    log: EventLog
    clock: Clock
    telemetry: Telemetry
    codec: Codec = CODEC
    batch: int = BATCH
    within: timedelta = WITHIN
    _acknowledged: OrderedDict[EventId, None] = field(factory=_nothing, init=False, repr=False, eq=False)

    async def step(self) -> int:
        """Publish one batch; how many events it had. Raises `Unavailable`; repeatable."""
        try:
            async with asyncio.timeout(self.within.total_seconds()):
                return await self._step()
        except TimeoutError as late:
            raise Unavailable("change feed", retry_after=self.within) from late

    async def drain(self) -> int:
        """Publish until nothing waits; how many events there were."""
        total = 0
        while count := await self.step():
            total += count
        return total

    async def run(self) -> None:
        """Publish until cancelled. What is away is waited for; anything else is raised."""
        while True:
            try:
                if not await self.step():
                    await self.clock.sleep(IDLE)
            except Unavailable as away:
                await self.clock.sleep(away.retry_after or AWAY)

    async def _step(self) -> int:
        waiting = await self.records.due(FEED, until=WHENEVER, limit=self.batch)
        if not waiting:
            return 0
        events = [self.codec.load(stored.body, ConversationEvent) for stored in waiting]
        await self._publish([event for event in events if event.id not in self._acknowledged])
        await self.records.write([_published(stored) for stored in waiting])
        measure(self.telemetry, self.clock, events)
        return len(waiting)

    async def _publish(self, events: Sequence[ConversationEvent]) -> None:
        """What the log has acknowledged to this process is not sent again while the store cannot take note of it."""
        if not events:
            return
        await self.log.publish([record(event) for event in events])
        self._acknowledged.update(dict.fromkeys(event.id for event in events))
        while len(self._acknowledged) > REMEMBERED:
            self._acknowledged.popitem(last=False)

    async def close(self) -> None:
        """Nothing is held."""


def measure(telemetry: Telemetry, clock: Clock, events: Sequence[ConversationEvent]) -> None:
    """How many were published, and how long the oldest of them had waited."""
    telemetry.measure("convs.events.created", len(events))
    lag = clock.now() - min(event.appended_at for event in events)
    telemetry.measure("convs.feed.lag", max(lag, timedelta(0)).total_seconds())


def record(event: ConversationEvent) -> EventRecord:
    """Ids and kinds only: no text and no Message-ID, which can name people, leaves the store."""
    return EventRecord(event.conversation, event.id, event.seq, kind_of(event.happening), TraceId(event.trace))


def _published(stored: Stored) -> Replace:
    """No longer due. Lost to a redaction in between: it stays due, and leaves at the next step."""
    return Replace(stored.key, stored.version, stored.body)
