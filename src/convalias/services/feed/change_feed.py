"""Publish every event from the store to the event log, in order for each conversation, at least once."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

from attrs import field, frozen

from convalias.codec import CODEC, Codec, CodecError, kind_of
from convalias.domain.conversations.events import ConversationEvent
from convalias.domain.ids import ConversationId, EventId, Seq, TraceId
from convalias.ports.ambient import Clock, Telemetry
from convalias.ports.errors import Rejected, Unavailable
from convalias.ports.event_log import UNREADABLE, EventLog, EventRecord
from convalias.ports.records import Records, Replace, Stored
from convalias.stores.conversations.event_store import FEED, event_of, seq_of
from convalias.stores.conversations.parking import Parking
from convalias.stores.encoding import decoded, encoded

BATCH: Final = 500
REMEMBERED: Final = 10_000
WITHIN: Final = timedelta(seconds=30)
IDLE: Final = timedelta(milliseconds=50)
AWAY: Final = timedelta(seconds=1)
WHENEVER: Final = datetime.max.replace(tzinfo=UTC)
"""An event is due as soon as it is there. Its append time is another process's clock: only its order counts."""


class Feed(Protocol):
    """Publishes events. Which of the three it is, the wiring decides: a store that tells of its changes is not polled."""

    async def step(self) -> int:
        """Publish one batch; how many events it had. Raises `Unavailable`; repeatable."""
        ...

    async def drain(self) -> int:
        """Publish until nothing waits; how many events there were."""
        total = 0
        while count := await self.step():
            total += count
        return total

    async def close(self) -> None:
        """Give back what is held."""
        ...


def _nothing() -> OrderedDict[EventId, None]:
    return OrderedDict()


