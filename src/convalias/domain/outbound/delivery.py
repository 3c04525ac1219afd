"""Exactly one system delivers: the decision per event, and the life of one delivery as a table."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import Enum
from types import MappingProxyType
from typing import Final, NewType

from attrs import evolve, frozen

from convalias.domain.errors import InvalidValue
from convalias.domain.ids import AccountId, ConversationId, EventId, Seq, UseCase
from convalias.domain.migration.rollout import Cohort, Rollout, Stage

NotificationId = NewType("NotificationId", str)
"""event + recipient + kind + channel; `[a-z0-9._-]{1,64}`."""


class Owner(Enum):
    """Which of the two systems delivers."""

    LEGACY = "legacy"
    HUB = "hub"


class Channel(Enum):
    """A channel: the way to reach a participant."""

    EMAIL = "email"
    SMS = "sms"
    PUSH = "push"
    IN_APP = "in_app"

    @property
    def takes_replies(self) -> bool:
        """Whether a recipient answers by mail, and so needs an alias to answer to."""
        return self is Channel.EMAIL

    @property
    def needs_endpoint(self) -> bool:
        """Whether an account alone does not say where to send: a number, a token of a device."""
        return self in {Channel.SMS, Channel.PUSH}


class NotificationKind(Enum):
    """The subject of a notification."""

    MESSAGE = "message"
    REMINDER_24H = "reminder-24h"
    REMINDER_48H = "reminder-48h"
    REMINDER_7D = "reminder-7d"


class DeliveryState(Enum):
    """The state of one delivery; `TRANSITIONS` says which state may follow which."""

    PLANNED = "planned"
    """Nothing was called, or the call surely did nothing."""
    TRIED = "tried"
    """A call is under way, or was and may have worked."""
    SENT = "sent"
    DELIVERED = "delivered"
    FAILED = "failed"
    """The channel refused, or tries ran out. A redrive or a late receipt may still lead on."""
    UNCERTAIN = "uncertain"
    """It may have been sent, and nobody can tell: counted, shown, outside the exactly-one claim."""
    CANCELLED = "cancelled"
    """A wish of the recipient, or withdrawn, or read in the meantime; `reason` says which. No failure."""
    TOO_LATE = "too_late"
    """Older than the notify age before anybody was told."""


_RECEIPTS: Final = frozenset({DeliveryState.DELIVERED, DeliveryState.FAILED})
"""What a channel's receipt may say."""
TRANSITIONS: Final[Mapping[DeliveryState, frozenset[DeliveryState]]] = MappingProxyType(
    {
        DeliveryState.PLANNED: frozenset({DeliveryState.TRIED, DeliveryState.CANCELLED, DeliveryState.TOO_LATE}),
        # Back to planned when the call surely did nothing. A receipt may overtake the answer of the call.
        DeliveryState.TRIED: frozenset(
            {
                DeliveryState.PLANNED,
                DeliveryState.SENT,
                DeliveryState.UNCERTAIN,
                DeliveryState.CANCELLED,
                DeliveryState.TOO_LATE,
                *_RECEIPTS,
            }
        ),
        DeliveryState.SENT: _RECEIPTS,
        DeliveryState.DELIVERED: frozenset(),
        # A redrive is a first try: it may find that nobody wants the message any more.
        DeliveryState.FAILED: frozenset(
            {DeliveryState.PLANNED, DeliveryState.DELIVERED, DeliveryState.CANCELLED, DeliveryState.TOO_LATE}
        ),
        DeliveryState.UNCERTAIN: frozenset({DeliveryState.TRIED, DeliveryState.SENT, *_RECEIPTS}),
        DeliveryState.CANCELLED: frozenset(),
        DeliveryState.TOO_LATE: frozenset(),
    }
)
"""What may follow what. Receipts match by notification id and come in any order, before SENT too."""


@frozen(kw_only=True)
class Delivery:
    """A row of a decision: one recipient on one channel."""

    id: NotificationId
    recipient: AccountId
    kind: NotificationKind = NotificationKind.MESSAGE
    channel: Channel = Channel.EMAIL
    state: DeliveryState = DeliveryState.PLANNED
    attempts: int = 0
    first_tried: datetime | None = None
    """What the hub's memory of keys is counted from."""
    next_at: datetime | None = None
    """When it is due again; None: it waits for nothing."""
    reason: str = ""
    receipt: str = ""
    mailed_to: tuple[str, ...] = ()
    """Digests of the last addresses that it was sent to, newest last: a bounce is about one of them.

    Empty: nothing was sent by mail, or a former release sent it.
    """

    def becoming(self, state: DeliveryState, *, next_at: datetime | None = None, reason: str = "") -> Delivery:
        """Return a delivery in its next state. Raises `InvalidValue` for a step that is not in `TRANSITIONS`."""
        if state not in TRANSITIONS[self.state]:
            allowed = ", ".join(sorted(one.value for one in TRANSITIONS[self.state])) or "no further state"
            raise InvalidValue(f"delivery in state {self.state.value}", found=state.value, expected=allowed)
        return evolve(self, state=state, next_at=next_at, reason=reason)


