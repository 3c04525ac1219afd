"""The envelope of an inbound mail: all that the rules may see."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Final, Literal, TypeAlias

from attrs import field, frozen

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.expecting import check_fields
from convalias.domain.mail.authentication import SenderEvidence, is_proved, requiring_dkim, rests_on_dkim_alone
from convalias.domain.mail.automation import MailClass
from convalias.domain.mail.checks import Checked
from convalias.domain.mail.message_id import MessageId
from convalias.domain.values import sparse


@frozen
class ClearFrom:
    """The From has one reading."""

    address: EmailAddress
    display: str = ""
    repaired: bool = field(default=False, kw_only=True)
    """Its syntax is broken, though only one address can be read: believed only with proof of exactly its domain."""

    __attrs_post_init__ = check_fields


@frozen
class AmbiguousFrom:
    """The From has several readings, or none: it never matches anybody."""

    readings: frozenset[EmailAddress] = frozenset()
    because: str = ""

    __attrs_post_init__ = check_fields


From: TypeAlias = ClearFrom | AmbiguousFrom


class NullReturnPath(Enum):
    """`MAIL FROM:<>` (RFC 5321 §4.5.5)."""

    NULL = ""


NULL_RETURN_PATH: Final = NullReturnPath.NULL
ReturnPath: TypeAlias = EmailAddress | NullReturnPath | None
"""None: the source did not say."""


class Oddity(Enum):
    """Structure that parsers disagree on."""

    HEADER = "in a field that rules read"
    BODY = "elsewhere"


@frozen
class Attachment:
    """An attachment: a part that is no text of the message.

    `name` is for display only, neutralised; `size` in octets.
    """

    name: str
    media_type: str
    size: int
    digest: str
    """SHA-256 of the decoded content, hex: its storage key is made of it."""

    __attrs_post_init__ = check_fields


@frozen
class MailContent:
    """The content that the message will show. Rules see its digest and its emptiness; policies may see all."""

    subject: str = ""
    text: str = ""
    """Quoted history cut."""
    full_text: str = ""
    html: str | None = None
    """Sanitised, or None."""
    attachments: tuple[Attachment, ...] = ()
    digest: str = ""
    """Canonical digest of From, Date, Subject, body and attachments; what synthetic ids are made of."""
    body_digest: str = ""
    """Canonical digest of the body and attachments alone: tells a re-used Message-ID from a retry."""
    repeat_digest: str = field(default="", kw_only=True)
    """`repeats.repeat_digest`: mails with the same say the same, numbers and dates aside. Empty: not known."""
    empty: bool = field(default=False, kw_only=True)
    """No words of its author, in text or subject, and no other part at all."""
    subject_alone: bool = field(default=False, kw_only=True)
    """Its subject is all that it says: no words in the text, and no other part at all."""

    __repr__ = sparse

    __attrs_post_init__ = check_fields


def evidence_of(sender: From, evidence: SenderEvidence, *, require_dkim: frozenset[str]) -> SenderEvidence:
    """The evidence as it counts for that From: at domains that require DKIM a pass by SPF alone is none."""
    readings = (sender.address,) if isinstance(sender, ClearFrom) else sender.readings
    return requiring_dkim(evidence) if any(one.domain in require_dkim for one in readings) else evidence


SHOWN: Final = frozenset({"from", "subject", "date"})
"""Fields that say who wrote, about what and when, in lower case."""


@frozen(kw_only=True)
class MessageEnvelope:
    """An envelope: a mail as one source posted it. Everything optional has the value of an ordinary human mail."""

    sender: From
    message_id: MessageId
    received_at: datetime
    recipients: tuple[EmailAddress, ...] = ()
    """Envelope recipients. Empty: the source has none, the header fields stand in."""
    return_path: ReturnPath = None
    to: tuple[EmailAddress, ...] = ()
    cc: tuple[EmailAddress, ...] = ()
    delivered_to: tuple[EmailAddress, ...] = ()
    """Delivered-To, X-Original-To and Envelope-To, in this order."""
    reply_to: tuple[EmailAddress, ...] = ()
    in_reply_to: tuple[MessageId, ...] = ()
    references: tuple[MessageId, ...] = ()
    date: datetime | None = None
    """The Date field, aware; None when missing or unreadable."""
    mail_class: MailClass = MailClass.HUMAN
    evidence: SenderEvidence = SenderEvidence()
    shown: frozenset[str] = SHOWN
    """Which fields of `SHOWN` the mail has, be they empty."""
    spam: bool = False
    """By its source, or by a check."""
    checked: Checked | None = None
    """What a detector found. None: none was asked."""
    oddities: frozenset[Oddity] = frozenset()
    content: MailContent = MailContent()
    size: int = 0
    raw_key: str | None = None

    __attrs_post_init__ = check_fields

    @property
    def verified(self) -> bool:
        """Whether the author is proved, and what is shown of the mail is what the author sent."""
        return is_proved(self.evidence) and self.signed_as_shown

    @property
    def signed_as_shown(self) -> bool:
        """Whether a signature on which alone the mail rests covers what is shown of it. True where it rests on more."""
        signed = self.evidence.dkim_signed
        return signed is None or not rests_on_dkim_alone(self.evidence) or self.shown <= signed


@frozen(kw_only=True)
class UnreadableMail:
    """A mail over a limit of the reader: nothing of it but its route is believed."""

    limit: Literal["header_block", "header", "headers", "addresses", "nesting", "parts", "boundary", "size"]
    found: int
    """How much there was, in the limit's own unit (octets or a count)."""
    received_at: datetime
    recipients: tuple[EmailAddress, ...] = ()
    header_recipients: tuple[EmailAddress, ...] = ()
    """From To, Cc, Delivered-To, X-Original-To and Envelope-To, as far as they were readable."""
    message_id: MessageId | None = None
    readings: frozenset[EmailAddress] = frozenset()
    """Every reading of From, for the list of the blocked."""
    return_path: ReturnPath = None
    raw_key: str | None = None

    __attrs_post_init__ = check_fields


InboundMail: TypeAlias = MessageEnvelope | UnreadableMail
