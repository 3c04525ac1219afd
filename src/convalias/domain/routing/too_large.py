"""Refuse a mail over the limit of size: the plan that would have routed it says who may know."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from attrs import frozen

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations.participants import AccountAuthor
from convalias.domain.mail.envelope import ClearFrom, MessageEnvelope
from convalias.domain.mail.reasons import AnyReason, Reason
from convalias.domain.routing.decision import may_be_told
from convalias.domain.routing.plan import RoutingPlan
from convalias.domain.routing.verdicts import AliasRecipient, Hold, Recipient, Reject, RelayToConversation, Source

TOO_LARGE: Final = "too_large"
"""Why an envelope record is quarantined whose mail was over the limit."""


@frozen(kw_only=True)
class OwedRefusal:
    """A mail that is due to the sender of a mail that was too large."""

    tell: EmailAddress
    alias: EmailAddress
    reason: AnyReason
    to_participant: bool
    market: str | None = None
    """Of the conversation; None where it has none, or is not known here."""


def refusals_of(plan: RoutingPlan) -> Iterator[OwedRefusal]:
    """Yield TOO_LARGE for what would have been relayed or held, and the reason of what is refused anyhow.

    Only to a sender who may be told (`may_be_told`). Nobody is told of what is ignored, skipped or for the legacy
    relay.
    """
    mail = plan.case.mail
    if not isinstance(mail, MessageEnvelope) or not isinstance(mail.sender, ClearFrom) or not may_be_told(mail):
        return
    for ruling in plan:
        if ruling.recipient.source is Source.ENVELOPE:
            match ruling.verdict:
                case RelayToConversation(author=author) | Hold(author=author):
                    reason, known = Reason.TOO_LARGE, isinstance(author, AccountAuthor)
                case Reject(reason=reason) if reason.consequence.may_tell_sender:
                    known = False
                case _:
                    continue
            yield OwedRefusal(
                tell=mail.sender.address,
                alias=ruling.recipient.address,
                reason=reason,
                to_participant=known,
                market=_market(ruling.recipient),
            )


def _market(recipient: Recipient) -> str | None:
    return recipient.thread.market if isinstance(recipient, AliasRecipient) else None
