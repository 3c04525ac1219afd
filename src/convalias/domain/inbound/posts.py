"""Mail as it came in: what a source says of it, and what is kept of each post."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NewType

from attrs import field, frozen

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.expecting import check_fields, each
from convalias.domain.ids import TraceId
from convalias.domain.mail.authentication import SenderEvidence
from convalias.domain.mail.envelope import NULL_RETURN_PATH, NullReturnPath, ReturnPath

RecordKey = NewType("RecordKey", str)
"""Blob key of an envelope record: `envelopes/yyyy/mm/dd/<token digest>.json`."""

RawKey = NewType("RawKey", str)
"""Blob key of a raw mail: `raw/yyyy/mm/dd/<sha256>`."""


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

    __attrs_post_init__ = check_fields


def _addresses(values: Iterable[EmailAddress | str]) -> tuple[EmailAddress, ...]:
    given = each("recipients", values, EmailAddress, str, expected="several addresses")
    return tuple(EmailAddress.parse(one) if isinstance(one, str) else one for one in given)


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
    """Which door it came by: `mailgun`, `postmark`, `eml`, `lmtp`, ..."""
    token: str | None = field(default=None, kw_only=True)
    """What the source binds this post to; None: made from digest and recipients."""
    token_at: datetime | None = field(default=None, kw_only=True)
    """The signed time of the token: its day is part of the envelope record's key."""
    digest: str | None = field(default=None, kw_only=True)
    """Digest of all that was posted, without timestamp, token and signature; None: of raw, recipients and sender."""
    quarantine: str | None = field(default=None, kw_only=True)
    """Why it must not be routed: `too_large`, `unparseable`, `duplicate_field`."""

    __attrs_post_init__ = check_fields


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
    cut: bool = False
    """Only its beginning was kept, as nothing in it may be an alias of ours: it is never relayed."""


@frozen
class MailReference:
    """The reference of a mail in the queue: ids and digests, ASCII, nothing personal."""

    record: RecordKey
    trace: TraceId
    lane: str = ""
    """Digest of the recipients: mails of one lane are taken in the order of their receipt where that is possible."""
