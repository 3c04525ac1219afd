"""Who hears of an event and who delivers it: decided once, before any call."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from attrs import evolve

from convalias.domain.delivery import (
    INDEXED,
    OWNERS,
    Channel,
    Delivery,
    DeliveryDecision,
    DeliveryState,
    NotificationKind,
    Owner,
    notification_id,
)
from convalias.domain.events import ConversationEvent, MessageAdded, Origin
from convalias.domain.ids import AccountId
from convalias.domain.participants import AccountAuthor
from convalias.domain.rollout import Cohort, Stage
from convalias.domain.threads import ConversationThread


def decide(
    event: ConversationEvent,
    as_of: ConversationThread,
    stage: Stage | Cohort,
    channels: Mapping[AccountId, tuple[Channel, ...]],
    *,
    now: datetime,
    notify_within: timedelta = timedelta(days=7),
) -> DeliveryDecision | None:
    """The decision about one event, or None when it is of a kind that nobody is told of.

    `as_of` is the thread as of the event's seq: its participants hear of it, but the author. `channels` says by
    what each is reached (missing: e-mail). An event older than `notify_within` is recorded `too_late`, never
    silently. What came in by the legacy sync was delivered by legacy. Pure: the same input, the same ids.
    """
    if not isinstance(event.happening, MessageAdded):
        return None
    cohort, standing = (stage, stage.stage) if isinstance(stage, Cohort) else (None, stage)
    synced = event.origin is Origin.LEGACY_SYNC
    decision = DeliveryDecision(
        event=event.id,
        conversation=event.conversation,
        seq=event.seq,
        owner=Owner.LEGACY if synced else OWNERS[standing],
        stage=standing,
        reason="synced from legacy" if synced else _why(cohort),
        decided_at=now,
        bucket=None if cohort is None else cohort.bucket,
        rollout=None if cohort is None else cohort.rollout,
        tried=now if synced else None,
        trace=event.trace,
    )
    if synced:
        return decision
    late = event.appended_at < now - notify_within
    index = INDEXED[standing]
    return evolve(
        decision,
        index=None if index is None else evolve(index, next_at=now),
        deliveries=tuple(
            _row(event, recipient, channel, now=now, late=late)
            for recipient in recipients(event.happening, as_of)
            for channel in channels.get(recipient, (Channel.EMAIL,))
        ),
    )


def recipients(message: MessageAdded, as_of: ConversationThread) -> tuple[AccountId, ...]:
    """Everybody who takes part, but the author."""
    author = message.author.account if isinstance(message.author, AccountAuthor) else None
    return tuple(one.account for one in as_of.participants if one.account != author)


def reowned(decision: DeliveryDecision, stage: Stage | Cohort) -> DeliveryDecision | None:
    """The decision under the stage that stands now, or None when it must stay: tried ones finish where they are."""
    cohort, standing = (stage, stage.stage) if isinstance(stage, Cohort) else (None, stage)
    if not decision.may_change_owner or standing is decision.stage:
        return None
    index = INDEXED[standing]
    return evolve(
        decision,
        owner=OWNERS[standing],
        stage=standing,
        reason=f"given back: {_why(cohort)}",
        bucket=None if cohort is None else cohort.bucket,
        rollout=None if cohort is None else cohort.rollout,
        index=None if index is None else evolve(index, next_at=decision.due_at or decision.decided_at),
    )


def _why(cohort: Cohort | None) -> str:
    if cohort is None:
        return "nothing set"
    setting = cohort.rollout
    return f"{setting.stage.value} at {setting.basis_points} basis points, bucket {cohort.bucket}"


def _row(
    event: ConversationEvent, recipient: AccountId, channel: Channel, *, now: datetime, late: bool
) -> Delivery:
    kind = NotificationKind.MESSAGE
    return Delivery(
        id=notification_id(event.id, recipient, kind, channel),
        recipient=recipient,
        kind=kind,
        channel=channel,
        state=DeliveryState.TOO_LATE if late else DeliveryState.PLANNED,
        next_at=None if late else now,
    )
