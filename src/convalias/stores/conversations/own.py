"""Conversations as our own events: the default of `ConversationAccess`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta

from attrs import evolve, frozen

from convalias.domain.conversations.events import ConversationEvent
from convalias.domain.conversations.threads import ConversationThread, ThreadSnapshot
from convalias.domain.ids import AccountId, ConversationId, EventId, Seq
from convalias.domain.outbound.scene import Scene
from convalias.ports.ambient import Clock
from convalias.ports.event_log import UNPLACED
from convalias.ports.event_store import EventStore
from convalias.stores.conversations.access import Addition, Draft, EventGone
from convalias.stores.conversations.appending import WITHIN, Appender
from convalias.stores.conversations.threads import Threads


@frozen(kw_only=True)
class OwnConversations:
    """`ConversationAccess` over an event store. What is read is read each time, but for what a thread's cache spares."""

    events: EventStore
    folded: Threads
    clock: Clock
    append_within: timedelta = WITHIN

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

    async def scene(self, conversation: ConversationId, event: EventId, seq: Seq) -> Scene:
        """Make one read, of the event and of what came after it, where the event is one of the last.

        Where `seq` is not the event's (a record that could not be read tells none), it is looked up by its id.
        """
        scene = None if seq == UNPLACED else await self._at(conversation, event, seq)
        if scene is None:
            found = await self.events.keyed(conversation, key=event)
            scene = None if found is None else await self._at(conversation, event, found.seq)
        if scene is None:
            raise EventGone("an event that was published or decided about")
        return scene

    async def _at(self, conversation: ConversationId, event: EventId, seq: Seq) -> Scene | None:
        read = await self.folded.around(conversation, seq)
        return None if read is None or read[1].id != event else _scene(*read)

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
