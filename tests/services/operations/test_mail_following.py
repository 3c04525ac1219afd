"""`why` follows a mail to its end: event, decision, each delivery, receipts, letters, holds, and the sender's proof."""

from __future__ import annotations

from datetime import timedelta

import pytest
from attrs import evolve

from convalias.adapters import memory
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.ids import ConversationId, EventId, Seq, TraceId, UseCase
from convalias.domain.inbound.dead_letters import DeadLetter, DeadLetterId
from convalias.domain.inbound.held import HoldState
from convalias.domain.mail.authentication import Dmarc, DmarcPolicy, SenderEvidence
from convalias.domain.migration.rollout import Stage
from convalias.domain.operations.advice import ADVICE, Situation
from convalias.domain.outbound.delivery import (
    Delivery,
    DeliveryDecision,
    DeliveryState,
    IndexRow,
    NotificationId,
    Owner,
)
from convalias.domain.outbound.suppressions import EventPlace
from convalias.domain.outbound.undecided import UndecidedEvent, failing
from convalias.ports.records import Body, Key, Replace
from convalias.services.operations.mail_following import Story
from convalias.services.operations.operations import Asked
from convalias.stores.encoding import encoded
from convalias.stores.errors import Parked
from convalias.stores.outbound.ledger import Ledger
from convalias.stores.outbound.letters import LANE, decision_letter, index_letter, subject_of
from convalias.stores.outbound.undecided import UndecidedEvents, Waiting
from services.inbound_desk import (
    ANN,
    BOB,
    BOBS,
    C1,
    LEGACY,
    NOON,
    TO_C1,
    TO_C2,
    Process,
    Town,
    open_town,
    shortened,
    written,
)

NOTIFICATION = NotificationId("e1.a1.message.email")


def row(state: DeliveryState = DeliveryState.SENT, **fields: object) -> Delivery:
    return evolve(Delivery(id=NOTIFICATION, recipient=ANN, state=state, attempts=1), **fields)


def letter(letter_id: str, event: EventId) -> DeadLetter:
    return DeadLetter(
        id=DeadLetterId(letter_id),
        lane=LANE,
        subject=subject_of(C1, event),
        reason="Rejected",
        tries=5,
        at=NOON,
        trace=TraceId("t"),
        explanation="the channel's own words\x1b[2J",
    )


async def relayed(town: Town, process: Process) -> EventId:
    await process.take(written(TO_C1))
    await process.worker.step()
    events = await town.store.after(C1, 0, limit=100)
    return events[-1].id


async def decided(
    town: Town, event: EventId, *rows: Delivery, owner: Owner = Owner.HUB, index: IndexRow | None = None
) -> None:
    decision = DeliveryDecision(
        event=event,
        conversation=C1,
        use_case=UseCase("apply"),
        seq=Seq(3),
        owner=owner,
        stage=Stage.PARALLEL,
        reason="nothing set",
        decided_at=NOON,
        deliveries=rows,
        index=index,
        tried=NOON if any(one.attempts for one in (*rows, index) if one is not None) else None,
    )
    assert await Ledger(records=town.records, incarnation=memory.Incarnation()).insert(decision)


async def the_story(process: Process) -> Story:
    (story,) = await process.operations.why(Asked(sender=BOBS))
    return story


