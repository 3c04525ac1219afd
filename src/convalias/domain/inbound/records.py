"""Records about a mail: envelope record, claim, hold, outcome."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import Enum
from typing import NewType, TypeAlias

from attrs import field, frozen

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations.participants import Author
from convalias.domain.ids import AccountId, ConversationId, EventId, TraceId
from convalias.domain.mail.authentication import SenderEvidence
from convalias.domain.mail.envelope import NULL_RETURN_PATH, NullReturnPath, ReturnPath
from convalias.domain.mail.message_id import MessageId
from convalias.domain.mail.reasons import Reason

RecordKey = NewType("RecordKey", str)
"""Blob key of an envelope record: `envelopes/yyyy/mm/dd/<token digest>.json`."""
RawKey = NewType("RawKey", str)
"""Blob key of a raw mail: `raw/yyyy/mm/dd/<sha256>`."""
HoldId = NewType("HoldId", str)


@frozen(kw_only=True)
class Post:
    """The facts that a source states about a mail; a reader believes nothing else besides the bytes."""

    received_at: datetime
    recipients: tuple[EmailAddress, ...] = ()
    """Empty: the source has none, header fields stand in."""
    return_path: ReturnPath = None
    evidence: SenderEvidence | None = None
    """What the source itself proved; None: what fields of trusted authentication servers in the mail say."""
    spam: bool = False


def _addresses(values: Iterable[EmailAddress | str]) -> tuple[EmailAddress, ...]:
    return tuple(EmailAddress.parse(one) if isinstance(one, str) else one for one in values)


def _return_path(value: EmailAddress | NullReturnPath | str | None) -> ReturnPath:
    """Text as a source writes it: the empty text and `<>` are the null return path (RFC 5321 §4.5.5)."""
    if not isinstance(value, str):
        return value
    return NULL_RETURN_PATH if value.strip() in {"", "<>"} else EmailAddress.parse(value)


@frozen
class IncomingMail:
    """A post of a mail, from any source, before anything is known of it. Knows no HTTP.

    `InvalidAddress` when a recipient or sender given as text is no address.
    """

    raw: bytes = field(repr=False)
    recipients: tuple[EmailAddress, ...] = field(default=(), kw_only=True, converter=_addresses)
    """Envelope recipients (SMTP RCPT). Empty: the source has none, header fields stand in."""
    sender: ReturnPath = field(default=None, kw_only=True, converter=_return_path)
    """Envelope sender (SMTP MAIL). None: not known."""
    evidence: SenderEvidence | None = field(default=None, kw_only=True)
    """What the source itself proved; None: what the mail's trusted fields say, if any."""
    spam: bool = field(default=False, kw_only=True)
    source: str = field(default="api", kw_only=True)
    """Which door it came by: `mailgun`, `eml`, `lmtp`, ..."""
    token: str | None = field(default=None, kw_only=True)
    """What the source binds this post to; None: made from digest and recipients."""
    token_at: datetime | None = field(default=None, kw_only=True)
    """The signed time of the token: its day is part of the envelope record's key."""
    digest: str | None = field(default=None, kw_only=True)
    """Digest of all that was posted, without timestamp, token and signature; None: of raw, recipients and sender."""
    quarantine: str | None = field(default=None, kw_only=True)
    """Why it must not be routed: `too_large`, `unparseable`, `duplicate_field`."""


@frozen(kw_only=True)
class EnvelopeRecord:
    """Binds one post of one mail to what came with it."""

    key: RecordKey
    raw: RawKey
    source: str
    post: Post
    digest: str
    trace: TraceId
    quarantined: str | None = None


@frozen
class MailReference:
    """The reference of a mail in the queue: ids and digests, ASCII, nothing personal."""

    record: RecordKey
    trace: TraceId
    lane: str = ""
    """Digest of the recipients: mails of one lane are taken in the order of their receipt where that is possible."""


class Path(Enum):
    """The system that carries a mail to a conversation."""

    RELAY = "relay"
    LEGACY = "legacy"


@frozen
class ClaimKey:
    """The key of a claim: a mail of a sender, for a conversation."""

    conversation: ConversationId
    sender: EmailAddress
    message_id: MessageId


@frozen
class Claim:
    """The first claim stands through retries, expiry and flags."""

    key: ClaimKey
    path: Path
    author: Author | None = None
    at: datetime | None = None
    """When the mail was received: who was first is the same at every try."""


class Admits(Enum):
    """The scope of an approval: one mail, or all mail of its sender's address."""

    THIS_MAIL = "this_mail"
    THIS_ADDRESS = "this_address"
    """This mail, and later mail from its address to this conversation, as far as evidence allows."""


class HoldState(Enum):
    """held -> approved | rejected by a person's POST, or expired."""

    HELD = "held"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"


@frozen
class HeldMail:
    """A mail that waits for a participant. Its id is its dedup key, or a digest where it has none."""

    id: HoldId
    conversation: ConversationId
    sender: EmailAddress | None
    reason: Reason
    record: RecordKey
    message_id: str
    since: datetime
    state: HoldState = HoldState.HELD
    decided_by: AccountId | None = None
    admits: Admits = Admits.THIS_MAIL
    """What its approval let in."""
    evidence: SenderEvidence | None = None
    """What is proved of its sender; None: kept before that was written down."""
    alias: EmailAddress | None = None
    """Where it was sent."""
    tell: bool = False
    """Whether its sender may be told when nobody has answered: he is proved, and no machine."""
    content_digest: str = ""
    """`MailContent.digest`. Empty: kept before that was written down."""
    participant: bool = False
    """Whether its author would be an account of the conversation. False where that was not written down yet."""


@frozen(kw_only=True)
class Asking:
    """The state of asking about a conversation's holds: the participants asked, and the holds since.

    One per conversation.
    """

    conversation: ConversationId
    wanted: int = 0
    """Incremented for each newly held mail, so that concurrent writers conflict."""
    answered: int = 0
    """How far the last approval mail went."""
    at: datetime | None = None
    """When the list of the last approval mail was made."""
    listed: tuple[HoldId, ...] = ()
    """What it lists."""
    sending: bool = False
    """Mails with this list are to be entered in the outbox: a repeat enters the same."""


@frozen(kw_only=True)
class Waiting:
    """Which mails of a conversation wait, decided ones among them until their places are needed."""

    conversation: ConversationId
    holds: tuple[HoldId, ...] = ()


@frozen(kw_only=True)
class Admitted:
    """An address that a participant let into a conversation."""

    conversation: ConversationId
    address: EmailAddress
    by: AccountId | None
    at: datetime


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

    reason: Reason
    told: bool = False


@frozen
class Ignored:
    """The mail is not ours, or is not to be answered."""

    reason: Reason


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
    reason: Reason
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
