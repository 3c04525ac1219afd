"""Claims: which path carries a mail of a sender to a conversation, decided once."""

from __future__ import annotations

from datetime import datetime
from enum import Enum

from attrs import frozen

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations.participants import Author
from convalias.domain.ids import ConversationId
from convalias.domain.mail.message_id import MessageId


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
