"""First uses of old addresses: one row each, which is the announcement that is due and the memory that it left."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final

from attrs import evolve, frozen

from convalias.codec import dump, load
from convalias.domain.routing.announcements import Announcement, AnnouncementDue
from convalias.ports.records import Due, Insert, Key, Records, Replace, Stored

TABLE: Final = "announcements"
"""Lane and table."""
_PARTITION: Final = slice(2, 4)
"""Of the key, behind its kind: 256 partitions."""


@frozen(kw_only=True)
class Announcements:
    """At most one for each account and old address, ever. Every call may be repeated. Raises `Unavailable`."""

    records: Records

    async def plan(self, announcements: Collection[Announcement], *, at: datetime) -> None:
        """Due at once, unless it was announced before."""
        rows = [Insert(_key(one), dump(AnnouncementDue(one, at)), due=Due(TABLE, at)) for one in announcements]
        if rows:
            await self.records.write(rows)

    async def due(self, *, until: datetime, limit: int) -> Sequence[Stored]:
        """Rows whose mail has to leave; `load(row.body, AnnouncementDue)` reads one."""
        return await self.records.due(TABLE, until=until, limit=limit)

    async def settle(self, row: Stored, *, sent: bool) -> None:
        """It left, or never will; the row stays. Whoever said so first is right."""
        told = evolve(load(row.body, AnnouncementDue), sent=sent)
        await self.records.write([Replace(row.key, row.version, dump(told))])


def _key(one: Announcement) -> Key:
    return Key(TABLE, one.key[_PARTITION], one.key)
