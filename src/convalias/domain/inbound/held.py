"""Held mail as it is kept: the mail that waits, who is asked, and what was let in."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import NewType

from attrs import frozen

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.ids import AccountId, ConversationId
from convalias.domain.inbound.posts import RecordKey
from convalias.domain.mail.authentication import SenderEvidence
from convalias.domain.mail.checks import Finding
from convalias.domain.mail.reasons import AnyReason

HoldId = NewType("HoldId", str)


class Admits(Enum):
    """The scope of an approval: one mail, all mail of its address, or all of its mailing list."""

    THIS_MAIL = "this_mail"
    THIS_ADDRESS = "this_address"
    """This mail, and later mail from its address to this conversation, as far as evidence allows."""
    THIS_LIST = "this_list"
    """This mail, and later mail that comes to this conversation by the same mailing list, whoever its author is."""


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
    reason: AnyReason
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
    finding: Finding | None = None
    """What a detector found in it; None: none was asked."""
    by_list: str | None = None
    """The List-Id of the mailing list that it came by, if it waits for no other reason. None: none, or others too."""
    by_address: bool = True
    """Whether its approval may be kept for later mail of its address. True where that was not written down yet."""


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
    pages: tuple[str, ...] = ()
    """Where the links of the approval mails led, since a mail was last held: `base_url`, as it was each time.

    Empty: nobody was asked, or the release did not write it down.
    """


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


@frozen(kw_only=True)
class AdmittedList:
    """A mailing list that a participant let into a conversation."""

    conversation: ConversationId
    by_list: str
    """Its List-Id, in lower case."""
    by: AccountId | None
    at: datetime
