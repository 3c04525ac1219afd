"""Evidence that an authenticator found for raw mails, and how often it was asked in vain."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from attrs import evolve, frozen

from convalias.codec import dump, load
from convalias.domain.inbound.evidence_records import EvidenceRecord
from convalias.domain.inbound.outcomes import Tries
from convalias.domain.inbound.posts import RawKey, RecordKey
from convalias.ports.records import Insert, Key, Records, Replace, Written
from convalias.stores.errors import Contended
from convalias.stores.inbound.mails import day_of, name_of
from convalias.stores.retention import COUNT_KEPT, ends

FOUND: Final = "evidence"
IN_VAIN: Final = "unanswered"
TRIES: Final = 100


@frozen(kw_only=True)
class EvidenceRecords:
    """Every call may be repeated. Raises `Unavailable`, `Contended`."""

    records: Records

    async def get(self, raw: RawKey) -> EvidenceRecord | None:
        """Return the evidence for a raw mail, or None if there is none."""
        key = _found_key(raw)
        stored = (await self.records.get([key])).get(key)
        return None if stored is None else load(stored.body, EvidenceRecord)

    async def keep(self, found: EvidenceRecord) -> EvidenceRecord:
        """Keep it, unless there is an answer already: the one that stands."""
        (answer,) = await self.records.write([Insert(_found_key(found.raw), dump(found))])
        return found if isinstance(answer, Written) else await self.get(found.raw) or found

    async def unanswered(self, record: RecordKey, *, at: datetime) -> int:
        """Count one more try of that post that had no answer; the count as it stands. No failure of the mail."""
        key, due = Key(IN_VAIN, day_of(record), name_of(record)), ends(at, after=COUNT_KEPT)
        for _ in range(TRIES):
            stored = (await self.records.get([key])).get(key)
            standing = Tries(record=record, failures=0, last="") if stored is None else load(stored.body, Tries)
            counted = evolve(standing, failures=standing.failures + 1)
            body = dump(counted)
            (answer,) = await self.records.write(
                [Insert(key, body, due=due) if stored is None else Replace(key, stored.version, body, due)]
            )
            if isinstance(answer, Written):
                return counted.failures
        raise Contended(IN_VAIN)


def _found_key(raw: RawKey) -> Key:
    """By day and digest, as the raw mail itself lies: at most one of each."""
    day, _, name = raw.removeprefix("raw/").rpartition("/")
    return Key(FOUND, day, name)
