"""Untold messages of a host that has only a cursor: its list is read again for a window of time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, Protocol

from attrs import frozen

from convalias.domain.conversations.host_feed import HostFeed, HostMessage, found_late
from convalias.domain.expecting import check_fields
from convalias.ports.ambient import Clock
from convalias.ports.conversations import MessageRef
from convalias.ports.errors import Unavailable
from convalias.ports.examining import Observation, weak
from convalias.ports.records import Records
from convalias.stores.feed.host_feed import KEPT, HostFeeds, Place

WINDOW: Final = timedelta(minutes=10)
EVERY: Final = timedelta(seconds=15)
PAGE: Final = 500
_MOST_PAGES: Final = 20
"""New pages of one call: a backlog is taken up over several."""


@frozen
class FeedEntry:
    """A message of the host's feed, and the cursor behind it: text that only the host understands."""

    cursor: str
    ref: MessageRef

    __attrs_post_init__ = check_fields


class CursorFeed(Protocol):
    """A list of the host's messages, of either way in, that can be read on from a cursor.

    The order of committed messages never changes. One that commits late may come in between, before a cursor that
    was given: that is what the window is for.
    """

    async def newest(self) -> str:
        """Return the cursor of the last message; empty: there is none."""
        ...

    async def since(self, cursor: str, *, limit: int) -> Sequence[FeedEntry]:
        """Return committed messages behind the cursor, in the feed's order; empty: from the beginning."""
        ...


class RereadFeed:
    """`untold` and `told` of `Conversations` over a feed with a cursor.

    What is new is read at each call. Each `every` the last `window` before the head is read again, because a message
    with a smaller cursor may have been committed later. Such a message is told, up to `every` later than others, and
    counted. What commits later than a `window` after its cursor was drawn is lost: a flag of the host's own has no
    such bound. Reading again costs a window's messages each time.

    It keeps a row for each message in `records` until a week after it was told. One feed for each store.
    """

    def __init__(
        self,
        feed: CursorFeed,
        *,
        records: Records,
        clock: Clock,
        window: timedelta = WINDOW,
        every: timedelta = EVERY,
    ) -> None:
        """Nothing is read. Raises `ValueError` for a window that is longer than rows are kept."""
        if not timedelta(0) < window <= KEPT / 4:
            raise ValueError(f"window: found {window}, expected more than nothing and at most {KEPT / 4}")
        self._feed = feed
        self._store = HostFeeds(records=records)
        self._clock = clock
        self._window = window
        self._every = every
        self._read_again: datetime | None = None

    async def start(self) -> None:
        """Begin at the end of the feed as it is now, unless a reader has begun.

        What lies before is told from birth. The first `untold` does it too. Messages that are being committed in this moment may be lost.
        """
        await self._place()

    async def untold(self, *, limit: int) -> Sequence[MessageRef]:
        """Return messages as `Conversations` asks. Raises `Unavailable`, and what the feed raises."""
        place, now = await self._place(), self._clock.now()
        if self._is_due(now):
            await self._again(place, now)
            self._read_again = now
        else:
            await self._on(place, now)
        return await self._store.untold(limit=limit)

    async def told(self, messages: Sequence[MessageRef]) -> None:
        """Note messages as `Conversations` asks. Raises `Unavailable`."""
        await self._store.tell(messages, self._clock.now())

    async def late(self) -> int:
        """Return how many messages were found behind the head until now. Raises `Unavailable`."""
        place = await self._store.place()
        return 0 if place is None else place.feed.late

    async def examine(self) -> Sequence[Observation]:
        """Say whether messages came late: readiness shows it. Raises `Unavailable`."""
        place = await self._store.place()
        if place is None or not place.feed.late:
            return [Observation(about="cursor", found="no message came behind the cursor")]
        found = f"{place.feed.late} messages came behind the cursor, last at {place.feed.last_late:%Y-%m-%d %H:%M} UTC"
        mend = f"give messages a flag that `told` sets: what comes more than {self._window} late is lost"
        return [weak("cursor", found, mend)]

    async def _place(self) -> Place:
        place = await self._store.place()
        if place is None:
            await self._store.begin(await self._feed.newest(), self._clock.now())
            place = await self._store.place()
        if place is None:
            raise Unavailable("the place in the host's feed")
        return place

    def _is_due(self, now: datetime) -> bool:
        return self._read_again is None or not timedelta(0) <= now - self._read_again < self._every

    async def _on(self, place: Place, now: datetime) -> None:
        """Read what is new."""
        cursor = place.feed.head.cursor
        for _ in range(_MOST_PAGES):
            page = await self._feed.since(cursor, limit=PAGE)
            await self._note(page, now)
            cursor = page[-1].cursor if page else cursor
            if len(page) < PAGE:
                break
        await self._move(place, place.feed, cursor, now)

    async def _again(self, place: Place, now: datetime) -> None:
        """Read the window and what is new; what is unknown before something known came late."""
        cursor = place.feed.again_from(window=self._window, not_before=now - KEPT / 2)
        known, noted = list[bool](), list[bool]()
        while True:
            page = await self._feed.since(cursor, limit=PAGE)
            seen = await self._store.known([entry.ref for entry in page])
            fresh = iter(await self._note([entry for entry, one in zip(page, seen, strict=True) if not one], now))
            known += seen
            noted += [not one and next(fresh) for one in seen]
            cursor = page[-1].cursor if page else cursor
            if len(page) < PAGE:
                break
        # Of two processes that find the same message one has noted it, and counts it.
        late = sum(is_late and is_noted for is_late, is_noted in zip(found_late(known), noted, strict=True))
        await self._move(place, place.feed.counted(late, now), cursor, now)

    async def _note(self, entries: Sequence[FeedEntry], now: datetime) -> Sequence[bool]:
        return await self._store.note([HostMessage(one.ref.thread, one.ref.message, now) for one in entries])

    async def _move(self, place: Place, feed: HostFeed, cursor: str, now: datetime) -> None:
        if cursor != feed.head.cursor:
            feed = feed.moved(cursor, now, window=self._window)
        if feed != place.feed:
            await self._store.move(place, feed)
