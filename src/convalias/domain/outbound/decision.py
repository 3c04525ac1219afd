"""Decide once for each event who is notified and which system delivers, before any call."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from attrs import evolve

from convalias.domain.conversations.events import RESTORED, ConversationEvent, MessageAdded, Origin
from convalias.domain.conversations.participants import AccountAuthor
from convalias.domain.conversations.threads import ConversationThread
from convalias.domain.ids import AccountId
from convalias.domain.migration.rollout import Cohort, Stage
from convalias.domain.outbound.answering import ALL_THERE, MintingAnswer
from convalias.domain.outbound.delivery import (
    INDEXED,
    OWNERS,
    Channel,
    Delivery,
    DeliveryDecision,
    DeliveryState,
    IndexRow,
    NotificationKind,
    Owner,
    notification_id,
)
from convalias.domain.outbound.first_tries import NOTIFY_WITHIN, is_too_old

FAULTY_FOR: Final = timedelta(days=1)
"""How long an adapter of the host may fail on one event before that is a dead letter."""
ALONE_AFTER: Final = timedelta(minutes=5)
"""The same if the adapter works for others: their events must not wait for one that never will be decided."""
ALONE_TRIES: Final = 3
"""So often it must have failed on that event within that time: one failure after an outage of all says nothing about the event."""


def is_hopeless(*, now: datetime, since: datetime, alone: int, alone_since: datetime | None) -> bool:
    """Return whether an adapter of the host has failed on an event for too long.

    `since`: when it failed on that event first. `alone`: how many of its failures on that event came after it had worked
    for another one, and `alone_since`: when the first of those was. An outage of all begins that count anew.
    """
    if alone_since is not None and alone >= ALONE_TRIES and now - alone_since >= ALONE_AFTER:
        return True
    return now - since >= FAULTY_FOR


def decide(
    event: ConversationEvent,
    as_of: ConversationThread,
    stage: Stage | Cohort,
    channels: Mapping[AccountId, tuple[Channel, ...]],
    *,
    now: datetime,
    notify_within: timedelta = NOTIFY_WITHIN,
) -> DeliveryDecision | None:
    """The decision about one event, or None when it is of a kind that nobody is told of.

    `as_of` is the thread as of the event's seq: its participants hear of it, but the author. `channels` says by
    what each is reached, in order and once each (missing: e-mail). An event older than `notify_within` is recorded `too_late`, never
    silently. What came in by the legacy sync was delivered by legacy. Pure: the same input, the same ids.
    """
    if not isinstance(event.happening, MessageAdded):
        return None
    cohort, standing = _parted(stage)
    decision = DeliveryDecision(
        event=event.id,
        conversation=event.conversation,
        use_case=as_of.use_case,
        seq=event.seq,
        owner=OWNERS[standing],
        stage=standing,
        reason=_why(cohort),
        decided_at=now,
        bucket=None if cohort is None else cohort.bucket,
        rollout=None if cohort is None else cohort.rollout,
        trace=event.trace,
    )
    if event.origin is Origin.LEGACY_SYNC:
        return evolve(decision, owner=Owner.LEGACY, reason="synced from legacy", tried=now)
    restored = RESTORED in event.happening.flags
    late = is_too_old(event, now=now, notify_within=notify_within)
    rows = tuple(
        _row(event, recipient, channel, late=late, restored=restored)
        for recipient in recipients(event.happening, as_of)
        for channel in dict.fromkeys(channels.get(recipient, (Channel.EMAIL,)))
    )
    return _scheduled(evolve(decision, deliveries=rows), at=now, quiet=late or restored)


def tells_anybody(decision: DeliveryDecision) -> bool:
    """Whether somebody is still to be notified."""
    return any(row.state is DeliveryState.PLANNED for row in decision.deliveries)


def recipients(message: MessageAdded, as_of: ConversationThread) -> tuple[AccountId, ...]:
    """Return all participants except the author."""
    author = message.author.account if isinstance(message.author, AccountAuthor) else None
    return tuple(one.account for one in as_of.participants if one.account != author)


def answered(decision: DeliveryDecision, answer: MintingAnswer, *, has_legacy: bool) -> DeliveryDecision:
    """The decision, once it is known whether everybody has an address to answer to.

    If none may be issued, legacy delivers, unsuppressed; without a legacy relay the hub does, from an address that
    cannot be answered. Either way the decision says why.
    """
    noted = evolve(decision, minting=answer.cohort)
    if not answer.refusal:
        return noted
    if not has_legacy:
        return evolve(noted, reason=f"{decision.reason}; {answer.refusal}: it cannot be answered by mail")
    legacy = evolve(
        noted,
        owner=Owner.LEGACY,
        stage=Stage.LEGACY,
        reason=f"{decision.reason}; {answer.refusal}: legacy delivers",
    )
    return _scheduled(legacy, at=decision.due_at or decision.decided_at, quiet=_is_quiet(decision))


def reowned(
    decision: DeliveryDecision, stage: Stage | Cohort, answer: MintingAnswer = ALL_THERE, *, has_legacy: bool = True
) -> DeliveryDecision | None:
    """The decision under the stage that stands now, or None when it must stay: tried ones finish where they are.

    `answer` says whether the hub may own it: whether aliases were there, or could be issued.
    """
    cohort, standing = _parted(stage)
    if not decision.may_change_owner or standing is decision.stage:
        return None
    again = evolve(
        decision,
        owner=OWNERS[standing],
        stage=standing,
        reason=f"given back: {_why(cohort)}",
        bucket=None if cohort is None else cohort.bucket,
        rollout=None if cohort is None else cohort.rollout,
    )
    again = _scheduled(again, at=decision.due_at or decision.decided_at, quiet=_is_quiet(decision))
    if again.owner is Owner.HUB:
        again = answered(again, answer, has_legacy=has_legacy)
    return None if again.stage is decision.stage else again


def postponed(decision: DeliveryDecision, *, until: datetime, why: str) -> DeliveryDecision:
    """The same decision with its first call not before then, whoever owns it; the reason says why."""
    waiting = _scheduled(decision, at=until, quiet=_is_quiet(decision))
    return evolve(waiting, reason=f"{decision.reason}; {why}")


def is_postponed(decision: DeliveryDecision, now: datetime) -> bool:
    """Whether nothing was called yet because the bound of an hour sets a later time, which has not come.

    What is due when it was decided waits for no bound: a clock that was ahead decided it.
    """
    due = decision.due_at
    return decision.tried is None and due is not None and due > max(now, decision.decided_at)


def _scheduled(decision: DeliveryDecision, *, at: datetime, quiet: bool) -> DeliveryDecision:
    """What its owner has to call, and when. Rows that legacy owns are not called one by one: its index call is."""
    index = INDEXED[decision.stage]
    ours = decision.owner is Owner.HUB
    return evolve(
        decision,
        # What is too late or restored is so for both: legacy still stores and indexes it, and tells nobody.
        index=None
        if index is None
        else IndexRow(suppress_notification=index.suppress_notification or quiet, next_at=at),
        deliveries=tuple(
            evolve(row, next_at=at if ours and row.state is DeliveryState.PLANNED else None)
            for row in decision.deliveries
        ),
    )


def _is_quiet(decision: DeliveryDecision) -> bool:
    """Whether nobody is to be told. Nobody has called yet: what is at rest was so from the beginning."""
    return any(row.state is not DeliveryState.PLANNED for row in decision.deliveries)


def _parted(stage: Stage | Cohort) -> tuple[Cohort | None, Stage]:
    return (stage, stage.stage) if isinstance(stage, Cohort) else (None, stage)


def _why(cohort: Cohort | None) -> str:
    if cohort is None:
        return "nothing set"
    setting = cohort.rollout
    return f"{setting.stage.value} at {setting.basis_points} basis points, bucket {cohort.bucket}"


def _row(event: ConversationEvent, recipient: AccountId, channel: Channel, *, late: bool, restored: bool) -> Delivery:
    kind = NotificationKind.MESSAGE
    state = DeliveryState.TOO_LATE if late else DeliveryState.PLANNED
    return Delivery(
        id=notification_id(event.id, recipient, kind, channel),
        recipient=recipient,
        kind=kind,
        channel=channel,
        state=DeliveryState.CANCELLED if restored else state,
        reason=RESTORED if restored else "",
    )
