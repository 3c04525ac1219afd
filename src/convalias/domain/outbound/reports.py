"""Bounces and complaints: which of our notifications each is about, and why."""

from __future__ import annotations

import hashlib
import re
from datetime import datetime
from enum import Enum
from typing import Final, TypeAlias

from attrs import field, frozen

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.outbound.delivery import NotificationId


class BounceKind(Enum):
    """The meaning of a delivery report for the address."""

    HARD = "hard"
    """The mailbox is not there. Nothing else forbids further mail to an address."""
    SOFT = "soft"
    """This mail failed, the next may not: full, away, refused for what it says or for whom it comes from."""
    DELAYED = "delayed"
    """Still tried: nothing has failed."""
    DELIVERED = "delivered"
    """A receipt that nobody asked for, or a relay to where none are made."""


@frozen(kw_only=True)
class Bounce:
    """A delivery report (RFC 3464, RFC 6533, or neither)."""

    notification: NotificationId | None
    """None: it carries no proof of ours, so it acts on nothing."""
    kind: BounceKind
    status: str = ""
    """Enhanced status code (RFC 3463), as far as one was found: `5.1.1`."""
    recipients: tuple[EmailAddress, ...] = field(default=(), repr=False)
    """The addresses that the report names as failed, which proves nothing. No part of `DeliveryEvent.digest`."""


@frozen(kw_only=True)
class Complaint:
    """A complaint: the recipient marked the mail as spam (RFC 5965)."""

    notification: NotificationId | None
    feedback: str = ""
    """`abuse`, `fraud`, `not-spam`, ..., in lower case."""


@frozen(kw_only=True)
class Unsubscribed:
    """The recipient unsubscribed at the provider: a wish, and no complaint."""

    notification: NotificationId | None


Report: TypeAlias = Bounce | Complaint | Unsubscribed


@frozen(kw_only=True)
class DeliveryEvent:
    """An event of a mail provider about one mail. Its door has verified the signature, and nothing else."""

    source: str
    """The name of the door."""
    token: str
    """What the provider signed: good for this one event."""
    id: str
    """The provider's own; unique for a day at least."""
    receipt_token: str
    """What the mail carried: it proves the notification. Empty: nothing of ours."""
    report: Report | None
    """What happened, of no notification yet. None: nothing that is acted on, such as an opened mail."""
    recipient: EmailAddress | None
    """Where the mail went."""
    at: datetime
    """When it happened, as the provider says; within the bounds of its signature."""

    @property
    def digest(self) -> str:
        """64 hex digits over what it says, so that a token serves no other event."""
        sha = hashlib.sha256()
        for part in (self.id, self.receipt_token, repr(self.report), repr(self.recipient)):
            sha.update(b"%d:" % len(part) + part.encode("utf-8", "surrogatepass"))
        return sha.hexdigest()


@frozen(kw_only=True)
class SeenEvent:
    """An event that came: under which token, or as carried out."""

    digest: str
    at: datetime


class EventAnswer(Enum):
    """The outcome of a provider's event."""

    DONE = "done"
    """It was acted on, now or before."""
    IGNORED = "ignored"
    """It says nothing that is acted on."""
    UNPROVED = "unproved"
    """No notification of ours is proved by it."""
    REUSED = "reused"
    """Its token came before with another event: somebody put a signature under another body."""


def of_failure(status: str) -> Bounce:
    """Return the bounce that a provider tells of for good, with the code that it quotes, if any."""
    code = status if status.startswith("5.") else "5.0.0"
    return Bounce(notification=None, kind=kind_of("failed", code), status=code)


_STATUS: Final = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.]*\d)")
_REPLY: Final = re.compile(r"(?<![\d.])(4[2-7]\d|5[0-7]\d)(?=[ -])")
# RFC 3463 §3.2 and §3.3, RFC 7505 §4.2 (5.1.10): no such mailbox, domain or syntax, moved away, disabled.
HARD: Final = frozenset({"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"})
"""The codes that say that the mailbox is not there. Every other permanent code speaks about the mail or the moment."""
_ACTIONS: Final = {
    "delayed": BounceKind.DELAYED,
    "delivered": BounceKind.DELIVERED,
    "relayed": BounceKind.DELIVERED,
    "expanded": BounceKind.DELIVERED,
}
# RFC 5321 §4.2.2, for servers that say no more than that. 550 and 553 refuse a policy's mail too, so they are vague.
_BY_REPLY: Final = {"551": "5.1.6", "552": "5.2.2"}
_ABOUT_US: Final = re.compile(
    r"sender|from:|helo|your (?:host|domain|ip|address)|blocked|listed in|relay", re.IGNORECASE
)
"""Words of a line that speaks about who sends, whatever else is in it."""


# What servers write that give no code at all; the commonest wordings of Exim, qmail, Exchange and Domino.
_BY_WORDS: Final = (
    (
        "5.2.2",
        re.compile(
            r"mailbox (?:is )?full|over ?quota|quota (?:is )?exceeded|exceeded (?:its|the|storage) ?quota",
            re.IGNORECASE,
        ),
    ),
    (
        "5.1.1",
        re.compile(
            r"(?:user|recipient|mailbox|address) (?:is )?unknown|unknown (?:user|recipient|mailbox|address)"
            r"|no such (?:user|recipient|mailbox|address)|(?:user|mailbox|address) (?:was )?not found|does ?n[o']t exist"
            r"|does not exist|no mailbox here by that name|not listed in|inactive user|account (?:is |has been )?disabled",
            re.IGNORECASE,
        ),
    ),
    (
        "5.1.2",
        re.compile(
            r"unrouteable|unknown (?:host|domain)|(?:host|domain) (?:was )?not found|no such domain", re.IGNORECASE
        ),
    ),
)


def status_by_words(text: str) -> str:
    """Return the status code that a report without one means, from its English words; empty if unknown."""
    return next((status for status, words in _BY_WORDS if words.search(text)), "")


def status_in(text: str) -> str:
    """Return the first status code in a text, or what its SMTP reply and words amount to, or nothing.

    >>> status_in("smtp; 550 5.1.1 No such user"), status_in("552 mailbox full"), status_in("call 1.2.3.4")
    ('5.1.1', '5.2.2', '')
    >>> status_in("550 No such user here"), status_in("550 Blocked: no such user at your domain")
    ('5.1.1', '5.0.0')
    """
    found = _STATUS.search(text)
    if found is not None:
        return ".".join(str(int(found[part])) for part in (1, 2, 3))
    reply = _REPLY.search(text)
    if reply is None:
        return ""
    words = text[reply.end() :].partition("\n")[0]
    by_words = "" if reply[1][0] != "5" or _ABOUT_US.search(words) else status_by_words(words)
    return by_words or _BY_REPLY.get(reply[1], f"{reply[1][0]}.0.0")


def kind_of(action: str, status: str) -> BounceKind:
    """Return the kind of bounce for an action (RFC 3464 §2.3.3; empty: none was given) and a status code. Total.

    An address that is written off in error loses every later message, so only the codes of `HARD` write it off.
    """
    told = _ACTIONS.get(action.strip().lower())
    if told is not None:
        return told
    if status.startswith("2."):
        return BounceKind.DELIVERED
    return BounceKind.HARD if status in HARD else BounceKind.SOFT