@frozen(kw_only=True)
class ChangeFeedPump(Feed):
    """Polls the lane in which events wait. Any number of processes may pump at once.

    The order of the lane is seq order within a conversation, as no event is appended before its predecessor. Events
    leave it only after they were published: whoever publishes an event has, before it or in the same batch, its
    predecessor, or finds that published. So the first copies of a conversation's events are in order; later copies
    are told by their event id.

    An event that this release cannot read parks its conversation, and is published by its key all the same: whoever
    can read it decides about it, and no other event waits for it.
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
        entries = [entry_of(stored, self.codec, now=self.clock.now()) for stored in waiting]
        await self._publish([entry for entry in entries if entry.event not in self._acknowledged])
        await self.records.write([_published(stored) for stored in waiting])
        measure(self.telemetry, self.clock, [entry.appended_at for entry in entries])
        return len(waiting)

    async def _publish(self, entries: Sequence[FeedEntry]) -> None:
        """What the log has acknowledged to this process is not sent again while the store cannot take note of it."""
        if not entries:
            return
        publishing = Publishing(
            log=self.log, parking=Parking(records=self.records), clock=self.clock, telemetry=self.telemetry
        )
        await publishing.publish(entries)
        self._acknowledged.update(dict.fromkeys(entry.event for entry in entries if entry.event is not None))
        while len(self._acknowledged) > REMEMBERED:
            self._acknowledged.popitem(last=False)

    async def close(self) -> None:
        """Close the feed; there is no lease to release."""


@frozen(kw_only=True)
class FeedEntry:
    """The facts that the feed knows of a stored event, whether the event can be read or not."""

    conversation: ConversationId | None
    """None: not even its key tells."""
    event: EventId | None
    seq: Seq
    appended_at: datetime
    record: EventRecord | None
    """What is published of it. None: its ids are not known, or are no text that a log takes."""
    trace: TraceId = TraceId("")
    because: str = ""
    """Why its conversation is parked; empty for an event that can be read and published."""


@frozen(kw_only=True)
class Publishing:
    """Publishes entries, and parks the conversations of those that cannot be read or published."""

    log: EventLog
    parking: Parking
    clock: Clock
    telemetry: Telemetry

    async def publish(self, entries: Sequence[FeedEntry]) -> None:
        """Returned: each is published or parked. Raises `Unavailable`; repeatable.

        What is parked is written down first: a crash in between repeats both.
        """
        for entry in entries:
            if entry.because:
                await self._park(entry, entry.because)
        records = [(entry, entry.record) for entry in entries if entry.record is not None]
        if not records:
            return
        try:
            await self.log.publish([record for _, record in records])
        except Rejected:
            await self._one_by_one(records)

    async def _one_by_one(self, records: Sequence[tuple[FeedEntry, EventRecord]]) -> None:
        """The log refuses one of them for good: that one is parked, the others are published."""
        for entry, record in records:
            try:
                await self.log.publish([record])
            except Rejected as refused:
                await self._park(entry, f"the event log refuses it: {type(refused).__name__}")

    async def _park(self, entry: FeedEntry, because: str) -> None:
        with self.telemetry.span("convs.feed", entry.trace):
            self.telemetry.measure("convs.feed.parked", 1)
        if entry.conversation is not None:
            await self.parking.park(
                entry.conversation, entry.seq, because=because, at=self.clock.now(), trace=entry.trace
            )


def entry_of(stored: Stored, codec: Codec, *, now: datetime) -> FeedEntry:
    """A stored event as the feed sees it. Of one that cannot be read the key tells whose it is."""
    try:
        event = codec.load(stored.body, ConversationEvent)
    except CodecError as unreadable:
        appended_at = now if stored.due is None else stored.due.at
        return _unread(stored, because=str(unreadable), appended_at=appended_at)
    told = record(event)
    is_text = _is_text(told)
    return FeedEntry(
        conversation=event.conversation,
        event=event.id,
        seq=event.seq,
        appended_at=event.appended_at,
        record=told if is_text else None,
        trace=told.trace,
        because="" if is_text else "an id is no text that UTF-8 can hold",
    )


def _unread(stored: Stored, *, because: str, appended_at: datetime) -> FeedEntry:
    conversation, event, seq = _conversation_of(stored), event_of(stored), Seq(seq_of(stored.key))
    told = None
    if conversation is not None and event is not None:
        told = EventRecord(conversation, EventId(event), seq, UNREADABLE, TraceId(""))
    return FeedEntry(
        conversation=conversation,
        event=None if event is None else EventId(event),
        seq=seq,
        appended_at=appended_at,
        record=told if told is not None and _is_text(told) else None,
        because=because,
    )


def _conversation_of(stored: Stored) -> ConversationId | None:
    """By the key; of a long id the key has a digest only, and the body is believed if it fits."""
    if (found := decoded(stored.key.partition)) is not None:
        return ConversationId(found)
    said = stored.body.get("conversation")
    return ConversationId(said) if isinstance(said, str) and encoded(said) == stored.key.partition else None


def _is_text(told: EventRecord) -> bool:
    """Whether UTF-8 can hold its ids: a lone surrogate it cannot."""
    try:
        f"{told.conversation}{told.event}{told.trace}".encode()
    except UnicodeEncodeError:
        return False
    return True


def record(event: ConversationEvent) -> EventRecord:
    """Ids and kinds only: no text and no Message-ID, which can name people, leaves the store."""
    return EventRecord(event.conversation, event.id, event.seq, kind_of(event.happening), TraceId(event.trace))


def measure(telemetry: Telemetry, clock: Clock, appended: Sequence[datetime]) -> None:
    """Measure how many events were published, and how long the oldest of them had waited."""
    telemetry.measure("convs.events.created", len(appended))
    lag = clock.now() - min(appended)
    telemetry.measure("convs.feed.lag", max(lag, timedelta(0)).total_seconds())


def _published(stored: Stored) -> Replace:
    """No longer due. Lost to a redaction in between: it stays due, and leaves at the next step."""
    return Replace(stored.key, stored.version, stored.body)
