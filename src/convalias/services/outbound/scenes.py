"""Gather what a decision and each send need to know of an event: read each time, never cached."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from attrs import evolve, frozen

from convalias.domain.conversations.events import (
    ConversationCreated,
    ConversationEvent,
    ParticipantAdded,
    ParticipantRemoved,
)
from convalias.domain.conversations.projection import fold
from convalias.domain.conversations.threads import ConversationThread
from convalias.domain.ids import ConversationId, EventId, Seq
from convalias.domain.outbound.scene import Scene
from convalias.ports.errors import NotFound
from convalias.ports.event_log import UNPLACED
from convalias.ports.event_store import EventStore
from convalias.stores.conversations.threads import Threads

PAGE: Final = 500
BEGINNING: Final = 100
LAST: Final = 40
_WHO_TAKES_PART: Final = (ConversationCreated, ParticipantAdded, ParticipantRemoved)


class EventGone(NotFound):
    """The store does not have that event, and says so for sure."""


@frozen(kw_only=True)
class Scenes:
    """Reads scenes from the conversation store.

    Raises `Unavailable`, and `EventGone` for an event that is not there.
    """

    conversations: EventStore
    threads: Threads

    async def of(self, conversation: ConversationId, event: EventId, seq: Seq) -> Scene:
        """Return an event and its conversation as they are now.

        One read, of the event and of all behind it, where the thread is known up to `seq`. Where that is not the
        event's (a record that could not be read tells none), it is looked up by its id.
        """
        scene = None if seq == UNPLACED else await self._at(conversation, event, seq)
        if scene is None:
            found = await self.conversations.keyed(conversation, key=event)
            scene = None if found is None else await self._at(conversation, event, found.seq)
        if scene is None:
            raise EventGone("an event that was published or decided about")
        return scene

    async def _at(self, conversation: ConversationId, event: EventId, seq: Seq) -> Scene | None:
        known = await self.threads.up_to(conversation, seq - 1)
        if known is None:
            return None
        events = await self.events(conversation, after=seq - 1)
        if not events or events[0].id != event:
            return None
        # What is known was known before that read, so nothing that it knows is missing there.
        return Scene(event=events[0], thread=self.threads.read(known, events), since=tuple(events[1:]))

    async def before(self, event: ConversationEvent) -> Sequence[ConversationEvent]:
        """Return the events before it.

        Of a long conversation the beginning, where subjects are set, and the last events.
        """
        behind = event.seq - 1
        if behind <= BEGINNING:
            return await self.events(event.conversation, after=0, up_to=behind) if behind else ()
        first = await self.conversations.after(event.conversation, 0, limit=BEGINNING)
        last = max(behind - LAST, BEGINNING)
        return (*first, *await self.conversations.after(event.conversation, last, limit=behind - last))

    async def as_of(self, scene: Scene) -> ConversationThread:
        """The thread as of the event's seq. One read of the whole conversation only if somebody came or left since."""
        event = scene.event
        if not any(isinstance(one.happening, _WHO_TAKES_PART) for one in scene.since):
            return evolve(scene.thread, seq=event.seq)
        return fold(await self.events(event.conversation, after=0, up_to=event.seq))

    async def events(
        self, conversation: ConversationId, *, after: int, up_to: int | None = None
    ) -> Sequence[ConversationEvent]:
        """The events behind `after`, up to and with `up_to`."""
        events: list[ConversationEvent] = []
        while True:
            page = await self.conversations.after(conversation, after + len(events), limit=PAGE)
            events.extend(page)
            if len(page) < PAGE or (up_to is not None and events[-1].seq >= up_to):
                return [one for one in events if up_to is None or one.seq <= up_to]
