"""Conversations as our own events: the default of `ConversationAccess`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Final

from attrs import evolve, frozen

from convalias.domain.conversations.events import ConversationEvent, NewEvent
from convalias.domain.conversations.threads import ConversationThread, ThreadSnapshot
from convalias.domain.ids import AccountId, ConversationId, EventId, Seq
from convalias.domain.outbound.scene import Scene
from convalias.ports.ambient import Clock
from convalias.ports.event_log import UNPLACED
from convalias.ports.event_store import EventStore as EventStorePort
from convalias.stores.conversations.access import (
    FIRST,
    LAST,
    NOTHING_AHEAD,
    Addition,
    Ahead,
    Draft,
    DraftedAppend,
    EventGone,
)
from convalias.stores.conversations.appending import WITHIN, Appender
from convalias.stores.conversations.event_store import EventStore
from convalias.stores.conversations.long_texts import LongTexts
from convalias.stores.conversations.threads import Threads

SHORT: Final = 16
"""So far into a conversation all that came before an event is read with it."""
GAP: Final = 16
"""Events between two that are read ahead, if there are fewer of them, are read as well."""


@frozen(kw_only=True)
class OwnConversations:
    """`ConversationAccess` over an event store. What is read is read each time, but for what a thread's cache spares."""

    events: EventStorePort
    folded: Threads
    clock: Clock
    append_within: timedelta = WITHIN
    texts: LongTexts | None = None
    """Where long texts lie. None: in their events, as in an event store of the host's own."""

    @property
    def keeps_events(self) -> bool:
        """Return True: they are our own events."""
        return True

    async def thread(self, conversation: ConversationId) -> ConversationThread | None:
        """Fold it."""
        return await self.folded.thread(conversation)

    async def threads(self, ids: Collection[ConversationId]) -> Mapping[ConversationId, ConversationThread]:
        """Fold them."""
        return await self.folded.threads(ids)

    async def keyed(self, conversation: ConversationId, *, key: str | EventId) -> ConversationEvent | None:
        """Ask the store."""
        return await self.events.keyed(conversation, key=key)

    async def after(self, conversation: ConversationId, seq: int, *, limit: int) -> Sequence[ConversationEvent]:
        """Ask the store."""
        return await self.events.after(conversation, seq, limit=limit)

    async def append(self, conversation: ConversationId, draft: Draft, *, key: str | None = None) -> Addition | None:
        """Append it at the next number, decided on the read that numbers it."""
        appender = Appender(events=self.events, threads=self.folded, clock=self.clock, within=self.append_within)
        return await appender.append(conversation, draft, key=key)

    async def kept(self, new: NewEvent) -> NewEvent:
        """Write a long text to its blob."""
        return new if self.texts is None else await self.texts.kept(new)

    async def whole(self, event: ConversationEvent) -> ConversationEvent:
        """Read a long text from its blob."""
        return event if self.texts is None else await self.texts.whole(event)

    def draft_append(self, conversation: ConversationId, draft: Draft) -> DraftedAppend | None:
        """Draft it if events are records of our own store. A store of a host, or one derived from ours, appends itself."""
        events = self.events
        if type(events) is not EventStore:
            return None
        appender = Appender(events=events, threads=self.folded, clock=self.clock, within=self.append_within)
        drafted = appender.drafted(conversation, draft)
        if drafted is None:
            return None
        event, behind = drafted
        return DraftedAppend(
            event=event,
            insert=events.insert_of(event),
            records=events.records,
            written=lambda: self.folded.appended(event, behind),
        )

    async def history(self, conversation: ConversationId, *, limit: int) -> Sequence[ConversationEvent] | None:
        """Return the last events."""
        return await self.ends(conversation, first=0, last=limit)

    def unparked(self) -> OwnConversations:
        """Return the same over threads that mind no parking."""
        return evolve(self, folded=evolve(self.folded, minds_parking=False))

    async def ends(
        self, conversation: ConversationId, *, first: int, last: int, before: ConversationEvent | None = None
    ) -> Sequence[ConversationEvent]:
        """Read them in at most two calls, besides what the thread takes."""
        if before is not None:
            highest = before.seq - 1
        else:
            thread = await self.folded.thread(conversation)
            highest = 0 if thread is None else thread.seq
        if highest <= first + last:
            return await self.events.after(conversation, 0, limit=highest) if highest else ()
        beginning = await self.events.after(conversation, 0, limit=first) if first else ()
        return (*beginning, *await self.events.after(conversation, highest - last, limit=last))

    async def ahead(self, conversation: ConversationId, seqs: Collection[int], *, for_sends: bool = False) -> Ahead:
        """Read the events in one range where they lie close together, and in a few where they do not.

        For sends the beginning of the conversation is read as well, and the last events before each.
        """
        then: ThreadSnapshot | None = None
        events: dict[int, ConversationEvent] = {}
        for run in _runs(seqs, for_sends=for_sends):
            now, found = await self.folded.between(conversation, run[0], run[-1])
            then = then or now  # the first: what is redacted while the others are read is found by the look
            events.update((one.seq, one) for one in found)
        return Ahead(then, events)

    async def scene(
        self, conversation: ConversationId, event: EventId, seq: Seq, ahead: Ahead = NOTHING_AHEAD
    ) -> Scene:
        """Make one read, of the event and of what came after it, where the event is one of the last.

        Where `seq` is not the event's (a record that could not be read tells none), it is looked up by its id.
        """
        scene = await self._from(ahead, conversation, event, seq)
        if scene is None and seq != UNPLACED:
            scene = await self._at(conversation, event, seq)
        if scene is None:
            found = await self.events.keyed(conversation, key=event)
            scene = None if found is None else await self._at(conversation, event, found.seq)
        if scene is None:
            raise EventGone("an event that was published or decided about")
        return scene

    async def _from(self, ahead: Ahead, conversation: ConversationId, event: EventId, seq: Seq) -> Scene | None:
        """Of an event that was read ahead. None: it was not, or one was redacted since, so all is read anew."""
        read, then = ahead.events.get(seq), ahead.now
        if read is None or then is None or read.id != event:
            return None
        now = await self._now(conversation, then)
        if now.redacted != then.redacted:
            return None
        return evolve(_scene(now, read), before=ahead.before(read))

    async def _now(self, conversation: ConversationId, then: ThreadSnapshot) -> ThreadSnapshot:
        """Read what was appended since that state: whether somebody left, or the conversation was erased."""
        return await self.folded.behind(conversation, then.since) or then

    async def _at(self, conversation: ConversationId, event: EventId, seq: Seq) -> Scene | None:
        """What came before it is read with it where that is short: who sends needs it, and would ask for it next."""
        lowest = 1 if seq <= SHORT else seq
        now, found = await self.folded.between(conversation, lowest, seq)
        if now is None or not found or found[-1].id != event:
            return None
        return evolve(_scene(now, found[-1]), before=found[:-1])

    async def readers(self, scene: Scene, accounts: Collection[AccountId]) -> frozenset[AccountId]:
        """Return nobody: the thread tells them all."""
        return frozenset()

    async def as_of(self, scene: Scene) -> ConversationThread:
        """Return the thread as of the event's seq. At most 256 events are read, and only if somebody came or left since."""
        if not scene.people_changed:
            return evolve(scene.thread, seq=scene.event.seq)
        return (await self.folded.as_of(scene.event)).thread


def _scene(now: ThreadSnapshot, event: ConversationEvent) -> Scene:
    return Scene(
        event=event,
        thread=now.thread,
        withdrawn=event.id in now.redacted,
        people_changed=now.people_changed > event.seq,
    )


def _runs(seqs: Collection[int], *, for_sends: bool) -> list[range]:
    """The seqs in ranges, each as far as there is no gap to speak of; nothing for one that stands alone."""
    runs: list[range] = []
    for seq in sorted({seq for seq in seqs if seq != UNPLACED}):
        if runs and seq - runs[-1].stop < GAP:
            runs[-1] = range(runs[-1].start, seq + 1)
        else:
            runs.append(range(seq, seq + 1))
    runs = [run for run in runs if len(run) > 1]
    if not for_sends or not runs:
        return runs
    runs = [range(max(run.start - LAST, 1), run.stop) for run in runs]
    if runs[0].start > FIRST:
        return [range(1, FIRST + 1), *runs]
    return [range(1, runs[0].stop), *runs[1:]]
