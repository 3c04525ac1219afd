"""Outcomes of mail: effects for each recipient, final states, and tries that reached none."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TypeAlias

from attrs import frozen

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.ids import ConversationId, EventId, TraceId
from convalias.domain.inbound.held import HoldId
from convalias.domain.inbound.posts import RecordKey
from convalias.domain.mail.authentication import SenderEvidence
from convalias.domain.mail.reasons import AnyReason


@frozen
class Relayed:
    """The mail is event `event` of that conversation; `added` is False if it was there already."""

    event: EventId
    conversation: ConversationId
    added: bool


@frozen
class HandedOver:
    """Legacy has it, under that external id."""

    external_id: str


@frozen
class Skipped:
    """Another recipient carries it, or (None) the claim of another post does."""

    carried_by: EmailAddress | None = None


@frozen
class Held:
    """The mail is held under that id."""

    hold: HoldId


@frozen
class Refused:
    """Refused; `told` when a refusal mail is due or was sent."""

    reason: AnyReason
    told: bool = False


@frozen
class Ignored:
    """The mail is not ours, or is not to be answered."""

    reason: AnyReason


Effect: TypeAlias = Relayed | HandedOver | Skipped | Held | Refused | Ignored
"""What was done for one recipient."""


@frozen
class Done:
    """The relay is through with the mail."""

    effects: tuple[tuple[EmailAddress, Effect], ...]


@frozen
class Dead:
    """Given up after so many recorded failures; its dead letter says more."""

    reason: str
    tries: int


@frozen
class Quarantined:
    """Kept, never routed."""

    reason: str


@frozen
class Expired:
    """The raw mail is gone."""


Outcome: TypeAlias = Done | Dead | Quarantined | Expired
"""What became of an envelope record. One each, at rest."""


@frozen(kw_only=True)
class OutcomeRecord:
    """An outcome with the digests by which it is found: only those who know an address can find it."""

    record: RecordKey
    outcome: Outcome
    decided_at: datetime
    trace: TraceId
    message_digest: str = ""
    sender_digest: str = ""
    recipient_digests: tuple[str, ...] = ()
    """Keyed (`mail_index`), one for each recipient; in version 1 bare digests of each spelling."""
    rules: tuple[tuple[EmailAddress, str], ...] = ()
    """Which rule decided, per recipient."""
    received_at: datetime | None = None
    """When the mail was received; None: its envelope record was gone, or the release did not write it down."""
    evidence: SenderEvidence | None = None
    """What was proved of the sender; None: the mail was not read, or the release did not write it down."""
    has_received: bool = True
    """Whether the mail has a Received field. Without one no field of it can be the border's."""


@frozen(kw_only=True)
class RefusalDue:
    """A refusal mail as the former release wrote it: read to be moved to the outbox, and as a throttle."""

    sender: EmailAddress
    alias: EmailAddress
    reason: AnyReason
    to_participant: bool
    """An authenticated participant reads the reason's own text, everybody else the one text of all refusals."""
    trace: TraceId
    sent: bool = False


@frozen(kw_only=True)
class Tries:
    """Recorded failures of one job itself. Not counted: a dependency that was away, a worker that died."""

    record: RecordKey
    failures: int
    last: str


@frozen
class Mark:
    """A note about an envelope record: queued again, counted, or waiting with a held mail."""

    record: RecordKey
    at: datetime


@frozen
class Again:
    """The mail is not concluded: give the job back for this long. Not an outcome, nothing is recorded as final."""

    after: timedelta
    because: str
    away: str = ""
    """What outside did not answer, if that is why; empty otherwise."""


Progress: TypeAlias = Outcome | Again
