"""Refusal mails that are due, or were sent: the rows are the throttle too."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from attrs import evolve, frozen

from convalias.codec import dump, load
from convalias.domain.inbound.records import RefusalDue
from convalias.ports.records import Due, Insert, Key, Records, Replace, Stored, Written
from convalias.stores.encoding import digest

TABLE: Final = "refusals"
LANE: Final = "refusals"
A_DAY_PER_DOMAIN: Final = 20
"""To one sender domain; one more would make us a source of backscatter for somebody else's forged mail."""


@frozen(kw_only=True)
class Refusals:
    """At most one per sender, alias and day, and so many per sender domain and day. Raises `Unavailable`.

    A day of a domain has so many places, and a row takes one of them under its own name as well: both bounds are
    unique keys, so no number of workers gets past them.
    """

    records: Records

    async def plan(self, refusal: RefusalDue, *, received: datetime, due: datetime) -> bool:
        """Write it down to be sent at `due`. Whether a mail leaves for this very mail. Repeatable."""
        partition = f"{received:%Y-%m-%d}.{digest(refusal.sender.domain)}"
        name = f"of:{digest(refusal.sender.key, refusal.alias.key)}"
        taken = await self.records.range(TABLE, partition, after="", limit=A_DAY_PER_DOMAIN)
        for place in range(len(taken), A_DAY_PER_DOMAIN):
            row = Insert(Key(TABLE, partition, f"{place:02d}"), dump(refusal), (name,), Due(LANE, due))
            (answer,) = await self.records.write([row])
            if isinstance(answer, Written):
                return True
            if (standing := await self._standing(partition, name)) is not None:
                return standing.trace == refusal.trace
        standing = await self._standing(partition, name)
        return standing is not None and standing.trace == refusal.trace

    async def due(self, *, until: datetime, limit: int) -> Sequence[Stored]:
        """Rows whose mail has to leave; `load(row.body, RefusalDue)` reads one."""
        return await self.records.due(LANE, until=until, limit=limit)

    async def sent(self, row: Stored) -> bool:
        """It left. False when somebody else said so first."""
        refusal = evolve(load(row.body, RefusalDue), sent=True)
        (answer,) = await self.records.write([Replace(row.key, row.version, dump(refusal))])
        return isinstance(answer, Written)

    async def given_up(self, row: Stored) -> None:
        """It is not tried again, for it may have left, or never will. The row stays, and counts."""
        await self.records.write([Replace(row.key, row.version, row.body)])

    async def _standing(self, partition: str, name: str) -> RefusalDue | None:
        key = Key(TABLE, partition, name)
        stored = (await self.records.get([key])).get(key)
        return None if stored is None else load(stored.body, RefusalDue)
