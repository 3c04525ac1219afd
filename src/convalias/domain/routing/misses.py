"""Notice who guesses aliases: many addresses that are none, within an hour, by one source or by all."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.mail.envelope import ClearFrom, MessageEnvelope
from convalias.domain.mail.reasons import Reason
from convalias.domain.routing.plan import RoutingPlan
from convalias.domain.routing.verdicts import Reject, Source

BY_SOURCE: Final = 20
"""So many misses of one source within an hour are mistakes; it is told of no more in a day either."""
IN_ALL: Final = 500
"""The same of all sources together."""
_MISSES: Final = frozenset({Reason.UNKNOWN_ALIAS, Reason.FORGED_ALIAS})


def misses_of(plan: RoutingPlan) -> Iterable[EmailAddress]:
    """Yield the envelope recipients that are no alias and never were."""
    for ruling in plan:
        is_miss = isinstance(ruling.verdict, Reject) and ruling.verdict.reason in _MISSES
        if is_miss and ruling.recipient.source is Source.ENVELOPE:
            yield ruling.recipient.address


def source_of(plan: RoutingPlan) -> str:
    """Return the domain of the return path, else of From; empty if there is none."""
    mail = plan.case.mail
    if isinstance(mail.return_path, EmailAddress):
        return mail.return_path.domain
    if isinstance(mail, MessageEnvelope) and isinstance(mail.sender, ClearFrom):
        return mail.sender.address.domain
    return ""
