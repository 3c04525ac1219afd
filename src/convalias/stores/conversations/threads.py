"""Threads folded from events, with a cache that says which seq it stands for."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from typing import Final

from attrs import field, frozen

from convalias.codec import CODEC, BrokenRecord, Codec, CodecError
from convalias.domain.conversations.events import ConversationEvent
from convalias.domain.conversations.projection import snapshot
from convalias.domain.conversations.threads import ConversationThread, ThreadSnapshot
from convalias.domain.ids import ConversationId
from convalias.ports.errors import PortError
from convalias.ports.event_store import EventStore
from convalias.ports.records import Insert, Key, Records, Replace, Stored
from convalias.stores.conversations.parking import letter_key, read_parked
from convalias.stores.encoding import encoded
from convalias.stores.remembering import remember

TABLE: Final = "threads"
PAGE: Final = 512
KEPT: Final = 1_000
"""Threads in memory, per process."""
WORTH_KEEPING: Final = 64
"""So many events beyond the stored cache make it worth a write."""
CHECKPOINT_EVERY: Final = 256
"""The thread as of each such seq is stored, so that no look at the past reads more events than that."""
NEAR: Final = 64
"""An event that is at most so far behind the cached thread is read together with what came after the thread."""
_AT: Final = "at:"
_HIGHEST: Final = 10**12 - 1


def _empty() -> OrderedDict[ConversationId, ThreadSnapshot]:
    return OrderedDict()


@frozen(kw_only=True)
class Threads:
    """State of conversations as of their last event.

    Every answer is made of one read of all events behind the cached seq, so what is decided on it and the seq that
    is next come from the same read. The cache, in memory and in `Records`, only shortens that read. Whoever passes a
    multiple of 256 stores the thread as of there, once and for all. A long read stores that on its way, so that a
    read that is broken off goes on from there.
    """

    events: EventStore
    records: Records
    codec: Codec = CODEC
    minds_parking: bool = True
    """False for a redrive: it reads a parked conversation."""
    _cache: OrderedDict[ConversationId, ThreadSnapshot] = field(factory=_empty, init=False, repr=False, eq=False)
    _past: OrderedDict[ConversationId, ThreadSnapshot] = field(factory=_empty, init=False, repr=False, eq=False)
    """The last answers of `as_of`: who decides about one event after the other goes on from there."""
    _due: OrderedDict[ConversationId, ThreadSnapshot] = field(factory=_empty, init=False, repr=False, eq=False)
    """Checkpoints that `appended` has passed; the next read stores them."""

    async def threads(self, ids: Collection[ConversationId]) -> Mapping[ConversationId, ConversationThread]:
        """Return the threads that exist, as they are now."""
        found = {one: await self.snapshot(one) for one in sorted(ids)}
        return {one: there.thread for one, there in found.items() if there is not None}

    async def thread(self, conversation: ConversationId) -> ConversationThread | None:
        """Return a thread as it is now, or None if there is none."""
        there = await self.snapshot(conversation)
        return None if there is None else there.thread

    async def snapshot(self, conversation: ConversationId) -> ThreadSnapshot | None:
        """The same, with what else is known as of its last event."""
        known = self._cache.get(conversation) or await self._stored(conversation)
        return (await self._forward(conversation, known))[0]

    def remembered(self, conversation: ConversationId) -> ThreadSnapshot | None:
        """Return a state that the thread has had, from memory alone; None if a read is due.

        Good enough to append right behind it: the insert fails if anything was appended since. Not good enough to
        refuse on it. A read is due where memory has none, and to store the checkpoint that the last append passed.
        """
        return None if conversation in self._due else self._cache.get(conversation)

    async def between(
        self, conversation: ConversationId, lowest: int, highest: int
    ) -> tuple[ThreadSnapshot | None, Sequence[ConversationEvent]]:
        """Return the thread as it is now, and those of the events with these seqs that are there.

        The thread knows all that was redacted behind the lowest. One read where the events are close to the cached thread.
        """
        known = await self._whole(conversation, lowest)
        behind = 0 if known is None else known.thread.seq
        first = lowest - 1 if lowest - 1 <= behind < highest + NEAR else behind
        now, events = await self._forward(conversation, known, first=first, wanted=range(lowest, highest + 1))
        at = max(lowest - 1, events[-1].seq if events else 0)
        while now is not None and at < min(highest, now.thread.seq):
            page = await self.events.after(conversation, at, limit=min(PAGE, highest - at))
            events.extend(page)
            at += PAGE
        return now, events

    async def behind(self, conversation: ConversationId, seq: int) -> ThreadSnapshot | None:
        """Return the thread as it is now, which knows all that was redacted behind that seq."""
        return (await self._forward(conversation, await self._whole(conversation, seq)))[0]

    async def as_of(self, event: ConversationEvent) -> ThreadSnapshot:
        """Return the thread as that event left it: at most 256 events are read, if the checkpoints are there."""
        conversation, seq = event.conversation, event.seq
        known = self._past.get(conversation)
        if known is None or not seq - CHECKPOINT_EVERY <= known.thread.seq <= seq:
            known = await self._checkpoint(conversation, seq)
        while (at := 0 if known is None else known.thread.seq) < seq - 1:
            page = await self.events.after(conversation, at, limit=min(PAGE, seq - 1 - at))
            if not page:
                break  # the fold below says what is lacking
            known = await self._folded(page, known)
        if known is None or known.thread.seq < seq:
            known = snapshot([event], known)
        remember(self._past, conversation, known, most=KEPT)
        return known

    def appended(self, event: ConversationEvent, behind: ThreadSnapshot | None) -> None:
        """Note that an event was appended right behind a snapshot, so that it need not be read back."""
        now = snapshot([event], behind)
        remember(self._cache, event.conversation, now, most=KEPT)
        if event.seq % CHECKPOINT_EVERY == 0:
            remember(self._due, event.conversation, now, most=KEPT)

    async def _whole(self, conversation: ConversationId, seq: int) -> ThreadSnapshot | None:
        """A state to go on from that misses no redaction behind that seq."""
        known = self._cache.get(conversation) or await self._stored(conversation)
        if known is None or known.since <= seq:
            return known
        known = await self._checkpoint(conversation, _HIGHEST - 1)
        return None if known is None or known.since > seq else known

    async def _forward(
        self,
        conversation: ConversationId,
        known: ThreadSnapshot | None,
        *,
        first: int | None = None,
        wanted: range = range(0),
    ) -> tuple[ThreadSnapshot | None, list[ConversationEvent]]:
        """Read all that is behind `first`, by default what is not known; return the wanted events among that."""
        if (passed := self._due.pop(conversation, None)) is not None:
            await self._store([passed])
        behind = 0 if known is None else known.thread.seq
        at, read = behind if first is None else first, 0
        found: list[ConversationEvent] = []
        while True:
            page = await self.events.after(conversation, at, limit=PAGE)
            found.extend(event for event in page if event.seq in wanted)
            new = [event for event in page if event.seq > behind]
            if new:
                known = await self._folded(new, known)
                read, behind = read + len(new), new[-1].seq
            if len(page) < PAGE:
                break
            at = page[-1].seq
        if known is not None:
            remember(self._cache, conversation, known, most=KEPT)
            if read >= WORTH_KEEPING:
                await self._keep(known)
        return known, found

    async def _folded(self, events: Sequence[ConversationEvent], known: ThreadSnapshot | None) -> ThreadSnapshot:
        """The state after these events, which follow without a gap; what they pass on the way is stored."""
        passed: list[ThreadSnapshot] = []
        begin = 0
        for end, event in enumerate(events, start=1):
            if event.seq % CHECKPOINT_EVERY == 0:
                known, begin = snapshot(events[begin:end], known), end
                passed.append(known)
        now = snapshot(events[begin:], known)
        if passed:
            await self._store(passed)
        return now

    async def _store(self, passed: Sequence[ThreadSnapshot]) -> None:
        """Checkpoints, unless somebody else has, and the newest of them as the cache to begin with.

        They only shorten reads: a store that does not take them now stops nobody.
        """
        whole = [one for one in passed if not one.since]
        with suppress(PortError):
            if whole:
                await self.records.write([Insert(_at(one), self.codec.dump(one)) for one in whole])
            await self._keep(passed[-1])

    async def _checkpoint(self, conversation: ConversationId, seq: int) -> ThreadSnapshot | None:
        """The highest that is not behind that seq."""
        after = f"{_AT}{_HIGHEST - seq - 1:012d}"
        for stored in await self.records.range(TABLE, encoded(conversation), after=after, limit=1):
            if stored.key.id.startswith(_AT):
                with suppress(CodecError):  # of another release, or damaged: the events say it all
                    return self.codec.load(stored.body, ThreadSnapshot)
        return None

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
            there = self.codec.load(stored.body, ThreadSnapshot)
        except CodecError as unreadable:
            return isinstance(unreadable, BrokenRecord)
        return (there.thread.seq, -there.since) < (now.thread.seq, -now.since)


def _key(conversation: ConversationId) -> Key:
    return Key(TABLE, encoded(conversation), "thread")


def _at(of: ThreadSnapshot) -> Key:
    """12 digits that run backwards, so that a range finds the last one before a seq."""
    return Key(TABLE, encoded(of.thread.id), f"{_AT}{_HIGHEST - of.thread.seq:012d}")
