"""Remove rows whose retention is over, and records about mail that was deleted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, Protocol, runtime_checkable

from attrs import frozen

from convalias.ports.ambient import Clock, Telemetry
from convalias.ports.blobs import Blobs
from convalias.ports.records import Records
from convalias.stores.conversations.long_texts import LongTexts
from convalias.stores.inbound.sweeps import Sweeps
from convalias.stores.operations.endings import PAGE, Endings
from convalias.stores.retention import GRACE

PAGES: Final = 20
"""In one step, so that no other work of the worker waits for long."""
LOOKED_AT: Final = 60
"""Days of mail that is not kept any longer, where a store cannot say of which days it knows something."""
DAILY: Final = timedelta(days=1)


@runtime_checkable
class EndsBlobs(Protocol):
    """Blobs that end nothing by themselves: those on files. A bucket has rules of its own."""

    async def end(self, *, before: datetime, limit: int) -> int:
        """Remove mail of days before, and attachments that no mail brought since; how many, at most `limit`."""
        ...


@frozen(kw_only=True)
class Retention:
    """Off the way of any mail. Every call may be repeated, by any number of workers. Raises `Unavailable`."""

    blobs: Blobs
    records: Records
    clock: Clock
    telemetry: Telemetry
    kept: timedelta | None
    """None: mail is kept for ever."""

    async def step(self) -> bool:
        """End rows that are due, some pages of them, and long texts without an event; whether more may be due."""
        texts = LongTexts(records=self.records, blobs=self.blobs, clock=self.clock)
        looked = await texts.sweep(limit=PAGE)
        self._measure("texts", looked)
        endings = Endings(records=self.records)
        for _ in range(PAGES):
            count = await endings.end_due(now=self.clock.now())
            self._measure("rows", count)
            if count < PAGE:
                return looked == PAGE
        return True

    async def in_turn(self) -> int:
        """End mail that was kept long enough, and what was known of it, unless another worker did today; how many."""
        sweeps = Sweeps(records=self.records)
        if self.kept is None or not await sweeps.turn_of("retention", now=self.clock.now(), every=DAILY):
            return 0
        return await self.end_mail(self.kept)

    async def end_mail(self, kept: timedelta) -> int:
        """Mail first, then what leads to it: an envelope record without an outcome would be decided about anew."""
        now, ended = self.clock.now(), 0
        if isinstance(self.blobs, EndsBlobs):
            while count := await self.blobs.end(before=now - kept, limit=PAGE):
                self._measure("blobs", count)
                ended += count
        endings, last = Endings(records=self.records), now - kept - GRACE
        days = await endings.days(until=f"{last:%Y/%m/%d}")
        for day in _before(last) if days is None else days:
            if not await self.blobs.names(f"envelopes/{day}/", after="", limit=1):
                count = await endings.end_day(day)
                self._measure("rows", count)
                ended += count
        return ended

    def _measure(self, what: str, count: int) -> None:
        if count:
            self.telemetry.measure("convalias.retention.ended", count, what=what)


def _before(last: datetime) -> Sequence[str]:
    return [f"{last - number * DAILY:%Y/%m/%d}" for number in range(LOOKED_AT)]
