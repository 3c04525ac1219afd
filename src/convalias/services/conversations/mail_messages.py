"""Turn a mail into a message, and tell when a second mail under one key is another mail."""

from __future__ import annotations

import hashlib
from datetime import datetime

from attrs import evolve, frozen

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations.another_mail import is_another_mail
from convalias.domain.conversations.events import REUSED_ID, Happening, MessageAdded, Origin
from convalias.domain.conversations.participants import Author
from convalias.domain.conversations.storable import REPLACED, replaced, replaced_names
from convalias.domain.ids import EventId
from convalias.domain.mail.dedup import MailKey
from convalias.domain.mail.envelope import MailContent


@frozen(kw_only=True)
class MailAddition:
    """The parts of a mail that are kept beside its content. Times are aware."""

    occurred_at: datetime
    """When it was received; of a synced mail the source's own time."""
    sent_at: datetime | None = None
    """The Date field, as the sender claims it."""
    flags: frozenset[str] = frozenset()
    trace: str = ""
    raw_key: str | None = None
    copies: tuple[EmailAddress, ...] = ()
    """Whom a registered participant carried in Cc of authenticated mail."""
    origin: Origin = Origin.ALIAS_MAIL
    in_reply_to: EventId | None = None


def as_message(content: MailContent, author: Author, key: MailKey, addition: MailAddition) -> MessageAdded:
    """The happening that a mail is in a conversation. What no store can hold becomes U+FFFD, and the message says so."""
    message = MessageAdded(
        author=author,
        text=replaced(content.text),
        full_text=replaced(content.full_text),
        subject=replaced(content.subject),
        attachments=replaced_names(content.attachments),
        message_id=replaced(str(key.message_id)),
        body_digest=content.body_digest,
        sent_at=addition.sent_at,
        in_reply_to=addition.in_reply_to,
        flags=addition.flags,
        raw_key=addition.raw_key,
    )
    shown = (message.text, message.full_text, message.subject, message.attachments)
    if shown == (content.text, content.full_text, content.subject, content.attachments):
        return message
    return evolve(message, flags=message.flags | {REPLACED})


def is_another(standing: Happening, message: MessageAdded) -> bool:
    """Return whether a mail differs from the one kept under its key."""
    return is_another_mail(standing, body_digest=message.body_digest, sent_at=message.sent_at)


def reused(message: MessageAdded, key: MailKey) -> tuple[MessageAdded, MailKey]:
    """The second mail under a re-used Message-ID: flagged, and under a key of its own (the digest of both)."""
    sent_at = "" if message.sent_at is None else message.sent_at.isoformat()
    variant = hashlib.sha256(f"{sent_at}|{message.body_digest}".encode()).hexdigest()[:40]
    return evolve(message, flags=message.flags | {REUSED_ID}), evolve(key, variant=variant)
