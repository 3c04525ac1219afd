"""Suppressions: a bounce or a complaint forbids further mail to an address, or about a conversation."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Final

from attrs import frozen

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.ids import AccountId, ConversationId, EventId
from convalias.domain.outbound.delivery import NotificationId

MUTED: Final = "muted"
SUPPRESSED: Final = "suppressed"
SAME_MAILBOX: Final = "the same mailbox"
"""The author reads that mailbox, or another recipient of the event does."""
WISHES: Final = frozenset({MUTED, SUPPRESSED, SAME_MAILBOX})
"""Reasons of a wish, a dead mailbox or one that has the mail already: a delivery ends `cancelled`, which is no failure."""


@frozen(kw_only=True)
class EventPlace:
    """The place of an event that was notified: a report carries the notification's id alone."""

    event: EventId
    conversation: ConversationId


@frozen(kw_only=True)
class Suppressed:
    """An address that takes no mail any more, whoever is reached there."""

    account: AccountId | None = None
    """Whose notification came back; None: an operator added the address."""
    address: EmailAddress
    status: str = ""
    """What the last server said (RFC 3463); empty: nothing, an operator added the address."""
    at: datetime


@frozen(kw_only=True)
class Muted:
    """A conversation that a participant wants no mail about."""

    account: AccountId
    conversation: ConversationId
    at: datetime


@frozen(kw_only=True)
class SuppressionList:
    """Every suppression that a store holds."""

    addresses: tuple[Suppressed, ...] = ()
    muted: tuple[Muted, ...] = ()
    unreadable: int = 0
    """Rows in a format of a newer release: they forbid mail as well."""


class Subscription(Enum):
    """Whether e-mail about the conversation of a link leaves for its account."""

    MAILED = "mailed"
    MUTED = "muted"
    NO_LINK = "no link"
    """Nothing that we made."""


def event_part(notification: NotificationId) -> str:
    """Return the prefix that the ids of all notifications of one event share."""
    return notification.partition(".")[0]
