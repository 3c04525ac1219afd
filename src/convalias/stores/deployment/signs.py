"""Signs of life of the workers of all processes: one small row for each worker and process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from attrs import frozen

from convalias.codec import dump, load
from convalias.domain.operations.numbers import SignOfLife
from convalias.ports.records import Delete, Insert, Key, Records, Replace, Stored, Write
from convalias.stores.encoding import encoded

TABLE: Final = "signs_of_life"
MOST: Final = 500
"""So many rows are looked at; more processes than that have started within a day."""
KEPT: Final = timedelta(days=1)
"""A row that is older is removed by whoever writes the next one."""


@frozen(kw_only=True)
class Signs:
    """Every call may be repeated. Raises `Unavailable`."""

    records: Records

    async def give(self, sign: SignOfLife) -> Mapping[str, datetime]:
        """Write it in the place of the last one of this worker; remove what is older than a day.

        Return when each kind of worker was last seen before, in whichever process.
        """
        key = Key(TABLE, TABLE, encoded(f"{sign.worker}.{sign.incarnation}"))
        rows = await self.records.range(TABLE, TABLE, after="", limit=MOST)
        writes: list[Write] = [
            Delete(row.key, row.version) for row in rows if load(row.body, SignOfLife).at < sign.at - KEPT
        ]
        mine = next((row for row in rows if row.key == key), None)
        put = Insert(key, dump(sign)) if mine is None else Replace(key, mine.version, dump(sign))
        await self.records.write([put, *[one for one in writes if one.key != key]])
        return _latest(rows)

    async def latest(self) -> Mapping[str, datetime]:
        """Return when each kind of worker was last seen, in any process."""
        return _latest(await self.records.range(TABLE, TABLE, after="", limit=MOST))

    async def faults(self, *, since: datetime) -> Mapping[str, str]:
        """Return the faults of the host's adapters by process, as each last sign lists them."""
        rows = await self.records.range(TABLE, TABLE, after="", limit=MOST)
        given = sorted((load(row.body, SignOfLife) for row in rows), key=lambda sign: sign.at)
        last = {sign.incarnation: sign for sign in given if sign.at >= since}
        return {name: sign.faults for name, sign in last.items() if sign.faults}


def _latest(rows: Sequence[Stored]) -> Mapping[str, datetime]:
    seen: dict[str, datetime] = {}
    for row in rows:
        sign = load(row.body, SignOfLife)
        seen[sign.worker] = max(sign.at, seen.get(sign.worker, sign.at))
    return seen
