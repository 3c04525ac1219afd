"""Whom to tell that a mail was too large: it is not routed, but what would have become of it says who may know."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from attrs import frozen

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations.participants import AccountAuthor
from convalias.domain.mail.authentication import Authentication, judge
from convalias.domain.mail.automation import MailClass
from convalias.domain.mail.envelope import ClearFrom, MessageEnvelope, NullReturnPath
from convalias.domain.mail.reasons import CONSEQUENCES, Reason
from convalias.domain.routing.plan import RoutingPlan
from convalias.domain.routing.verdicts import Hold, Reject, RelayToConversation, Source

TOO_LARGE: Final = "too_large"
"""Why an envelope record is quarantined whose mail was over the limit."""
ANSWERED: Final = frozenset({MailClass.HUMAN, MailClass.CALENDAR, MailClass.REACTION})


@frozen(kw_only=True)
class OwedRefusal:
    """One mail to write to the sender of a mail that was too large."""

    tell: EmailAddress
    alias: EmailAddress
    reason: Reason
    to_participant: bool


def refusals_of(plan: RoutingPlan) -> Iterator[OwedRefusal]:
    """Of what would have been relayed or held, that it was too large; of what is refused anyhow, why.

    Never to a null return path, a machine, spam, or a sender whom nothing proves (backscatter, RFC 5321 §6.2). Of
    what is ignored, skipped or for the legacy relay nobody is told.
    """
    mail = plan.case.mail
    if not isinstance(mail, MessageEnvelope) or not isinstance(mail.sender, ClearFrom) or not _may_be_told(mail):
        return
    for ruling in plan:
        if ruling.recipient.source is Source.ENVELOPE:
            match ruling.verdict:
                case RelayToConversation(author=author) | Hold(author=author):
                    reason, known = Reason.TOO_LARGE, isinstance(author, AccountAuthor)
                case Reject(reason=reason) if CONSEQUENCES[reason].may_tell_sender:
                    known = False
                case _:
                    continue
            yield OwedRefusal(
                tell=mail.sender.address, alias=ruling.recipient.address, reason=reason, to_participant=known
            )


def _may_be_told(mail: MessageEnvelope) -> bool:
    return (
        judge(mail.evidence) is Authentication.AUTHENTICATED
        and not isinstance(mail.return_path, NullReturnPath)
        and mail.mail_class in ANSWERED
        and not mail.spam
    )
