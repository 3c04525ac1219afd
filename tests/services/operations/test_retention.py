"""What is of passing use ends, what is known of a mail ends behind it, and nothing that is in use does."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from attrs import evolve

from convalias.adapters import memory
from convalias.codec import dump
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.ids import ConversationId, TraceId
from convalias.domain.inbound.claims import Claim, ClaimKey, Path
from convalias.domain.inbound.outcomes import Done, Mark, OutcomeRecord
from convalias.domain.inbound.posts import RecordKey
from convalias.domain.mail.message_id import MessageId
from convalias.ports.records import Insert, Key
from convalias.services.operations.retention import PAGES, Retention
from convalias.stores.inbound.mails import InboundRecords
from convalias.stores.inbound.sweeps import Sweeps
from convalias.stores.inbound.traffic import KEPT, Traffic
from convalias.stores.operations import endings
from convalias.stores.operations.endings import BY_DAY, PAGE, Endings
from convalias.stores.retention import COUNT_KEPT, GRACE, LANE, MAIL_KEPT
from convalias.stores.system_mail.former import FormerMails

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ANN = EmailAddress.parse("ann@home.example")
C1 = ConversationId("c1")
OLD, FRESH = RecordKey("envelopes/2026/03/01/ab.json"), RecordKey("envelopes/2026/05/30/cd.json")
LATER = NOON + MAIL_KEPT + GRACE


class Files(memory.Blobs):
    """Blobs that end nothing by themselves."""

    def __init__(self, *, at_once: int = 1) -> None:
        super().__init__()
        self.asked: list[datetime] = []
        self._at_once = at_once

    async def end(self, *, before: datetime, limit: int) -> int:
        self.asked.append(before)
        day = f"envelopes/{before:%Y/%m/%d}"
        old = [name for name in await self.names("envelopes/", after="", limit=limit) if name < day][: self._at_once]
        await self.delete(old)
        return len(old)


async def test_a_mark_of_the_former_release_ends_a_month_after_it_was_taken_over() -> None:
    records = memory.Records()
    await FormerMails(records=records).take_over("refusal-1", at=NOON)
    endings = Endings(records=records)
    assert await endings.end_due(now=NOON + timedelta(days=30) - timedelta(seconds=1)) == 0
    assert await endings.end_due(now=NOON + timedelta(days=30)) == 1


class World:
    """A store, blobs and a clock; what is kept of two mails, an old one and a fresh one."""

    def __init__(self, blobs: memory.Blobs | None = None, *, kept: timedelta | None = MAIL_KEPT) -> None:
        self.clock = memory.Clock(NOON)
        self.records = memory.Records()
        self.blobs = blobs or Files()
        self.telemetry = memory.Telemetry()
        self.inbound = InboundRecords(records=self.records, kept=kept)
        self.retention = Retention(
            blobs=self.blobs, records=self.records, clock=self.clock, telemetry=self.telemetry, kept=kept
        )

    async def mails(self) -> None:
        for record in (OLD, FRESH):
            await self.blobs.put(record, b"{}")
            await self.inbound.conclude(
                OutcomeRecord(record=record, outcome=Done(()), decided_at=NOON, trace=TraceId("t"))
            )
            _, year, month, day, name = record.split("/")
            rows = [Insert(Key(table, f"{year}/{month}/{day}", name), dump(Mark(record, NOON))) for table in BY_DAY[1:]]
            await self.records.write(rows)
        await Sweeps(records=self.records).through("2026/03/01", now=NOON)

    async def left(self, day: str) -> Sequence[str]:
        return [table for table in BY_DAY if await self.records.range(table, day, after="", limit=1)]


def claim(number: int = 1, at: datetime | None = NOON) -> Claim:
    return Claim(ClaimKey(C1, ANN, MessageId(b"%d" % number)), Path.RELAY, at=at)


async def test_texts_and_traffic_end_after_their_use() -> None:
    world = World()
    traffic = Traffic(records=world.records)
    await traffic.write(traffic.rows("m", OLD, at=NOON, texts=[(C1, ANN, "digest")], conversations=[C1]))
    world.clock.step(KEPT - timedelta(seconds=1))
    assert not await world.retention.step()
    assert world.records.tables() == {"texts", "traffic"}
    world.clock.step(timedelta(seconds=1))
    assert not await world.retention.step()
    assert world.records.tables() == set()


async def test_counts_of_tries_end_two_days_after_the_last_one() -> None:
    world = World()
    await world.inbound.failed(OLD, because="Broken", at=NOON)
    await world.inbound.begun(OLD, at=NOON)
    await world.inbound.overran(OLD, because="slow", at=NOON)
    world.clock.step(timedelta(hours=1))
    await world.inbound.failed(OLD, because="Broken", at=world.clock.now())
    world.clock.step(COUNT_KEPT - timedelta(hours=1))
    await world.retention.step()
    assert world.records.tables() == {"tries"}
    world.clock.step(timedelta(hours=1))
    await world.retention.step()
    assert world.records.tables() == set()


async def test_claims_end_behind_their_mail() -> None:
    world = World()
    await world.inbound.claim([claim(), claim(2, at=None)])
    world.clock.step(MAIL_KEPT + GRACE - timedelta(seconds=1))
    await world.retention.step()
    assert len(await world.records.due(LANE, until=LATER, limit=9)) == 1
    world.clock.step(timedelta(seconds=1))
    await world.retention.step()
    assert await world.records.due(LANE, until=LATER, limit=9) == []
    assert world.records.tables() == {"claims"}  # one of an older release, whose time nobody knows


async def test_what_finds_a_mail_again_ends_behind_it() -> None:
    world = World()
    outcome = OutcomeRecord(
        record=OLD, outcome=Done(()), decided_at=NOON, trace=TraceId("t"), message_digest="aa", sender_digest="bb"
    )
    await world.inbound.conclude(outcome)
    assert world.records.tables() == {"outcomes", "mail_index"}
    world.clock.step(MAIL_KEPT + GRACE)
    await world.retention.step()
    assert world.records.tables() == {"outcomes"}


async def test_nothing_of_a_mail_ends_where_mail_is_kept_for_ever() -> None:
    world = World(kept=None)
    await world.mails()
    await world.inbound.claim([claim()])
    world.clock.step(timedelta(days=1_000))
    assert await world.retention.in_turn() == 0
    await world.retention.step()
    assert await world.left("2026/03/01") == list(BY_DAY)
    assert "claims" in world.records.tables()


async def test_what_is_known_of_a_mail_ends_behind_it() -> None:
    world = World()
    await world.mails()
    world.clock.step(MAIL_KEPT + GRACE)
    assert await world.retention.in_turn() == 1 + len(BY_DAY) + 1
    assert await world.left("2026/03/01") == []
    assert await world.left("2026/05/30") == list(BY_DAY)
    assert await world.blobs.names("", after="", limit=9) == [FRESH]
    assert not await Sweeps(records=world.records).is_through("2026/03/01")
    assert await world.retention.in_turn() == 0  # once a day, whoever comes


async def test_an_outcome_stays_as_long_as_its_mail_is_there() -> None:
    """An envelope record without an outcome would be queued and decided about again."""
    world = World(memory.Blobs())  # a bucket: it has rules of its own, or none
    await world.mails()
    world.clock.step(timedelta(days=200))
    assert await world.retention.in_turn() == 0
    assert await world.left("2026/03/01") == list(BY_DAY)
    await world.blobs.delete([OLD])
    world.clock.step(timedelta(days=1))
    assert await world.retention.in_turn() == len(BY_DAY) + 1
    assert await world.left("2026/03/01") == []


async def test_where_days_cannot_be_listed_two_months_are_looked_at() -> None:
    world = World()
    await world.mails()
    listless = memory.faulty.Records(world.records, memory.Faults())
    retention = evolve(world.retention, records=listless)
    world.clock.step(MAIL_KEPT + GRACE + timedelta(days=60))
    assert await retention.in_turn() == 1  # the envelope record itself; its day is too long ago
    world.clock.step(timedelta(days=-1))
    assert await retention.end_mail(MAIL_KEPT) == len(BY_DAY) + 1
    assert await world.left("2026/03/01") == []


async def test_days_are_listed_page_by_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endings, "PAGE", 1)
    world = World()
    await world.mails()
    found = Endings(records=world.records)
    assert await found.days(until="2026/03/01") == ["2026/03/01"]
    assert await found.days(until="2026/12/31") == ["2026/03/01", "2026/05/30"]


async def test_one_step_is_bounded_and_says_that_there_is_more() -> None:
    world = World()
    await world.inbound.claim([claim(number) for number in range(PAGES * PAGE + 1)])
    world.clock.step(MAIL_KEPT + GRACE)
    assert await world.retention.step()
    assert len(await world.records.due(LANE, until=LATER, limit=9)) == 1
    assert not await world.retention.step()
    assert world.records.tables() == set()


@pytest.mark.parametrize("rows", [0, 1, PAGE, PAGE + 1])
async def test_a_day_ends_page_by_page(rows: int) -> None:
    world = World()
    marks = [Insert(Key("sweeps", "2026/03/01", f"{number:05d}"), dump(Mark(OLD, NOON))) for number in range(rows)]
    await world.records.write(marks)
    assert await Endings(records=world.records).end_day("2026/03/01") == rows
    assert await world.left("2026/03/01") == []
