"""Published events that the store does not have: a backup older than the event log was put back."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from attrs import frozen

from convalias.codec import dump
from convalias.domain.operations.numbers import GoneEvent
from convalias.ports.records import Insert, Key, Records
from convalias.stores.encoding import encoded
from convalias.stores.retention import ends

TABLE: Final = "gone_events"
KEPT: Final = timedelta(days=7)


@frozen(kw_only=True)
class GoneEvents:
    """Keeps one small row for each gone event, however often its record comes. Raises `Unavailable`."""

    records: Records

    async def note(self, event: GoneEvent) -> None:
        """Write it down; a second time changes nothing."""
        key = Key(TABLE, TABLE, encoded(event.event))
        await self.records.write([Insert(key, dump(event), due=ends(event.at, after=KEPT))])

    async def count(self, *, limit: int) -> int:
        """Count them, at most so many."""
        return len(await self.records.range(TABLE, TABLE, after="", limit=limit))
