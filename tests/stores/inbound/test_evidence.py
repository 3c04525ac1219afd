"""What was found out about a mail's sender is kept once; tries in vain are counted."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from attrs import evolve

from convalias.adapters import memory
from convalias.domain.inbound.evidence_records import EvidenceRecord
from convalias.domain.inbound.posts import RawKey, RecordKey
from convalias.domain.mail.authentication import Dmarc, SenderEvidence
from convalias.ports.records import Insert
from convalias.stores.errors import Contended
from convalias.stores.inbound.evidence import EvidenceRecords
from stores.interfering import Stubborn

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
FOUND = EvidenceRecord(raw=RawKey("raw/2026/03/01/ab"), evidence=SenderEvidence(Dmarc.PASS), at=NOON)
POST = RecordKey("envelopes/2026/03/01/ab.json")


async def test_the_first_answer_stands_and_another_day_or_mail_has_its_own() -> None:
    store = EvidenceRecords(records=memory.Records())
    assert await store.get(FOUND.raw) is None
    assert await store.keep(FOUND) == FOUND
    other = evolve(FOUND, evidence=SenderEvidence(Dmarc.FAIL), at=NOON + timedelta(days=1))
    assert await store.keep(other) == FOUND
    assert await store.get(FOUND.raw) == FOUND
    assert await store.get(RawKey("raw/2026/03/02/ab")) is None
    assert await store.get(RawKey("raw/2026/03/01/cd")) is None


async def test_tries_in_vain_are_counted_by_post() -> None:
    store = EvidenceRecords(records=memory.Records())
    assert [await store.unanswered(POST, at=NOON) for _ in range(3)] == [1, 2, 3]
    assert await store.unanswered(RecordKey("envelopes/2026/03/01/cd.json"), at=NOON) == 1


async def test_two_that_count_at_once_both_count() -> None:
    store = EvidenceRecords(records=memory.Records())
    counts = await asyncio.gather(*[store.unanswered(POST, at=NOON) for _ in range(5)])
    assert sorted(counts) == [1, 2, 3, 4, 5]


def test_a_count_that_is_always_fought_over_is_told() -> None:
    with pytest.raises(Contended, match="unanswered"):
        asyncio.run(EvidenceRecords(records=Stubborn(Insert, "unanswered")).unanswered(POST, at=NOON))
