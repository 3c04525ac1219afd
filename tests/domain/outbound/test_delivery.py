"""The life of a delivery is a table; ids are the same for the same parts; pauses grow and are bounded."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convalias.domain.errors import InvalidValue
from convalias.domain.ids import AccountId, ConversationId, EventId, Seq, UseCase
from convalias.domain.migration.rollout import Stage
from convalias.domain.outbound.delivery import (
    TRANSITIONS,
    Channel,
    Delivery,
    DeliveryDecision,
    DeliveryState,
    IndexRow,
    NotificationId,
    NotificationKind,
    Owner,
    backoff,
    notification_id,
)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
ROW = Delivery(id=NotificationId("n"), recipient=AccountId("a"), next_at=NOON)


def decided(*rows: Delivery, index: IndexRow | None = None) -> DeliveryDecision:
    return DeliveryDecision(
        event=EventId("e"),
        conversation=ConversationId("c"),
        use_case=UseCase("apply"),
        seq=Seq(2),
        owner=Owner.HUB,
        stage=Stage.NATIVE,
        reason="",
        decided_at=NOON,
        deliveries=rows,
        index=index,
    )


@pytest.mark.parametrize("state", DeliveryState)
@pytest.mark.parametrize("after", DeliveryState)
def test_a_step_is_taken_only_if_the_table_has_it(state: DeliveryState, after: DeliveryState) -> None:
    row = Delivery(id=NotificationId("n"), recipient=AccountId("a"), state=state)
    if after in TRANSITIONS[state]:
        assert row.becoming(after).state is after
    else:
        with pytest.raises(InvalidValue, match=f"delivery in state {state.value}"):
            row.becoming(after)


def test_every_state_has_a_row_in_the_table() -> None:
    assert set(TRANSITIONS) == set(DeliveryState)


@pytest.mark.parametrize("end", [DeliveryState.DELIVERED, DeliveryState.CANCELLED, DeliveryState.TOO_LATE])
def test_what_is_over_stays_so(end: DeliveryState) -> None:
    assert TRANSITIONS[end] == frozenset()


@given(st.text(min_size=1), st.text(), st.sampled_from(NotificationKind), st.sampled_from(Channel))
def test_a_notification_id_is_printable_short_and_the_same_again(
    event: str, who: str, kind: NotificationKind, channel: Channel
) -> None:
    one = notification_id(EventId(event), AccountId(who), kind, channel)
    assert re.fullmatch(r"[a-z0-9._-]{1,64}", one)
    assert one == notification_id(EventId(event), AccountId(who), kind, channel)


@given(st.sets(st.tuples(st.text(max_size=3), st.text(max_size=3)), min_size=2, max_size=20))
def test_other_parts_make_another_notification_id(parts: set[tuple[str, str]]) -> None:
    ids = {
        notification_id(EventId(event), AccountId(who), kind, channel)
        for event, who in parts
        for kind in NotificationKind
        for channel in Channel
    }
    assert len(ids) == len(parts) * len(NotificationKind) * len(Channel)


def test_a_decision_is_due_when_the_first_of_its_calls_is() -> None:
    later = Delivery(id=NotificationId("m"), recipient=AccountId("b"), next_at=NOON + HOUR)
    resting = Delivery(id=NotificationId("o"), recipient=AccountId("c"))
    assert decided(later, resting).due_at == NOON + HOUR
    assert decided(later, index=IndexRow(suppress_notification=True, next_at=NOON)).due_at == NOON
    assert decided(later, index=IndexRow(suppress_notification=True)).due_at == NOON + HOUR
    assert decided(resting).due_at is None


def test_a_row_is_found_by_its_notification_id() -> None:
    assert decided(ROW).row(NotificationId("n")) is ROW
    assert decided(ROW).row(NotificationId("x")) is None


@given(st.integers(0, 10_000), st.floats(0, 1, exclude_max=True))
def test_a_pause_is_at_least_half_and_at_most_the_longest(attempts: int, jitter: float) -> None:
    first, longest = timedelta(seconds=2), HOUR
    pause = backoff(attempts, first=first, longest=longest, jitter=jitter)
    assert first / 2 <= pause <= longest


def test_pauses_double() -> None:
    pauses = [backoff(n, first=timedelta(seconds=2), longest=HOUR, jitter=0) for n in range(1, 5)]
    assert [pause.total_seconds() for pause in pauses] == [1, 2, 4, 8]
