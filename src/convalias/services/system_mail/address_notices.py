"""Address notices: the current address of an account hears of the first use of an old one.

Whoever still reads the old mailbox may be somebody else.
"""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from attrs import frozen

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.routing.announcements import announcements
from convalias.domain.routing.plan import RoutingPlan
from convalias.domain.system_mail.letters import AddressNotice, SystemMail
from convalias.ports.mail import Outgoing
from convalias.ports.people import IdentityDirectory
from convalias.stores.system_mail.outbox import Outbox


class AnnouncementWriter(Protocol):
    """Makes the mail; a hub's adapter does, which knows how to write one."""

    def announcement(self, *, to: EmailAddress, old: EmailAddress, key: str, at: datetime) -> bytes:
        """A finished mail, marked as automatic: that mail from `old` was taken as the account's own."""
        ...


@frozen(kw_only=True)
class Announcing:
    """Enters notices in the outbox of the system, before any effect of the mail."""

    outbox: Outbox

    async def note(self, plan: RoutingPlan, *, received: datetime) -> None:
        """Enter what that plan makes known for the first time: once for each account and old address. Repeatable."""
        notices = [
            SystemMail(key=one.key, letter=AddressNotice(account=one.account, old=one.old, at=received))
            for one in announcements(plan)
        ]
        await self.outbox.enter_notices(notices, at=received)


@frozen(kw_only=True)
class NoticeLetters:
    """Writes notices to accounts that have another address than the old one."""

    identities: IdentityDirectory
    writer: AnnouncementWriter

    async def written(self, letter: AddressNotice, *, key: str) -> Outgoing | None:
        """Return the mail to the current address. None: there is none but the old one."""
        account = (await self.identities.get([letter.account])).get(letter.account)
        current = [] if account is None else [one for one in account.addresses if one != letter.old]
        if not current:
            return None
        raw = self.writer.announcement(to=current[0], old=letter.old, key=key, at=letter.at)
        return Outgoing(key=key, raw=raw, to=current[0])
