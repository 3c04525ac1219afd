"""A replay that restores: nobody hears of it, in the order of receipt; a dry run says what the run then does."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from attrs import evolve

from convalias.adapters import memory
from convalias.codec import dumps, loads
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations.events import RESTORED
from convalias.domain.inbound.posts import EnvelopeRecord, RecordKey
from convalias.ports.errors import Unavailable
from convalias.ports.records import Delete, Key, Replace
from convalias.services.operations.receipt_order import received_order
from convalias.services.operations.replay import Replayed, Selection
from services.inbound_desk import C1, C2, LEGACY, NOBODY, TO_C1, TO_C2, Process, Town, open_town, written

LATER = timedelta(hours=7)
NOTIFY = Selection(notify=True)


async def lost(town: Town) -> None:
    """The store comes from a backup of before: what was added and concluded since is gone; the raw mail is not."""
    for table in ("outcomes", "claims", "events", "threads", "tries", "system_outbox"):
        for key, row in list(town.records._rows.items()):
            if key.table != table or row is None:
                continue
            if table == "events" and "message_added" not in str(row.body):
                continue
            stored = (await town.records.get([key])).get(key)
            if stored is not None:
                await town.records.write([Delete(stored.key, stored.version)])


async def three(process: Process) -> None:
    for number, recipient in enumerate((TO_C1, TO_C1, LEGACY), 1):
        await process.take(written(recipient, number=number, text=f"text {number}"))
        await process.town.clock.advance(timedelta(minutes=1))


async def test_what_is_restored_is_marked_and_what_is_asked_for_is_not() -> None:
    town = await open_town()
    process = Process(town)
    await three(process)
    await town.clock.advance(LATER)
    assert (await process.replay.all(dry_run=False)).events == 2
    assert [RESTORED in message.flags for message in await town.messages()] == [True, True]
    assert [message.text.strip() for message in await town.messages()] == ["text 1", "text 2"]


async def test_with_notify_what_is_added_is_like_any_other() -> None:
    town = await open_town()
    process = Process(town)
    await three(process)
    assert (await process.replay.all(dry_run=False, of=NOTIFY)).events == 2
    assert [RESTORED in message.flags for message in await town.messages()] == [False, False]


async def test_mail_that_the_workers_have_yet_to_look_at_is_left_to_them() -> None:
    """Restored, its recipients would never hear of it."""
    town = await open_town()
    process = Process(town)
    await three(process)
    assert await process.replay.all(dry_run=False) == Replayed(looked_at=3, waiting=3, young=3)
    assert await town.messages() == []


async def test_nobody_is_asked_about_mail_that_a_restore_holds() -> None:
    town = await open_town()
    process, stranger = Process(town), EmailAddress.parse("carl@corp.example")
    await process.take(written(TO_C1, sender=stranger, return_path=stranger))
    await town.clock.advance(LATER)
    await process.replay.all(dry_run=False)
    assert len(await town.holds(C1)) == 1
    assert "asking" not in town.records.tables()
    await process.replay.all(dry_run=False, of=NOTIFY)
    assert "asking" in town.records.tables()


async def test_a_dead_mail_that_is_redriven_is_told_of() -> None:
    town = await open_town()
    process = Process(town)
    mail = await process.take(written(TO_C1))
    assert (await process.replay.one(mail.record, dry_run=True)).events == 1
    assert await town.messages() == []
    assert (await process.replay.one(mail.record, dry_run=False)).events == 1
    assert [RESTORED in message.flags for message in await town.messages()] == [False]


@pytest.mark.parametrize(
    ("of", "events"),
    [
        (Selection(), 2),
        (Selection(since=datetime(2026, 3, 1, 12, 1, tzinfo=UTC)), 1),
        (Selection(until=datetime(2026, 3, 1, 12, 1, tzinfo=UTC)), 1),
        (Selection(until=datetime(2026, 3, 1, tzinfo=UTC)), 0),
        (Selection(since=datetime(2026, 3, 2, tzinfo=UTC)), 0),
        (Selection(conversation=C1), 2),
        (Selection(conversation=C2), 0),
    ],
)
async def test_a_selection_restores_what_it_names(of: Selection, events: int) -> None:
    town = await open_town()
    process = Process(town)
    await three(process)
    await town.clock.advance(LATER)
    said = await process.replay.all(dry_run=True, of=of)
    assert said.events == events
    assert await process.replay.all(dry_run=False, of=of) == said
    if of.conversation is not None:  # a second time what it added is left alone, and other places are not counted
        assert await process.replay.all(dry_run=False, of=of) == Replayed(looked_at=events, final=events)


async def test_a_mail_that_came_to_its_end_elsewhere_is_not_counted_for_a_conversation() -> None:
    town = await open_town()
    process = Process(town)
    await process.take(written(TO_C1))
    await town.clock.advance(LATER)
    assert (await process.replay.all(dry_run=False)).events == 1
    assert await process.replay.all(dry_run=False, of=Selection(conversation=C2)) == Replayed()


async def test_a_mail_whose_raw_is_gone_leads_into_no_conversation() -> None:
    town = await open_town()
    process = Process(town)
    await raw_gone(process)
    await town.clock.advance(LATER)
    assert await process.replay.all(dry_run=False, of=Selection(conversation=C1)) == Replayed()


# --- a dry run -----------------------------------------------------------------------------------------------


async def relayed(process: Process) -> None:
    await process.take(written(TO_C1, number=1))
    await process.drain()


async def twice(process: Process) -> None:
    """One mail in two posts: the second adds nothing."""
    await process.take(written(TO_C1, number=2))
    await process.take(written(TO_C1, LEGACY, number=2))


async def refused(process: Process) -> None:
    await process.take(written(NOBODY, number=3))
    await process.drain()


async def held(process: Process) -> None:
    await process.take(written(TO_C2, number=4))
    await process.drain()


async def raw_gone(process: Process) -> None:
    await process.take(written(TO_C1, number=5))
    await process.town.blobs.delete(await process.town.blobs.names("raw/", after="", limit=9))


async def quarantined(process: Process) -> None:
    await process.take(written(TO_C1, number=6, quarantine="too_large"))


async def newer(process: Process) -> None:
    mail = await process.take(written(TO_C1, number=7))
    body = await process.town.blobs.get(mail.record)
    assert body is not None
    await process.town.blobs.delete([mail.record])
    await process.town.blobs.put(mail.record, re.sub(rb"envelope_record/\d+", b"envelope_record/99", body))


async def dead(process: Process) -> None:
    await process.take(written(TO_C1, number=8))
    process.faults.fail("directory.at", memory.before(ZeroDivisionError))
    await process.drain()
    process.faults.mend()


async def of_legacy(process: Process) -> None:
    await process.take(written(LEGACY, number=9))


async def closed(process: Process) -> None:
    await process.take(written(TO_C1, number=10))
    await process.messaging.close(C1)


KINDS = [relayed, twice, refused, held, raw_gone, quarantined, newer, dead, of_legacy, closed]


@pytest.mark.parametrize(
    "kinds", [[kind] for kind in KINDS] + [KINDS], ids=lambda kinds: kinds[0].__name__ + "…" * (len(kinds) > 1)
)
@pytest.mark.parametrize("restored", [True, False])
async def test_a_dry_run_says_what_the_run_then_does(
    kinds: list[Callable[[Process], Awaitable[None]]], *, restored: bool
) -> None:
    town = await open_town()
    process = Process(town)
    for kind in kinds:
        await kind(process)
    if restored:
        await lost(town)
        process = Process(town)
    await town.clock.advance(LATER)
    rows, blobs, mails = dict(town.records._rows), dict(town.blobs._bodies), len(await town.legacy.calls())
    said = await process.replay.all(dry_run=True)
    assert await process.replay.all(dry_run=True) == said
    assert (dict(town.records._rows), dict(town.blobs._bodies)) == (rows, blobs)
    assert len(await town.legacy.calls()) == mails
    assert await process.replay.all(dry_run=False) == said
    again = await process.replay.dead(dry_run=True)
    assert await process.replay.dead(dry_run=False) == again


# --- the order -----------------------------------------------------------------------------------------------


async def test_a_final_mail_whose_message_is_gone_is_told_and_left_alone() -> None:
    """Events of one backup, outcomes of another: nothing of it would come back, and nobody would know."""
    town = await open_town()
    process = Process(town)
    await three(process)
    await process.drain()
    assert await process.replay.all(dry_run=False) == Replayed(looked_at=3, final=3)
    gone = await lose_events(town)
    assert gone == 2
    for dry_run in (True, False):
        done = await process.replay.all(dry_run=dry_run)
        assert (done.final, done.decided, done.lost, len(done.lost_records)) == (3, 0, 2, 2)
    one = await process.replay.one(done.lost_records[0], dry_run=False)
    assert (one.lost, one.lost_records) == (1, done.lost_records[:1])
    of = Selection(conversation=C2)
    assert await process.replay.all(dry_run=False, of=of) == Replayed()


async def test_a_message_that_this_release_cannot_read_is_not_gone() -> None:
    town = await open_town()
    process = Process(town)
    await process.take(written(TO_C1))
    await process.drain()
    for key in messages_of(town):
        row = (await town.records.get([key]))[key]
        await town.records.write([Replace(key, row.version, {**row.body, "$": "event/99"})])
    assert await process.replay.all(dry_run=False) == Replayed(looked_at=1, final=1)


def test_only_the_first_lost_mails_are_named() -> None:
    many = Replayed(lost=15, lost_records=tuple(RecordKey(f"e{number}") for number in range(15)))
    assert (many.plus(many).lost, len(many.plus(many).lost_records)) == (30, 20)


def messages_of(town: Town) -> list[Key]:
    rows = town.records._rows.items()
    return [key for key, row in rows if key.table == "events" and row is not None and "message_added" in str(row.body)]


async def lose_events(town: Town) -> int:
    """Of the messages; how many there were."""
    stored = await town.records.get(messages_of(town))
    await town.records.write([Delete(row.key, row.version) for row in stored.values()])
    return len(stored)


@pytest.mark.parametrize("at_once", [1, 2, 3, 50])
async def test_the_order_is_that_of_receipt_across_days_then_of_keys(at_once: int) -> None:
    town = await open_town()
    template = loads(await town.blobs.get((await Process(town).take(written(TO_C1))).record) or b"", EnvelopeRecord)
    await town.blobs.delete(await town.blobs.names("envelopes/", after="", limit=9))
    at = datetime(2026, 3, 1, 23, 59, tzinfo=UTC)
    minute = timedelta(minutes=1)
    expected = [
        ("2026/03/01/z", at - 60 * minute),
        ("2026/03/02/q", at),  # its token was signed by a clock that is ahead
        ("2026/03/01/b", at),
        ("2026/03/01/c", at + 2 * minute),  # posted again after midnight
        ("2026/03/02/a", at + 3 * minute),
        ("2026/03/05/y", at + timedelta(days=3)),
    ]
    for name, received in expected:
        key = RecordKey(f"envelopes/{name}.json")
        record = evolve(template, key=key, post=evolve(template.post, received_at=received))
        await town.blobs.put(key, dumps(record))
    await town.blobs.put("envelopes/2026/03/02/0.json", b"no record")
    found = [key[10:22] async for key in received_order(town.blobs, at_once=at_once)]
    names = sorted(expected, key=lambda one: (one[1], one[0]))
    readable = [name for name in found if name != "2026/03/02/0"]
    assert readable == [name for name, _ in names]
    assert found.index("2026/03/02/0") == 3  # the beginning of its day
    since = [key[10:22] async for key in received_order(town.blobs, since=at, until=at + 3 * minute)]
    assert since == ["2026/03/01/b", "2026/03/02/q", "2026/03/02/0", "2026/03/01/c"]


async def test_what_cannot_be_listed_stops_it() -> None:
    town = await open_town()
    process = Process(town)
    await process.take(written(TO_C1))
    process.faults.fail("blobs.get", memory.before("blobs"), times=1)
    with pytest.raises(Exception, match="blobs"):
        await process.replay.all(dry_run=False)


async def test_a_failure_that_is_no_promise_of_the_port_makes_no_mail_look_old() -> None:
    """A restore would add it without a word, though it came after the loss."""
    town = await open_town()
    process = Process(town)
    await process.take(written(TO_C1))

    class Slow(memory.Blobs):
        async def names(self, prefix: str, *, after: str, limit: int) -> Sequence[str]:
            return await town.blobs.names(prefix, after=after, limit=limit)

        async def get(self, key: str) -> bytes | None:
            raise TimeoutError(key)

    with pytest.raises(Unavailable):
        _ = [key async for key in received_order(Slow(), until=datetime(2026, 3, 1, 0, 1, tzinfo=UTC))]


async def test_a_record_that_is_gone_when_it_is_read_stands_at_the_beginning_of_its_day() -> None:
    town = await open_town()
    await Process(town).take(written(TO_C1))

    class Gone(memory.Blobs):
        async def names(self, prefix: str, *, after: str, limit: int) -> Sequence[str]:
            return await town.blobs.names(prefix, after=after, limit=limit)

    found = [key async for key in received_order(Gone(), until=datetime(2026, 3, 1, 0, 1, tzinfo=UTC))]
    assert len(found) == 1
