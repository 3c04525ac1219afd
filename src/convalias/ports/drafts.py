"""Mail before it is bytes: what a draft holds, and the port that writes it out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final, Literal, TypeAlias

from attrs import field, frozen

from convalias.domain.addresses.email_address import EmailAddress

REPLY_MARKER: Final = "##- Please type your reply above this line -##"
"""Stands above what we quote in outgoing mail; the reader cuts a reply there. Never changes: people reply for years."""

SUBJECT: Final = "Message in your conversation"
"""The subject of notifications, unless a host says another; the reader knows an answer to them by it or by its tag."""


@frozen
class AttachedFile:
    """A file that goes along with a message: its name for display, its media type, its octets."""

    name: str
    media_type: str
    content: bytes = field(repr=False)


@frozen
class DraftCalendar:
    """A calendar entry that programs act on: its method (RFC 5546), and the entry itself (RFC 5545)."""

    method: str
    text: str = field(repr=False)


@frozen(kw_only=True)
class Draft:
    """A mail to one recipient, before it is bytes.

    No value of it can add a line, a field or an address to what is written.
    """

    sender: EmailAddress
    """From: an alias, never a person's address."""
    to: EmailAddress
    subject: str
    text: str = field(repr=False)
    message_id: str
    """In angle brackets or bare."""
    date: datetime
    """Aware."""
    sender_name: str = ""
    via: str = ""
    """The platform's name, shown as `(via ...)` behind the sender's."""
    html: str | None = field(default=None, repr=False)
    in_reply_to: str | None = None
    references: tuple[str, ...] = ()
    thread_index: str = ""
    """Base64; with `thread_topic`, by what Outlook files. Empty: neither field."""
    thread_topic: str = ""
    languages: tuple[str, ...] = ()
    """Content-Language (RFC 3282), as HTML names languages; a screen reader speaks by it. Empty: no such field."""
    auto_submitted: Literal["auto-replied", "auto-generated"] | None = None
    """RFC 3834 §5; None for what a person wrote."""
    unsubscribe: str | None = field(default=None, repr=False)
    """An https address: List-Unsubscribe with one click (RFC 8058)."""
    feedback_id: str | None = None
    mark: str | None = None
    """X-Convalias-Id: by it our own mail is known when it comes back."""
    attachments: tuple[AttachedFile, ...] = ()
    calendar: DraftCalendar | None = None
    """Stands beside text and HTML as a third form of the same, by which mail programs offer to answer."""


Compose: TypeAlias = Callable[[Draft], bytes]
"""Writes a draft out as one finished mail, CRLF line ends."""
