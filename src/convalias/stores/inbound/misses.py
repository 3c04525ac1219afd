"""Count mail to addresses that are no alias, within the hour before it, by source and in all."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from attrs import frozen

from convalias.codec import dump
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.inbound.outcomes import Mark
from convalias.domain.inbound.posts import RecordKey
from convalias.domain.routing.misses import EVERYBODY
from convalias.ports.records import Insert, Key, Records
from convalias.stores.encoding import digest
from convalias.stores.retention import COUNT_KEPT, ends

TABLE: Final = "misses"
WITHIN: Final = timedelta(hours=1)


@frozen(kw_only=True)
class Misses:
    """Counts each recipient of each post once, however often it is tried. Raises `Unavailable`."""

    records: Records

    async def note(
        self, source: str, missed: Sequence[EmailAddress], record: RecordKey, *, at: datetime, most: int
    ) -> tuple[int, int]:
        """Count these misses; return how many that source had, and all had, in the hour before `at`.

        Each number is at most `most`. Later ones do not count: a mail that is processed late, or replayed, is seen as on the day it came.
        """
        places, mark = (_place(source), _place(EVERYBODY)), dump(Mark(record, at))
        names = [f"{_moment(at)}.{digest(record, one.key)}" for one in missed]
        await self.records.write(
            [
                Insert(Key(TABLE, place, name), mark, due=ends(at, after=COUNT_KEPT))
                for place in places
                for name in names
            ]
        )
        of_source, in_all = [await self._count(one, at, most) for one in places]
        return of_source, in_all

    async def counts(self, sources: Collection[str], *, before: datetime, most: int) -> Mapping[str, int]:
        """Return how many misses each source had within the hour before, at most `most`; every source is answered.

        `EVERYBODY` is one of them. What was noted at that very moment does not count: it may be of the same mail.
        """
        last = before - timedelta(microseconds=1)
        return {source: await self._count(_place(source), last, most) for source in sorted(sources)}

    async def _count(self, place: str, at: datetime, most: int) -> int:
        first, last = _moment(at - WITHIN), _moment(at)
        stored = await self.records.range(TABLE, place, after=first, limit=most)
        return sum(one.key.id[: len(last)] <= last for one in stored)


def _place(source: str) -> str:
    return source if source == EVERYBODY else digest(source)


def _moment(at: datetime) -> str:
    return f"{at:%Y%m%dT%H%M%S.%f}"
