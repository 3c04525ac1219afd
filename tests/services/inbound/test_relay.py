"""What becomes of one mail: decided once, tries counted by failures alone, the sender told where he may be."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import timedelta

import pytest
from attrs import evolve, frozen

from convalias.adapters import memory
from convalias.adapters.mime import Reader
from convalias.codec import loads
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations.events import MessageAdded, Origin, StatusNoted
from convalias.domain.conversations.participants import AccountAuthor, Standing
from convalias.domain.ids import AccountId, TraceId, UseCase
from convalias.domain.inbound.claims import Claim, ClaimKey, Path
from convalias.domain.inbound.dead_letters import DeadLetter
from convalias.domain.inbound.outcomes import (
    Again,
    Dead,
    Done,
    Effect,
    Expired,
    HandedOver,
    Held,
    Ignored,
    Quarantined,
    Refused,
    Relayed,
    Skipped,
)
from convalias.domain.inbound.posts import EnvelopeRecord, IncomingMail, MailReference, RecordKey
from convalias.domain.mail.authentication import SenderEvidence
from convalias.domain.mail.envelope import NULL_RETURN_PATH
from convalias.domain.mail.message_id import MessageId
from convalias.domain.mail.reasons import CONSEQUENCES, GONE, Reason
from convalias.domain.migration.rollout import Axis, Rollout, Stage
from convalias.domain.routing.admission import STRICT
from convalias.domain.routing.plan import RoutingPlan
from convalias.domain.routing.policy import BlockedSenders, LoopGuard, RoutingPolicy
from convalias.ports.mail import ReadMail
from convalias.services.inbound.relay import LANE
from convalias.stores.conversations.attachments import attachment_key
from convalias.stores.errors import Contended
from convalias.stores.inbound.dead_letters import DeadLetters
from convalias.stores.inbound.mails import InboundRecords
from convalias.stores.retention import MAIL_KEPT
from services.inbound_desk import (
    BOB,
    BOBS,
    C1,
    C2,
    LEGACY,
    LEGACY_C1,
    NOBODY,
    NOON,
    TO_C1,
    TO_C1_TOO,
    TO_C2,
    Process,
    Town,
    open_town,
    written,
)


class Broken(Reader):
    """A reader with a fault of its own."""

    async def read(self, raw: bytes, post: object) -> ReadMail:
        raise ZeroDivisionError


async def test_a_mail_of_a_participant_becomes_a_message() -> None:
    def town_event(outcome: object) -> object:
        assert isinstance(outcome, Done)
        effect = outcome.effects[0][1]
        assert isinstance(effect, Relayed)
        return effect.event

    town = await open_town()
    process = Process(town)
    outcome = await process.relay.process(await process.take(written(TO_C1)))
    (message,) = await town.messages()
    assert outcome == Done(((TO_C1, Relayed(town_event(outcome), C1, added=True)),))
    assert message.author == AccountAuthor(BOB, Standing.REGISTERED, verified=True)
    assert (message.text.strip(), message.subject, message.message_id) == ("Hello", "Hi", "<1@corp.example>")
    assert message.flags == frozenset()
    assert (message.raw_key or "").startswith("raw/2026/03/01/")


async def test_two_posts_of_one_mail_are_one_message() -> None:
    town = await open_town()
    process = Process(town)
    for recipient in (TO_C1, TO_C1_TOO):
        await process.take(written(recipient, to=[TO_C1, TO_C1_TOO]))
    await process.drain()
    assert len(await town.messages()) == 1
    relayed = [effect for one in await town.effects() for effect in one.values() if isinstance(effect, Relayed)]
    assert sorted(one.added for one in relayed) == [False, True]
    assert town.telemetry.total("deduplication.skipped") == 1


async def test_a_decided_mail_is_not_decided_again() -> None:
    town = await open_town()
    process = Process(town)
    reference = await process.take(written(TO_C1))
    first = await process.relay.process(reference)
    process.faults.fail("blobs.get", memory.before(ZeroDivisionError))
    assert await process.relay.process(reference, receives=99) == first


async def test_of_two_workers_with_one_mail_the_first_concludes_it() -> None:
    town = await open_town()
    process = Process(town)
    reference = await process.take(written(TO_C1))
    first = await process.relay.conclude(reference)
    assert await process.relay.conclude(reference) == first
    assert len(await town.outcomes()) == 1


async def test_attachments_are_kept_once_by_their_content() -> None:
    town = await open_town()
    process = Process(town)
    await process.relay.process(await process.take(written(TO_C1, TO_C2, attached=True)))
    names = await town.blobs.names("attachments/", after="", limit=10)
    (message,) = await town.messages()
    assert sorted(attachment_key(one.digest) for one in message.attachments) == list(names)
    assert await town.blobs.get(attachment_key(message.attachments[0].digest)) == b"PNG"


async def test_a_mail_that_is_refused_keeps_no_attachment() -> None:
    town = await open_town()
    process = Process(town)
    await process.relay.process(await process.take(written(NOBODY, attached=True)))
    assert await town.blobs.names("attachments/", after="", limit=10) == []


async def test_flags_tell_what_a_reader_should_know() -> None:
    town = await open_town()
    process = Process(town)
    unproved = written(TO_C1, evidence=SenderEvidence())
    await process.relay.process(await process.take(unproved))
    (message,) = await town.messages()
    assert message.flags == {"unverified"}


async def test_copies_of_a_registered_participant_are_remembered() -> None:
    town = await open_town()
    process = Process(town)
    copied = ", ".join(f"c{n}@else.example" for n in range(30))
    await process.relay.process(await process.take(written(TO_C1, headers=f"Cc: {copied}\n")))
    thread = await process.messaging.thread(C1)
    assert len(thread.cc_seen) == 20


async def test_legacy_mail_is_handed_over_and_an_overlap_is_skipped() -> None:
    town = await open_town()
    process = Process(town)
    outcome = await process.relay.process(await process.take(written(TO_C1, LEGACY, LEGACY_C1)))
    assert isinstance(outcome, Done)
    effects = dict(outcome.effects)
    assert isinstance(effects[LEGACY], HandedOver)
    assert effects[LEGACY_C1] == Skipped(TO_C1)
    assert [call.address for call in await town.legacy.calls()] == [LEGACY]


async def test_in_stage_native_a_legacy_alias_is_an_alias() -> None:
    town = await open_town()
    town.flags.set(Rollout(UseCase("apply"), Stage.NATIVE, 10_000, "salt"), Axis.INBOUND)
    process = Process(town)
    outcome = await process.relay.process(await process.take(written(LEGACY_C1)))
    assert isinstance(outcome, Done)
    assert isinstance(dict(outcome.effects)[LEGACY_C1], Relayed)


@pytest.mark.parametrize(("first", "then"), [(Stage.NATIVE, Stage.LEGACY), (Stage.LEGACY, Stage.NATIVE)])
async def test_what_a_try_has_claimed_the_next_one_carries_out_though_the_flag_has_flipped(
    first: Stage, then: Stage
) -> None:
    town = await open_town()
    relayed = first is Stage.NATIVE
    town.flags.set(Rollout(UseCase("apply"), first, 10_000, "salt"), Axis.INBOUND)
    process = Process(town)
    reference = await process.take(written(LEGACY_C1))
    if relayed:
        process.faults.fail("records.write", memory.before("records"), skip=1, times=1)  # the event, not the claim
    else:
        process.faults.fail("legacy.process", memory.before("legacy relay"), times=1)
    assert isinstance(await process.relay.process(reference), Again)
    town.flags.set(Rollout(UseCase("apply"), then, 10_000, "salt"), Axis.INBOUND)
    outcome = await process.relay.process(reference)
    assert isinstance(outcome, Done)
    assert isinstance(dict(outcome.effects)[LEGACY_C1], Relayed if relayed else HandedOver)
    assert (len(await town.messages()), len(await town.legacy.calls())) == ((1, 0) if relayed else (0, 1))


async def test_what_another_post_has_claimed_is_left_to_it() -> None:
    town = await open_town()
    town.flags.set(Rollout(UseCase("apply"), Stage.NATIVE, 10_000, "salt"), Axis.INBOUND)
    process = Process(town)
    await process.relay.process(await process.take(written(LEGACY_C1)))
    town.flags.set(Rollout(UseCase("apply"), Stage.LEGACY, 10_000, "salt"), Axis.INBOUND)
    await town.clock.advance(timedelta(seconds=1))
    again = evolve(written(LEGACY_C1), token="another")
    outcome = await process.relay.process(await process.take(again))
    assert outcome == Done(((LEGACY_C1, Skipped(None)),))


async def test_without_a_legacy_relay_its_mail_waits() -> None:
    town = await open_town()
    process = Process(town, legacy=False)
    progress = await process.relay.process(await process.take(written(LEGACY)))
    assert progress == Again(timedelta(seconds=5), "legacy relay is unavailable", away="legacy relay")


async def test_mail_of_others_is_not_ours() -> None:
    town = await open_town()
    process = Process(town)
    outcome = await process.relay.process(await process.take(written(EmailAddress.parse("x@else.example"))))
    assert outcome == Done(((EmailAddress.parse("x@else.example"), Ignored(Reason.NOT_OURS)),))
    assert town.telemetry.total("icer.messages.processed", effect="ignored", reason="NOT_OURS") == 1


async def test_a_raw_mail_or_record_that_retention_took_is_expired() -> None:
    town = await open_town()
    process = Process(town)
    reference = await process.take(written(TO_C1))
    await town.blobs.delete(await town.blobs.names("raw/", after="", limit=1))
    gone = MailReference(RecordKey("envelopes/2026/03/01/none.json"), TraceId("t"))
    await town.clock.advance(MAIL_KEPT)
    for one in (reference, gone):
        assert await process.relay.process(one) == Expired()
    assert await town.messages() == []


@pytest.mark.parametrize("kept", [MAIL_KEPT, None])
async def test_one_that_is_to_be_kept_still_is_tried_again_and_comes_in_when_it_is_back(kept: timedelta | None) -> None:
    """As where a place is not mounted, or a worker looks into a wrong one: the mail did not expire."""
    town = await open_town()
    process = Process(town)
    process.relay = evolve(
        process.relay, stores=evolve(process.relay.stores, inbound=evolve(process.relay.stores.inbound, kept=kept))
    )
    reference = await process.take(written(TO_C1))
    (name,) = await town.blobs.names("raw/", after="", limit=1)
    raw = await town.blobs.get(name)
    assert raw is not None
    for damaged in (None, raw[:20], b""):
        await town.blobs.delete([name])
        if damaged is not None:
            await town.blobs.put(name, damaged)
        assert isinstance(await process.relay.process(reference), Again | Dead)
    assert isinstance(outcome := await process.relay.process(reference), Dead)
    assert outcome.reason == "the raw mail is damaged: it is not what was taken in"
    await town.blobs.delete([name])
    await town.blobs.put(name, raw)
    standing = await process.relay.stores.inbound.outcome(reference.record)
    assert isinstance(await process.relay.conclude(reference, standing=standing), Done)
    assert [one.text for one in await town.messages()] == ["Hello"]


async def test_a_plan_is_carried_out_with_its_own_mail_alone() -> None:
    town = await open_town()
    process = Process(town)
    reference = await process.take(written(TO_C1))
    record = loads(await town.blobs.get(reference.record) or b"", EnvelopeRecord)
    raw = await town.blobs.get(record.raw) or b""
    plan = await process.relay.decide(record, await process.relay.reader.read(raw, record.post))
    assert isinstance(plan, RoutingPlan)
    other = await process.relay.reader.read(b"X: y\n" * 2_000, record.post)
    with pytest.raises(ExceptionGroup) as caught:
        await process.carrier.carry_out(plan, other, record)
    assert "never relayed or held" in str(caught.value.exceptions[0])


# --- tries ---------------------------------------------------------------------------------------------


async def test_the_third_failure_is_a_dead_letter_and_its_job_is_done() -> None:
    town = await open_town()
    process = Process(town, reader=Broken())
    reference = await process.take(written(TO_C1))
    first, second = [await process.relay.process(reference) for _ in range(2)]
    assert isinstance(first, Again)
    assert isinstance(second, Again)
    assert timedelta(0) < first.after <= timedelta(seconds=2) < second.after <= timedelta(seconds=4)
    why = first.because.removeprefix("failed 1 of 3 times: ")
    assert re.fullmatch(r"ZeroDivisionError at inbound/test_relay\.py:\d+ in Broken\.read", why)
    assert await process.relay.process(reference) == Dead(why, 3)
    (letter,) = [letter async for letter in process.dead_letters.list(LANE)]
    assert (letter.id, letter.subject, letter.tries) == (reference.trace, reference.record, 3)
    assert letter.reason == why
    assert [one.outcome for one in await town.outcomes()] == [Dead(why, 3)]


async def given_up_beside(process: Process, reference: MailReference, other: Callable[[], Awaitable[object]]) -> None:
    """Give a mail up while, between its letter and its outcome, another job of it comes to an end."""

    class Overtaken(DeadLetters):
        async def put(self, letter: DeadLetter) -> None:
            await super().put(letter)
            await other()

    for _ in range(2):
        await process.relay.process(reference)
    stores = evolve(process.relay.stores, dead_letters=Overtaken(records=process.town.records))
    await evolve(process.relay, stores=stores).process(reference)


@pytest.mark.parametrize("trace", [None, TraceId("swept")], ids=["comes twice", "of the sweeper"])
async def test_of_two_jobs_of_a_mail_that_is_given_up_one_letter_stays(trace: TraceId | None) -> None:
    town = await open_town()
    process = Process(town, reader=Broken())
    reference = await process.take(written(TO_C1))
    second = evolve(reference, trace=trace or reference.trace)
    await given_up_beside(process, reference, lambda: process.relay.process(second))
    (outcome,) = await town.outcomes()
    assert outcome.trace == second.trace
    assert [one.trace for one in await process.operations.dead()] == [second.trace]


async def test_a_mail_that_another_worker_relayed_meanwhile_keeps_no_letter() -> None:
    town = await open_town()
    process, well = Process(town, reader=Broken()), Process(town)
    reference = await process.take(written(TO_C1))
    await given_up_beside(process, reference, lambda: well.relay.process(reference))
    assert isinstance((await town.outcomes())[0].outcome, Done)
    assert await process.operations.dead() == ()


async def test_a_dead_letter_explains_the_decision_and_names_nobody() -> None:
    town = await open_town()
    process = Process(town)
    process.faults.fail("legacy.process", memory.before(ZeroDivisionError))
    reference = await process.take(written(LEGACY))
    for _ in range(3):
        outcome = await process.relay.process(reference)
    assert isinstance(outcome, Dead)
    (letter,) = await process.operations.dead()
    assert "address-1" in letter.explanation
    assert "@" not in letter.explanation


@pytest.mark.slow
@pytest.mark.parametrize(
    "call", ["records.write", "records.get", "records.range", "blobs.get", "directory.at", "legacy.process"]
)
@pytest.mark.parametrize("fault", [memory.before("it"), memory.after("it"), memory.before(TimeoutError)])
async def test_an_outage_is_no_try_however_long_it_lasts(call: str, fault: memory.Fault) -> None:
    town = await open_town()
    process = Process(town)
    reference = await process.take(written(TO_C1, LEGACY))
    process.faults.fail(call, fault)
    for receives in range(1, 200):
        assert isinstance(await process.relay.process(reference, receives=receives), Again)
    process.faults.mend()
    assert isinstance(await process.relay.process(reference, receives=200), Done)
    assert len(await town.messages()) == 1
    assert len(await town.legacy.calls()) == 1


async def test_a_record_that_is_fought_over_counts_no_try() -> None:
    town = await open_town()
    process = Process(town)
    reference = await process.take(written(TO_C1, LEGACY))
    process.faults.fail("legacy.process", memory.before(Contended("events")))
    for _ in range(9):
        assert isinstance(await process.relay.process(reference), Again)
    assert await process.operations.dead() == ()


async def test_an_outage_beside_a_failure_counts_no_try() -> None:
    town = await open_town()
    process = Process(town)
    reference = await process.take(written(TO_C1, LEGACY))
    process.faults.fail("legacy.process", memory.before(ZeroDivisionError))
    process.faults.fail("records.range", memory.before("records"))
    for _ in range(9):
        assert isinstance(await process.relay.process(reference), Again)
    assert await Process(town).operations.dead() == ()


async def test_one_recipient_that_fails_does_not_undo_or_repeat_the_others() -> None:
    town = await open_town()
    process = Process(town)
    process.faults.fail("legacy.process", memory.before(ZeroDivisionError), times=1)
    reference = await process.take(written(TO_C1, TO_C2, LEGACY))
    assert isinstance(await process.relay.process(reference), Again)
    assert len(await town.messages()) == 1
    assert isinstance(await process.relay.process(reference), Done)
    assert len(await town.messages()) == 1
    assert len(await town.holds()) == 1


class Killed(BaseException):
    """The worker is dead."""


async def test_a_mail_that_stops_its_workers_is_given_up() -> None:
    town = await open_town()
    process = Process(town)
    reference = await process.take(written(TO_C1))
    receives = 0
    while True:
        receives += 1
        process.faults.fail("directory.at", memory.before(Killed))
        with suppress(Killed, BaseExceptionGroup):  # the worker is dead
            outcome = await process.relay.process(reference, receives=receives)
            break
    assert receives == 21
    assert outcome == Dead("stopped its worker 17 times", 17)
    assert len(await process.operations.dead()) == 1


class Deadly(Reader):
    """A reader whose process dies of every mail, whatever of it is read."""

    async def read(self, raw: bytes, post: object) -> ReadMail:
        raise Killed


async def test_a_mail_whose_head_stops_its_workers_is_given_up_before_it_is_read_again() -> None:
    town = await open_town()
    process = Process(town, reader=Deadly(alias_domains=frozenset({"reply.example"})))
    reference = await process.take(written(TO_C1))
    for receives in range(1, 22):
        with suppress(Killed):
            await process.relay.process(reference, receives=receives)
    assert await process.relay.process(reference, receives=22) == Dead("stopped its worker 17 times", 17)
    assert len(await process.operations.dead()) == 1


async def test_a_mail_whose_body_stops_its_workers_is_found_by_its_head() -> None:
    town = await open_town()
    process = Process(town)
    reference = await process.take(written(TO_C1))
    for receives in range(4, 21):
        process.faults.fail("directory.at", memory.before(Killed))
        with suppress(Killed, BaseExceptionGroup):
            await process.relay.process(reference, receives=receives)
    assert isinstance(await process.relay.process(reference, receives=21), Dead)
    outcome = await town.inbound.outcome(reference.record)
    assert outcome is not None
    assert outcome.message_digest
    assert outcome.sender_digest
    assert outcome.recipient_digests


@frozen(kw_only=True)
class Overtaken(DeadLetters):
    """While the letter is written, somebody else comes to an end with the mail."""

    town: Town
    reference: MailReference

    async def put(self, letter: DeadLetter) -> None:
        await Process(self.town).relay.process(self.reference)
        await super().put(letter)


async def test_a_mail_that_somebody_else_has_concluded_meanwhile_is_not_given_up() -> None:
    town = await open_town()
    process = Process(town)
    reference = await process.take(written(TO_C1))
    for _ in range(17):
        await town.inbound.begun(reference.record, at=NOON)
    letters = Overtaken(records=town.records, town=town, reference=reference)
    relay = evolve(process.relay, stores=evolve(process.relay.stores, dead_letters=letters))
    done = await relay.process(reference, receives=21)
    assert isinstance(done, Done)
    outcome = await town.inbound.outcome(reference.record)
    assert outcome is not None
    assert outcome.outcome == done


class Endless(Reader):
    """A reader that never comes to an end."""

    async def read(self, raw: bytes, post: object) -> ReadMail:
        await asyncio.Event().wait()
        raise AssertionError


@frozen(kw_only=True)
class Dawdling(InboundRecords):
    """Once the outcome is written, time runs out."""

    limits: Sequence[asyncio.Timeout]

    async def ended(self, record: RecordKey) -> None:
        self.limits[0].reschedule(asyncio.get_running_loop().time())
        await asyncio.Event().wait()


async def test_a_mail_that_always_takes_too_long_is_given_up_and_can_be_redriven(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("convalias.services.inbound.relay.PROCESS_WITHIN", timedelta(0))
    monkeypatch.setattr("convalias.services.inbound.relay.RECOGNISE_WITHIN", timedelta(0))

    town = await open_town()
    desk = Process(town, reader=Endless(alias_domains=frozenset({"reply.example"})))
    reference = await desk.take(written(TO_C1))
    pauses = []
    for _ in range(19):
        again = await desk.relay.process(reference)
        assert isinstance(again, Again)
        pauses.append(again.after)
    assert again.because == "took longer than 0 s, 19 of 20 times"
    assert timedelta(seconds=1) <= pauses[0] <= timedelta(seconds=2)
    assert timedelta(minutes=7) <= pauses[-1] <= timedelta(minutes=15)
    assert await desk.relay.process(reference) == Dead("took longer than 0 s", 20)
    (letter,) = [one async for one in desk.dead_letters.list(LANE)]
    assert (letter.subject, letter.reason, letter.tries) == (reference.record, "took longer than 0 s", 20)
    well = Process(town)
    assert (await well.replay.dead(dry_run=False)).events == 1
    assert [one async for one in desk.dead_letters.list(LANE)] == []
    assert await town.inbound.overran(reference.record, because="slow", at=NOON) == 1


async def test_a_time_out_of_something_outside_counts_as_no_overrun() -> None:
    town = await open_town()
    faults = memory.Faults()
    desk = Process(town, faults=faults)
    reference = await desk.take(written(TO_C1))
    faults.fail("blobs.get", memory.before(TimeoutError), times=1)
    assert isinstance(await desk.relay.process(reference), Again)
    assert await town.inbound.overran(reference.record, because="slow", at=NOON) == 1


async def test_what_was_concluded_though_too_late_is_concluded(monkeypatch: pytest.MonkeyPatch) -> None:
    limits: list[asyncio.Timeout] = []
    timeout = asyncio.timeout

    def noted(delay: float | None) -> asyncio.Timeout:
        limits.append(timeout(delay))
        return limits[-1]

    monkeypatch.setattr("asyncio.timeout", noted)

    town = await open_town()
    desk = Process(town)
    reference = await desk.take(written(TO_C1))
    stores = evolve(desk.relay.stores, inbound=Dawdling(records=town.records, limits=limits))
    slow = evolve(desk.relay, stores=stores)
    limits.clear()
    assert isinstance(await slow.process(reference, receives=4), Done)
    assert await town.inbound.overran(reference.record, because="slow", at=NOON) == 1


async def test_what_cannot_even_be_counted_is_given_back_for_long() -> None:
    town = await open_town()
    process = Process(town)
    reference = await process.take(written(TO_C1))
    process.faults.fail("records.get", memory.before(ZeroDivisionError))
    again = await process.relay.process(reference)
    assert isinstance(again, Again)
    assert again.after == timedelta(minutes=15)
    assert again.because.startswith("ZeroDivisionError at memory/faults.py:")
    process.faults.fail("records.write", memory.before(ZeroDivisionError))


async def test_an_end_that_cannot_be_written_down_is_no_death_by_itself() -> None:
    town = await open_town()
    process = Process(town)
    reference = await process.take(written(TO_C1))
    process.faults.fail("blobs.get", memory.before("raw store"), times=1)
    process.faults.fail("records.write", memory.before("records"), skip=1, times=1)
    assert isinstance(await process.relay.process(reference, receives=9), Again)
    assert isinstance(await process.relay.process(reference, receives=10), Done)


# --- what changes between two tries --------------------------------------------------------------------


async def test_a_conversation_that_closes_between_decision_and_effect_is_decided_anew() -> None:
    town = await open_town()
    process = Process(town)
    stale = await process.conversations.threads([C1])
    await Process(town).messaging.close(C1)
    fresh = process.conversations

    class Lagging:
        asked = 0

        async def threads(self, ids: object) -> object:
            self.asked += 1
            return stale if self.asked == 1 else await fresh.threads([C1])

    relay = evolve(process.relay, facts=evolve(process.facts, conversations=Lagging()))
    outcome = await relay.process(await process.take(written(TO_C1)))
    assert outcome == Done(((TO_C1, Refused(Reason.CONVERSATION_CLOSED, told=True)),))


async def test_a_decision_that_is_overtaken_for_ever_is_a_failure() -> None:
    town = await open_town()
    process = Process(town)
    stale = await process.conversations.threads([C1])
    await Process(town).messaging.close(C1)

    class Lagging:
        async def threads(self, ids: object) -> object:
            return stale

    relay = evolve(process.relay, facts=evolve(process.facts, conversations=Lagging()))
    reference = await process.take(written(TO_C1))
    for _ in range(2):
        assert isinstance(await relay.process(reference), Again)
    end = await relay.process(reference)
    assert isinstance(end, Dead)
    assert end.reason.startswith("Overtaken at inbound/carrier.py:")


async def test_what_an_earlier_try_posted_is_neither_refused_nor_held_later() -> None:
    town = await open_town()
    process = Process(town)
    process.faults.fail("legacy.process", memory.before("legacy"), times=1)
    reference = await process.take(written(TO_C1, LEGACY))
    assert isinstance(await process.relay.process(reference), Again)
    await process.messaging.close(C1)
    outcome = await process.relay.process(reference)
    assert isinstance(outcome, Done)
    effect = dict(outcome.effects)[TO_C1]
    assert isinstance(effect, Relayed)
    assert not effect.added
    await process.drain()
    assert town.outbox.mails == ()


async def test_another_mail_under_the_same_id_is_refused_though_the_first_was_posted() -> None:
    town = await open_town()
    process = Process(town)
    await process.relay.process(await process.take(written(TO_C1, headers="Date: Sun, 1 Mar 2026 10:00:00 +0000\n")))
    await process.messaging.close(C1)
    other = written(TO_C1, text="Other", headers="Date: Sun, 1 Mar 2026 11:00:00 +0000\n")
    outcome = await process.relay.process(await process.take(other))
    assert outcome == Done(((TO_C1, Refused(Reason.CONVERSATION_CLOSED, told=True)),))


async def test_an_earlier_claim_of_legacy_stands() -> None:
    town = await open_town()
    key = ClaimKey(C1, BOBS, MessageId(b"1@corp.example"))
    await town.inbound.claim([Claim(key, Path.LEGACY, at=NOON)])
    process = Process(town)
    outcome = await process.relay.process(await process.take(written(TO_C1)))
    assert outcome == Done(((TO_C1, Skipped(None)),))
    assert await town.messages() == []


async def test_a_mail_does_not_see_its_own_claims_as_an_earlier_use_of_its_id() -> None:
    town = await open_town()
    process = Process(town)
    await Process(town).messaging.add_participant(C2, (await process.messaging.thread(C1)).participants[1])
    process.faults.fail("records.write", memory.after("records"), times=1)
    reference = await process.take(written(TO_C1, TO_C2, to=[BOBS]))
    assert isinstance(await process.relay.process(reference), Again)
    outcome = await process.relay.process(reference)
    assert isinstance(outcome, Done)
    assert [type(effect) for _, effect in outcome.effects] == [Relayed, Relayed]


async def test_a_signed_mail_that_is_sent_on_to_another_conversation_is_held() -> None:
    town = await open_town()
    process = Process(town)
    await Process(town).messaging.add_participant(C2, (await process.messaging.thread(C1)).participants[1])
    await process.relay.process(await process.take(written(TO_C1)))
    await town.clock.advance(timedelta(seconds=1))
    again = await process.take(written(TO_C2, to=[TO_C1]))
    for _ in range(2):
        outcome = await process.relay.process(again)
        assert isinstance(outcome, Done)
        assert isinstance(dict(outcome.effects)[TO_C2], Held)


# --- whoever may be told is told -----------------------------------------------------------------------


def sent(town: Town) -> list[str]:
    return [mail.raw.decode() for mail in town.outbox.mails]


async def test_a_refusal_leaves_a_minute_after_receipt() -> None:
    town = await open_town()
    process = Process(town)
    await process.relay.process(await process.take(written(NOBODY)))
    await town.clock.advance(timedelta(seconds=59))
    assert await process.system_outbox.send_due() == 0
    await town.clock.advance(timedelta(seconds=1))
    assert await process.system_outbox.send_due() == 1
    assert await process.system_outbox.send_due() == 0
    assert sent(town) == [f"{BOBS} <1@corp.example> {GONE}"]
    assert town.outbox.mails[0].return_path == ""


async def test_a_participant_reads_the_reason_and_a_stranger_the_one_text() -> None:
    town = await open_town()
    process = Process(town, policy=RoutingPolicy(admission=STRICT))
    await process.messaging.close(C1)
    await process.relay.process(await process.take(written(TO_C1)))
    await process.relay.process(await process.take(written(TO_C2, number=2)))
    await process.drain()
    closed = CONSEQUENCES[Reason.CONVERSATION_CLOSED].public_text
    assert sorted(sent(town)) == sorted([f"{BOBS} <1@corp.example> {closed}", f"{BOBS} <2@corp.example> {GONE}"])


@pytest.mark.parametrize(
    "mail",
    [
        written(NOBODY, return_path=NULL_RETURN_PATH),
        written(NOBODY, evidence=SenderEvidence()),
        written(NOBODY, headers="Auto-Submitted: auto-replied\n"),
        evolve(written(NOBODY), spam=True),
    ],
    ids=["null return path", "unproved", "automatic", "spam"],
)
async def test_nobody_else_is_told(mail: IncomingMail) -> None:
    town = await open_town()
    process = Process(town)
    await process.relay.process(await process.take(mail))
    await process.drain()
    assert sent(town) == []


async def test_of_a_mail_that_is_too_large_its_sender_is_told() -> None:
    town = await open_town()
    process = Process(town)
    mail = written(TO_C1, TO_C2, NOBODY, LEGACY, quarantine="too_large")
    assert await process.relay.process(await process.take(mail)) == Quarantined("too_large")
    await process.drain()
    assert await town.messages() == []
    assert await town.legacy.calls() == ()
    large = CONSEQUENCES[Reason.TOO_LARGE].public_text
    assert sorted(sent(town)) == sorted([f"{BOBS} <1@corp.example> {text}" for text in (large, GONE, GONE)])


@pytest.mark.parametrize(
    "mail",
    [
        written(TO_C1, quarantine="too_large", evidence=SenderEvidence()),
        written(TO_C1, quarantine="too_large", return_path=NULL_RETURN_PATH),
        written(TO_C1, quarantine="too_large", headers="From: boss@corp.example\n"),
        written(TO_C1, quarantine="too_large", headers="".join(f"X-{n}: y\n" for n in range(1_200))),
        written(EmailAddress.parse("x@else.example"), quarantine="too_large"),
        written(TO_C1, quarantine="unparseable"),
        written(quarantine="too_large", to=[TO_C1]),
    ],
    ids=["unproved", "null return path", "ambiguous", "malformed", "not ours", "unparseable", "no envelope"],
)
async def test_of_a_quarantined_mail_nobody_else_is_told(mail: IncomingMail) -> None:
    town = await open_town()
    process = Process(town, policy=RoutingPolicy())
    assert isinstance(await process.relay.process(await process.take(mail)), Quarantined)
    await process.drain()
    assert sent(town) == []


async def test_a_blocked_sender_is_not_told_that_a_mail_was_too_large() -> None:
    town = await open_town()
    process = Process(town, policy=RoutingPolicy(blocked=BlockedSenders(frozenset({BOBS}))))
    await process.relay.process(await process.take(written(TO_C1, quarantine="too_large")))
    await process.drain()
    assert sent(town) == []


async def test_whoever_must_be_heard_is_waited_for_before_a_quarantine_too() -> None:
    town = await open_town()
    process = Process(town)
    process.faults.fail("directory.at", memory.before("directory"))
    progress = await process.relay.process(await process.take(written(TO_C1, quarantine="too_large")))
    assert progress == Again(timedelta(seconds=5), "directory is unavailable", away="directory")


# --- loops ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("counts", "kinds"), [(True, [Relayed, Relayed, Ignored]), (False, [Relayed] * 3)])
async def test_the_third_mail_with_one_text_is_a_loop(*, counts: bool, kinds: list[type]) -> None:
    town = await open_town()
    process = Process(town, policy=RoutingPolicy(loop_guard=LoopGuard(mails_an_hour=9)), counts=counts)
    seen: list[type] = []
    for number in range(3):
        reference = await process.take(written(TO_C1, number=number, text=f"This is the mail of day {number}. " * 2))
        await town.clock.advance(timedelta(seconds=1))
        process.faults.fail("records.write", memory.after("records"), times=1, skip=2)
        await process.relay.process(reference)
        await process.relay.process(reference)
    for effects in await town.effects():
        seen += [type(effect) for effect in effects.values()]
    assert sorted(map(str, seen)) == sorted(map(str, kinds))


async def test_a_mail_that_says_nothing_but_an_earlier_subject_is_empty() -> None:
    town = await open_town()
    process = Process(town)

    async def came(number: int, subject: str, text: str = "") -> list[Effect]:
        mail = written(TO_C1, number=number, text=text)
        mail = evolve(mail, raw=mail.raw.replace(b"Subject: Hi", f"Subject: {subject}".encode()))
        reference = await process.take(mail)
        await process.relay.process(reference)
        outcome = await process.relay.process(reference)
        assert isinstance(outcome, Done)
        return [effect for _, effect in outcome.effects]

    assert isinstance((await came(1, "Interview", "When?"))[0], Relayed)
    assert isinstance((await came(2, "Re: yes, Tuesday at ten"))[0], Relayed)
    assert isinstance(
        (await came(6, "Re: at ten, then", "On 1 March, Ann <ann@x.example> wrote:\n> When?"))[0], Relayed
    )
    assert (await town.messages())[-1].text.startswith("Re: at ten, then\n\n")
    assert await came(3, "Re: interview") == [Refused(Reason.EMPTY, told=True)]
    for number in range(150):
        await process.messaging.send(C1, "Hm", author="ann", key=f"{number}")
    assert isinstance((await came(4, "Last words", "Bye."))[0], Relayed)
    assert await came(5, "AW: Last words") == [Refused(Reason.EMPTY, told=False)]


async def test_what_is_not_shown_of_a_loop_is_a_status_of_its_author() -> None:
    town = await open_town()
    process = Process(town)
    for number in range(4):
        await process.relay.process(await process.take(written(TO_C1, number=number, text="The very same words. " * 3)))
        await town.clock.advance(timedelta(seconds=1))
    happened = [one.happening for one in await process.messaging.events(C1)]
    assert [one for one in happened if isinstance(one, StatusNoted)] == [
        StatusNoted(AccountId("bob"), "1 equal mail not shown"),
        StatusNoted(AccountId("bob"), "2 equal mails not shown"),
    ]
    assert len(await town.messages()) == 2


@pytest.mark.parametrize(("pause", "shown"), [(timedelta(seconds=30), 2), (timedelta(minutes=10), 4)])
async def test_short_answers_are_a_loop_only_when_each_comes_in_haste(pause: timedelta, shown: int) -> None:
    """Three short answers of a person within an hour are none."""
    town = await open_town()
    process = Process(town)
    for number in range(4):
        await process.messaging.send(C1, f"And now? {number}", author="ann", key=f"{number}")
        await town.clock.advance(pause)
        answer = written(TO_C1, number=number, text="ok, thanks", headers="In-Reply-To: <n.12@reply.example>\n")
        await process.relay.process(await process.take(answer))
    events = await process.messaging.events(C1)
    mails = [one for one in events if isinstance(one.happening, MessageAdded) and one.origin is Origin.ALIAS_MAIL]
    assert len(mails) == shown


async def test_a_conversation_takes_so_many_mails_an_hour() -> None:
    town = await open_town()
    process = Process(town, policy=RoutingPolicy(loop_guard=LoopGuard(mails_an_hour=2)))
    for number in range(3):
        await process.relay.process(await process.take(written(TO_C1, number=number, text=f"{number}")))
        await town.clock.advance(timedelta(seconds=1))
    assert len(await town.messages()) == 2
    await town.clock.advance(timedelta(hours=1))
    await process.relay.process(await process.take(written(TO_C1, number=9, text="9")))
    assert len(await town.messages()) == 3


async def test_a_mail_without_a_clear_sender_is_not_counted() -> None:
    town = await open_town()
    process = Process(town, policy=RoutingPolicy(loop_guard=LoopGuard()))
    outcome = await process.relay.process(await process.take(written(TO_C1, headers="From: boss@corp.example\n")))
    assert isinstance(outcome, Done)
    assert isinstance(dict(outcome.effects)[TO_C1], Held)
