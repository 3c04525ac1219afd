"""Mails of an hour are counted: mails, not attempts and not posts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from convalias.adapters import memory
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.ids import ConversationId
from convalias.domain.inbound.posts import RecordKey
from convalias.stores.inbound.traffic import Traffic

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
RECORD = RecordKey("envelopes/2026/03/01/ab.json")
C1, C2 = ConversationId("c1"), ConversationId("c2")
TEXT = (C1, EmailAddress.parse("bob@corp.example"), "digest")
OTHER = (C2, EmailAddress.parse("bob@corp.example"), "digest")


async def note(
    traffic: Traffic, name: str, *, minutes: int = 0, conversations: tuple[ConversationId, ...] = (C1,)
) -> None:
    at = NOON + timedelta(minutes=minutes)
    await traffic.write(traffic.rows(name, RECORD, at=at, texts={TEXT}, conversations=conversations))


async def counts(traffic: Traffic, *, minutes: int, besides: str = "x") -> tuple[int, int, int, int]:
    before = NOON + timedelta(minutes=minutes)
    repeats = await traffic.repeats([TEXT, OTHER], before=before, besides=besides)
    taken = await traffic.traffic([C1, C2], before=before, besides=besides)
    return repeats[TEXT], repeats[OTHER], taken[C1], taken[C2]


async def test_other_mails_within_the_hour_before_are_counted() -> None:
    traffic = Traffic(records=memory.Records())
    await note(traffic, "a")
    await note(traffic, "b", minutes=30, conversations=(C1, C2))
    await note(traffic, "c", minutes=50, conversations=())
    assert await counts(traffic, minutes=40) == (2, 0, 2, 1)
    assert await counts(traffic, minutes=40, besides="b") == (1, 0, 1, 0)
    assert await counts(traffic, minutes=60) == (3, 0, 2, 1)
    assert await counts(traffic, minutes=61) == (2, 0, 1, 1)
    assert await counts(traffic, minutes=-1) == (0, 0, 0, 0)


async def test_a_mail_that_counts_nowhere_is_not_written() -> None:
    records = memory.Records()
    traffic = Traffic(records=records)
    await traffic.write(traffic.rows("a", RECORD, at=NOON, texts=(), conversations=()))
    assert await counts(traffic, minutes=9) == (0, 0, 0, 0)


async def test_a_mail_counts_once_however_often_it_is_posted_and_tried() -> None:
    traffic = Traffic(records=memory.Records())
    for minutes in range(5):
        await note(traffic, "a", minutes=minutes, conversations=(C1, C1))
    assert await counts(traffic, minutes=9) == (1, 0, 1, 0)
