"""Publish events from a change stream of the store: no second write, no polling, no gap."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Final

from attrs import evolve, frozen

from convalias.codec import CODEC, Codec, CodecError
from convalias.domain.deployment.positions import FeedCursor
from convalias.ports.ambient import Clock, Telemetry
from convalias.ports.changes import Changes, ChangeStream, PositionLost
from convalias.ports.errors import PortError, Unavailable
from convalias.ports.event_log import EventLog
from convalias.ports.records import Key, Stored
from convalias.services.feed.change_feed import BATCH, WITHIN, Feed, FeedEntry, Publishing, entry_of, measure
from convalias.stores.conversations.event_store import FEED, TABLE
from convalias.stores.conversations.parking import Parking
from convalias.stores.feed.positions import Lease, Positions

NAME: Final = "feed"
LEASE: Final = timedelta(seconds=60)
"""Longer than one step may take: who holds it is not overtaken while it publishes."""
KEEP: Final = timedelta(seconds=5)
"""How often a quiet stream's position is kept, which also keeps the lease."""
BEHIND: Final = timedelta(seconds=1)
"""By so much the position that is kept may lag what was published: that is published again after a crash."""
WAIT: Final = timedelta(milliseconds=100)
MARGIN: Final = timedelta(hours=1)
"""By so much the clocks of those who append may differ."""
BEGINNING: Final = datetime.min.replace(tzinfo=UTC)


@frozen
class _Place:
    """Where this process stands: what it holds, reads, and has kept."""

    lease: Lease
    stream: ChangeStream
    cursor: FeedCursor


