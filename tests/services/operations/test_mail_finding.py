"""A mail is found by an index: whatever is known of it, whatever became of it, and however many days are kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

import pytest
from attrs import evolve

from convalias.adapters import memory
from convalias.codec import CODEC, Codec, dump
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.deployment.keyring import Keyring, RootKey
from convalias.domain.ids import TraceId
from convalias.domain.inbound.outcomes import Done, Ignored, OutcomeRecord
from convalias.domain.inbound.posts import EnvelopeRecord, MailReference, RecordKey
from convalias.domain.mail.reasons import Reason
from convalias.domain.operations.advice import ADVICE, Situation
from convalias.domain.operations.mail_index import IndexKeys, Known
from convalias.ports.records import Insert, Key, Replace, Stored
from convalias.services.inbound.relay import LANE
from convalias.services.operations import mail_finding
from convalias.services.operations.operations import Asked
from convalias.stores.encoding import digest
from convalias.stores.inbound.mails import InboundRecords, name_of
from services.inbound_desk import BOBS, C1, NOON, TO_C1, TO_C2, Process, Town, open_town, written

EVERYTHING_KNOWN = (
    Asked(message_id="<1@corp.example>"),
    Asked(sender=BOBS),
    Asked(recipient=TO_C1),
    Asked(message_id="<1@corp.example>", recipient=TO_C1, sender=BOBS),
)


class Counting:
    """Records that count what they are asked."""

    def __init__(self, records: memory.Records) -> None:
        self.records = records
        self.rows = 0

    async def get(self, keys: Sequence[Key]) -> Mapping[Key, Stored]:
        self.rows += len(keys)
        return await self.records.get(keys)

    async def range(self, table: str, partition: str, *, after: str, limit: int) -> Sequence[Stored]:
        found = await self.records.range(table, partition, after=after, limit=limit)
        self.rows += 1 + len(found)
        return found


def searching(process: Process, records: object) -> Process:
    inbound = evolve(process.inbound, records=records)
    operations = process.operations
    finder = evolve(operations.finder, inbound=inbound)
    follower = evolve(operations.follower, stores=evolve(operations.follower.stores, inbound=inbound))
    process.operations = evolve(operations, finder=finder, follower=follower)
    return process


@pytest.mark.parametrize("asked", EVERYTHING_KNOWN, ids=str)
async def test_the_cost_does_not_grow_with_the_days_that_are_kept(asked: Asked) -> None:
    async def cost(days: int) -> int:
        town = await open_town()
        process = Process(town)
        for number in range(days):
            other = EmailAddress.parse(f"x{number}@else.example")
            await process.take(written(TO_C2, number=100 + number, sender=other))
            await process.worker.step()
            await town.clock.advance(timedelta(days=1))
        await process.take(written(TO_C1))
        await process.worker.step()
        counting = Counting(town.records)
        assert len(await searching(process, counting).operations.why(asked)) == 1
        return counting.rows

    assert await cost(20) == await cost(80)


@pytest.mark.parametrize("asked", EVERYTHING_KNOWN, ids=str)
async def test_a_dead_mail_is_found_like_any_other(asked: Asked) -> None:
    town = await open_town()
    process = Process(town)
    reference = await process.take(written(TO_C1))
    await process.relay._bury(MailReference(reference.record, reference.trace), "Broken", 3, explanation="why\nit")
    (one,) = await process.operations.why(asked)
    assert one.record == reference.record
    assert "letter" in str(one)
    assert "  why\n" in str(one)
    assert one.next == ADVICE[Situation.DEAD].format(about=reference.trace)


class Broken:
    async def read(self, raw: bytes, post: object) -> object:
        raise ValueError(str(post))


async def test_a_dead_mail_whose_head_cannot_be_read_is_found_by_its_recipient() -> None:
    town = await open_town()
    process = Process(town)
    reference = await process.take(written(TO_C1))
    relay = evolve(process.relay, reader=Broken())
    await relay._bury(reference, "Broken", 3)
    assert len(await process.operations.why(Asked(recipient=TO_C1))) == 1
    assert len(await process.operations.why(Asked(sender=BOBS))) == 0


@pytest.mark.parametrize("damage", ["gone", "raw", "newer"])
async def test_a_dead_mail_of_which_nothing_can_be_read_is_found_by_its_record(damage: str) -> None:
    town = await open_town()
    process = Process(town)
    reference = await process.take(written(TO_C1))
    if damage == "raw":
        await town.blobs.delete(await town.blobs.names("raw/", after="", limit=9))
    else:
        await town.blobs.delete([reference.record])
    if damage == "newer":
        await town.blobs.put(reference.record, b'{"$": "envelope_record/99"}')
    await process.relay._bury(reference, "Broken", 3)
    (one,) = await process.operations.why(Asked(record=reference.record))
    assert "dead" in str(one)
    if damage == "newer":
        assert one.next.startswith("the envelope record is in a format that this release cannot read")


async def test_a_reader_of_the_head_sees_no_more_than_the_head() -> None:
    seen: list[bytes] = []

    class Reading:
        async def read(self, raw: bytes, post: object) -> object:
            seen.append(raw)
            raise ValueError

    town = await open_town()
    process = Process(town)
    for text, headers in (("secret", ""), ("secret", f"X: {'y' * 300_000}\n")):
        reference = await process.take(written(TO_C1, text=text, headers=headers))
        await evolve(process.relay, reader=Reading())._bury(reference, "Broken", 3)
    assert all(b"secret" not in raw for raw in seen)
    assert len(seen[1]) == 262_145


async def test_what_an_older_key_wrote_is_found_and_what_a_lost_one_wrote_is_not() -> None:
    old, new = RootKey(0, b"o" * 32), RootKey(1, b"n" * 32)

    town = await open_town()
    town.inbound = InboundRecords(records=town.records, index=IndexKeys.of(Keyring((old,))))
    await town.inbound.conclude(outcome(town.inbound))
    for ring, found in ((Keyring((new, old)), 1), (Keyring((new,)), 0)):
        inbound = InboundRecords(records=town.records, index=IndexKeys.of(ring))
        assert len(await inbound.indexed(Known.SENDER, BOBS.key, limit=10)) == found


def outcome(inbound: InboundRecords, record: str = "envelopes/2026/03/01/ab.json") -> OutcomeRecord:
    return OutcomeRecord(
        record=RecordKey(record),
        outcome=Done(((TO_C1, Ignored(Reason.SPAM)),)),
        decided_at=NOON,
        trace=TraceId("t"),
        message_digest=inbound.index.digest(Known.MESSAGE_ID, b"1@corp.example"),
        sender_digest=inbound.index.digest(Known.SENDER, BOBS.key),
        recipient_digests=(inbound.index.digest(Known.RECIPIENT, TO_C1.key),),
        received_at=NOON,
    )


async def test_the_rows_ride_in_the_request_of_the_outcome() -> None:
    writes: list[int] = []

    class Writing(memory.Records):
        async def write(self, asked: Sequence[object]) -> Sequence[object]:
            writes.append(len(asked))
            return await super().write(asked)

    inbound = InboundRecords(records=Writing())
    await inbound.conclude(outcome(inbound))
    await inbound.conclude(outcome(inbound))
    assert writes == [4, 4]
    await inbound.conclude_anew(evolve(outcome(inbound), message_digest="", sender_digest="", recipient_digests=()))
    assert writes[2:] == [1]


@pytest.mark.parametrize("asked", EVERYTHING_KNOWN, ids=str)
async def test_an_outcome_of_before_the_index_is_found_by_its_day(asked: Asked) -> None:
    town = await open_town()
    process = Process(town)
    reference = await process.take(written(TO_C1))
    before = OutcomeRecord(
        record=reference.record,
        outcome=Done(((TO_C1, Ignored(Reason.SPAM)),)),
        decided_at=NOON,
        trace=reference.trace,
        message_digest=digest("message", b"1@corp.example"),
        sender_digest=digest("sender", BOBS.key),
        recipient_digests=(digest("recipient", TO_C1.key),),
    )
    body = Codec(write_format={"outcome_record": 1}).dump(before)
    await town.records.write([Insert(Key("outcomes", "2026/03/01", name_of(reference.record)), body)])
    found = await process.operations.why(asked)
    assert [one.record for one in found] == [reference.record]
    assert found.notes == ("found by reading days: it was decided before mails were indexed",)
    nothing = await process.operations.why(Asked(message_id="<2@corp.example>"))
    assert len(nothing) == 0
    assert "before the index" in nothing.notes[0]
    await process.inbound.conclude_anew(
        evolve(before, sender_digest=process.inbound.index.digest(Known.SENDER, BOBS.key))
    )
    assert (await process.operations.why(Asked(sender=BOBS))).notes == ()


async def test_a_search_says_where_it_was_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    town = await open_town()
    process = Process(town)
    for number in range(3):
        await process.take(written(TO_C1, number=number))
        await process.worker.step()
        await town.clock.advance(timedelta(seconds=1))
    for name, asked, count in (
        ("operations.mail_finding.MOST_ROWS", Asked(sender=BOBS), 2),
        ("operations.mail_finding.MOST_SCANNED", Asked(), 2),
        ("operations.mail_finding.MOST", Asked(), 2),
        ("operations.operations.MOST", Asked(sender=BOBS), 2),
        ("operations.operations.MOST", Asked(conversation=C1), 4),
    ):
        with monkeypatch.context() as patched:
            patched.setattr(f"convalias.services.{name}", 2)
            found = await process.operations.why(asked)
            assert found.is_cut, name
            assert len(found) <= count
    assert not (await process.operations.why(Asked(sender=BOBS))).is_cut


async def test_a_search_among_what_waits_says_where_it_was_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    town = await open_town()
    process = Process(town)
    for number in range(3):
        await process.take(written(TO_C1, number=number))
    monkeypatch.setattr(mail_finding, "AT_ONCE", 1)
    for name in ("MOST_READ", "MOST_LISTED"):
        with monkeypatch.context() as patched:
            patched.setattr(mail_finding, name, 2)
            found = await process.operations.why(Asked(sender=BOBS))
            assert (len(found), found.is_cut) == (2, True)


async def test_a_mail_that_waits_longer_than_a_week_is_found_with_since_and_without_it_the_search_says_that_it_cut() -> (
    None
):
    town = await open_town()
    process = Process(town)
    await process.take(written(TO_C1))
    assert not (await process.operations.why(Asked(sender=BOBS))).is_cut
    await town.clock.advance(timedelta(days=11))
    for asked in (Asked(sender=BOBS), Asked()):
        found = await process.operations.why(asked)
        assert (len(found), found.is_cut) == (0, True)
        assert "cut: mails that wait were looked for since 2026-03-05 alone (--since)" in found.notes
    found = await process.operations.why(Asked(sender=BOBS), since=NOON)
    assert (len(found), found.is_cut) == (1, False)


async def test_a_waiting_mail_that_cannot_be_read_is_shown_to_who_asks_about_all() -> None:
    town = await open_town()
    process = Process(town)
    await town.blobs.put("envelopes/2026/03/01/ab.json", b'{"$": "envelope_record/99"}')
    (one,) = await process.operations.why(Asked())
    assert "cannot read" in one.next
    assert len(await process.operations.why(Asked(sender=BOBS))) == 0


async def test_an_unreadable_outcome_hides_no_other_and_says_so() -> None:
    town = await open_town()
    process = Process(town)
    reference = await process.take(written(TO_C1))
    await process.worker.step()
    key = Key("outcomes", "2026/03/01", name_of(reference.record))
    standing = (await town.records.get([key]))[key]
    await town.records.write([Replace(key, standing.version, {**standing.body, "$": "outcome_record/99"})])
    await process.take(written(TO_C1, number=2))
    await process.worker.step()
    assert len(await process.operations.why(Asked())) == 1
    (unreadable,) = await process.operations.why(Asked(record=reference.record))
    assert unreadable.next.startswith("the outcome is in a format")
    assert len(await process.operations.why(Asked(sender=BOBS, recipient=TO_C1))) == 1


async def test_a_failing_mail_says_what_failed() -> None:
    town = await open_town()
    process = Process(town)
    reference = await process.take(written(TO_C1))
    await process.inbound.failed(reference.record, because="ValueError", at=NOON)
    (one,) = await process.operations.why(Asked(sender=BOBS))
    assert "failing    1 times so far, last: ValueError" in str(one)
    assert "ValueError" in one.next
    assert (await process.dead_letters.get(LANE, "x")) is None
    assert dump(await record_of(town, reference.record))["$"].startswith("envelope_record/")


async def record_of(town: Town, key: RecordKey) -> EnvelopeRecord:
    return CODEC.loads(await town.blobs.get(key) or b"", EnvelopeRecord)


async def test_a_mail_that_waits_since_before_is_not_told_of() -> None:
    town = await open_town()
    process = Process(town)
    await process.take(written(TO_C1))
    assert len(await process.operations.why(Asked(sender=BOBS), since=NOON + timedelta(minutes=1))) == 0


async def test_quarantined_mail_is_counted_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("convalias.services.operations.operations.MOST_QUARANTINED", 1)

    town = await open_town()
    process = Process(town)
    for number in range(2):
        await process.take(written(TO_C1, number=number, quarantine="too_large"))
        await process.worker.step()
    assert str(await process.operations.quarantined()) == "at least 1"
