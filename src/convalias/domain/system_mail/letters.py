"""Mail that the system itself writes, as it is written down before it leaves: one row for each mail."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Final, TypeAlias

from attrs import frozen

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.ids import AccountId, ConversationId, TraceId
from convalias.domain.inbound.held import HoldId
from convalias.domain.mail.reasons import AnyReason


class SystemMailState(Enum):
    """due -> trying -> sent | uncertain. due -> dropped. Also trying -> due, if a try surely sent nothing."""

    DUE = "due"
    """It was surely not sent."""
    TRYING = "trying"
    """A call is under way, or was and may have worked."""
    SENT = "sent"
    UNCERTAIN = "uncertain"
    """It may have left, nobody can tell, and it is not sent again."""
    DROPPED = "dropped"
    """It was not sent and never will be: nobody is to be told any more, no mail could be made, or it was refused."""


AT_REST: Final = frozenset({SystemMailState.SENT, SystemMailState.UNCERTAIN, SystemMailState.DROPPED})
"""States in which nothing more is due."""


@frozen(kw_only=True)
class RefusalLetter:
    """Tell a sender that a mail was refused."""

    sender: EmailAddress
    alias: EmailAddress
    reason: AnyReason
    to_participant: bool
    """An authenticated participant reads the reason's own text, everybody else the one text of all refusals."""
    trace: TraceId
    """Of the refused mail."""
    about: str = ""
    """The Message-ID of the refused mail, in angle brackets; empty if it has none that can be named."""
    language: str = ""
    """That of the conversation, for a participant; empty: those of the deployment."""


@frozen(kw_only=True)
class ApprovalLetter:
    """Ask one participant about held mails."""

    conversation: ConversationId
    account: AccountId
    holds: tuple[HoldId, ...]
    """The holds that the mail lists, whatever is held since: a repeat sends the same mail."""
    at: datetime
    """When the list was made."""


@frozen(kw_only=True)
class AddressNotice:
    """Tell an account, at its current address, that a mail from its old address was taken as its own."""

    account: AccountId
    old: EmailAddress
    at: datetime
    """When the mail was received that used it."""


Letter: TypeAlias = RefusalLetter | ApprovalLetter | AddressNotice


@frozen(kw_only=True)
class SystemMail:
    """A mail of ours: its letter and its state."""

    key: str
    """The idempotency key under which it leaves."""
    letter: Letter
    state: SystemMailState = SystemMailState.DUE
    first: datetime | None = None
    """When the first try began that may have sent it: a memory of keys is counted from there."""
    at: datetime | None = None
    """When the latest try began."""
    tries: int = 0
    reason: str = ""
    """Why it was dropped, or why nobody can tell. No address, no text of a server. Empty: nobody wrote it down."""