@pytest.mark.parametrize(
    ("one", "line", "situation"),
    [
        (row(), "sent       to ann by email (hub), 1 tries, as e1.a1.message.email", Situation.SENT),
        (row(DeliveryState.DELIVERED, receipt="250 ok"), "delivered  to ann", Situation.DELIVERED),
        (row(DeliveryState.DELIVERED, receipt="250 ok"), "receipt 250 ok", Situation.DELIVERED),
        (
            row(DeliveryState.PLANNED, next_at=NOON + timedelta(hours=1), reason="TimeoutError"),
            "again at 2026-03-01 13:00:00, TimeoutError",
            Situation.RETRIED,
        ),
        (
            row(DeliveryState.PLANNED, attempts=0, next_at=NOON + timedelta(hours=1)),
            "planned    to ann by email (hub), due at 2026-03-01 13:00:00, as e1",
            Situation.POSTPONED,
        ),
        (row(DeliveryState.UNCERTAIN, reason="may have been sent"), "uncertain  to ann", Situation.UNCERTAIN),
        (row(DeliveryState.CANCELLED, reason="withdrawn"), "cancelled  to ann", Situation.CANCELLED),
        (row(DeliveryState.FAILED, reason="Rejected"), "failed     to ann", Situation.FAILED_FOR_GOOD),
    ],
    ids=str,
)
async def test_each_delivery_is_told_with_owner_and_state(one: Delivery, line: str, situation: Situation) -> None:
    town = await open_town()
    process = Process(town)
    await decided(town, await relayed(town, process), one)
    told_of = await the_story(process)
    assert line in str(told_of)
    assert "decided    hub delivers, in stage parallel: nothing set" in str(told_of)
    assert told_of.next.startswith(ADVICE[situation].partition("{")[0])
    assert (situation is Situation.DELIVERED) is ("delivered" in str(told_of))


@pytest.mark.parametrize(
    ("index", "owner", "line"),
    [
        (IndexRow(suppress_notification=True, done=True, attempts=1), Owner.HUB, "was called, suppressed, 1 tries"),
        (IndexRow(suppress_notification=False, attempts=1, next_at=NOON), Owner.LEGACY, "is called again, notifying"),
        (
            IndexRow(suppress_notification=False, next_at=NOON),
            Owner.LEGACY,
            "not called yet, due at 2026-03-01 12:00:00",
        ),
        (IndexRow(suppress_notification=True), Owner.HUB, "was not called yet"),
        (IndexRow(suppress_notification=True, attempts=5, reason="rejected"), Owner.HUB, "was not reached: rejected"),
    ],
    ids=str,
)
async def test_the_call_of_the_legacy_index_is_told(index: IndexRow, owner: Owner, line: str) -> None:
    town = await open_town()
    process = Process(town)
    event = await relayed(town, process)
    await decided(town, event, row(), owner=owner, index=index)
    await process.dead_letters.put(letter(index_letter(event), event))
    text = str(await the_story(process))
    assert line in text
    assert "letter" in text


async def test_a_letter_is_told_with_its_explanation_and_no_control_of_others() -> None:
    town = await open_town()
    process = Process(town)
    event = await relayed(town, process)
    await decided(town, event, row(DeliveryState.FAILED))
    await process.dead_letters.put(letter(NOTIFICATION, event))
    text = str(await the_story(process))
    assert f"letter     {NOTIFICATION} after 5 tries: Rejected" in text
    assert r"the channel's own words\x1b[2J" in text
    assert text.endswith(f"convalias replay --job {NOTIFICATION}")


async def test_nobody_has_decided_and_nobody_can_decide_are_told_apart() -> None:
    town = await open_town()
    process = Process(town)
    event = await relayed(town, process)
    first = await the_story(process)
    assert first.next == ADVICE[Situation.UNDECIDED]
    assert "nobody has decided for" not in str(first)
    await town.clock.advance(timedelta(minutes=3))
    assert "undecided  who is told of it, nobody has decided for 3 minutes" in str(await the_story(process))
    await process.dead_letters.put(letter(decision_letter(C1, event), event))
    assert (await the_story(process)).next.startswith("nobody is told: mend what failed")


async def test_what_an_adapter_of_the_host_fails_to_decide_on_is_told_with_its_fault() -> None:
    town = await open_town()
    process = Process(town)
    event = await relayed(town, process)
    waits = UndecidedEvent(conversation=C1, event=event, seq=Seq(3), since=NOON)
    undecided = UndecidedEvents(records=town.records)
    await undecided.put([waits], due=NOON)
    assert (await the_story(process)).next.startswith("nobody has decided who is told")
    (row,) = await undecided.due(now=NOON, limit=9)
    assert isinstance(row, Waiting)
    fault = "channel_choice.of of the host: KeyError at own/choice.py:7 in of"
    await undecided.later([evolve(row, event=failing(waits, fault, now=NOON))], due=NOON)
    told_of = await the_story(process)
    assert f"12:00:00  failing    to decide who is told of it since then, last: {fault}" in str(told_of)
    assert told_of.next == f"mend what failed ({fault}); it is tried again by itself"
    (row,) = await undecided.due(now=NOON, limit=9)
    await town.records.write([Replace(row.stored.key, row.stored.version, {"$": "undecided_event/99"}, row.stored.due)])
    assert (await the_story(process)).next.startswith("nobody has decided who is told")


