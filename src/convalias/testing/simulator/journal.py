"""A journal of what was done to the system from outside: all that the checker may hold it to."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import Enum
from typing import Final
from zlib import crc32

from attrs import define, field, frozen

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations.timeline import TimelineItem
from convalias.domain.ids import AccountId, ConversationId
from convalias.domain.mail.authentication import SenderEvidence

_LONG_ONES: Final = 16


class Kind(Enum):
    """The sort of a mail that somebody wrote."""

    MAIL = "mail"
    REPLY = "reply"
    AUTO_REPLY = "auto-reply"
    STRANGER = "stranger"
    SPOOF = "spoof"
    BORROWED = "borrowed"
    """Under the Message-ID and the Date of somebody else's mail, which whoever got that mail knows."""
    POISON = "poison"
    """Who reads it fails, or dies: given up in the end, and nobody else is held up."""


@frozen(kw_only=True)
class Mail:
    """A mail that was written, whatever became of it."""

    name: str
    """In its Message-ID and in its text; unique in a run."""
    kind: Kind
    sender: EmailAddress
    account: AccountId | None
    """Who wrote it; None: nobody whom the conversation knows."""
    recipients: tuple[EmailAddress, ...]
    conversations: tuple[ConversationId, ...]
    """Where its recipients lead, each recipient's own, in their order."""
    evidence: SenderEvidence | None
    """What the provider proved of its sender."""
    raw: bytes = field(repr=False)
    borrowed: str = ""
    """The mail whose Message-ID it bears; empty: it has its own."""
    at: float = 0.0
    """The virtual second of its Date."""

    @property
    def message_id(self) -> str:
        """Return the id as the header has it."""
        return f"<{self.borrowed or self.name}@home.example>"

    @property
    def end(self) -> str:
        """Return the last words of a text over 64 kB, as one mail in sixteen has; empty for the others."""
        return f"so ends {self.name}" if crc32(self.name.encode()) % _LONG_ONES == 0 else ""


@define(kw_only=True)
class Post:
    """A post of a mail by the provider, through all its tries."""

    mail: Mail
    recipients: tuple[EmailAddress, ...]
    token: str
    begun: float
    day: datetime
    tries: int = 0
    accepted: float | None = None
    """When the first 2xx reached the provider."""
    refused: bool = False
    """The receiver said that the token belongs to something else."""
    given_up: bool = False
    source: str = "api"
    """By which door it came."""


@define(kw_only=True)
class Chat:
    """A chat message, through all the tries of its client."""

    conversation: ConversationId
    author: AccountId
    key: str
    text: str
    accepted: bool = False
    refused: bool = False


@frozen(kw_only=True)
class Look:
    """A timeline that somebody was shown, and when it was asked for and had come."""

    conversation: ConversationId
    reader: AccountId
    begun: float
    ended: float
    items: Sequence[TimelineItem]


@frozen(kw_only=True)
class Change:
    """A change of what becomes of mails in that conversation (None: in all)."""

    at: float
    what: str
    conversation: ConversationId | None = None


@define
class Journal:
    """All entries, in the order in which they were begun."""

    mails: dict[str, Mail] = field(factory=dict[str, Mail])
    posts: list[Post] = field(factory=list[Post])
    chats: list[Chat] = field(factory=list[Chat])
    changes: list[Change] = field(factory=list[Change])
    looks: list[Look] = field(factory=list[Look])
    """At conversations of a platform that can be read back."""
    conversations: list[ConversationId] = field(factory=list[ConversationId])
    people: dict[AccountId, set[EmailAddress]] = field(factory=dict[AccountId, set[EmailAddress]])
    """Every address that somebody ever had."""
    answers: list[str] = field(factory=list[str])
    """Tokens of approval links that somebody has posted."""
    strangers: set[EmailAddress] = field(factory=set[EmailAddress])
