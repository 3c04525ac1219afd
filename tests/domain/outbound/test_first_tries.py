"""What stands against a first try: withdrawn, read in the meantime, too old; nothing else does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from attrs import evolve

from convalias.domain.conversations.events import ConversationEvent, MessageAdded, Origin
from convalias.domain.conversations.participants import AccountAuthor, Participant
from convalias.domain.conversations.threads import ConversationThread, ThreadState
from convalias.domain.ids import AccountId, ConversationId, EventId, Seq, UseCase
from convalias.domain.outbound.delivery import DeliveryState
from convalias.domain.outbound.first_tries import NOTIFY_WITHIN, READ, TOO_OLD, FirstTryRules, Objection

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ANN, BOB = AccountId("ann"), AccountId("bob")
EVENT = ConversationEvent(
    EventId("e"),
    ConversationId("c"),
    Seq(3),
    MessageAdded(author=AccountAuthor(ANN), text="hi"),
    "k",
    Origin.CHAT,
    NOON,
    NOON,
)
THREAD = ConversationThread(
    id=ConversationId("c"), use_case=UseCase("u"), participants=(Participant(ANN), Participant(BOB)), seq=Seq(9)
)
RULES = FirstTryRules()
WITHDRAWN = Objection(DeliveryState.CANCELLED, "withdrawn")


def objection(
    thread: ConversationThread = THREAD,
    *,
    redacted: bool = False,
    after: timedelta = timedelta(0),
    rules: FirstTryRules = RULES,
) -> Objection | None:
    return rules.objection(EVENT, thread, BOB, redacted=redacted, now=NOON + after)


def test_a_message_that_nobody_has_read_may_be_sent() -> None:
    assert objection() is None
    assert objection(evolve(THREAD, read_up_to={BOB: Seq(2), ANN: Seq(9)})) is None


@pytest.mark.parametrize("up_to", [3, 9])
def test_a_message_that_the_recipient_has_read_is_cancelled(up_to: int) -> None:
    read = evolve(THREAD, read_up_to={BOB: Seq(up_to)})
    assert objection(read) == Objection(DeliveryState.CANCELLED, READ)
    assert objection(read, rules=FirstTryRules(tell_readers=True)) is None


def test_a_message_that_was_withdrawn_is_cancelled() -> None:
    assert objection(redacted=True) == WITHDRAWN
    assert objection(evolve(THREAD, state=ThreadState.ERASED)) == WITHDRAWN
    assert objection(evolve(THREAD, participants=(Participant(ANN),))) == WITHDRAWN


@pytest.mark.parametrize("state", [ThreadState.CLOSED, ThreadState.ARCHIVED])
def test_a_message_of_a_conversation_that_was_closed_is_still_sent(state: ThreadState) -> None:
    assert objection(evolve(THREAD, state=state)) is None


def test_a_message_is_too_late_behind_the_notify_age_and_not_before() -> None:
    assert objection(after=NOTIFY_WITHIN) is None
    late = NOTIFY_WITHIN + timedelta(microseconds=1)
    assert objection(after=late) == Objection(DeliveryState.TOO_LATE, TOO_OLD)
    assert objection(after=late, rules=FirstTryRules(notify_within=timedelta(days=8))) is None