@pytest.mark.parametrize(
    ("damage", "told_of"),
    [
        ({"$": "decision/99"}, "the decision is in a format that this release cannot read: use a newer convalias"),
        ({"$": None}, "the decision is damaged: bring it back from a backup, then: convalias replay --dead"),
        ({"event": 7}, "the decision is damaged: bring it back from a backup, then: convalias replay --dead"),
    ],
    ids=["newer", "no format", "damaged"],
)
async def test_a_decision_that_cannot_be_read_is_told(damage: Body, told_of: str) -> None:
    town = await open_town()
    process = Process(town)
    event = await relayed(town, process)
    await decided(town, event, row())
    key = Key("decisions", encoded(C1), encoded(event))
    standing = (await town.records.get([key]))[key]
    await town.records.write([Replace(key, standing.version, {**standing.body, **damage})])
    assert (await the_story(process)).next == told_of


@pytest.mark.parametrize("length", [0, 50])
async def test_a_record_that_was_cut_is_called_damaged_and_not_newer(length: int) -> None:
    town = await open_town()
    process = Process(town)
    key = (await process.take(written(TO_C1))).record
    await shortened(town, key, to=length)
    (story,) = await process.operations.why(Asked(record=key))
    assert "unreadable the envelope record: envelope_record: a stored record cannot be read" in str(story)
    assert story.next == "the envelope record is damaged: bring it back from a backup, then: convalias replay --dead"


@pytest.mark.parametrize(
    ("state", "situation"),
    [
        (HoldState.HELD, Situation.HELD),
        (HoldState.APPROVED, Situation.HELD_APPROVED),
        (HoldState.REJECTED, Situation.HELD_REJECTED),
        (HoldState.EXPIRED, Situation.HOLD_EXPIRED),
    ],
)
async def test_a_held_mail_is_told_with_its_hold(state: HoldState, situation: Situation) -> None:
    town = await open_town()
    process = Process(town)
    await process.take(written(TO_C2))
    await process.worker.step()
    (hold,) = await town.holds()
    holds = process.operations.follower.stores.holds
    if state is not HoldState.HELD:
        await holds.change(hold.conversation, hold.id, lambda one: evolve(one, state=state, decided_by=ANN), now=NOON)
    told_of = await the_story(process)
    assert told_of.next == ADVICE[situation]
    assert f"hold       {state.value}{'' if state is HoldState.HELD else ' by ann'}, in c2" in str(told_of)


async def test_a_hold_whose_alias_is_gone_still_waits() -> None:
    town = await open_town()
    process = Process(town)
    await process.take(written(TO_C2))
    await process.worker.step()

    class Nowhere:
        async def at(self, address: EmailAddress) -> None:
            return None

    follower = process.operations.follower
    process.operations = evolve(
        process.operations, follower=evolve(follower, stores=evolve(follower.stores, aliases=Nowhere()))
    )
    assert (await the_story(process)).next == ADVICE[Situation.HELD]


@pytest.mark.parametrize("is_stand_in", [True, False])
async def test_what_legacy_took_is_not_called_delivered(*, is_stand_in: bool) -> None:
    town = await open_town()
    process = Process(town)
    operations = process.operations
    process.operations = evolve(operations, follower=evolve(operations.follower, is_stand_in=is_stand_in))
    await process.take(written(LEGACY))
    await process.worker.step()
    told_of = await the_story(process)
    assert "delivered" not in str(told_of)
    assert ("stand-in" in told_of.next) is is_stand_in


