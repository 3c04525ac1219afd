"""The next step of a delivery, row by row: what its channel promises and what is known decide."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from attrs import evolve

from convalias.domain.ids import AccountId
from convalias.domain.outbound.channel_answers import Answer, Declined, NotSent, Sent, Unknown
from convalias.domain.outbound.delivery import WITHDRAWN, Delivery, DeliveryState, IndexRow, NotificationId
from convalias.domain.outbound.first_tries import READ, Objection
from convalias.domain.outbound.lease import IN_FLIGHT
from convalias.domain.outbound.suppressions import MUTED
from convalias.domain.outbound.tries import (
    NO_CHANNEL,
    ON_ITS_WAY,
    UNSERVED,
    Ambiguity,
    Ask,
    End,
    Facts,
    Persistence,
    Promises,
    Retry,
    Send,
    StartOver,
    after_answer,
    after_sending,
    ambiguous,
    asked_or_left,
    called_off,
    impossible,
    in_doubt,
    is_remembered,
    next_step,
    not_called,
    not_sent,
    parked,
    time_for_call,
    uncertain,
)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
PLANNED, TRIED, UNCERTAIN = DeliveryState.PLANNED, DeliveryState.TRIED, DeliveryState.UNCERTAIN
GONE = Objection(DeliveryState.CANCELLED, WITHDRAWN)
SEEN = Objection(DeliveryState.CANCELLED, READ)

NOTHING = Promises()
ASKED = Promises(can_be_asked=True)
AN_HOUR = Promises(remembers_keys_for=HOUR)


def row(attempts: int = 1, *, tried_for: timedelta = timedelta(0), state: DeliveryState = TRIED) -> Delivery:
    return Delivery(
        id=NotificationId("event1.bob.message.email"),
        recipient=AccountId("bob"),
        state=state,
        attempts=attempts,
        first_tried=NOON - tried_for,
    )


def facts(promises: Promises = NOTHING, *, resend: bool = False, all_arrived: bool = True, tries: int = 3) -> Facts:
    persistence = Persistence(tries=tries, ambiguity=Ambiguity.RESEND if resend else Ambiguity.LEAVE)
    return Facts(now=NOON, promises=promises, persistence=persistence, all_arrived=all_arrived)


def left(reason: str, state: DeliveryState = UNCERTAIN, delivery: Delivery | None = None) -> Delivery:
    return (delivery or row()).becoming(state, reason=reason)


# --- what is done about a row that was taken ---------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "objection", "promises", "step"),
    [
        (PLANNED, None, NOTHING, Send(doubtful=False)),
        (PLANNED, SEEN, NOTHING, End(left(READ, DeliveryState.CANCELLED))),
        (PLANNED, GONE, AN_HOUR, End(left(WITHDRAWN, DeliveryState.CANCELLED))),
        (UNCERTAIN, None, NOTHING, Send(doubtful=True)),
        (UNCERTAIN, SEEN, NOTHING, End(left(READ))),
        (TRIED, None, AN_HOUR, Send(doubtful=True)),
        (TRIED, SEEN, AN_HOUR, Send(doubtful=True)),
        (TRIED, GONE, AN_HOUR, End(left("may have been sent"))),
        (TRIED, GONE, ASKED, Ask()),
        (TRIED, None, ASKED, Ask()),
        (TRIED, None, NOTHING, End(left("may have been sent"))),
        (PLANNED, None, UNSERVED, End(left(NO_CHANNEL, DeliveryState.FAILED))),
        (TRIED, None, UNSERVED, End(left(NO_CHANNEL))),
    ],
)
def test_the_state_before_an_objection_and_the_promises_decide_the_step(
    before: DeliveryState, objection: Objection | None, promises: Promises, step: object
) -> None:
    assert next_step(row(), before, objection, facts(promises)) == step


@pytest.mark.parametrize(
    ("delivery", "memory", "remembered"),
    [
        (row(), IN_FLIGHT - timedelta(seconds=1), False),
        (row(), HOUR, True),
        (row(tried_for=HOUR - timedelta(seconds=20)), HOUR, True),
        (row(tried_for=HOUR - timedelta(seconds=19)), HOUR, False),
        (row(6), HOUR, True),
        (row(7), HOUR, False),
        (evolve(row(), first_tried=None), HOUR, True),
    ],
)
def test_a_key_counts_as_remembered_until_a_call_that_begins_now_has_ended(
    delivery: Delivery, memory: timedelta, *, remembered: bool
) -> None:
    assert is_remembered(delivery, facts(Promises(remembers_keys_for=memory))) is remembered


def test_a_call_takes_no_longer_than_its_bound_and_the_lease() -> None:
    assert time_for_call(NOON + MINUTE, facts()) == timedelta(seconds=20)
    assert time_for_call(NOON + timedelta(seconds=5), facts()) == timedelta(seconds=5)


# --- what follows from an answer ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "attempts", "all_arrived", "step"),
    [
        (Sent("r"), 1, True, End(evolve(left("", DeliveryState.SENT), receipt="r"))),
        (NotSent(), 1, True, StartOver()),
        (NotSent(), 1, False, Retry(evolve(row(), reason=ON_ITS_WAY), not_before=NOON + IN_FLIGHT)),
        (NotSent(), 7, True, End(left("tries ran out: not sent", DeliveryState.FAILED, row(7)))),
        (Unknown(), 1, True, End(left("the channel cannot tell"))),
    ],
)
def test_the_answer_of_a_channel_that_was_asked_decides(
    answer: Answer, attempts: int, *, all_arrived: bool, step: object
) -> None:
    assert after_answer(row(attempts), answer, facts(ASKED, all_arrived=all_arrived)) == step


def test_what_a_channel_took_is_sent_and_what_it_declined_failed() -> None:
    for doubtful in (False, True):
        sent = after_sending(row(), Sent("r"), facts(), doubtful=doubtful)
        assert sent == End(evolve(left("", DeliveryState.SENT), receipt="r"))
    assert after_sending(row(), Declined("blocked"), facts(), doubtful=False) == End(
        left("blocked", DeliveryState.FAILED)
    )


@pytest.mark.parametrize(("promises", "state"), [(AN_HOUR, DeliveryState.FAILED), (NOTHING, DeliveryState.UNCERTAIN)])
def test_what_is_declined_after_a_try_that_may_have_sent_failed_only_where_the_channel_knows_the_key(
    promises: Promises, state: DeliveryState
) -> None:
    step = after_sending(row(), Declined("550"), facts(promises), doubtful=True)
    assert step == End(left("550", state))


# --- what follows from a failure ---------------------------------------------------------------------


def planned(because: str) -> Delivery:
    return evolve(left(because, PLANNED), first_tried=None)


def test_a_try_that_surely_sent_nothing_leaves_a_fresh_row_planned_and_any_other_as_it_was() -> None:
    assert not_sent(row(), "away", facts(), doubtful=False) == Retry(planned("away"))
    assert not_sent(row(), "away", facts(), doubtful=True) == Retry(evolve(row(), reason="away"))
    assert not_called(row(), PLANNED, "away", facts()) == Retry(planned("away"))
    assert not_called(row(), TRIED, "away", facts()) == Retry(evolve(row(), reason="away"))


@pytest.mark.parametrize(
    ("delivery", "promises", "doubtful", "step"),
    [
        (row(3), NOTHING, False, End(left("tries ran out: away", DeliveryState.FAILED, row(3)))),
        (row(3), ASKED, False, End(left("tries ran out: away", DeliveryState.FAILED, row(3)))),
        (row(3), NOTHING, True, End(left("tries ran out: away", UNCERTAIN, row(3)))),
        (row(3), ASKED, True, Retry(evolve(row(3), reason="away"))),
        (
            row(3, tried_for=24 * HOUR),
            ASKED,
            True,
            End(left("tries ran out: away", UNCERTAIN, row(3, tried_for=24 * HOUR))),
        ),
    ],
)
def test_tries_run_out_but_a_channel_that_can_tell_is_asked_for_a_day(
    delivery: Delivery, promises: Promises, *, doubtful: bool, step: object
) -> None:
    assert not_sent(delivery, "away", facts(promises), doubtful=doubtful) == step


@pytest.mark.parametrize(
    ("promises", "step"),
    [
        (AN_HOUR, Retry(evolve(row(), reason="slow"))),
        (ASKED, Retry(evolve(row(), reason="slow"), not_before=NOON + IN_FLIGHT)),
        (NOTHING, End(left("slow"))),
    ],
)
def test_a_call_that_may_have_sent_is_repeated_asked_about_or_left(promises: Promises, step: object) -> None:
    assert ambiguous(row(), "slow", facts(promises)) == step


def test_a_channel_is_asked_again_when_a_lost_call_can_no_longer_arrive() -> None:
    again = evolve(row(), reason="slow")
    assert in_doubt(row(), "slow", facts(ASKED)) == Retry(again)
    assert in_doubt(row(), "slow", facts(ASKED, all_arrived=False)) == Retry(again, not_before=NOON + IN_FLIGHT)
    assert in_doubt(row(3), "slow", facts(all_arrived=False)) == End(left("tries ran out: slow", UNCERTAIN, row(3)))


@pytest.mark.parametrize(
    ("reason", "doubtful", "promises", "step"),
    [
        ("NO_ADDRESS", False, ASKED, End(left("NO_ADDRESS", DeliveryState.FAILED))),
        (MUTED, False, NOTHING, End(left(MUTED, DeliveryState.CANCELLED))),
        (MUTED, True, ASKED, Ask()),
        (MUTED, True, NOTHING, End(left(MUTED))),
    ],
)
def test_what_cannot_be_sent_fails_or_is_withheld_unless_it_may_have_been_sent(
    reason: str, promises: Promises, *, doubtful: bool, step: object
) -> None:
    assert impossible(row(), reason, facts(promises), doubtful=doubtful) == step


@pytest.mark.parametrize(
    ("promises", "step"),
    [
        (NOTHING, End(row())),
        (evolve(AN_HOUR, can_be_asked=True), End(row())),
        (ASKED, Retry(evolve(row(), reason=ON_ITS_WAY), not_before=NOON + IN_FLIGHT)),
    ],
)
def test_a_call_that_was_cancelled_is_asked_about_only_if_its_key_is_not_remembered(
    promises: Promises, step: object
) -> None:
    assert called_off(row(), facts(promises)) == step


@pytest.mark.parametrize(
    ("attempts", "resend", "again"), [(1, False, False), (1, True, True), (2, True, True), (3, True, False)]
)
def test_the_policy_decides_about_what_nobody_can_tell(attempts: int, *, resend: bool, again: bool) -> None:
    there = left("why", UNCERTAIN, row(attempts))
    given = facts(resend=resend)
    assert uncertain(row(attempts), "why", given) == (Retry(there) if again else End(there))
    assert asked_or_left(row(attempts), "why", given) == (Retry(there) if again else End(there))


# --- when it is due again ----------------------------------------------------------------------------


def test_a_row_is_due_after_its_pause_and_not_before_a_lost_call_has_arrived() -> None:
    soon, later = NOON + timedelta(seconds=2), NOON + IN_FLIGHT
    assert Retry(row()).due(soon).next_at == soon
    assert Retry(row(), not_before=later).due(soon).next_at == later
    assert Retry(row(), not_before=soon).due(later).next_at == later
    assert Retry(IndexRow(suppress_notification=True)).due(soon).next_at == soon


def test_a_row_of_a_parked_conversation_waits_as_it_was_when_it_was_taken() -> None:
    waiting = evolve(row(1), next_at=NOON, reason="parked", attempts=1)
    assert parked(row(2), TRIED, until=NOON) == waiting
    assert parked(row(2), PLANNED, until=NOON) == evolve(waiting, state=PLANNED, first_tried=None)
