"""Messages seen in a host's feed, each until a while after it was told, and the reader's place."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from attrs import evolve, frozen

from convalias.codec import CODEC, Codec
from convalias.domain.conversations.host_feed import Checkpoint, HostFeed, HostMessage
from convalias.ports.conversations import MessageRef
from convalias.ports.errors import Unavailable
from convalias.ports.records import Conflict, Due, Insert, Key, Records, Replace, Stored, Write, Written
from convalias.stores.encoding import encoded
from convalias.stores.retention import ends

MESSAGES: Final = "host_messages"
PLACE: Final = "host_feed"
UNTOLD: Final = "host_untold"
"""The lane of messages that are not told."""
KEPT: Final = timedelta(days=7)
"""How long a message that was told is known, and so not taken for a new one."""
TRIES: Final = 20
_WHENEVER: Final = datetime.max.replace(tzinfo=UTC)


@frozen
class Place:
    """The place as it was read, and the version of its record."""

    feed: HostFeed
    version: str


@frozen(kw_only=True)
class HostFeeds:
    """Keeps the place and the messages of one feed. Every call may be repeated. Raises `Unavailable`."""

    records: Records
    codec: Codec = CODEC

    async def place(self) -> Place | None:
        """Return the place; None: nobody has read yet."""
        key = Key(PLACE, PLACE, PLACE)
        stored = (await self.records.get([key])).get(key)
        return None if stored is None else Place(self.codec.load(stored.body, HostFeed), stored.version)

    async def begin(self, cursor: str, now: datetime) -> None:
        """Begin there, unless somebody has begun."""
        body = self.codec.dump(HostFeed(head=Checkpoint(cursor, now)))
        await self.records.write([Insert(Key(PLACE, PLACE, PLACE), body)])

    async def move(self, place: Place, feed: HostFeed) -> None:
        """Write the place. If another reader has moved it meanwhile, add only what was found late."""
        late = feed.late - place.feed.late
        for _ in range(TRIES):
            write = Replace(Key(PLACE, PLACE, PLACE), place.version, self.codec.dump(feed))
            (answer,) = await self.records.write([write])
            if isinstance(answer, Written) or not late:
                return
            now = await self.place()
            if now is None:  # an operator took it away: the next reader begins anew
                return
            place, feed = now, now.feed.counted(late, feed.last_late or feed.head.at)
        raise Unavailable("the place in the host's feed")

    async def known(self, refs: Sequence[MessageRef]) -> list[bool]:
        """Return which of them were seen, in their order."""
        found = await self.records.get([_key(ref) for ref in refs])
        return [_key(ref) in found for ref in refs]

    async def note(self, messages: Sequence[HostMessage]) -> Sequence[bool]:
        """Note messages as seen and not told. Return which were not known, in their order."""
        writes = [
            Insert(_key(MessageRef(one.thread, one.message)), self.codec.dump(one), due=Due(UNTOLD, one.seen))
            for one in messages
        ]
        answers = await self._write(writes)
        return [isinstance(answer, Written) for answer in answers]

    async def untold(self, *, limit: int) -> Sequence[MessageRef]:
        """Return messages that are not told, the first seen first."""
        rows = await self.records.due(UNTOLD, until=_WHENEVER, limit=limit)
        messages = [self._message(row) for row in rows]
        return [MessageRef(one.thread, one.message) for one in messages]

    async def tell(self, refs: Sequence[MessageRef], now: datetime) -> None:
        """Note these as told, seen or not."""
        for _ in range(TRIES):
            rows = await self.records.get([_key(ref) for ref in refs])
            answers = await self._write([self._told(ref, rows.get(_key(ref)), now) for ref in refs])
            # A conflict: another reader saw it or told of it in this moment.
            if not any(isinstance(answer, Conflict) for answer in answers):
                return
        raise Unavailable("a message of the host's feed")

    async def _write(self, writes: Sequence[Write | None]) -> Sequence[Written | Conflict]:
        needed = [write for write in writes if write is not None]
        return await self.records.write(needed) if needed else ()

    def _told(self, ref: MessageRef, row: Stored | None, now: datetime) -> Write | None:
        """Return the write that notes it as told; None: it was told."""
        seen = HostMessage(ref.thread, ref.message, now) if row is None else self._message(row)
        body, due = self.codec.dump(evolve(seen, told=now)), ends(now, after=KEPT)
        if row is None:
            return Insert(_key(ref), body, due=due)
        return Replace(row.key, row.version, body, due=due) if seen.told is None else None

    def _message(self, row: Stored) -> HostMessage:
        return self.codec.load(row.body, HostMessage)


def _key(ref: MessageRef) -> Key:
    return Key(MESSAGES, encoded(ref.thread), encoded(ref.message))
