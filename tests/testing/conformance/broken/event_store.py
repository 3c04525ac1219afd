"""A broken `EventStore` for each check."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from attrs import evolve

from convalias.adapters import memory
from convalias.domain.conversations.events import ConversationArchived, ConversationEvent, Origin
from convalias.domain.ids import ConversationId, EventId, Seq
from convalias.ports.event_store import Append
from convalias.stores.conversations import event_store
from convalias.testing.conformance import MakeEventStore
from testing.conformance.broken.places import private, shared

_ALL = 1_000
SOMETHING = ConversationEvent(
    id=EventId("e"),
    conversation=ConversationId("c"),
    seq=Seq(1),
    happening=ConversationArchived(),
    dedup_key="k",
    origin=Origin.CHAT,
    occurred_at=datetime(2026, 3, 1, tzinfo=UTC),
    appended_at=datetime(2026, 3, 1, tzinfo=UTC),
)


class Store(event_store.EventStore):
    """Over records of its own."""

    def __init__(self) -> None:
        super().__init__(records=memory.Records())


class CutsMicroseconds(Store):
    async def last(self, conversation: ConversationId) -> ConversationEvent | None:
        event = await super().last(conversation)
        return event and evolve(event, occurred_at=event.occurred_at.replace(microsecond=0))


class NumbersItself(Store):
    async def append(self, event: ConversationEvent) -> Append:
        last = await self.last(event.conversation)
        return await super().append(evolve(event, seq=Seq(last.seq + 1 if last else 1)))


class KeysNotUnique(Store):
    async def append(self, event: ConversationEvent) -> Append:
        return await super().append(evolve(event, dedup_key=f"{event.dedup_key}-{event.seq}"))


class OneConversation(Store):
    async def append(self, event: ConversationEvent) -> Append:
        return await super().append(evolve(event, conversation=ConversationId("all")))


class Invents(Store):
    async def keyed(self, conversation: ConversationId, *, key: str | EventId) -> ConversationEvent | None:
        return await super().keyed(conversation, key=key) or SOMETHING


class SortsAsText(Store):
    async def last(self, conversation: ConversationId) -> ConversationEvent | None:
        return (await self._all(conversation) or [None])[-1]

    async def after(self, conversation: ConversationId, seq: int, *, limit: int) -> Sequence[ConversationEvent]:
        return [event for event in await self._all(conversation) if str(event.seq) > str(seq)][:limit]

    async def _all(self, conversation: ConversationId) -> list[ConversationEvent]:
        found = await super().after(conversation, 0, limit=_ALL)
        return sorted(found, key=lambda event: str(event.seq))


class RedactsNothing(Store):
    async def redact(self, event: ConversationEvent) -> None:
        """Nothing."""


class SaysYes(Store):
    async def append(self, event: ConversationEvent) -> Append:
        await super().append(event)
        return Append.APPENDED


def _shared(broken: Callable[[], Store]) -> Callable[[], MakeEventStore]:
    return lambda: shared(broken)


def _private() -> MakeEventStore:
    return private(Store)


MUTANTS: Mapping[str, Callable[[], MakeEventStore]] = {
    "an appended event comes back as it was": _shared(CutsMicroseconds),
    "a seq is taken once": _shared(NumbersItself),
    "a dedup key is taken once": _shared(KeysNotUnique),
    "conversations are apart": _shared(OneConversation),
    "what is not there is none": _shared(Invents),
    "after ascends by seq up to its limit": _shared(SortsAsText),
    "last is the highest seq": _shared(SortsAsText),
    "a redacted event keeps its seq and key": _shared(RedactsNothing),
    "of concurrent appends of one seq one is appended": _shared(SaysYes),
    "what was answered is seen by every process": _private,
    "what was answered is there after everybody left": _private,
}
