"""Access to conversations, whoever keeps them: our own events, or a host. The services know nothing else of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final, Protocol, Self, TypeAlias

from attrs import evolve, field, frozen

from convalias.domain.conversations.events import TEXT_MISSING, ConversationEvent, MessageAdded, NewEvent
from convalias.domain.conversations.threads import ConversationThread, ThreadSnapshot
from convalias.domain.ids import AccountId, ConversationId, EventId, Seq
from convalias.domain.outbound.scene import Scene
from convalias.ports.errors import NotFound
from convalias.ports.records import Insert, Records
from convalias.stores.errors import TextMissing

FIRST: Final = 100
"""So many events at the beginning of a conversation are read for what comes before a message: subjects are set there."""
LAST: Final = 40
"""So many of the last before it."""


class EventGone(NotFound):
    """The conversation does not have that event, and says so for sure."""


@frozen
class Addition:
    """An event that is in the conversation. `added` is False when it was there already."""

    event: ConversationEvent
    added: bool


@frozen(kw_only=True)
class DraftedAppend:
    """An append that nobody has made yet, as an insert that can be written together with other records."""

    event: ConversationEvent
    insert: Insert
    """It conflicts if anything was appended since the thread was read, or an event has the dedup key."""
    records: Records
    """Where the insert belongs."""
    written: Callable[[], None]
    """To be called when the insert was written: the thread in memory is then as of that event."""


Draft: TypeAlias = Callable[[ConversationThread | None], NewEvent | None]
"""What to append to the thread as it is now; None: it is as it should be. Raises to refuse."""


def _no_events() -> Mapping[int, ConversationEvent]:
    return {}


@frozen
class Ahead:
    """Events of one conversation that were read together, for several decisions about them.

    What became of them since is not in it, and is asked before each call.
    """

    now: ThreadSnapshot | None = None
    """The thread as it was then."""
    events: Mapping[int, ConversationEvent] = field(factory=_no_events)

    def before(self, event: ConversationEvent) -> Sequence[ConversationEvent]:
        """Return what `events_before` does for an event; nothing where not all of that was read."""
        highest = event.seq - 1
        seqs = [*range(1, highest + 1)]
        if highest > FIRST + LAST:
            seqs = [*range(1, FIRST + 1), *range(highest - LAST + 1, highest + 1)]
        found = [self.events[seq] for seq in seqs if seq in self.events]
        return found if len(found) == len(seqs) else ()


NOTHING_AHEAD: Final = Ahead()


class ConversationAccess(Protocol):
    """Reads and appends. Raises `Unavailable`; every call may be repeated.

    `OwnConversations` answers from our own events, which have numbers; `HostConversations` from the port of a host,
    whose messages have none (`UNPLACED`).
    """

    @property
    def keeps_events(self) -> bool:
        """Whether conversations are our own events: created, closed, read and numbered here."""
        ...

    async def thread(self, conversation: ConversationId) -> ConversationThread | None:
        """Return a conversation as it is now, or None if there is none."""
        ...

    async def threads(self, ids: Collection[ConversationId]) -> Mapping[ConversationId, ConversationThread]:
        """Return those that exist, as they are now."""
        ...

    async def keyed(self, conversation: ConversationId, *, key: str | EventId) -> ConversationEvent | None:
        """Return the event with that dedup key or that event id."""
        ...

    async def after(self, conversation: ConversationId, seq: int, *, limit: int) -> Sequence[ConversationEvent]:
        """Return events with a higher number, ascending. Nothing where events have no numbers."""
        ...

    async def ends(
        self, conversation: ConversationId, *, first: int, last: int, before: ConversationEvent | None = None
    ) -> Sequence[ConversationEvent]:
        """Return the first and the last events, each once, in order; with `before`, of those that came before that event."""
        ...

    async def ahead(self, conversation: ConversationId, seqs: Collection[int], *, for_sends: bool = False) -> Ahead:
        """Read the events with these numbers together, for sends also what came before them. Nothing without numbers."""
        ...

    async def scene(
        self, conversation: ConversationId, event: EventId, seq: Seq, ahead: Ahead = NOTHING_AHEAD
    ) -> Scene:
        """Return an event and its conversation as they are now. Raises `EventGone`.

        With the events that were read ahead, one look tells what became of the conversation since.
        """
        ...

    async def as_of(self, scene: Scene) -> ConversationThread:
        """Return the conversation with those who are told of the event: who took part when it was written."""
        ...

    async def readers(self, scene: Scene, accounts: Collection[AccountId]) -> frozenset[AccountId]:
        """Return those of these accounts who have read the message, besides those whom its thread tells."""
        ...

    async def append(self, conversation: ConversationId, draft: Draft, *, key: str | None = None) -> Addition | None:
        """Add what `draft` makes of the conversation as it is now. None: it has nothing to add.

        An event under the dedup key that is there already is success, even where a new one would be refused now:
        `key` names it for that case. Raises what the draft raises.
        """
        ...

    async def kept(self, new: NewEvent) -> NewEvent:
        """Keep a long text before its event is appended; return what is to be appended."""
        ...

    async def whole(self, event: ConversationEvent) -> ConversationEvent:
        """Return an event with its whole text. Raises `TextMissing`."""
        ...

    def draft_append(self, conversation: ConversationId, draft: Draft) -> DraftedAppend | None:
        """Draft an append behind the thread as memory has it, for an ordered write. Optional: None, and `append` does it.

        None means nothing but "not this way": the draft may have refused on a thread that is long past.
        """
        ...

    async def history(self, conversation: ConversationId, *, limit: int) -> Sequence[ConversationEvent] | None:
        """Return the latest messages with their words, oldest first. None: a host that gives no history."""
        ...

    def unparked(self) -> Self:
        """Return the same for a redrive, which reads what is parked."""
        ...


async def events_before(conversations: ConversationAccess, event: ConversationEvent) -> Sequence[ConversationEvent]:
    """Return what came before an event: of a long conversation the beginning and the last of it."""
    return await conversations.ends(event.conversation, first=FIRST, last=LAST, before=event)


async def shown(conversations: ConversationAccess, event: ConversationEvent) -> ConversationEvent:
    """Return the event with its whole text; with the start and the flag `text_missing` where the rest is gone."""
    try:
        return await conversations.whole(event)
    except TextMissing:
        message = event.happening
        assert isinstance(message, MessageAdded)  # noqa: S101 - nothing else has a text
        return evolve(event, happening=evolve(message, flags=message.flags | {TEXT_MISSING}))
