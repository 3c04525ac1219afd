"""An ordinary mail is claimed, appended and concluded by one ordered write; after any prefix of it the rest is done."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Final

import pytest
from attrs import evolve

from convalias.adapters import memory
from convalias.domain.inbound.claims import Claim, ClaimKey, Path
from convalias.domain.inbound.outcomes import Again, Done, Ignored, Outcome, Refused, Relayed, Skipped
from convalias.domain.inbound.posts import IncomingMail, MailReference
from convalias.domain.mail.message_id import MessageId
from convalias.domain.mail.reasons import Reason
from convalias.domain.operations.mail_index import Known
from convalias.domain.routing.policy import LoopGuard, RoutingPolicy
from convalias.ports.errors import Unavailable
from convalias.ports.records import Conflict, Write, Written
from convalias.services.inbound import relay
from convalias.stores.conversations.event_store import EventStore
from convalias.stores.inbound.mails import InboundRecords
from services.inbound_desk import (
    BOB,
    BOBS,
    C1,
    LEGACY,
    LEGACY_C1,
    NOBODY,
    TO_C1,
    TO_C1_TOO,
    TO_C2,
    Process,
    Town,
    written,
)

TEXT: Final = "Words enough that the guard against loops counts them. " * 3
MAIL: Final = written(TO_C1, TO_C1_TOO, text=TEXT)
CHAIN: Final = ("claims", "events", "mail_index", "mail_index", "mail_index", "mail_index", "outcomes")
"""The tables of the ordered write: the index knows Message-ID, sender and both recipients."""


class Killed(BaseException):
    """What nobody catches."""


class Watched(memory.Records):
    """Notes what is written, and lets something happen instead of the nth write from now on, or before it."""

    def __init__(self) -> None:
        super().__init__()
        self.noted: list[str] = []
        self.breaks: tuple[int, BaseException] | None = None
        self.meanwhile: tuple[int, Callable[[], Awaitable[object]]] | None = None

    async def write(self, writes: Sequence[Write]) -> Sequence[Written | Conflict]:
        number = len(self.noted)
        if self.breaks is not None and self.breaks[0] == number:
            raise self.breaks[1]
        if self.meanwhile is not None and self.meanwhile[0] == number:
            act, self.meanwhile = self.meanwhile[1], None
            await act()
        self.noted += [write.key.table for write in writes]
        return await super().write(writes)


async def watched_town() -> tuple[Town, Watched]:
    town = Town()
    records = town.records = Watched()
    town.inbound, town.store = InboundRecords(records=records), EventStore(records=records)
    town.directory = evolve(town.directory, records=records)
    await town.open()
    return town, records


async def chains(process: Process, records: Watched, mail: IncomingMail) -> tuple[int, list[str]]:
    """How many ordered writes a mail takes, and the tables of all that is written for it."""
    reference = await process.take(mail)
    records.noted.clear()
    await process.relay.process(reference)
    return process.faults.calls["records.write_in_order"], records.noted


async def all_is_done_once(town: Town) -> None:
    """One claim, one message, one outcome that relays it, and one row for each thing that is known of it."""
    (message,) = await town.messages(C1)
    (outcome,) = await town.outcomes()
    assert isinstance(outcome.outcome, Done)
    effects = dict(outcome.outcome.effects)
    relayed = effects[TO_C1]
    assert isinstance(relayed, Relayed)
    event = await town.store.keyed(C1, key=relayed.event)
    assert event is not None
    assert event.happening == message
    assert effects == {TO_C1: relayed, TO_C1_TOO: Skipped(TO_C1)}
    for known, value in ((Known.MESSAGE_ID, b"1@corp.example"), (Known.SENDER, BOBS.key), (Known.RECIPIENT, TO_C1.key)):
        assert [one.record for one in await town.inbound.indexed(known, value, limit=9)] == [outcome.record]


async def test_an_ordinary_mail_is_one_ordered_write_behind_its_count() -> None:
    town, records = await watched_town()
    assert await chains(Process(town), records, MAIL) == (1, ["texts", *CHAIN])
    await all_is_done_once(town)


async def test_what_it_comes_to_is_measured_and_told_as_ever() -> None:
    town, _ = await watched_town()
    process = Process(town)
    told: list[tuple[str, Outcome]] = []

    def tell(mail: MailReference, outcome: Outcome) -> None:
        told.append((mail.record, outcome))

    watching = evolve(process.relay, tell=tell)
    reference = await process.take(MAIL)
    outcome = await watching.process(reference)
    assert told == [(reference.record, outcome)]
    assert town.telemetry.total("deduplication.skipped") == 1
    assert town.telemetry.total("icer.messages.processed") == 2


@pytest.mark.parametrize("error", [Unavailable("records"), Killed()], ids=["outage", "death"])
@pytest.mark.parametrize("written_before", range(len(CHAIN) + 2))
async def test_after_any_prefix_the_next_try_comes_to_the_same(written_before: int, error: BaseException) -> None:
    town, records = await watched_town()
    process = Process(town)
    reference = await process.take(MAIL)
    records.noted.clear()
    records.breaks = (written_before, error)
    try:
        progress = await process.relay.process(reference)
        assert isinstance(progress, Again) == (written_before <= len(CHAIN))
    except Killed:
        assert written_before <= len(CHAIN)
    records.breaks = None
    await Process(town).relay.process(reference)
    await all_is_done_once(town)
    again = list(records.noted)
    await Process(town).relay.process(reference)
    assert records.noted == again


@pytest.mark.parametrize("written_before", range(len(CHAIN) + 1))
async def test_another_worker_with_the_mail_may_be_faster_at_any_of_its_writes(written_before: int) -> None:
    town, records = await watched_town()
    process, other = Process(town), Process(town)
    reference = await process.take(MAIL)
    records.noted.clear()
    records.meanwhile = (written_before, lambda: other.relay.process(reference))
    outcome = await process.relay.process(reference)
    await all_is_done_once(town)
    assert [one.outcome for one in await town.outcomes()] == [outcome]


async def test_a_mail_that_is_half_counted_is_counted_wholly() -> None:
    """Somebody died between the two rows that count it: the ordered write stops at the first."""
    town, records = await watched_town()
    process = Process(town, policy=RoutingPolicy(loop_guard=LoopGuard(mails_an_hour=9)))
    reference = await process.take(MAIL)
    records.noted.clear()
    records.breaks = (1, Killed())
    with pytest.raises(Killed):
        await process.relay.process(reference)
    assert records.noted == ["texts"]
    records.breaks = None
    await process.relay.process(reference)
    await all_is_done_once(town)
    assert len(await records.range("traffic", "c1", after="", limit=9)) == 1


@pytest.mark.parametrize("written_before", range(len(CHAIN) + 1))
async def test_somebody_may_write_to_the_conversation_at_any_of_its_writes(written_before: int) -> None:
    town, records = await watched_town()
    process, other = Process(town), Process(town)
    reference = await process.take(MAIL)
    records.noted.clear()
    records.meanwhile = (written_before, lambda: other.messaging.send(C1, "Meanwhile", author=BOB, key="1"))
    await process.relay.process(reference)
    events = await town.store.after(C1, 0, limit=9)
    assert [one.seq for one in events] == list(range(1, len(events) + 1))
    texts = [one.text.strip() for one in await town.messages(C1)]
    assert sorted(texts) == sorted(["Meanwhile", TEXT.strip()])


@pytest.mark.parametrize("written_before", [0, 1, 2])
async def test_a_conversation_that_closes_before_the_event_refuses_the_mail(written_before: int) -> None:
    town, records = await watched_town()
    process, other = Process(town), Process(town)
    reference = await process.take(MAIL)
    records.noted.clear()
    records.meanwhile = (written_before, lambda: other.messaging.close(C1))
    outcome = await process.relay.process(reference)
    assert await town.messages(C1) == []
    assert isinstance(outcome, Done)
    assert {type(effect) for _, effect in outcome.effects} == {Refused}


async def test_what_another_post_claimed_for_legacy_is_not_appended() -> None:
    town, records = await watched_town()
    process = Process(town)
    earlier = Claim(
        ClaimKey(C1, BOBS, MessageId(b"1@corp.example")), Path.LEGACY, None, town.clock.now() - timedelta(1)
    )
    await town.inbound.claim([earlier])
    count, tables = await chains(process, records, MAIL)
    assert (count, "events" in tables) == (1, False)
    assert await town.messages(C1) == []


@pytest.mark.threads
@pytest.mark.parametrize(
    "mail",
    [
        pytest.param(written(TO_C1, attached=True), id="with files"),
        pytest.param(written(TO_C1, text="A long word. " * 6_000), id="with a long text"),
        pytest.param(written(TO_C1, headers="Cc: cara@elsewhere.example\n"), id="with copies"),
        pytest.param(written(TO_C1, LEGACY), id="with a hand-over"),
        pytest.param(written(TO_C1, NOBODY), id="with a refusal"),
        pytest.param(written(TO_C1, TO_C2), id="with a hold"),
        pytest.param(written(LEGACY_C1), id="for legacy alone"),
    ],
)
async def test_a_mail_with_another_effect_takes_its_steps_one_by_one(mail: IncomingMail) -> None:
    town, records = await watched_town()
    count, tables = await chains(Process(town), records, mail)
    assert count == 0
    assert "outcomes" in tables


async def test_a_mail_that_is_ignored_for_one_recipient_is_ordinary() -> None:
    town, records = await watched_town()
    elsewhere = BOBS.parse("who@elsewhere.example")
    count, _ = await chains(Process(town), records, written(TO_C1, elsewhere))
    (effects,) = await town.effects()
    assert count == 1
    assert effects[elsewhere] == Ignored(Reason.NOT_OURS)


async def test_events_elsewhere_than_in_the_records_of_mail_take_their_steps_one_by_one() -> None:
    town, records = await watched_town()
    process = Process(town)
    apart = evolve(process.inbound, records=memory.faulty.Records(town.records, process.faults))
    process.relay = evolve(process.relay, stores=evolve(process.relay.stores, inbound=apart))
    count, tables = await chains(process, records, MAIL)
    assert (count, tables.count("events")) == (0, 1)


async def test_an_event_store_derived_from_ours_appends_by_itself() -> None:
    class Derived(EventStore):
        """What it does when it appends must be done for each event."""

    town, records = await watched_town()
    process = Process(town)
    own = Derived(records=process.records)
    conversations = evolve(process.conversations, events=own)
    process.relay = evolve(
        process.relay,
        carrier=evolve(process.carrier, messaging=evolve(process.messaging, conversations=conversations)),
    )
    count, tables = await chains(process, records, MAIL)
    assert (count, tables.count("events")) == (0, 1)


async def test_a_thread_that_memory_does_not_have_takes_its_steps_one_by_one() -> None:
    town, records = await watched_town()
    process = Process(town)
    forgetful = Process(town).messaging
    process.relay = evolve(process.relay, carrier=evolve(process.carrier, messaging=forgetful))
    count, tables = await chains(process, records, MAIL)
    assert (count, tables.count("events")) == (0, 1)


async def test_an_ordered_write_that_never_ends_is_an_outage(monkeypatch: pytest.MonkeyPatch) -> None:
    town, records = await watched_town()
    process = Process(town)
    reference = await process.take(MAIL)
    records.noted.clear()
    records.meanwhile = (1, lambda: asyncio.Event().wait())
    monkeypatch.setattr(relay, "WRITE_WITHIN", timedelta(0))
    assert isinstance(await process.relay.process(reference), Again)
    assert await town.inbound.tries(reference.record) is None
