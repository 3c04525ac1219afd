"""What a redrive did, counted by deliveries."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from attrs import evolve

from convalias.domain.ids import AccountId, ConversationId, EventId, Seq, UseCase
from convalias.domain.migration.rollout import Stage
from convalias.domain.outbound.delivery import (
    Delivery,
    DeliveryDecision,
    DeliveryState,
    IndexRow,
    NotificationId,
    Owner,
)
from convalias.domain.outbound.redrives import Redriven, counted

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
FAILED, PLANNED, SENT = DeliveryState.FAILED, DeliveryState.PLANNED, DeliveryState.SENT


def decision(*states: DeliveryState) -> DeliveryDecision:
    return DeliveryDecision(
        event=EventId("e1"),
        conversation=ConversationId("c1"),
        use_case=UseCase("apply"),
        seq=Seq(1),
        owner=Owner.HUB,
        stage=Stage.PARALLEL,
        reason="",
        decided_at=NOON,
        deliveries=tuple(
            Delivery(id=NotificationId(f"n{number}"), recipient=AccountId("bob"), state=state)
            for number, state in enumerate(states)
        ),
    )


@pytest.mark.parametrize(
    ("before", "after", "done"),
    [
        (decision(FAILED), None, Redriven()),
        (None, decision(PLANNED, PLANNED), Redriven(due=2)),
        (decision(FAILED, SENT), decision(PLANNED, SENT), Redriven(due=1)),
        (
            decision(FAILED, FAILED),
            decision(DeliveryState.CANCELLED, DeliveryState.TOO_LATE),
            Redriven(cancelled=1, too_late=1),
        ),
        (
            decision(SENT),
            evolve(decision(SENT), index=IndexRow(suppress_notification=True, next_at=NOON)),
            Redriven(due=1),
        ),
    ],
)
def test_rows_that_changed_are_counted_and_an_index_call_alone_is_one(
    before: DeliveryDecision | None, after: DeliveryDecision | None, done: Redriven
) -> None:
    assert counted(before, after) == done


def test_two_redrives_add_up() -> None:
    one = Redriven(due=1, cancelled=2, too_late=3, failed=4)
    assert one.plus(Redriven(due=10)) == evolve(one, due=11)
