"""Keep events whose decision waits, one row each, until they are decided about."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from attrs import frozen

from convalias.codec import CodecError, dump, load
from convalias.domain.ids import ConversationId, EventId
from convalias.domain.outbound.undecided import UndecidedEvent
from convalias.ports.records import Delete, Due, Insert, Key, Records, Replace, Stored
from convalias.stores.encoding import encoded

TABLE: Final = "undecided"
LANE: Final = "undecided"


@frozen
class Waiting:
    """An event that is due, and the row that says so."""

    event: UndecidedEvent
    stored: Stored


@frozen
class Unreadable:
    """A row that this release cannot read, and why."""

    stored: Stored
    because: str


@frozen(kw_only=True)
class UndecidedEvents:
    """Every call may be repeated. Raises `Unavailable`."""

    records: Records

    async def put(self, events: Sequence[UndecidedEvent], *, due: datetime) -> None:
        """Write them down. One that waits already stays as it is."""
        await self.records.write([Insert(_key(one), dump(one), due=Due(LANE, due)) for one in events])

    async def due(self, *, now: datetime, limit: int) -> Sequence[Waiting | Unreadable]:
        """Return those that may be tried again."""
        return [_read(stored) for stored in await self.records.due(LANE, until=now, limit=limit)]

    async def later(self, waiting: Sequence[Waiting], *, due: datetime) -> None:
        """Let them wait until then, as they stand now, unless somebody else has changed a row meanwhile."""
        await self.records.write(
            [Replace(one.stored.key, one.stored.version, dump(one.event), Due(LANE, due)) for one in waiting]
        )

    async def of(self, conversation: ConversationId, event: EventId) -> UndecidedEvent | None:
        """Return an event that waits; None: it does not, or its row cannot be read."""
        key = Key(TABLE, encoded(conversation), encoded(event))
        stored = (await self.records.get([key])).get(key)
        read = None if stored is None else _read(stored)
        return read.event if isinstance(read, Waiting) else None

    async def done(self, waiting: Waiting) -> None:
        """Note that it was decided about, by whomever."""
        await self.records.write([Delete(waiting.stored.key, waiting.stored.version)])


def _read(stored: Stored) -> Waiting | Unreadable:
    try:
        return Waiting(load(stored.body, UndecidedEvent), stored)
    except CodecError as unreadable:
        return Unreadable(stored, str(unreadable))


def _key(event: UndecidedEvent) -> Key:
    """One row more where the event log has lost something before it: that must not be lost with it."""
    lost = "" if event.after is None else f".{event.after}"
    return Key(TABLE, encoded(event.conversation), f"{encoded(event.event)}{lost}")
