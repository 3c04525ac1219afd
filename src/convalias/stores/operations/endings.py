"""Remove rows that are over: those due in the lane of retention, and those of deleted mail."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from attrs import frozen

from convalias.ports.records import Delete, Key, Partitioned, Records
from convalias.stores.inbound.sweeps import DAYS
from convalias.stores.retention import LANE

BY_DAY: Final = ("outcomes", "evidence", "unanswered", "tries", "starts", "overruns", "faults", "sweeps")
"""Tables whose partitions are days of mail (`yyyy/mm/dd`)."""
PAGE: Final = 500


@frozen(kw_only=True)
class Endings:
    """Removes what is over. Every call may be repeated, by any number of workers. Raises `Unavailable`."""

    records: Records

    async def end_due(self, *, now: datetime, limit: int = PAGE) -> int:
        """Remove rows whose time has come, at most `limit`; how many were looked at."""
        rows = await self.records.due(LANE, until=now, limit=limit)
        if rows:
            await self.records.write([Delete(row.key, row.version) for row in rows])
        return len(rows)

    async def days(self, *, until: str) -> Sequence[str] | None:
        """Days up to and with that one of which something is known, ascending. None: this store cannot list them."""
        if not isinstance(self.records, Partitioned):
            return None
        days: set[str] = set()
        for table in BY_DAY:
            after = ""
            while page := await self.records.partitions(table, after=after, limit=PAGE):
                days.update(day for day in page if day <= until)
                after = page[-1]
                if after > until:
                    break
        return sorted(days)

    async def end_day(self, day: str) -> int:
        """Remove all that is kept about mail of that day; how many rows. Only when none of its mail is left."""
        removed = 0
        for table in BY_DAY:
            while rows := await self.records.range(table, day, after="", limit=PAGE):
                await self.records.write([Delete(row.key, row.version) for row in rows])
                removed += len(rows)
        swept = Key(DAYS, day[:4], day)
        stored = (await self.records.get([swept])).get(swept)
        if stored is not None:
            await self.records.write([Delete(stored.key, stored.version)])
        return removed + (stored is not None)
