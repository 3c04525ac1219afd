"""Approval mails: who may let held mail in is asked at most once a day for each conversation, and quoted nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, Protocol

from attrs import evolve, frozen

from convalias.codec import CodecError, load
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.approvals.holds import (
    ApprovalItem,
    approval_item,
    approval_key,
    expires_at,
    may_answer,
    to_ask_about,
)
from convalias.domain.approvals.links import ApprovalLink, LinkKeys
from convalias.domain.conversations.threads import ThreadState
from convalias.domain.ids import AccountId
from convalias.domain.inbound.records import Asking, HeldMail
from convalias.domain.mail.authentication import SenderEvidence
from convalias.ports.ambient import Clock, Telemetry
from convalias.ports.errors import Unavailable
from convalias.ports.mail import Outgoing, OutgoingMail
from convalias.ports.records import Stored
from convalias.services.conversations.contacts import Contacts
from convalias.stores.approvals.holds import Holds, day_after
from convalias.stores.conversations.parking import Parking
from convalias.stores.conversations.threads import Threads
from convalias.stores.errors import Parked

BATCH: Final = 100
SEND_WITHIN: Final = timedelta(seconds=30)


class ApprovalWriter(Protocol):
    """Makes the mail; a hub's adapter does, which knows how to write one."""

    def approval(self, *, to: EmailAddress, items: Sequence[tuple[ApprovalItem, str]], key: str, at: datetime) -> bytes:
        """A finished mail, marked as automatic; beside each item the token of its link."""
        ...


@frozen(kw_only=True)
class ApprovalMails:
    """What a mail lists is written down before it is sent, so that a repeat after a crash sends the same mail."""

    holds: Holds
    threads: Threads
    contacts: Contacts
    outgoing: OutgoingMail
    writer: ApprovalWriter | None
    """None: no address of pages is set, so that a link would lead nowhere, and nobody is asked."""
    keys: LinkKeys
    clock: Clock
    telemetry: Telemetry

    async def send_due(self) -> int:
        """Ask about mails that were held; return how many conversations were looked at. Raises `Unavailable`: not sent, still due."""
        rows = await self.holds.to_ask(until=self.clock.now(), limit=BATCH)
        for row in rows:
            try:
                asking = load(row.body, Asking)
                if asking.sending and self.writer is not None:
                    await self._send(asking, self.writer)
                else:
                    await self._list(row, asking)
            except (CodecError, Parked) as unreadable:
                parking = Parking(records=self.holds.records)
                await parking.aside(row, because=str(unreadable), at=self.clock.now())
        return len(rows)

    async def _list(self, row: Stored, asking: Asking) -> None:
        """Return what the mail will list. If a mail was held meanwhile, the row has changed, and is looked at again.

        Without pages it is looked at again the next day, when there may be some, until nothing waits any more: by
        then every hold was decided by other means or has expired.
        """
        now = self.clock.now()
        listed = to_ask_about(await self.holds.waiting(asking.conversation), now=now, policy=self.holds.policy)
        if not listed:
            await self.holds.asked(row, evolve(asking, answered=asking.wanted, sending=False), due=None)
            return
        if self.writer is None:
            self.telemetry.measure("icer.approvals.not_asked", len(listed), reason="no base_url")
            await self.holds.asked(row, asking, due=day_after(now))
            return
        ids = tuple(one.id for one in listed)
        frozen_list = evolve(asking, sending=True, at=now, listed=ids, answered=asking.wanted)
        await self.holds.asked(row, frozen_list, due=now)

    async def _send(self, asking: Asking, writer: ApprovalWriter) -> None:
        at = asking.at or self.clock.now()
        listed = await self.holds.several(asking.conversation, asking.listed)
        thread = (await self.threads.threads([asking.conversation])).get(asking.conversation)
        if thread is not None and thread.state is ThreadState.OPEN:
            for participant in may_answer(thread):
                to = await self.contacts.address(participant.account, thread)
                if to is not None:
                    await self._mail(participant.account, to, listed, at, writer)
        await self.holds.sent(asking.conversation, at=at, more=day_after(at))

    async def _mail(
        self, account: AccountId, to: EmailAddress, listed: Sequence[HeldMail], at: datetime, writer: ApprovalWriter
    ) -> None:
        """One that cannot be sent is no reason to keep back the others; it may have left, so not again."""
        key = approval_key(listed[0].conversation, account, at) if listed else ""
        items = [(self._item(one), self._token(one, account)) for one in listed]
        try:
            raw = writer.approval(to=to, items=items, key=key, at=at)
            async with asyncio.timeout(SEND_WITHIN.total_seconds()):
                await self.outgoing.send(Outgoing(key=key, raw=raw, to=to))
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is
            self.telemetry.measure("icer.approvals.given_up", 1, error=type(error).__name__)
        else:
            self.telemetry.measure("icer.approvals.sent", 1)

    def _item(self, hold: HeldMail) -> ApprovalItem:
        return approval_item(hold, hold.evidence or SenderEvidence(), "", self.holds.policy)

    def _token(self, hold: HeldMail, account: AccountId) -> str:
        return self.keys.token(
            ApprovalLink(
                hold=hold.id,
                conversation=hold.conversation,
                account=account,
                expires_at=expires_at(hold, self.holds.policy),
            )
        )