@frozen(kw_only=True)
class IndexRow:
    """The legacy side of a decision: the call that stores, indexes and, unless suppressed, notifies."""

    suppress_notification: bool
    done: bool = False
    attempts: int = 0
    next_at: datetime | None = None
    reason: str = ""
    """Why it was given up; `WITHDRAWN` when the event was gone before the first call."""


@frozen(kw_only=True)
class DeliveryDecision:
    """The decision about one event: its owner and its deliveries.

    Written once, before any call; later flags do not touch it.
    """

    event: EventId
    conversation: ConversationId
    use_case: UseCase
    seq: Seq
    owner: Owner
    stage: Stage
    reason: str
    decided_at: datetime
    bucket: int | None = None
    rollout: Rollout | None = None
    """The flag as it stood, for whoever asks why."""
    deliveries: tuple[Delivery, ...] = ()
    index: IndexRow | None = None
    tried: datetime | None = None
    """Set before the first call of either kind, the suppressed one included."""
    holder: str = ""
    """Incarnation that works on it; empty: nobody."""
    held_until: datetime | None = None
    trace: str = ""
    minting: Cohort | None = None
    """The minting flag as it stood, where aliases were lacking; None: it was not read, or nothing is set."""
    placed: bool = False
    """Whether it was written behind the place of its event, by which a report about a notification finds the event."""

    @property
    def due_at(self) -> datetime | None:
        """Return when the decision is next due; None if nothing of it is."""
        times = [row.next_at for row in self.deliveries if row.next_at is not None]
        if self.index is not None and self.index.next_at is not None:
            times.append(self.index.next_at)
        return min(times, default=None)

    def row(self, notification: NotificationId) -> Delivery | None:
        """The delivery with that id, or None."""
        return next((row for row in self.deliveries if row.id == notification), None)

    @property
    def may_change_owner(self) -> bool:
        """Only as a whole, and only before the first call of either kind."""
        return self.tried is None


OWNERS: Final[Mapping[Stage, Owner]] = MappingProxyType(
    {
        Stage.LEGACY: Owner.LEGACY,
        Stage.SHADOW: Owner.LEGACY,
        Stage.PARALLEL: Owner.HUB,
        Stage.NATIVE: Owner.HUB,
    }
)
"""Which system delivers in each stage."""
INDEXED: Final[Mapping[Stage, IndexRow | None]] = MappingProxyType(
    {
        Stage.LEGACY: IndexRow(suppress_notification=False),
        Stage.SHADOW: IndexRow(suppress_notification=False),
        Stage.PARALLEL: IndexRow(suppress_notification=True),
        Stage.NATIVE: None,
    }
)
"""Suppress and parallel: legacy stores and indexes for the clients that still read it, and sends nothing."""

WITHDRAWN: Final = "withdrawn"
"""Redacted, erased, or its recipient takes part no more."""

_PLAIN: Final = re.compile(r"[a-z0-9_-]{1,26}")
"""Lower case: the id travels in a return path too, whose letters a server may fold."""


def notification_id(event: EventId, recipient: AccountId, kind: NotificationKind, channel: Channel) -> NotificationId:
    """The idempotency key of one notification: the same parts, the same id, at most 62 characters."""
    first: str = event if _PLAIN.fullmatch(event) else hashlib.sha256(event.encode()).hexdigest()[:26]
    who = hashlib.sha256(recipient.encode()).hexdigest()[:16]
    return NotificationId(f"{first}.{who}.{kind.value}.{channel.value}")


def is_failing(decision: DeliveryDecision) -> bool:
    """Whether something of it was tried, failed, and is tried again."""
    index = decision.index
    rows = any(row.attempts and row.next_at is not None for row in decision.deliveries)
    return rows or (index is not None and index.attempts > 0 and index.next_at is not None)


def recipients_of(decision: DeliveryDecision, letter: NotificationId) -> tuple[AccountId, ...]:
    """Return the recipients that a dead letter of that decision concerns: its row's, or all for the index."""
    row = decision.row(letter)
    return tuple(one.recipient for one in decision.deliveries) if row is None else (row.recipient,)


def explained(decision: DeliveryDecision, letter: NotificationId) -> str:
    """Explain for a dead letter why the work existed: ids and reasons of ours, no address."""
    row = decision.row(letter)
    what = "the call of the legacy index" if row is None else f"{row.kind.value} by {row.channel.value}"
    first = "" if row is None or row.first_tried is None else f", first tried {row.first_tried:%Y-%m-%d %H:%M:%S}"
    owner = f"owner {decision.owner.value}, stage {decision.stage.value}: {decision.reason}"
    return f"{what} about event {decision.event} of {decision.conversation}{first}\n{owner}"


def backoff(attempts: int, *, first: timedelta, longest: timedelta, jitter: float) -> timedelta:
    """Return the delay after that many attempts: doubled each time, spread over its upper half.

    `jitter` is a draw from [0, 1); the same draw, the same pause.
    """
    doubled = min(longest, first * (1 << min(max(attempts - 1, 0), 20)))
    return doubled * (0.5 + jitter / 2)
