"""Announce the first use of an old address to the current one: the old mailbox may have a new owner."""

from __future__ import annotations

from datetime import datetime

from attrs import frozen

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations.participants import AccountAuthor, Standing
from convalias.domain.ids import AccountId, ConversationId
from convalias.domain.mail.dedup import keyed
from convalias.domain.mail.envelope import ClearFrom, MessageEnvelope
from convalias.domain.routing.plan import RoutingPlan
from convalias.domain.routing.verdicts import Hold, RelayToConversation


@frozen
class Announcement:
    """Tell that account, at its current address, that a mail from its old one was taken as its own."""

    account: AccountId
    old: EmailAddress
    conversation: ConversationId
    """Where it happened first."""

    @property
    def key(self) -> str:
        """Return the key of an announcement: one for each account and address, inserted once."""
        return keyed("a", self.account, self.old.key)


@frozen
class AnnouncementDue:
    """An announcement, as the former release entered it: a later use of that address is no first use."""

    announcement: Announcement
    at: datetime
    """When the mail was received that used it."""
    sent: bool = False


def announcements(plan: RoutingPlan) -> tuple[Announcement, ...]:
    """Return the announcements that a plan makes due, each account once.

    Pure; the store knows which of them are the first.

    A hold announces as well: the address was used, whatever is decided about the mail.
    """
    mail = plan.case.mail
    if not isinstance(mail, MessageEnvelope) or not isinstance(mail.sender, ClearFrom):
        return ()
    found: dict[AccountId, Announcement] = {}
    for ruling in plan:
        match ruling.verdict:
            case (
                RelayToConversation(author=AccountAuthor(account=account, standing=Standing.HISTORICAL))
                | Hold(author=AccountAuthor(account=account, standing=Standing.HISTORICAL))
            ) if ruling.conversation is not None:
                found.setdefault(account, Announcement(account, mail.sender.address, ruling.conversation))
            case _:
                continue
    return tuple(found.values())
