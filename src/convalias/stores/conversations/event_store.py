"""The default EventStore: the events of conversations, over `Records`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from attrs import frozen

from convalias.codec import CODEC, Codec, CodecError
from convalias.domain.conversations.events import ConversationEvent
from convalias.domain.conversations.long_texts import TextRow
from convalias.domain.ids import ConversationId, EventId
from convalias.ports.errors import NotFound
from convalias.ports.event_store import Append
from convalias.ports.records import Due, Insert, Key, Records, Replace, Stored, Written
from convalias.stores.conversations.text_rows import TextRows
from convalias.stores.encoding import decoded, encoded
from convalias.stores.errors import Contended, Parked

TABLE: Final = "events"
FEED: Final = "feed"
"""The lane in which an event waits until it is published."""
TRIES: Final = 100
_EVENT: Final = "e:"


@frozen(kw_only=True)
class EventStore:
    """`ports.EventStore`. One record per event: seq, dedup key and event id are each unique in a conversation.

    An event is due in the lane `feed` from its append time on. As that never runs back along seq, the order of the
    lane is seq order. An event that cannot be read raises `Parked`: skipped, it would give a wrong thread.
    """

    records: Records
    codec: Codec = CODEC

    async def append(self, event: ConversationEvent) -> Append:
        """Append by one conditional insert."""
        (answer,) = await self.records.write([self.insert_of(event)])
        return Append.APPENDED if isinstance(answer, Written) else Append.TAKEN

    def insert_of(self, event: ConversationEvent) -> Insert:
        """Return the insert that appends an event: it conflicts if its seq, its dedup key or its id is taken."""
        also = (_dedup(event.dedup_key), _event(event.id))
        return Insert(_key(event), self.codec.dump(event), also, Due(FEED, event.appended_at))

    async def last(self, conversation: ConversationId) -> ConversationEvent | None:
        """The event with the highest seq."""
        stored = await self.records.latest(TABLE, encoded(conversation))
        return None if stored is None else self._load(stored, conversation)

    async def keyed(self, conversation: ConversationId, *, key: str | EventId) -> ConversationEvent | None:
        """Return the event with one of the two further names of a record."""
        names = [Key(TABLE, encoded(conversation), name) for name in (_dedup(key), _event(key))]
        found = await self.records.get(names)
        return next((self._load(found[name], conversation) for name in names if name in found), None)

    async def after(self, conversation: ConversationId, seq: int, *, limit: int) -> Sequence[ConversationEvent]:
        """A range of the conversation's partition."""
        stored = await self.records.range(TABLE, encoded(conversation), after=_seq(seq), limit=limit)
        return [self._load(one, conversation) for one in stored]

    async def redact(self, event: ConversationEvent) -> None:
        """Replace the body; whether it was published stays as it is. `NotFound` when there is no such event.

        A long text that the event does not refer to any more is removed within minutes, by a worker.
        """
        key = _key(event)
        for _ in range(TRIES):
            stored = (await self.records.get([key])).get(key)
            if stored is None:
                raise NotFound(f"event {event.seq} of the conversation")
            text = _text_of(stored, event)
            # Before, for a crash in between; behind it once more, for whoever looked at the row meanwhile.
            await self._give_up(text, event)
            (answer,) = await self.records.write([Replace(key, stored.version, self.codec.dump(event), stored.due)])
            if isinstance(answer, Written):
                await self._give_up(text, event)
                return
        raise Contended("redact")

    async def _give_up(self, text: TextRow | None, event: ConversationEvent) -> None:
        if text is not None:
            await TextRows(records=self.records, codec=self.codec).give_up(text, look_at=event.appended_at)

    def _load(self, stored: Stored, conversation: ConversationId) -> ConversationEvent:
        try:
            return self.codec.load(stored.body, ConversationEvent)
        except CodecError as unreadable:
            raise Parked(conversation, seq_of(stored.key), str(unreadable)) from unreadable


def _text_of(stored: Stored, event: ConversationEvent) -> TextRow | None:
    """The long text that the stored event refers to, by whatever release it was written."""
    happening = stored.body.get("happening")
    long = happening.get("long") if isinstance(happening, Mapping) else None
    name = long.get("name") if isinstance(long, Mapping) else None
    return TextRow(event.conversation, event.id, name) if isinstance(name, str) else None


def _key(event: ConversationEvent) -> Key:
    return Key(TABLE, encoded(event.conversation), _seq(event.seq))


def _seq(seq: int) -> str:
    """12 digits, so that the order of ids is the order of seqs."""
    return f"{seq:012d}"


def seq_of(key: Key) -> int:
    """Return the seq of an event from the key of its record, whatever the body holds; 0 if unknown."""
    return int(key.id) if key.id.isascii() and key.id.isdigit() else 0


def event_of(stored: Stored) -> str | None:
    """The id of an event by the further names of its record, whatever its body holds."""
    names = (name.removeprefix(_EVENT) for name in stored.also if name.startswith(_EVENT))
    return next((decoded(name) for name in names), None)


def _dedup(key: str) -> str:
    return f"k:{encoded(key)}"


def _event(key: str) -> str:
    return f"{_EVENT}{encoded(key)}"
