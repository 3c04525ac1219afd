"""Suppressions: a bounce or a complaint forbids further mail to an address, or about a conversation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import Enum
from typing import Final

from attrs import frozen

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.ids import AccountId, ConversationId, EventId
from convalias.domain.mail.dedup import keyed
from convalias.domain.outbound.delivery import NotificationId

MOST_MAILED: Final = 3
"""Addresses that one notification remembers: its address may change between two tries."""
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


@frozen
class Unreadable:
    """A suppression of a newer release, or a damaged one. It forbids mail as any other does, and says no more here."""


@frozen(kw_only=True)
class SuppressionList:
    """Every suppression that a store holds."""

    addresses: tuple[Suppressed, ...] = ()
    muted: tuple[Muted, ...] = ()
    unreadable: int = 0
    """Rows of a newer release, or damaged ones: they forbid mail as well."""


class Subscription(Enum):
    """Whether e-mail about the conversation of a link leaves for its account."""

    MAILED = "mailed"
    MUTED = "muted"
    NO_LINK = "no link"
    """Nothing that we made."""


def mailed(digests: tuple[str, ...], address: EmailAddress | None) -> tuple[str, ...]:
    """Return the digests of the last addresses that a notification was sent to, this one among them, newest last."""
    if address is None:
        return digests
    newest = address_digest(address)
    return (*(one for one in digests if one != newest), newest)[-MOST_MAILED:]


def address_digest(address: EmailAddress) -> str:
    """Return a text that is the same for the same mailbox, and is none."""
    return keyed("to", address.key)


def bounced_address(
    mailed_to: tuple[str, ...], *, named: Iterable[EmailAddress], known: Sequence[EmailAddress]
) -> EmailAddress | None:
    """Return the address that a bounce is about, or None if nobody knows that address any more.

    `named`: by the report, which whoever got the mail can write. `known`: the recipient's own, the one that is mailed
    now first. What the report names counts if the mail went there or if it is the recipient's own, so that nobody can
    suppress the address of somebody else.
    """
    for one in named:
        if may_be_bounced(one, mailed_to, known=known):
            return one
    if not mailed_to:  # a former release sent it, or the bounce overtook the answer to the call that sent it
        return next(iter(known), None)
    return next((one for one in known if address_digest(one) == mailed_to[-1]), None)


def may_be_bounced(address: EmailAddress, mailed_to: tuple[str, ...], *, known: Iterable[EmailAddress]) -> bool:
    """Whether a report may be about that address: the mail went there, or it is the recipient's own.

    Who shares a provider's account can sign an event about any address, with a proof that every recipient of ours has.
    """
    return address_digest(address) in mailed_to or address in known


def event_part(notification: NotificationId) -> str:
    """Return the prefix that the ids of all notifications of one event share."""
    return notification.partition(".")[0]
