"""Guesses of aliases: many addresses that are none, within an hour, by one source or by all."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.addresses.vouching import is_public_mailbox_provider
from convalias.domain.mail.authentication import is_proved
from convalias.domain.mail.envelope import ClearFrom, InboundMail, MessageEnvelope
from convalias.domain.mail.reasons import Reason
from convalias.domain.routing.plan import RoutingPlan
from convalias.domain.routing.verdicts import Reject, Source

BY_SOURCE: Final = 20
"""So many misses of one source within an hour are mistakes; it is told of no more in a day either."""
IN_ALL: Final = 500
"""The same of all sources together."""
EVERYBODY: Final = "all"
"""All sources, as a source. No source has this name: each holds a dot, or is empty."""
_MISSES: Final = frozenset({Reason.UNKNOWN_ALIAS, Reason.FORGED_ALIAS})


def misses_of(plan: RoutingPlan) -> Iterable[EmailAddress]:
    """Yield the envelope recipients that are no alias and never were."""
    for ruling in plan:
        is_miss = isinstance(ruling.verdict, Reject) and ruling.verdict.reason in _MISSES
        if is_miss and ruling.recipient.source is Source.ENVELOPE:
            yield ruling.recipient.address


def source_of(mail: InboundMail) -> str:
    """Return by whom a mail's misses are counted: `from:` and who is proved, else the domain that the mail claims.

    Who is proved is a domain, or an address where everybody can get one. Nobody adds to these counts in another's name. The
    domain of the return path, else of From, is what anybody may claim; empty if there is none.
    """
    sender = mail.sender.address if isinstance(mail, MessageEnvelope) and isinstance(mail.sender, ClearFrom) else None
    if sender is not None and isinstance(mail, MessageEnvelope) and is_proved(mail.evidence):
        return f"from:{sender.key if is_public_mailbox_provider(sender.domain) else sender.domain}"
    if isinstance(mail.return_path, EmailAddress):
        return mail.return_path.domain
    return "" if sender is None else sender.domain
