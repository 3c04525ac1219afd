"""Holds that a release wrote which knew no due times: found once, so that they expire like all others."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Final

from attrs import frozen

from convalias.codec import CodecError
from convalias.ports.ambient import Clock
from convalias.ports.records import Partitioned, Records, Stored
from convalias.stores.approvals.holds import HOLDS, Holds
from convalias.stores.inbound.sweeps import Sweeps

PAGE: Final = 500
CHORE: Final = "holds.dated"


@frozen(kw_only=True)
class OldHolds:
    """Date all holds that have no due time, by pages; a mark in the store says that this was done.

    Repeatable. Raises `Unavailable`.

    Where records cannot be listed no older release ever kept any; a replay dates what it meets all the same.
    """

    records: Records
    holds: Holds
    clock: Clock

    async def date_all(self) -> int:
        """Date every hold, and return how many had no due time. After the first whole pass one look at the mark."""
        records, sweeps = self.records, Sweeps(records=self.records)
        if not isinstance(records, Partitioned) or await sweeps.is_done(CHORE):
            return 0
        dated = 0
        async for row in self._all(records):
            with suppress(CodecError):  # of a newer release, which knows due times; or damaged, with none to be found
                dated += await self.holds.date(row)
        await sweeps.done(CHORE, now=self.clock.now())
        return dated

    async def _all(self, listed: Partitioned) -> AsyncIterator[Stored]:
        partition = ""
        while page := await listed.partitions(HOLDS, after=partition, limit=PAGE):
            for partition in page:
                after = ""
                while rows := await self.records.range(HOLDS, partition, after=after, limit=PAGE):
                    for row in rows:
                        yield row
                    after = rows[-1].key.id
