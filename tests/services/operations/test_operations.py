"""`why` tells the way of every mail, of those that wait too, and says what to do next."""

from __future__ import annotations

from datetime import timedelta

import pytest
from attrs import evolve

from convalias.adapters import memory
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.ids import EventId, TraceId
from convalias.domain.inbound.held import HoldId
from convalias.domain.inbound.outcomes import (
    Dead,
    Done,
    Expired,
    HandedOver,
    Held,
    Ignored,
    Outcome,
    OutcomeRecord,
    Quarantined,
    Refused,
    Relayed,
    Skipped,
)
from convalias.domain.inbound.posts import RecordKey
from convalias.domain.mail.reasons import Reason
from convalias.domain.operations.advice import ADVICE, BY_REASON, Situation, State, advice
from convalias.services.operations.operations import Asked, outcome_name
from services.inbound_desk import BOBS, C1, LEGACY, NOBODY, NOON, TO_C1, TO_C2, Process, open_town, written
from services.keys_desk import guard

WAITS = ADVICE[Situation.WAITING]
OTHER = EmailAddress.parse("x@else.example")


async def test_the_way_of_a_mail_ends_in_what_to_do_next() -> None:
    town = await open_town()
    process = Process(town)
    reference = await process.take(written(TO_C1, TO_C2, LEGACY, NOBODY))
    await process.drain()
    (one,) = await process.operations.why(Asked(record=reference.record))
    text = str(one)
    assert text.splitlines()[0].startswith("2026-03-01 12:00:00  received   by eml, kept as raw/2026/03/01/")
    for part in ("relayed    to c1", "held       as m-", "handed     over", "refused    UNKNOWN_ALIAS, the sender"):
        assert part in text
    assert "by rule" in text
    assert "bob@" not in text
    assert "Hello" not in text
    assert text.splitlines()[-1].startswith("next                 ")
    assert one.trace == reference.trace


@pytest.mark.parametrize(
    "asked",
    [
        Asked(message_id="<1@corp.example>"),
        Asked(message_id=" 1@corp.example "),
        Asked(sender=BOBS),
        Asked(recipient=TO_C1),
        Asked(sender=BOBS, recipient=TO_C1, message_id="<1@corp.example>"),
        Asked(),
    ],
    ids=str,
)
@pytest.mark.parametrize("concluded", [True, False])
async def test_a_mail_is_found_by_what_is_known_of_it(asked: Asked, *, concluded: bool) -> None:
    town = await open_town()
    process = Process(town)
    reference = await process.take(written(TO_C1))
    if concluded:
        await process.worker.step()
    (one,) = await process.operations.why(asked)
    assert one.record == reference.record
    assert (one.next == WAITS) is not concluded


@pytest.mark.parametrize(
    "asked",
    [
        Asked(message_id="<2@corp.example>"),
        Asked(sender=OTHER),
        Asked(recipient=TO_C2),
        Asked(sender=BOBS, recipient=OTHER),
    ],
    ids=str,
)
@pytest.mark.parametrize("concluded", [True, False])
async def test_other_mail_is_not_told_of(asked: Asked, *, concluded: bool) -> None:
    town = await open_town()
    process = Process(town)
    await process.take(written(TO_C1))
    if concluded:
        await process.worker.step()
    assert tuple(await process.operations.why(asked)) == ()
    assert await process.operations.waiting() == (0 if concluded else 1)


async def test_an_ambiguous_or_unreadable_sender_is_nobody() -> None:
    town = await open_town()
    process = Process(town)
    await process.take(written(TO_C1, headers="From: x@else.example\n"))
    await process.take(written(TO_C1, number=2, headers="".join(f"X-{n}: y\n" for n in range(1_200))))
    assert tuple(await process.operations.why(Asked(sender=BOBS))) == ()
    assert len(await process.operations.why(Asked(message_id="<1@corp.example>"))) == 1


async def test_without_a_reader_a_waiting_mail_is_found_by_its_route() -> None:
    town = await open_town()
    process = Process(town)
    await process.take(written(TO_C1))
    operations = evolve(process.operations, finder=evolve(process.operations.finder, reader=None))
    assert len(await operations.why(Asked(recipient=TO_C1))) == 1
    assert len(await operations.why(Asked(sender=BOBS))) == 0
    assert len(await operations.why(Asked(message_id="<1@corp.example>"))) == 0


async def test_a_waiting_mail_whose_objects_are_gone_is_not_told_of() -> None:
    town = await open_town()
    process = Process(town)
    await process.take(written(TO_C1))
    await town.blobs.delete(await town.blobs.names("raw/", after="", limit=9))
    assert len(await process.operations.why(Asked())) == 0

    class Gone:
        names = staticmethod(town.blobs.names)

        async def get(self, key: str) -> None:
            return None

    finder = evolve(process.operations.finder, blobs=Gone())
    assert len(await evolve(process.operations, finder=finder).why(Asked())) == 0


