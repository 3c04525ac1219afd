"""Was a person at the keyboard? The classes of automatic mail, and how a mail's class is read from its signs."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from enum import Enum
from typing import Final

from attrs import frozen


class MailClass(Enum):
    """First class that fits, in the order of the members."""

    OWN = "own"
    COMPLAINT = "complaint"
    READ_RECEIPT = "read_receipt"
    BOUNCE = "bounce"
    OUT_OF_OFFICE = "out_of_office"
    AUTO_REPLY = "auto_reply"
    AUTO_GENERATED = "auto_generated"
    BULK = "bulk"
    CALENDAR = "calendar"
    REACTION = "reaction"
    HUMAN = "human"


@frozen(kw_only=True)
class Signs:
    """The few things of a mail that its class is read from. The defaults are those of a person's mail."""

    from_domains: frozenset[str] = frozenset()
    """Canonical domains of every reading of From."""
    message_id_domains: frozenset[str] = frozenset()
    """The right sides of its Message-IDs, in lower case."""
    marked: bool = False
    """It has a field X-Convalias-Id."""
    hops: int = 0
    """How many Received fields it has."""
    report: str | None = None
    """Of a multipart/report: its report-type, or, where that is missing, the type of its report part."""
    failed_recipients: bool = False
    """It has a field X-Failed-Recipients."""
    auto_submitted: frozenset[str] = frozenset()
    """The tokens of Auto-Submitted, comments and parameters taken off, in lower case."""
    auto_reply_field: bool = False
    """It has one of `AUTO_REPLY_FIELDS`."""
    precedence: frozenset[str] = frozenset()
    null_return_path: bool = False
    subject: str = ""
    list_field: bool = False
    """It has a field whose name begins with `List-` (RFC 2369, RFC 2919)."""
    leaf_types: frozenset[str] = frozenset()
    """Media types of the leaves outside message/rfc822."""


AUTO_REPLY_FIELDS: Final = frozenset({"x-autoreply", "x-autorespond", "x-autoresponder", "x-auto-reply-from"})
"""What answering machines wrote before RFC 3834. X-Auto-Response-Suppress is none: it asks, it does not tell."""

_HOPS: Final = 50  # RFC 5321 §6.3: a mail that has passed more servers runs in a circle
_ABSENCE: Final = re.compile(
    r"out[ -]of[ -](?:the[ -])?office|\booo\b|away from (?:the|my) (?:office|desk)|\bon (?:vacation|holiday|leave)\b"
    r"|vacation (?:reply|notice|message)|abwesen|im urlaub|fuera de (?:la )?oficina|ausen(?:te|cia|t)|absen(?:t|ce)"
    r"|hors (?:du|de) bureau|en cong[eé]|fuori (?:ufficio|sede)|assenza|in vacanza|afwezig|frånvar|fravær|poissa"
    r"|nieobecn|mimo kancel|вне офиса|в отпуске|отсутств|不在|休暇|外出|休假|부재",
    re.IGNORECASE,
)
_REPORTS: Final = {
    "feedback-report": MailClass.COMPLAINT,  # RFC 5965 §2
    "disposition-notification": MailClass.READ_RECEIPT,  # RFC 8098 §3
    "global-disposition-notification": MailClass.READ_RECEIPT,  # RFC 6533 §5
    "delivery-status": MailClass.BOUNCE,  # RFC 3464 §2
    "global-delivery-status": MailClass.BOUNCE,  # RFC 6533 §3
}


def classify(signs: Signs, alias_domains: Collection[str]) -> MailClass:
    """The first class that fits, in the order of `MailClass`. Total.

    >>> classify(Signs(auto_submitted=frozenset({"auto-replied"})), ())
    <MailClass.AUTO_REPLY: 'auto_reply'>
    """
    if _is_own(signs, frozenset(alias_domains)):
        return MailClass.OWN
    report = _REPORTS.get(signs.report or "")
    if report is MailClass.COMPLAINT or report is MailClass.READ_RECEIPT:
        return report
    if report is MailClass.BOUNCE or signs.failed_recipients:
        return MailClass.BOUNCE
    if _is_auto_reply(signs):
        return MailClass.OUT_OF_OFFICE if _ABSENCE.search(signs.subject[:1_000]) else MailClass.AUTO_REPLY
    return next((kind for kind, fits in _BY_MARK if fits(signs)), MailClass.HUMAN)


def _is_own(signs: Signs, alias_domains: frozenset[str]) -> bool:
    """Our own mail come back, or one that circles."""
    return (
        signs.marked
        or signs.hops > _HOPS
        or not alias_domains.isdisjoint(signs.from_domains)
        or not alias_domains.isdisjoint(signs.message_id_domains)
    )


def _is_auto_reply(signs: Signs) -> bool:
    """RFC 3834 §5; RFC 5321 §4.5.5: with a null return path come notifications that want no answer."""
    return (
        "auto-replied" in signs.auto_submitted
        or signs.auto_reply_field
        or "auto_reply" in signs.precedence
        or signs.null_return_path
    )


_BY_MARK: Final[tuple[tuple[MailClass, Callable[[Signs], bool]], ...]] = (
    # RFC 3834 §5: any token but `no` says that no person submitted it, the tokens of tomorrow included.
    (MailClass.AUTO_GENERATED, lambda signs: bool(signs.auto_submitted - {"no"})),
    (MailClass.BULK, lambda signs: signs.list_field or not signs.precedence.isdisjoint({"bulk", "list"})),
    (MailClass.CALENDAR, lambda signs: "text/calendar" in signs.leaf_types),
    (MailClass.REACTION, lambda signs: "text/vnd.google.email-reaction+json" in signs.leaf_types),
)
