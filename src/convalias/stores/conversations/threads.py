"""Threads folded from events, with a cache that says which seq it stands for."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from attrs import field, frozen

from convalias.codec import CODEC, BrokenRecord, Codec, CodecError
from convalias.domain.conversations.events import ConversationEvent
from convalias.domain.conversations.projection import snapshot
from convalias.domain.conversations.threads import ConversationThread, ThreadSnapshot
from convalias.domain.ids import ConversationId
from convalias.ports.event_store import EventStore
from convalias.ports.records import Insert, Key, Records, Replace, Stored
from convalias.stores.conversations.parking import letter_key, read_parked
from convalias.stores.encoding import encoded

TABLE: Final = "threads"
PAGE: Final = 500
KEPT: Final = 1_000
"""Threads in memory, per process."""
WORTH_KEEPING: Final = 64
"""So many events beyond the stored cache make it worth a write."""


def _empty() -> OrderedDict[ConversationId, ThreadSnapshot]:
    return OrderedDict()


@frozen(kw_only=True)
class Threads:
    """State of conversations as of their last event.

    Every answer is made of one read of all events behind the cached seq, so what is decided on it and the seq that
    is next come from the same read. The cache, in memory and in `Records`, only shortens that read.
    """

    events: EventStore
    records: Records
    codec: Codec = CODEC
    minds_parking: bool = True
    """False for a redrive: it reads a parked conversation."""
    _cache: OrderedDict[ConversationId, ThreadSnapshot] = field(factory=_empty, init=False, repr=False, eq=False)

    async def threads(self, ids: Collection[ConversationId]) -> Mapping[ConversationId, ConversationThread]:
        """Return the threads that exist, as they are now."""
        found = {one: await self.snapshot(one) for one in sorted(ids)}
        return {one: there.thread for one, there in found.items() if there is not None}

    async def thread(self, conversation: ConversationId) -> ConversationThread | None:
        """Return a thread as it is now, or None if there is none."""
        there = await self.snapshot(conversation)
        return None if there is None else there.thread

    async def snapshot(self, conversation: ConversationId) -> ThreadSnapshot | None:
        """The same, with the append time of its last event."""
        known = self._cache.get(conversation) or await self._stored(conversation)
        seq = 0 if known is None else known.thread.seq
        events = await self._since(conversation, seq)
        if not events and known is None:
            return None
        now = snapshot(events, known)
        self._remember(conversation, now)
        if len(events) >= WORTH_KEEPING:
            await self._keep(now)
        return now

    async def up_to(self, conversation: ConversationId, seq: int) -> ThreadSnapshot | None:
        """Return a state at that seq or later: without a read if the cache has one. None when there is none."""
        known = self._cache.get(conversation)
        return known if known is not None and known.thread.seq >= seq else await self.snapshot(conversation)

    def read(self, known: ThreadSnapshot, events: Sequence[ConversationEvent]) -> ConversationThread:
        """Return the state after these events, which follow `known` without a gap and were just read."""
        now = snapshot([event for event in events if event.seq > known.thread.seq], known)
        self._remember(now.thread.id, now)
        return now.thread

    def appended(self, event: ConversationEvent, behind: ThreadSnapshot | None) -> None:
        """Note that an event was appended right behind a snapshot, so that it need not be read back."""
        self._remember(event.conversation, snapshot([event], behind))

    async def _since(self, conversation: ConversationId, seq: int) -> list[ConversationEvent]:
        events: list[ConversationEvent] = []
        while True:
            page = await self.events.after(conversation, seq + len(events), limit=PAGE)
            events.extend(page)
            if len(page) < PAGE:
                return events

    def _remember(self, conversation: ConversationId, now: ThreadSnapshot) -> None:
        self._cache[conversation] = now
        self._cache.move_to_end(conversation)
        while len(self._cache) > KEPT:
            self._cache.popitem(last=False)

    async def _stored(self, conversation: ConversationId) -> ThreadSnapshot | None:
        """The cached one. Raises `Parked`: a cache of another release may stand behind an event that waits."""
        key, parked = _key(conversation), letter_key(conversation)
        found = await self.records.get([key, parked])
        if self.minds_parking and parked in found:
            raise read_parked(found[parked], conversation).error()
        try:
            return None if key not in found else self.codec.load(found[key].body, ThreadSnapshot)
        except CodecError:  # a cache only: the events say it all
            return None

    async def _keep(self, now: ThreadSnapshot) -> None:
        """Somebody else's newer cache is left alone; a lost race costs the next reader a longer read, no more."""
        key = _key(now.thread.id)
        stored = (await self.records.get([key])).get(key)
        body = self.codec.dump(now)
        if stored is None:
            await self.records.write([Insert(key, body)])
        elif self._is_behind(stored, now):
            await self.records.write([Replace(key, stored.version, body)])

    def _is_behind(self, stored: Stored, now: ThreadSnapshot) -> bool:
        """A damaged cache is replaced; one in the format of a newer release is left to that release."""
        try:
            return self.codec.load(stored.body, ThreadSnapshot).thread.seq < now.thread.seq
        except CodecError as unreadable:
            return isinstance(unreadable, BrokenRecord)


def _key(conversation: ConversationId) -> Key:
    return Key(TABLE, encoded(conversation), "thread")