@pytest.mark.parametrize(
    ("evidence", "headers", "line"),
    [
        (SenderEvidence(Dmarc.PASS, dkim_aligned=True), "", "authenticated: DMARC pass, SPF not aligned, DKIM aligned"),
        (SenderEvidence(Dmarc.FAIL, DmarcPolicy.NONE), "", "doubtful: DMARC fail (policy none), SPF not"),
        (SenderEvidence(Dmarc.FAIL), "", "spoofed: DMARC fail (policy unknown)"),
        (None, "", "unauthenticated: it has no Received field of the border"),
        (None, "Received: from x by y\n", "unauthenticated: no trusted border and no authenticator"),
    ],
    ids=str,
)
async def test_the_evidence_of_the_sender_is_told_as_it_was_judged(
    evidence: SenderEvidence | None, headers: str, line: str
) -> None:
    town = await open_town()
    process = Process(town)
    await process.take(written(TO_C1, evidence=evidence, headers=headers))
    await process.worker.step()
    assert f"sender     {line}" in str(await the_story(process))


async def test_a_conversation_tells_its_mails_and_what_came_by_no_mail() -> None:
    town = await open_town()
    process = Process(town)
    assert len(await process.operations.why(Asked(conversation="none"))) == 0
    first = await process.take(written(TO_C1))
    second = await process.take(written(TO_C1, number=2, sender=EmailAddress.parse("x@else.example")))
    await process.drain()
    await town.clock.advance(timedelta(hours=1))
    await process.messaging.send(C1, "Hello", author=BOB, key="k")
    chat, *mails = await process.operations.why(Asked(conversation=C1))
    assert chat.record is None
    assert {one.record for one in mails} == {first.record, second.record}
    assert chat.next == ADVICE[Situation.UNDECIDED]


async def test_a_message_of_a_mail_to_no_alias_is_told_with_its_mail() -> None:
    town = await open_town()
    process = Process(town)
    await relayed(town, process)

    class NoAliases:
        async def of(self, conversation: str) -> tuple[()]:
            return ()

        async def at(self, address: EmailAddress) -> None:
            return None

    follower = process.operations.follower
    operations = evolve(
        process.operations, follower=evolve(follower, stores=evolve(follower.stores, aliases=NoAliases()))
    )
    (one,) = await operations.why(Asked(conversation=C1))
    assert one.record is not None


async def test_a_notification_leads_to_its_mail() -> None:
    town = await open_town()
    process = Process(town)
    event = await relayed(town, process)
    operations = process.operations
    assert len(await operations.why(Asked(notification=NOTIFICATION))) == 0
    await process.dead_letters.put(letter(NOTIFICATION, event))
    (by_letter,) = await operations.why(Asked(notification=NOTIFICATION))
    await operations.suppressions.place(NOTIFICATION, EventPlace(event=event, conversation=C1))
    (by_place,) = await operations.why(Asked(notification=NOTIFICATION))
    assert by_letter == by_place
    assert by_place.record is not None
    other = NotificationId("e9.a1.message.email")
    await operations.suppressions.place(other, EventPlace(event=EventId("e9"), conversation=C1))
    gone = await operations.why(Asked(notification=other))
    assert (len(gone), gone.notes) == (0, ("its message, event e9 of c1, was removed",))


async def test_a_parked_conversation_is_told_and_hides_nothing_else() -> None:
    class ParkedStore:
        async def keyed(self, conversation: ConversationId, *, key: str) -> None:
            raise Parked(conversation, 4, "event/99")

        async def thread(self, conversation: ConversationId) -> None:
            raise Parked(conversation, 4, "event/99")

    town = await open_town()
    process = Process(town)
    await relayed(town, process)
    operations = process.operations
    stores = evolve(operations.follower.stores, conversations=ParkedStore())
    process.operations = evolve(operations, follower=evolve(operations.follower, stores=stores))
    assert (await the_story(process)).next.startswith("conversation c1 is parked: mend what its letter names")
    found = await process.operations.why(Asked(conversation=C1))
    assert len(found) == 1
    assert "event/99" in found.notes[0]
