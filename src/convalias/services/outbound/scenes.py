"""Gather what a decision and each send need to know of an event: read each time, never cached."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from attrs import evolve, frozen

from convalias.domain.aliases.alias import ConversationAlias
from convalias.domain.conversations.events import (
    ConversationCreated,
    ConversationEvent,
    MessageRedacted,
    ParticipantAdded,
    ParticipantRemoved,
)
from convalias.domain.conversations.projection import fold
from convalias.domain.conversations.threads import ConversationThread, ThreadState
from convalias.domain.ids import AccountId, ConversationId, EventId, Seq
from convalias.domain.outbound.first_tries import FirstTryRules, Objection
from convalias.domain.outbound.mailboxes import Mailboxes
from convalias.domain.outbound.masks import Masks
from convalias.ports.conversations import ConversationStore
from convalias.ports.errors import NotFound
from convalias.ports.event_log import UNPLACED
from convalias.stores.conversations.threads import Threads

PAGE: Final = 500
BEGINNING: Final = 100
LAST: Final = 40
_WHO_TAKES_PART: Final = (ConversationCreated, ParticipantAdded, ParticipantRemoved)


class EventGone(NotFound):
    """The store does not have that event, and says so for sure."""


@frozen(kw_only=True)
class Scene:
    """An event, and what became of its conversation since."""

    event: ConversationEvent
    thread: ConversationThread
    """As it is now."""
    since: tuple[ConversationEvent, ...]
    """What happened after the event, in order."""
    aliases: Sequence[ConversationAlias] = ()
    """Of its conversation now; only read for sends."""
    before: Sequence[ConversationEvent] = ()
    """What happened before the event, in order: its beginning and the last of it. Only read for sends."""
    masks: Masks = Masks()
    """The addresses of its people. Only read for sends, of a message with an address in it."""
    mailboxes: Mailboxes = Mailboxes()
    """Where its recipients are reached. Only read for sends."""

    @property
    def is_redacted(self) -> bool:
        """Whether the text of the event is gone."""
        return any(
            isinstance(one.happening, MessageRedacted) and one.happening.event == self.event.id for one in self.since
        )

    @property
    def is_withdrawn(self) -> bool:
        """Redacted or erased: nobody is told of it any more."""
        return self.is_redacted or self.thread.state is ThreadState.ERASED

    def objection(self, recipient: AccountId, rules: FirstTryRules, *, now: datetime) -> Objection | None:
        """Return what stands against a first try for that recipient, or None."""
        return rules.objection(self.event, self.thread, recipient, redacted=self.is_redacted, now=now)


@frozen(kw_only=True)
class Scenes:
    """Reads scenes from the conversation store.

    Raises `Unavailable`, and `EventGone` for an event that is not there.
    """

    conversations: ConversationStore
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
