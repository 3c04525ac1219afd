"""Read and delete envelope records, by day."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

from convalias.domain.inbound.posts import RecordKey
from convalias.ports.blobs import Blobs
from convalias.stores.inbound.mails import InboundRecords, day_of

PAGE: Final = 500


async def names_of(blobs: Blobs, prefix: str = "envelopes/") -> AsyncIterator[RecordKey]:
    """Envelope records under a prefix, ascending."""
    after = ""
    while page := await blobs.names(prefix, after=after, limit=PAGE):
        for name in page:
            yield RecordKey(name)
        after = page[-1]


async def days_of(blobs: Blobs, *, first: str = "") -> AsyncIterator[str]:
    """Days (`yyyy/mm/dd`) from the first one on that have envelope records: one listing call a day, however full."""
    after = f"envelopes/{first}" if first else ""
    while page := await blobs.names("envelopes/", after=after, limit=1):
        day = day_of(RecordKey(page[0]))
        yield day
        after = f"envelopes/{day}0"  # "0" follows "/": behind everything of that day


async def without_outcome(blobs: Blobs, inbound: InboundRecords, day: str) -> AsyncIterator[RecordKey]:
    """Envelope records of a day that have no outcome, as a merge of two sorted lists: neither is held whole."""
    concluded = inbound.concluded(day)
    done = await anext(concluded, None)
    async for key in names_of(blobs, f"envelopes/{day}/"):
        while done is not None and done < key:
            done = await anext(concluded, None)
        if done != key:
            yield key
