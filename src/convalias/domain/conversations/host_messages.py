"""Records that are kept beside the messages of a host, in our own store."""

from __future__ import annotations

import base64
import hashlib
from datetime import datetime
from typing import Final

from attrs import evolve, frozen

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations.events import MessageAdded, Origin
from convalias.domain.ids import AccountId, ConversationId, EventId

_EVENT_LENGTH: Final = 26
_KEY_DIGITS: Final = 40


@frozen(kw_only=True)
class KeptMail:
    """A mail beside the message that it is at the host: written before it is posted, and without its words."""

    conversation: ConversationId
    key: str
    """As the host has it: `post_key`."""
    dedup_key: str
    message: MessageAdded
    """Without text and full text: those are the host's."""
    origin: Origin
    occurred_at: datetime
    kept_at: datetime
    trace: str = ""
    posted_as: str | None = None
    """The host's id of the message; None: it is not known that it was posted."""


@frozen(kw_only=True)
class SeenMessage:
    """A message of the host, whichever way it came, as it was first seen here."""

    conversation: ConversationId
    event: EventId
    message: str
    """The host's id."""
    key: str | None
    """Of the mail that it was; None: the host's own people wrote it."""
    author: AccountId | None
    written_at: datetime
    seen_at: datetime
    found: bool = True
    """False: the host told of it, and could not give it; all but the ids is unknown."""


@frozen(kw_only=True)
class SeenCopies:
    """Addresses that registered participants of a conversation have carried in Cc of authenticated mail."""

    conversation: ConversationId
    addresses: frozenset[EmailAddress]


@frozen
class FirstStart:
    """The time at which a host's messages were looked for first: what is older is nobody's news."""

    at: datetime


def host_event_id(conversation: ConversationId, message: str) -> EventId:
    """Return the event id of a message of the host: 26 characters of a-z0-9, the same in every process.

    >>> host_event_id(ConversationId("c1"), "17")
    'v3lkqonqnque9r92rbpkep7n8k'
    """
    octets = hashlib.sha256(_apart(conversation, message)).digest()
    return EventId(base64.b32hexencode(octets).decode("ascii")[:_EVENT_LENGTH].lower())


def post_key(dedup_key: str) -> str:
    """Return the key under which a host keeps a mail: 42 characters that tell nobody's Message-ID.

    >>> len(post_key("mail:c1:<x@example.org>"))
    42
    """
    return f"m-{hashlib.sha256(dedup_key.encode('utf-8', 'surrogatepass')).hexdigest()[:_KEY_DIGITS]}"


def without_words(message: MessageAdded) -> MessageAdded:
    """Return what is kept of a mail beside the host's message."""
    return evolve(message, text="", full_text="")


def _apart(*parts: str) -> bytes:
    """Length-prefixed, so that no two lists of parts are the same octets."""
    octets = (part.encode("utf-8", "surrogatepass") for part in parts)
    return b"".join(b"%d:" % len(one) + one for one in octets)
