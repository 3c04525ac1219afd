"""Long texts of messages, each in a blob of its own, beside the events that keep their start."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from attrs import evolve, frozen

from convalias.codec import CODEC, Codec, CodecError
from convalias.domain.conversations.events import ConversationEvent, MessageAdded, NewEvent
from convalias.domain.conversations.long_texts import MessageTexts, TextRow, cut, is_long, texts_of, whole
from convalias.domain.ids import EventId
from convalias.ports.ambient import Clock
from convalias.ports.blobs import Blobs
from convalias.ports.records import Records
from convalias.stores.conversations.event_store import EventStore
from convalias.stores.conversations.text_rows import TextRows
from convalias.stores.encoding import encoded
from convalias.stores.errors import Parked, TextMissing

UNUSED_FOR: Final = timedelta(days=2)
"""How long a text may wait for its event: longer than any append takes, or any process stands still."""
LOOKED_AT_AGAIN: Final = timedelta(days=1)
"""When a text is looked at again whose event, or whose row, this release cannot read."""


def text_key(event: EventId) -> str:
    """Return the key of the blob that holds the text of an event."""
    return f"texts/{encoded(event)}"


@frozen(kw_only=True)
class LongTexts:
    """Writes a long text before its event, reads it whole, and removes it when no event refers to it.

    A row is written before the text, so that a crash anywhere leaves nothing that is not found again. The raw mail's
    retention never looks at these blobs. Raises `Unavailable`; every call may be repeated.
    """

    records: Records
    blobs: Blobs
    clock: Clock
    codec: Codec = CODEC

    async def kept(self, new: NewEvent) -> NewEvent:
        """Keep the long text of a message that is about to be appended; return what the event holds of it."""
        message = new.happening
        if not isinstance(message, MessageAdded) or not is_long(message):
            return new
        row = TextRow(new.conversation, new.id, text_key(new.id))
        await self._rows.add(row, look_at=self.clock.now() + UNUSED_FOR)
        await self.blobs.put(row.name, self.codec.dumps(texts_of(message)))
        return evolve(new, happening=cut(message, row.name))

    async def whole(self, event: ConversationEvent) -> ConversationEvent:
        """Return an event with its whole text. Raises `TextMissing` where the blob is gone or is another."""
        message = event.happening
        if not isinstance(message, MessageAdded) or message.long is None:
            return event
        octets = await self.blobs.get(message.long.name)
        if octets is None:
            raise TextMissing(event.id, "its blob is not there")
        try:
            found = whole(message, self.codec.loads(octets, MessageTexts))
        except CodecError as unreadable:
            raise TextMissing(event.id, str(unreadable)) from unreadable
        if found is None:
            raise TextMissing(event.id, "its blob holds another text")
        return evolve(event, happening=found)

    async def sweep(self, *, limit: int) -> int:
        """Look at texts whose time has come, and remove those that no event refers to; how many were looked at."""
        now = self.clock.now()
        due = await self._rows.due(now=now, limit=limit)
        for stored in due:
            try:
                row = self._rows.read(stored)
                is_used = await self._is_used(row)
            except (CodecError, Parked):  # of a newer release, or damaged: nothing is removed on a guess
                await self._rows.later(stored, look_at=now + LOOKED_AT_AGAIN)
                continue
            if not is_used:
                await self.blobs.delete([row.name])
            await self._rows.drop(stored)
        return len(due)

    async def _is_used(self, row: TextRow) -> bool:
        events = EventStore(records=self.records, codec=self.codec)
        event = await events.keyed(row.conversation, key=row.event)
        message = None if event is None else event.happening
        return isinstance(message, MessageAdded) and message.long is not None and message.long.name == row.name

    @property
    def _rows(self) -> TextRows:
        return TextRows(records=self.records, codec=self.codec)
