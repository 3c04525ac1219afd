"""One owner per event, whatever the stage; re-owned as a whole or not at all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations import events as e
from convalias.domain.conversations.events import ConversationEvent, Origin
from convalias.domain.conversations.participants import AccountAuthor, Author, Participant, PeripheralAuthor
from convalias.domain.conversations.threads import ConversationThread
from convalias.domain.ids import AccountId, ConversationId, EventId, Seq, UseCase
from convalias.domain.migration.rollout import Cohort, Rollout, Stage
from convalias.domain.outbound.answering import MINTING_OFF, MintingAnswer
from convalias.domain.outbound.decision import (
    ALONE_AFTER,
    ALONE_TRIES,
    FAULTY_FOR,
    answered,
    decide,
    is_hopeless,
    reowned,
)
from convalias.domain.outbound.delivery import Channel, DeliveryDecision, DeliveryState, Owner

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
C1, APPLY = ConversationId("c1"), UseCase("apply")
ANN, BOB, EVE = AccountId("ann"), AccountId("bob"), AccountId("eve")
THREAD = ConversationThread(C1, APPLY, tuple(map(Participant, (ANN, BOB, EVE))), seq=Seq(2))
STRANGER = PeripheralAuthor(EmailAddress.parse("who@corp.example"))
STAGES = st.sampled_from(Stage)


def event(
    author: Author | None = None, *, origin: Origin = Origin.CHAT, age: timedelta = timedelta(0)
) -> ConversationEvent:
    said = e.MessageAdded(author=author or AccountAuthor(ANN), text="hello")
    return ConversationEvent(EventId("e2"), C1, Seq(2), said, "k", origin, NOON - age, NOON - age, "t")


def decided(stage: Stage | Cohort, happened: ConversationEvent | None = None) -> DeliveryDecision:
    decision = decide(happened or event(), THREAD, stage, {}, now=NOON)
    assert decision is not None
    return decision


def cohort(stage: Stage) -> Cohort:
    return Cohort(stage, 7, Rollout(APPLY, stage, 100, "salt"))


@given(STAGES)
def test_exactly_one_of_the_two_delivers(stage: Stage) -> None:
    decision = decided(stage)
    called = [row for row in decision.deliveries if row.next_at is not None]
    legacy_tells = decision.index is not None and not decision.index.suppress_notification
    assert legacy_tells == (decision.owner is Owner.LEGACY)
    assert bool(called) == (decision.owner is Owner.HUB)
    assert decision.tried is None


@given(STAGES)
def test_everybody_hears_of_it_but_the_author(stage: Stage) -> None:
    assert [row.recipient for row in decided(stage).deliveries] == [BOB, EVE]
    assert [row.recipient for row in decided(stage, event(STRANGER)).deliveries] == [ANN, BOB, EVE]


@given(STAGES)
def test_the_same_input_is_the_same_decision(stage: Stage) -> None:
    assert decided(stage) == decided(stage)


def test_the_flag_as_it_stood_is_written_down() -> None:
    decision = decided(cohort(Stage.PARALLEL))
    assert (decision.bucket, decision.reason) == (7, "parallel at 100 basis points, bucket 7")
    assert decision.rollout == Rollout(APPLY, Stage.PARALLEL, 100, "salt")
    assert decided(Stage.NATIVE).reason == "nothing set"


def test_a_recipient_has_a_row_per_channel() -> None:
    decision = decide(event(), THREAD, Stage.NATIVE, {BOB: (Channel.SMS, Channel.PUSH), EVE: ()}, now=NOON)
    assert decision is not None
    assert [(row.recipient, row.channel) for row in decision.deliveries] == [(BOB, Channel.SMS), (BOB, Channel.PUSH)]


@given(STAGES)
def test_what_was_synced_from_legacy_is_its_own_and_done(stage: Stage) -> None:
    decision = decided(stage, event(origin=Origin.LEGACY_SYNC))
    assert (decision.owner, decision.tried, decision.deliveries) == (Owner.LEGACY, NOON, ())
    assert (decision.due_at, decision.index) == (None, None)


@given(STAGES)
def test_what_is_too_old_is_said_to_be_and_nobody_is_told(stage: Stage) -> None:
    decision = decided(stage, event(age=timedelta(days=7, microseconds=1)))
    assert {row.state for row in decision.deliveries} == {DeliveryState.TOO_LATE}
    assert all(row.next_at is None for row in decision.deliveries)
    assert decision.index is None or decision.index.suppress_notification


def test_seven_days_is_not_yet_too_old() -> None:
    happened = event(age=timedelta(days=7))
    assert {row.state for row in decided(Stage.NATIVE, happened).deliveries} == {DeliveryState.PLANNED}


def test_other_kinds_of_events_are_not_told() -> None:
    happened = evolve(event(), happening=e.MessagesRead(ANN, Seq(1)))
    assert decide(happened, THREAD, Stage.NATIVE, {}, now=NOON) is None


@given(STAGES, STAGES)
def test_a_re_owned_decision_is_what_the_new_stage_would_have_decided(before: Stage, after: Stage) -> None:
    again = reowned(decided(before), after)
    if before is after:
        assert again is None
        return
    assert again is not None
    assert again.reason == "given back: nothing set"
    assert evolve(again, reason="nothing set") == decided(after)


@given(STAGES, STAGES)
def test_what_was_tried_is_never_re_owned(before: Stage, after: Stage) -> None:
    assert reowned(evolve(decided(before), tried=NOON), after) is None


@given(STAGES, STAGES)
def test_what_is_too_late_stays_so_when_it_is_re_owned(before: Stage, after: Stage) -> None:
    again = reowned(decided(before, event(age=timedelta(days=8))), cohort(after))
    if again is not None:
        assert {row.state for row in again.deliveries} == {DeliveryState.TOO_LATE}
        assert again.index is None or again.index.suppress_notification
        assert again.bucket == 7


@pytest.mark.parametrize("stage", Stage)
def test_a_conversation_of_one_has_no_rows(stage: Stage) -> None:
    alone = evolve(THREAD, participants=(Participant(ANN),))
    decision = decide(event(), alone, stage, {}, now=NOON)
    assert decision is not None
    assert decision.deliveries == ()


@given(STAGES)
def test_a_refused_alias_leaves_the_event_to_legacy_unsuppressed_and_the_decision_says_why(stage: Stage) -> None:
    flag = cohort(Stage.LEGACY)
    hub = decided(Stage.NATIVE)
    kept = answered(hub, MintingAnswer(cohort=flag, refusal=MINTING_OFF), has_legacy=True)
    assert (kept.owner, kept.stage, kept.minting) == (Owner.LEGACY, Stage.LEGACY, flag)
    assert kept.index is not None
    assert not kept.index.suppress_notification
    assert all(row.next_at is None for row in kept.deliveries)
    assert kept.reason == f"{hub.reason}; {MINTING_OFF}: legacy delivers"
    again = reowned(decided(Stage.LEGACY), stage, MintingAnswer(refusal=MINTING_OFF))
    assert again is None or again.owner is Owner.LEGACY


def test_without_legacy_a_refused_alias_leaves_the_event_to_the_hub() -> None:
    hub = decided(Stage.PARALLEL)
    kept = answered(hub, MintingAnswer(refusal=MINTING_OFF), has_legacy=False)
    assert (kept.owner, kept.stage, kept.deliveries) == (hub.owner, hub.stage, hub.deliveries)
    assert kept.reason.endswith(f"{MINTING_OFF}: it cannot be answered by mail")
    again = reowned(decided(Stage.LEGACY), Stage.NATIVE, MintingAnswer(refusal=MINTING_OFF), has_legacy=False)
    assert again is not None
    assert again.owner is Owner.HUB


def test_the_minting_flag_stands_in_the_decision_where_it_was_read() -> None:
    flag = cohort(Stage.NATIVE)
    assert answered(decided(Stage.NATIVE), MintingAnswer(cohort=flag), has_legacy=True).minting == flag


@pytest.mark.parametrize(
    ("failing", "alone_for", "alone", "hopeless"),
    [
        (timedelta(0), None, 0, False),
        (FAULTY_FOR - timedelta(seconds=1), None, 0, False),
        (FAULTY_FOR, None, 0, True),
        (FAULTY_FOR, ALONE_AFTER - timedelta(seconds=1), ALONE_TRIES - 1, True),
        (2 * ALONE_AFTER, ALONE_AFTER - timedelta(seconds=1), ALONE_TRIES, False),
        (2 * ALONE_AFTER, ALONE_AFTER, ALONE_TRIES - 1, False),
        (2 * ALONE_AFTER, ALONE_AFTER, ALONE_TRIES, True),
    ],
)
def test_an_event_on_which_an_adapter_fails_waits_a_day_or_minutes_if_the_adapter_works_for_others(
    failing: timedelta, alone_for: timedelta | None, alone: int, *, hopeless: bool
) -> None:
    now = NOON + failing
    alone_since = None if alone_for is None else now - alone_for
    assert is_hopeless(now=now, since=NOON, alone=alone, alone_since=alone_since) is hopeless


def test_each_participant_is_told_once_by_each_chosen_channel() -> None:
    chosen = {BOB: (Channel.SMS, Channel.EMAIL, Channel.SMS), EVE: ()}
    decision = decide(event(), THREAD, Stage.NATIVE, chosen, now=NOON)
    assert decision is not None
    assert [(row.recipient, row.channel) for row in decision.deliveries] == [(BOB, Channel.SMS), (BOB, Channel.EMAIL)]