async def test_the_newest_come_first_and_old_ones_when_asked() -> None:
    town = await open_town()
    process = Process(town)
    for number in range(3):
        await process.take(written(TO_C1, number=number))
        await process.worker.step()
        await town.clock.advance(timedelta(days=5))
    stories = await process.operations.why(Asked(sender=BOBS))
    assert [one.steps[0].at.day for one in stories] == [11, 6, 1]
    later = NOON + timedelta(days=5, minutes=1)
    assert [one.steps[0].at.day for one in await process.operations.why(Asked(sender=BOBS), since=later)] == [11]
    assert [one.steps[0].at.day for one in await process.operations.why(Asked())] == [11]
    assert [one.steps[0].at.day for one in await process.operations.why(Asked(), since=later)] == [11]


async def test_an_outcome_tells_its_story_without_its_record() -> None:
    town = await open_town()
    process = Process(town)
    reference = await process.take(written(TO_C1))
    await process.worker.step()
    await town.blobs.delete([reference.record])
    (one,) = await process.operations.why(Asked(record=reference.record))
    assert (one.trace, one.next) == (reference.trace, ADVICE[Situation.UNDECIDED])
    assert one.steps[0].what.startswith("sender")
    assert len(await process.operations.why(Asked(record=RecordKey("envelopes/2026/03/01/none.json")))) == 0


def outcome(what: Outcome) -> OutcomeRecord:
    return OutcomeRecord(
        record=RecordKey("envelopes/2026/03/01/ab.json"), outcome=what, decided_at=NOON, trace=TraceId("t")
    )


@pytest.mark.parametrize(
    ("what", "line", "said"),
    [
        (Dead("Broken", 3), "dead       after 3 tries: Broken", "replay --job"),
        (Quarantined("too_large"), "quarantine too_large", "not routed"),
        (Expired(), "expired    the raw mail is gone", "retention"),
        (Done(((TO_C1, Skipped(TO_C2)),)), f"skipped    {TO_C2} carries it, at {TO_C1}, by rule ?", "carries it"),
        (Done(((TO_C1, Skipped(None)),)), "skipped    another post carries it", "carries it"),
        (Done(((TO_C1, Relayed(EventId("e"), C1, added=False)),)), "as event e (it was there already)", "redacted"),
        (Done(((TO_C1, HandedOver("x")),)), "handed     over to the stand-in of the legacy relay", "legacy-outbox"),
        (Done(((TO_C1, Held(HoldId("h"))),)), "held       as h", "participant may approve"),
        (Done(((TO_C1, Refused(Reason.EMPTY)),)), "refused    EMPTY, nobody is told", "write something"),
        (Done(((TO_C1, Ignored(Reason.SPAM)),)), "ignored    SPAM", "authenticate"),
    ],
    ids=lambda one: type(one).__name__,
)
async def test_every_outcome_has_a_line_and_an_advice(what: Outcome, line: str, said: str) -> None:
    town = await open_town()
    await town.inbound.conclude(outcome(what))
    (one,) = await Process(town).operations.why(Asked(record=RecordKey("envelopes/2026/03/01/ab.json")))
    assert line in str(one)
    assert said in one.next
    assert not any(word in str(one) for word in ("delivered", "good", "ready")) or "already" in str(one)
    assert outcome_name(what) == type(what).__name__.lower()


def test_every_reason_has_an_advice() -> None:
    for reason in Reason:
        assert advice([State(Situation.REFUSED, "r1", reason)]) == BY_REASON[reason].format(about="r1")
    assert outcome_name(None) == "waiting"


async def test_a_quarantined_mail_says_so_where_it_was_received() -> None:
    town = await open_town()
    process = Process(town)
    reference = await process.take(written(TO_C1, quarantine="too_large"))
    (one,) = await process.operations.why(Asked(record=reference.record))
    assert one.steps[0].what.endswith("quarantined: too_large")
    assert str(await process.operations.quarantined()) == "0"
    await process.worker.step()
    assert (await process.operations.quarantined()).count == 1
    await process.take(written(TO_C1))
    await process.worker.step()
    assert (await process.operations.quarantined()).count == 1


async def test_looking_changes_nothing() -> None:
    town = await open_town()
    process = Process(town)
    await process.take(written(TO_C1))
    process.faults.fail("records.write", memory.before("records"))
    process.faults.fail("blobs.put", memory.before("raw store"))
    assert len(await process.operations.why(Asked(sender=BOBS))) == 1
    assert await process.operations.dead() == ()


async def test_a_hold_about_which_nobody_is_asked_says_so() -> None:
    town = await open_town()
    await town.inbound.conclude(outcome(Done(((TO_C1, Held(HoldId("h"))),))))
    operations = Process(town).operations
    silent = evolve(operations, follower=evolve(operations.follower, asks_participants=False))
    asked = Asked(record=RecordKey("envelopes/2026/03/01/ab.json"))
    assert [one.next for one in await operations.why(asked)] == [ADVICE[Situation.HELD]]
    assert [one.next for one in await silent.why(asked)] == [ADVICE[Situation.HELD_UNASKED]]


async def test_what_other_keys_indexed_is_not_said_to_have_never_come() -> None:
    town = await open_town()
    process = Process(town)
    lost = evolve(process.operations, keys=guard(town.records, town.clock, lost="they are gone"))
    found = await lost.why(Asked(sender=BOBS))
    assert "keys: they are gone; what was indexed with that key is not found" in found.notes
    assert (await lost.why(Asked(record=RecordKey("envelopes/2026/03/01/none.json")))).notes == ()
    assert not [note for note in (await process.operations.why(Asked(sender=BOBS))).notes if "keys" in note]