class ChangeStreamFeed(Feed):
    """Reads the change stream. One process at a time, by lease; any number may try.

    Events are published, then the position behind them is saved by compare-and-set: at least once, in seq order. A
    position that is lost, or none at all, never means "from now on": a new stream is opened, its start is kept, all
    that may lack is scanned in append order, which is seq order within a conversation, and then the stream is read
    from that start. A crash anywhere in between goes on from what was kept.
    """

    def __init__(
        self,
        *,
        changes: Changes,
        positions: Positions,
        log: EventLog,
        clock: Clock,
        telemetry: Telemetry,
        codec: Codec = CODEC,
        batch: int = BATCH,
        wait: timedelta = WAIT,
    ) -> None:
        """Nothing is opened before the first step."""
        self._changes = changes
        self._positions = positions
        self._log = log
        self._clock = clock
        self._telemetry = telemetry
        self._codec = codec
        self._batch = batch
        self._wait = wait
        self._lease: Lease | None = None
        self._is_unsure = False
        self._place: _Place | None = None
        self._kept = BEGINNING
        self._is_behind = False
        """Whether something was published behind the position that is kept."""

    async def step(self) -> int:
        """Publish one batch; how many events it had. 0 too while another process holds the feed. Repeatable.

        Raises `Unavailable`; what was taken and not published is then read again.
        """
        try:
            async with asyncio.timeout(WITHIN.total_seconds()):
                return await self._step()
        except TimeoutError as late:
            await self._forget()
            raise Unavailable("change feed", retry_after=WITHIN) from late
        except BaseException:
            await self._forget()
            raise

    async def close(self) -> None:
        """Close the stream and release the lease; if the store is away, the lease expires."""
        if self._place is not None and self._is_behind:
            with suppress(PortError):
                await self._saved(self._place)
        await self._forget()
        lease, self._lease = self._lease, None
        with suppress(PortError):
            if lease is not None and (held := await self._positions.resume(lease)) is not None:
                await self._positions.release(held)

    async def _step(self) -> int:
        lease = await self._held()
        if lease is None:
            return 0
        place = self._place or await self._opened(lease)
        if place is None:
            return 0
        try:
            return await self._publish_next(place)
        except PositionLost:
            await self._forget()
            mended = await self._start_over(place.lease, place.cursor)
            return 0 if mended is None else await self._publish_next(mended)

    async def _held(self) -> Lease | None:
        if self._lease is not None and self._is_unsure:
            self._lease = await self._positions.resume(self._lease)
        if self._lease is None:
            self._lease = await self._positions.acquire(NAME, lease=LEASE)
        self._is_unsure = False
        return self._lease

    async def _opened(self, lease: Lease) -> _Place | None:
        """Go on from what was kept; None: the lease is lost."""
        if not lease.cursor:
            return await self._start_over(lease, None)
        try:
            known = self._codec.loads(lease.cursor.encode("utf-8", "surrogatepass"), FeedCursor)
        except CodecError:  # of another release, or damaged: a position that is lost
            self._telemetry.measure("convs.feed.position_lost", 1)
            return await self._start_over(lease, None)
        try:
            stream = await self._changes.since(known.token, table=TABLE)
        except PositionLost:
            return await self._start_over(lease, known)
        self._place = _Place(lease, stream, known)
        return self._place

    async def _start_over(self, lease: Lease, known: FeedCursor | None) -> _Place | None:
        """Keep where the new stream starts *before* anything is scanned: what comes meanwhile lies behind it."""
        since = BEGINNING
        if known is not None:
            self._telemetry.measure("convs.feed.position_lost", 1)
            since = _before(min(known.caught_up, known.scan_from or known.caught_up))
        stream = await self._changes.since("", table=TABLE)
        self._place = place = _Place(
            lease, stream, FeedCursor(token=stream.position, caught_up=self._clock.now(), scan_from=since)
        )
        return await self._saved(place)

    async def _publish_next(self, place: _Place) -> int:
        if place.cursor.scan_from is None:
            return await self._read(place)
        count, behind = await self._scan(place, place.cursor.scan_from)
        # Where nothing was left to scan, whoever drains must not take that for the end.
        return count if count or behind is None else await self._read(behind)

    async def _scan(self, place: _Place, since: datetime) -> tuple[int, _Place | None]:
        cursor = place.cursor
        behind = Key(*cursor.scan_behind) if cursor.scan_behind else None
        page = await self._changes.scan(FEED, since=since, behind=behind, limit=self._batch)
        await self._publish(page)
        if page and (due := page[-1].due) is not None:
            cursor = evolve(cursor, scan_from=due.at, scan_behind=tuple(page[-1].key))
        else:
            cursor = evolve(cursor, scan_from=None, scan_behind=())
        return len(page), await self._saved(evolve(place, cursor=cursor))

    async def _read(self, place: _Place) -> int:
        stream, cursor = place.stream, place.cursor
        batch = await stream.take(limit=self._batch, wait=self._wait)
        events = await self._publish(batch)
        waited, moved = self._clock.now() - self._kept, place
        if events:
            # Behind an outage the stream is hours late: caught up is what was published, not what time it is.
            caught_up = min(event.appended_at for event in events)
            moved, self._is_behind = _moved(place, caught_up), True
        elif waited >= KEEP:
            has_moved = stream.position != cursor.token  # the store says so itself: nothing lies before here
            caught_up = self._clock.now() if has_moved else cursor.caught_up
            moved = _moved(place, caught_up)
        self._place = moved
        if waited >= (BEHIND if self._is_behind else KEEP):
            await self._saved(moved)
        return len(events)

    async def _saved(self, place: _Place) -> _Place | None:
        """Compare-and-set; None: another process has taken over, and this one stops."""
        self._is_unsure = True
        self._lease = await self._positions.save(place.lease, json.dumps(self._codec.dump(place.cursor)), extend=LEASE)
        self._is_unsure = False
        if self._lease is None:
            await self._forget()
            return None
        self._place, self._kept, self._is_behind = evolve(place, lease=self._lease), self._clock.now(), False
        return self._place

    async def _publish(self, stored: Sequence[Stored]) -> Sequence[FeedEntry]:
        entries = [entry_of(one, self._codec, now=self._clock.now()) for one in stored]
        if entries:
            parking = Parking(records=self._positions.records)
            await Publishing(log=self._log, parking=parking, clock=self._clock, telemetry=self._telemetry).publish(
                entries
            )
            measure(self._telemetry, self._clock, [entry.appended_at for entry in entries])
        return entries

    async def _forget(self) -> None:
        place, self._place, self._is_behind = self._place, None, False
        if place is not None:
            with suppress(PortError):
                await place.stream.close()


def _moved(place: _Place, caught_up: datetime) -> _Place:
    return evolve(place, cursor=evolve(place.cursor, token=place.stream.position, caught_up=caught_up))


def _before(instant: datetime) -> datetime:
    return instant - MARGIN if instant - BEGINNING > MARGIN else BEGINNING
