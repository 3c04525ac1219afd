"""Envelope records in the order of their receipt, across days, with bounded memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from convalias.codec import loads
from convalias.domain.inbound.posts import EnvelopeRecord, RecordKey
from convalias.ports.blobs import Blobs
from convalias.ports.errors import PortError, Unavailable
from convalias.services.inbound.envelope_records import days_of, names_of
from convalias.stores.inbound.mails import day_of

AT_ONCE: Final = 50_000
"""So many names are held at a time; a day with more of them is read several times."""
_DAY: Final = timedelta(days=1)
_EARLY: Final = timedelta(hours=1)
"""A record's day is that of its token's signed time, which may lie a little behind the receipt."""
Place = tuple[datetime, RecordKey]


async def received_order(
    blobs: Blobs, *, since: datetime | None = None, until: datetime | None = None, at_once: int = AT_ONCE
) -> AsyncIterator[RecordKey]:
    """Keys by time of receipt, then by key; those received from `since` on and before `until`.

    A record that cannot be read stands at the beginning of its day. One whose receipt is more than a day from the day
    of its key is sorted as if it were a day.
    """
    days = [_begin(day) async for day in days_of(blobs)]
    calendar = sorted({day + _DAY * n for day in days for n in (-1, 0, 1)})
    for day in calendar:
        if (since is not None and day + _DAY <= since) or (until is not None and day >= until):
            continue
        begin, end = max(day, since or day), min(day + _DAY, until or day + _DAY)
        near = [one for one in days if -_DAY <= one - day <= _DAY]
        async for key in _between(blobs, near, begin, end, at_once):
            yield key


async def _between(
    blobs: Blobs, days: Sequence[datetime], begin: datetime, end: datetime, at_once: int
) -> AsyncIterator[RecordKey]:
    last: Place | None = None
    while True:
        first: list[Place] = []
        async for place in _places(blobs, days):
            if begin <= place[0] < end and (last is None or place > last):
                first.append(place)
                if len(first) >= 2 * at_once:
                    first = sorted(first)[:at_once]
        chosen = sorted(first)[:at_once]
        for _, key in chosen:
            yield key
        if len(chosen) < at_once:
            return
        last = chosen[-1]


async def _places(blobs: Blobs, days: Sequence[datetime]) -> AsyncIterator[Place]:
    for day in days:
        async for key in names_of(blobs, f"envelopes/{day:%Y/%m/%d}/"):
            yield await _received(blobs, key), key


async def _received(blobs: Blobs, key: RecordKey) -> datetime:
    """When it was received, as near to the day of its key as may be."""
    begin = _begin(day_of(key))
    try:
        body = await blobs.get(key)
    except PortError:
        raise
    except Exception as failed:
        # Not knowing is not "old": a restore would take it for mail of before the loss, and tell nobody of it.
        raise Unavailable("the time of receipt of a mail") from failed
    if body is None:
        return begin
    try:
        received = loads(body, EnvelopeRecord).post.received_at
    except Exception:  # noqa: BLE001 - of a newer release, or damaged: whoever replays it says so
        return begin
    return min(max(received, begin - _EARLY), begin + 2 * _DAY - timedelta.resolution)


def _begin(day: str) -> datetime:
    return datetime.strptime(day, "%Y/%m/%d").replace(tzinfo=UTC)
