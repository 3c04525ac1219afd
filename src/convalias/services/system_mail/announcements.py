"""The current address hears of the first use of an old one: whoever still reads the old mailbox may be somebody else."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Final, Protocol

from attrs import frozen

from convalias.codec import CodecError, load
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.routing.announcements import Announcement, AnnouncementDue, announcements
from convalias.domain.routing.plan import RoutingPlan
from convalias.ports.ambient import Clock, Telemetry
from convalias.ports.errors import Unavailable
from convalias.ports.mail import Outgoing, OutgoingMail
from convalias.ports.people import IdentityDirectory
from convalias.stores.conversations.parking import Parking
from convalias.stores.system_mail.announcements import Announcements

BATCH: Final = 100
SEND_WITHIN: Final = timedelta(seconds=30)


class AnnouncementWriter(Protocol):
    """Makes the mail; a hub's adapter does, which knows how to write one."""

    def announcement(self, *, to: EmailAddress, old: EmailAddress, key: str, at: datetime) -> bytes:
        """A finished mail, marked as automatic: that mail from `old` was taken as the account's own."""
        ...


@frozen(kw_only=True)
class Announcing:
    """`note` writes down what is due, before any effect of the mail; `send_due` sends it, under its own key."""

    rows: Announcements
    identities: IdentityDirectory
    outgoing: OutgoingMail
    writer: AnnouncementWriter
    clock: Clock
    telemetry: Telemetry

    async def note(self, plan: RoutingPlan, *, received: datetime) -> None:
        """What that plan makes known for the first time. Repeatable."""
        await self.rows.plan(announcements(plan), at=received)

    async def send_due(self) -> int:
        """Send what is due; how many were looked at. Raises `Unavailable`: surely not sent, they stay due."""
        rows = await self.rows.due(until=self.clock.now(), limit=BATCH)
        for row in rows:
            try:
                due = load(row.body, AnnouncementDue)
                await self.rows.settle(row, sent=await self._send(due.announcement, due.at))
            except CodecError as unreadable:
                parking = Parking(records=self.rows.records)
                await parking.aside(row, because=str(unreadable), at=self.clock.now())
        return len(rows)

    async def _send(self, told: Announcement, at: datetime) -> bool:
        """Whether it left. Whatever else is raised, it may have left: at most once, so not again."""
        account = (await self.identities.get([told.account])).get(told.account)
        current = [] if account is None else [one for one in account.addresses if one != told.old]
        if not current:
            return False
        raw = self.writer.announcement(to=current[0], old=told.old, key=told.key, at=at)
        try:
            async with asyncio.timeout(SEND_WITHIN.total_seconds()):
                await self.outgoing.send(Outgoing(key=told.key, raw=raw, to=current[0]))
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001 - an adapter's own
            self.telemetry.measure("icer.announcements.given_up", 1, error=type(error).__name__)
            return False
        self.telemetry.measure("icer.announcements.sent", 1)
        return True
