"""The table of advice: every situation has a row, and no row claims what is not so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from attrs import evolve

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.ids import AccountId, ConversationId, EventId, Seq, UseCase
from convalias.domain.inbound.held import HoldId
from convalias.domain.inbound.outcomes import (
    Dead,
    Done,
    Expired,
    HandedOver,
    Held,
    Ignored,
    Outcome,
    Quarantined,
    Refused,
    Relayed,
    Skipped,
)
from convalias.domain.inbound.posts import RecordKey
from convalias.domain.mail.reasons import Reason
from convalias.domain.mail.reasons import reason as own_reason
from convalias.domain.migration.rollout import Stage
from convalias.domain.operations.advice import (
    ADVICE,
    BY_REASON,
    Circumstances,
    Situation,
    State,
    advice,
    has_failed,
    of_decision,
    of_delivery,
    of_effect,
    of_outcome,
)
from convalias.domain.outbound.decision import is_postponed
from convalias.domain.outbound.delivery import (
    Delivery,
    DeliveryDecision,
    DeliveryState,
    IndexRow,
    NotificationId,
    Owner,
)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = NOON + timedelta(minutes=5)
RECORD = RecordKey("envelopes/2026/03/01/ab.json")
ALIAS = EmailAddress.parse("a@reply.example")


def row(state: DeliveryState, *, attempts: int = 1, next_at: datetime | None = None, reason: str = "") -> Delivery:
    return Delivery(
        id=NotificationId("e1.a1"),
        recipient=AccountId("a1"),
        state=state,
        attempts=attempts,
        next_at=next_at,
        reason=reason,
    )


def decision(
    *rows: Delivery,
    owner: Owner = Owner.HUB,
    index: IndexRow | None = None,
    tried: datetime | None = None,
    decided_at: datetime = NOON,
) -> DeliveryDecision:
    return DeliveryDecision(
        event=EventId("e1"),
        conversation=ConversationId("c1"),
        use_case=UseCase("apply"),
        seq=Seq(2),
        owner=owner,
        stage=Stage.NATIVE if owner is Owner.HUB else Stage.LEGACY,
        reason="nothing set",
        decided_at=decided_at,
        deliveries=rows,
        index=index,
        tried=tried,
    )


def test_every_situation_and_every_reason_has_a_row() -> None:
    assert set(ADVICE) == set(Situation)
    assert set(BY_REASON) == set(Reason)


@pytest.mark.parametrize("situation", Situation)
def test_only_a_confirmed_delivery_is_called_delivered(situation: Situation) -> None:
    said = advice([State(situation, "x")])
    assert ("delivered" in said) is (situation is Situation.DELIVERED)
    assert "good" not in said
    assert "ready" not in said.replace("already", "")


def test_the_most_urgent_state_is_told() -> None:
    states = [State(Situation.DELIVERED), State(Situation.FAILED, "e1.a1"), State(Situation.SENT)]
    assert advice(states).endswith("convalias replay --job e1.a1")
    assert advice([State(Situation.REFUSED, reason=Reason.EMPTY)]) == BY_REASON[Reason.EMPTY]
    assert advice([State(Situation.CANCELLED)]) == "nothing is sent: it"


@pytest.mark.parametrize(
    ("outcome", "situations"),
    [
        (Done(()), [Situation.NO_RECIPIENT]),
        (Done(((ALIAS, Skipped()),)), []),
        (Dead("x", 3), [Situation.DEAD]),
        (Quarantined("x"), [Situation.QUARANTINED]),
        (Expired(), [Situation.EXPIRED]),
    ],
)
def test_an_outcome_is_in_a_situation(outcome: Outcome, situations: list[Situation]) -> None:
    assert [state.situation for state in of_outcome(outcome, RECORD, letter="letter")] == situations


def test_a_dead_mail_without_a_letter_was_discarded() -> None:
    assert of_outcome(Dead("x", 3), RECORD, letter=None) == (State(Situation.DISCARDED, RECORD),)


def test_an_effect_is_in_a_situation() -> None:
    assert of_effect(Relayed(EventId("e"), ConversationId("c"), added=True), RECORD, is_stand_in=True) is None
    assert of_effect(Held(HoldId("h")), RECORD, is_stand_in=True) is None
    assert of_effect(HandedOver("x"), RECORD, is_stand_in=True) == State(Situation.STAND_IN)
    assert of_effect(HandedOver("x"), RECORD, is_stand_in=False) == State(Situation.HANDED_OVER, "x")
    assert of_effect(Skipped(), RECORD, is_stand_in=True) == State(Situation.CARRIED_ELSEWHERE)
    assert of_effect(Refused(Reason.SPAM), RECORD, is_stand_in=True) == State(Situation.REFUSED, RECORD, Reason.SPAM)
    assert of_effect(Ignored(Reason.SPAM), RECORD, is_stand_in=True) == State(Situation.REFUSED, RECORD, Reason.SPAM)


def test_no_advice_replays_mail_so_that_nobody_hears_of_it() -> None:
    said = [advice([State(Situation.REFUSED, RECORD, reason)]) for reason in Reason]
    said += [advice([State(situation, RECORD)]) for situation in Situation]
    assert not [one for one in said if "replay --all" in one]
    unknown = advice([State(Situation.REFUSED, RECORD, Reason.UNKNOWN_SENDER)])
    assert unknown == f"add the address to the sender's account, then: convalias replay --job {RECORD}"


@pytest.mark.parametrize(
    ("one", "owner", "situation"),
    [
        (row(DeliveryState.PLANNED, attempts=0, next_at=NOON), Owner.HUB, Situation.DUE),
        (row(DeliveryState.PLANNED, next_at=LATER), Owner.HUB, Situation.RETRIED),
        (row(DeliveryState.TRIED, next_at=LATER), Owner.HUB, Situation.RETRIED),
        (row(DeliveryState.PLANNED, attempts=0, next_at=LATER, reason="parked"), Owner.HUB, Situation.RETRIED),
        (row(DeliveryState.TRIED), Owner.HUB, Situation.IN_FLIGHT),
        (row(DeliveryState.PLANNED, attempts=0), Owner.LEGACY, Situation.LEGACY_DUE),
        (row(DeliveryState.SENT), Owner.HUB, Situation.SENT),
        (row(DeliveryState.SENT), Owner.LEGACY, Situation.LEGACY_TOLD),
        (row(DeliveryState.DELIVERED), Owner.HUB, Situation.DELIVERED),
        (row(DeliveryState.FAILED), Owner.HUB, Situation.FAILED),
        (row(DeliveryState.UNCERTAIN), Owner.HUB, Situation.UNCERTAIN),
        (row(DeliveryState.CANCELLED, reason="muted"), Owner.HUB, Situation.CANCELLED),
        (row(DeliveryState.TOO_LATE), Owner.HUB, Situation.TOO_LATE),
    ],
)
def test_a_delivery_is_in_a_situation(one: Delivery, owner: Owner, situation: Situation) -> None:
    around = Circumstances(now=NOON, letters=("e1.a1",))
    tried = NOON if one.attempts or one.reason else None
    assert of_delivery(decision(one, owner=owner, tried=tried), one, around).situation is situation


def test_what_legacy_is_to_tell_waits_as_its_call_does() -> None:
    planned = row(DeliveryState.PLANNED, attempts=0)
    failing = IndexRow(suppress_notification=False, attempts=2, next_at=LATER)
    around = Circumstances(now=NOON)
    waiting = of_delivery(decision(planned, owner=Owner.LEGACY, index=failing, tried=NOON), planned, around)
    assert waiting == State(Situation.RETRIED, "2026-03-01 12:05:00")
    first = evolve(failing, attempts=0)
    waiting = of_delivery(decision(planned, owner=Owner.LEGACY, index=first), planned, around)
    assert waiting == State(Situation.POSTPONED, "2026-03-01 12:05:00")


def test_what_waits_for_the_bound_of_an_hour_is_not_called_due() -> None:
    waiting = row(DeliveryState.PLANNED, attempts=0, next_at=LATER)
    state = of_delivery(decision(waiting), waiting, Circumstances(now=NOON))
    assert state == State(Situation.POSTPONED, "2026-03-01 12:05:00")
    assert advice([state]).startswith("nothing: it waits for the bound of an hour")
    assert advice([state]).endswith("until 2026-03-01 12:05:00")
    assert of_delivery(decision(waiting), waiting, Circumstances(now=LATER)).situation is Situation.DUE


def test_what_a_clock_ahead_decided_waits_for_no_bound() -> None:
    waiting = row(DeliveryState.PLANNED, attempts=0, next_at=LATER)
    ahead = decision(waiting, decided_at=LATER)
    state = of_delivery(ahead, waiting, Circumstances(now=NOON))
    assert state == State(Situation.CLOCK_AHEAD, "2026-03-01 12:05:00")
    assert not is_postponed(ahead, NOON)


def test_every_delivery_state_is_in_a_situation() -> None:
    for state in DeliveryState:
        of_delivery(decision(row(state)), row(state), Circumstances(now=NOON, is_stand_in=True))


def test_what_failed_and_has_no_letter_is_not_to_be_replayed() -> None:
    failed = row(DeliveryState.FAILED)
    state = of_delivery(decision(failed), failed, Circumstances(now=NOON))
    assert state == State(Situation.FAILED_FOR_GOOD)
    assert "replay" not in advice([state])


def test_a_decision_is_in_the_situations_of_its_rows() -> None:
    def situations(one: DeliveryDecision, *, is_stand_in: bool = False) -> list[Situation]:
        around = Circumstances(now=NOON, is_stand_in=is_stand_in)
        return [state.situation for state in of_decision(one, around, index_letter="l")]

    given_up = IndexRow(suppress_notification=True, attempts=5, reason="rejected")
    sent = row(DeliveryState.SENT)
    assert situations(decision(sent, index=given_up)) == [Situation.SENT, Situation.INDEX_FAILED]
    assert situations(decision()) == [Situation.NOBODY_TOLD]
    assert situations(decision(owner=Owner.LEGACY)) == [Situation.LEGACY_TOLD]
    assert situations(decision(owner=Owner.LEGACY), is_stand_in=True) == [Situation.STAND_IN]
    assert situations(decision(owner=Owner.LEGACY, index=given_up)) == [Situation.INDEX_FAILED]
    assert situations(decision(owner=Owner.LEGACY, index=IndexRow(suppress_notification=True))) == [
        Situation.NOBODY_TOLD
    ]


def test_an_index_call_has_failed_when_it_is_given_up() -> None:
    assert not has_failed(None)
    assert not has_failed(IndexRow(suppress_notification=True, next_at=NOON, reason="x"))
    assert not has_failed(IndexRow(suppress_notification=True, reason="withdrawn"))
    assert has_failed(IndexRow(suppress_notification=True, reason="x"))


def test_of_a_reason_of_the_hosts_own_its_own_advice_is_told() -> None:
    quota = own_reason("QUOTA", advice="raise the quota {of} the sender")
    state = of_effect(Refused(quota), RECORD, is_stand_in=False)
    assert state is not None
    assert advice([state]) == "raise the quota {of} the sender"
