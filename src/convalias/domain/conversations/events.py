"""Events of a conversation: immutable facts, one class for each kind."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Final, TypeAlias

from attrs import frozen

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations.participants import Author, Participant
from convalias.domain.expecting import check_fields
from convalias.domain.ids import AccountId, AliasId, ConversationId, EventId, Seq, UseCase
from convalias.domain.mail.envelope import Attachment

RESTORED: Final = "restored"
"""The flag of a message that was added by a restore: nobody is told of it, by either system."""
UNVERIFIED: Final = "unverified"
"""The flag of a message of which nothing proved who wrote it."""
PERIPHERAL: Final = "peripheral"
"""The flag of a message whose author takes no part in the conversation."""
SPAM: Final = "spam"
"""The flag of a message that the provider or a check took for spam."""
HARMFUL: Final = "harmful"
"""The flag of a message in which a check found something harmful: none of its files is passed on."""
UNCHECKED: Final = "unchecked"
"""The flag of a message that no check could look at."""
MIME_AMBIGUOUS: Final = "mime_ambiguous"
"""The flag of a message whose mail other programs may read otherwise."""
SYNTHETIC_ID: Final = "message_id_synthetic"
"""The flag of a message whose mail had no usable Message-ID: its id was made here."""
TEXT_MISSING: Final = "text_missing"
"""The flag of a message as it is shown while its long text cannot be found: what is shown is its start."""
REUSED_ID: Final = "message_id_reused"
"""The flag of a message whose Message-ID another mail of the conversation has already."""


class Origin(Enum):
    """Which way an event came in."""

    ALIAS_MAIL = "alias_mail"
    CHAT = "chat"
    LEGACY_SYNC = "legacy_sync"


@frozen
class ConversationCreated:
    """Event 1 of every conversation."""

    use_case: UseCase
    market: str | None = None
    participants: tuple[Participant, ...] = ()

    __attrs_post_init__ = check_fields


@frozen
class LongText:
    """The place of the whole text of a message, of which its event keeps only the start."""

    name: str
    """The key of a blob."""
    digest: str
    """SHA-256 of `text` and `full_text`, whole; hex."""


@frozen(kw_only=True)
class MessageAdded:
    """A message was added to the conversation."""

    author: Author
    text: str
    """Without quoted history."""
    full_text: str = ""
    subject: str = ""
    attachments: tuple[Attachment, ...] = ()
    message_id: str | None = None
    """In angle brackets; None for chat. A person's text: never published."""
    body_digest: str = ""
    """Digest of body and attachments; empty for chat."""
    sent_at: datetime | None = None
    """The Date field of a mail, as its sender claims it."""
    in_reply_to: EventId | None = None
    flags: frozenset[str] = frozenset()
    """`restored`, `unverified`, `spam`, `harmful`, `unchecked`, `text_missing`, `mime_ambiguous`, `message_id_synthetic`, `message_id_reused`, `peripheral`."""
    raw_key: str | None = None
    long: LongText | None = None
    """Not None: `text` and `full_text` are only the start of what was written."""

    __attrs_post_init__ = check_fields


@frozen
class ParticipantAdded:
    """An account takes part from this event on."""

    participant: Participant

    __attrs_post_init__ = check_fields


@frozen
class ParticipantRemoved:
    """An account takes part no more from this event on."""

    account: AccountId

    __attrs_post_init__ = check_fields


@frozen
class CopiesSeen:
    """A registered participant carried these addresses in Cc of authenticated mail."""

    addresses: frozenset[EmailAddress]

    __attrs_post_init__ = check_fields


@frozen
class MessagesRead:
    """An account has read everything up to and including `up_to`."""

    account: AccountId
    up_to: Seq

    __attrs_post_init__ = check_fields


@frozen
class ConversationClosed:
    """No more messages until it is reopened."""

    by: AccountId | None = None

    __attrs_post_init__ = check_fields


@frozen
class ConversationReopened:
    """Messages again."""

    by: AccountId | None = None

    __attrs_post_init__ = check_fields


@frozen
class ConversationArchived:
    """Closed for good."""


@frozen
class ConversationErased:
    """The contents of the conversation were erased by request; tombstones remain."""


@frozen
class AliasIssued:
    """An account has a new address in this conversation."""

    alias: AliasId
    stands_for: AccountId

    __attrs_post_init__ = check_fields


@frozen
class AliasRevoked:
    """An alias takes no mail any more."""

    alias: AliasId

    __attrs_post_init__ = check_fields


@frozen
class MessageRedacted:
    """The text of that event is gone."""

    event: EventId

    __attrs_post_init__ = check_fields


@frozen
class StatusNoted:
    """A participant's status: `bounce`, `complaint`, `absence`, or `3 equal mails not shown`."""

    account: AccountId
    status: str

    __attrs_post_init__ = check_fields


Happening: TypeAlias = (
    ConversationCreated
    | MessageAdded
    | ParticipantAdded
    | ParticipantRemoved
    | CopiesSeen
    | MessagesRead
    | ConversationClosed
    | ConversationReopened
    | ConversationArchived
    | ConversationErased
    | AliasIssued
    | AliasRevoked
    | MessageRedacted
    | StatusNoted
)
"""Says what happened in a conversation. Closed within a release; a later release may add cases."""


@frozen
class NewEvent:
    """A happening on its way to the store: it has no seq yet. Times are aware, microsecond UTC."""

    id: EventId
    conversation: ConversationId
    happening: Happening
    dedup_key: str
    """Text form of a `dedup.DedupKey`."""
    origin: Origin
    occurred_at: datetime
    trace: str = ""


@frozen
class ConversationEvent:
    """A happening that the store has put in its place. `appended_at` never runs back along `seq`."""

    id: EventId
    conversation: ConversationId
    seq: Seq
    happening: Happening
    dedup_key: str
    origin: Origin
    occurred_at: datetime
    appended_at: datetime
    trace: str = ""

    __attrs_post_init__ = check_fields
