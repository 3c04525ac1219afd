"""The default ConversationStore: the events of conversations, over `Records`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from attrs import frozen

from convalias.codec import CODEC, Codec
from convalias.domain.events import ConversationEvent
from convalias.domain.ids import ConversationId, EventId
from convalias.ports.conversations import Append
from convalias.ports.errors import NotFound
from convalias.ports.records import Due, Insert, Key, Records, Replace, Stored, Written
from convalias.stores.encoding import encoded
from convalias.stores.errors import Contended

TABLE: Final = "events"
FEED: Final = "feed"
"""The lane in which an event waits until it is published."""
TRIES: Final = 100


@frozen(kw_only=True)
class ConversationStore:
    """`ports.ConversationStore`. One record per event: seq, dedup key and event id are each unique in a conversation.

    An event is due in the lane `feed` from its append time on. As that never runs back along seq, the order of the
    lane is seq order.
    """

    records: Records
    codec: Codec = CODEC

    async def append(self, event: ConversationEvent) -> Append:
        """One conditional insert."""
        also = (_dedup(event.dedup_key), _event(event.id))
        insert = Insert(_key(event), self.codec.dump(event), also, Due(FEED, event.appended_at))
        (answer,) = await self.records.write([insert])
        return Append.APPENDED if isinstance(answer, Written) else Append.TAKEN

    async def last(self, conversation: ConversationId) -> ConversationEvent | None:
        """The event with the highest seq."""
        stored = await self.records.latest(TABLE, encoded(conversation))
        return None if stored is None else self._load(stored)

    async def keyed(self, conversation: ConversationId, *, key: str | EventId) -> ConversationEvent | None:
        """By either of the two further names of a record."""
        names = [Key(TABLE, encoded(conversation), name) for name in (_dedup(key), _event(key))]
        found = await self.records.get(names)
        return next((self._load(found[name]) for name in names if name in found), None)

    async def after(self, conversation: ConversationId, seq: int, *, limit: int) -> Sequence[ConversationEvent]:
        """A range of the conversation's partition."""
        stored = await self.records.range(TABLE, encoded(conversation), after=_seq(seq), limit=limit)
        return [self._load(one) for one in stored]

    async def redact(self, event: ConversationEvent) -> None:
        """Replace the body; whether it was published stays as it is. `NotFound` when there is no such event."""
        key = _key(event)
        for _ in range(TRIES):
            stored = (await self.records.get([key])).get(key)
            if stored is None:
                raise NotFound(f"event {event.seq} of the conversation")
            (answer,) = await self.records.write([Replace(key, stored.version, self.codec.dump(event), stored.due)])
            if isinstance(answer, Written):
                return
        raise Contended("redact")

    def _load(self, stored: Stored) -> ConversationEvent:
        return self.codec.load(stored.body, ConversationEvent)


def _key(event: ConversationEvent) -> Key:
    return Key(TABLE, encoded(event.conversation), _seq(event.seq))


def _seq(seq: int) -> str:
    """12 digits, so that the order of ids is the order of seqs."""
    return f"{seq:012d}"


def _dedup(key: str) -> str:
    return f"k:{encoded(key)}"


def _event(key: str) -> str:
    return f"e:{encoded(key)}"
