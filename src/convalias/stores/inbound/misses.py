"""Count mail to addresses that are no alias, within the last hour, by source and in all."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from attrs import frozen

from convalias.codec import dump
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.inbound.outcomes import Mark
from convalias.domain.inbound.posts import RecordKey
from convalias.ports.records import Insert, Key, Records
from convalias.stores.encoding import digest
from convalias.stores.retention import COUNT_KEPT, ends

TABLE: Final = "misses"
EVERYBODY: Final = "all"
WITHIN: Final = timedelta(hours=1)


@frozen(kw_only=True)
class Misses:
    """Counts each recipient of each post once, however often it is tried. Raises `Unavailable`."""

    records: Records

    async def note(
        self, source: str, missed: Sequence[EmailAddress], record: RecordKey, *, at: datetime, most: int
    ) -> tuple[int, int]:
        """Count these misses; return how many there were of that source and in all, each at most `most`."""
        places, mark = (digest(source), EVERYBODY), dump(Mark(record, at))
        names = [f"{_moment(at)}.{digest(record, one.key)}" for one in missed]
        await self.records.write(
            [
                Insert(Key(TABLE, place, name), mark, due=ends(at, after=COUNT_KEPT))
                for place in places
                for name in names
            ]
        )
        after = _moment(at - WITHIN)
        of_source, in_all = [len(await self.records.range(TABLE, one, after=after, limit=most)) for one in places]
        return of_source, in_all


def _moment(at: datetime) -> str:
    return f"{at:%Y%m%dT%H%M%S.%f}"
