"""Bounces and complaints that prove what they are about: the delivery is noted, and what failed is not tried again."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final, Protocol, assert_never

from attrs import frozen

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations.events import StatusNoted
from convalias.domain.ids import TraceId
from convalias.domain.inbound.posts import EnvelopeRecord
from convalias.domain.mail.automation import MailClass
from convalias.domain.mail.envelope import InboundMail, MessageEnvelope
from convalias.domain.outbound.delivery import Delivery, DeliveryDecision, DeliveryState, NotificationId
from convalias.domain.outbound.reports import Bounce, BounceKind, Complaint, Report, Unsubscribed
from convalias.domain.outbound.suppressions import Muted, Suppressed, bounced_address, may_be_bounced
from convalias.ports.ambient import Clock, Telemetry
from convalias.services.conversations.contacts import Contacts
from convalias.services.conversations.statuses import note_status, status_key
from convalias.stores.conversations.access import ConversationAccess
from convalias.stores.outbound.ledger import Ledger
from convalias.stores.outbound.suppressions import Suppressions

NO_COMPLAINT: Final = "not-spam"
"""RFC 6430: somebody took it out of the folder for spam."""
BOUNCE: Final = "bounce"
COMPLAINT: Final = "complaint"
"""How a conversation says what became of a mail."""
_REPORTS: Final = frozenset({MailClass.BOUNCE, MailClass.COMPLAINT})


class ReportReader(Protocol):
    """Reads what was classed as bounce or complaint; proves by what we sealed which notification it is about."""

    def read(self, raw: bytes, recipients: Iterable[EmailAddress] = ()) -> Report | None:
        """Total and linear; None when nothing can be read."""
        ...


@frozen(kw_only=True)
class Reported:
    """Circumstances of a report: its time, its trace, and where the mail went."""

    at: datetime
    trace: TraceId
    address: EmailAddress | None = None
    """Where the mail went, as its carrier says. None: where the delivery remembers."""


@frozen(kw_only=True)
class Reports:
    """Acts on a report once, however often it comes. One without our MAC acts on nothing. Raises `Unavailable`."""

    reader: ReportReader
    ledger: Ledger
    suppressions: Suppressions
    contacts: Contacts
    conversations: ConversationAccess
    clock: Clock
    telemetry: Telemetry

    async def take(self, mail: InboundMail, raw: bytes, record: EnvelopeRecord) -> None:
        """Act on a report that came by mail, if it is one and ours."""
        if not isinstance(mail, MessageEnvelope) or mail.mail_class not in _REPORTS:
            return
        report = self.reader.read(raw, mail.recipients)
        reported = Reported(at=record.post.received_at, trace=record.trace)
        if report is None or not await self.act(report, reported):
            self.telemetry.measure("icer.reports.unproved", 1)

    async def act(self, report: Report, reported: Reported) -> bool:
        """Act on a report, by whichever way it came. False: it is about no notification that was sent from here."""
        found = None if report.notification is None else await self._found(report.notification)
        if found is None:
            return False
        decision, row = found
        match report:
            case Bounce():
                await self._bounced(report, decision, row, reported)
            case Complaint(feedback=feedback):
                if feedback != NO_COMPLAINT:
                    await self._complained(decision, row, reported)
            case Unsubscribed():
                await self._mute(decision, row)
            case _:
                assert_never(report)
        return True

    async def _found(self, notification: NotificationId) -> tuple[DeliveryDecision, Delivery] | None:
        place = await self.suppressions.where(notification)
        decision = None if place is None else await self.ledger.get(place.conversation, place.event)
        row = None if decision is None else decision.row(notification)
        return None if decision is None or row is None else (decision, row)

    async def _bounced(self, bounce: Bounce, decision: DeliveryDecision, row: Delivery, reported: Reported) -> None:
        match bounce.kind:
            case BounceKind.DELAYED:
                return
            case BounceKind.DELIVERED:
                await self._receipt(decision, row, DeliveryState.DELIVERED, bounce.status)
                return
            case BounceKind.SOFT | BounceKind.HARD:
                await self._receipt(decision, row, DeliveryState.FAILED, bounce.status)
            case _:
                assert_never(bounce.kind)
        if await self._is_noted(BOUNCE, decision, row):
            return
        address = None
        if bounce.kind is BounceKind.HARD:
            address = await self._mailed(bounce, decision, row, reported)
        if address is not None:
            await self.suppressions.suppress(
                Suppressed(account=row.recipient, address=address, status=bounce.status, at=self.clock.now())
            )
        await self._note(BOUNCE, decision, row, reported)

    async def _mailed(
        self, bounce: Bounce, decision: DeliveryDecision, row: Delivery, reported: Reported
    ) -> EmailAddress | None:
        """Where the mail went that came back. The recipient's address may have changed since."""
        thread = await self.conversations.thread(decision.conversation)
        known = () if thread is None else await self.contacts.addresses(row.recipient, thread)
        stated = reported.address
        if stated is not None:
            return stated if may_be_bounced(stated, row.mailed_to, known=known) else None
        return bounced_address(row.mailed_to, named=bounce.recipients, known=known)

    async def _complained(self, decision: DeliveryDecision, row: Delivery, reported: Reported) -> None:
        if not await self._is_noted(COMPLAINT, decision, row):
            await self._mute(decision, row)
            await self._note(COMPLAINT, decision, row, reported)

    async def _mute(self, decision: DeliveryDecision, row: Delivery) -> None:
        muted = Muted(account=row.recipient, conversation=decision.conversation, at=self.clock.now())
        await self.suppressions.mute(muted)

    async def _receipt(self, decision: DeliveryDecision, row: Delivery, state: DeliveryState, status: str) -> None:
        await self.ledger.receipt(decision.conversation, decision.event, row.id, state, receipt=status)

    async def _is_noted(self, status: str, decision: DeliveryDecision, row: Delivery) -> bool:
        """Whether the conversation says so already. Then nothing is forbidden again: it may have been lifted since."""
        key = _note_key(status, decision, row)
        return await self.conversations.keyed(decision.conversation, key=key) is not None

    async def _note(self, status: str, decision: DeliveryDecision, row: Delivery, reported: Reported) -> None:
        """The conversation says so, once for each notification, however many reports there are of it."""
        await note_status(
            self.conversations,
            self.clock,
            decision.conversation,
            StatusNoted(row.recipient, status),
            cause=f"{status} {row.id}",
            at=reported.at,
            trace=reported.trace,
        )


def _note_key(status: str, decision: DeliveryDecision, row: Delivery) -> str:
    return status_key(decision.conversation, f"{status} {row.id}")
