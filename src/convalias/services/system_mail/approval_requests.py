"""Approval requests: participants are asked at most once a day for each conversation, with nothing quoted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final, Protocol

from attrs import Factory, evolve, field, frozen

from convalias.codec import CodecError, load
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.approvals.holds import (
    ApprovalItem,
    approval_item,
    approval_key,
    day_after,
    expires_at,
    is_asked_again,
    still_asked,
    to_ask_about,
    who_is_asked,
)
from convalias.domain.approvals.links import ApprovalLink, LinkKeys
from convalias.domain.ids import AccountId
from convalias.domain.inbound.held import Asking, HeldMail
from convalias.domain.mail.authentication import SenderEvidence
from convalias.domain.system_mail.former import with_former_tries
from convalias.domain.system_mail.letters import ApprovalLetter, SystemMail
from convalias.domain.system_mail.refusal_texts import language_of
from convalias.ports.ambient import Clock, Telemetry
from convalias.ports.errors import AdapterFailed
from convalias.ports.mail import Outgoing
from convalias.ports.records import Stored
from convalias.services.conversations.contacts import Contacts
from convalias.services.running.faulty_work import FaultyWork, name_of
from convalias.stores.approvals.holds import Holds
from convalias.stores.conversations.access import ConversationAccess
from convalias.stores.conversations.parking import Parking
from convalias.stores.errors import Parked
from convalias.stores.system_mail.former import FormerMails
from convalias.stores.system_mail.outbox import Outbox

BATCH: Final = 100


class ApprovalWriter(Protocol):
    """Makes the mail; a hub's adapter does, which knows how to write one."""

    def approval(
        self, *, to: EmailAddress, items: Sequence[tuple[ApprovalItem, str]], key: str, at: datetime, language: str = ""
    ) -> bytes:
        """A finished mail, marked as automatic; beside each item the token of its link.

        `language`: that of the conversation; empty: nobody knows it.
        """
        ...


@frozen
class NotYet:
    """The mail cannot be written before `until`."""

    until: datetime


@frozen
class NoMail:
    """No mail is to be written, now or later."""

    because: str
    """No address."""


@frozen(kw_only=True)
class ApprovalMails:
    """Enters approval mails in the outbox of the system.

    What a mail lists is written down first, so that a repeat after a crash enters the same mails.
    """

    holds: Holds
    conversations: ConversationAccess
    outbox: Outbox
    pages: str | None
    """Where links lead: `base_url`. None: it is not set, so that a link would lead nowhere, and nobody is asked."""
    clock: Clock
    telemetry: Telemetry
    faulty: FaultyWork = field(default=Factory(lambda self: FaultyWork(clock=self.clock), takes_self=True))

    async def enter_due(self) -> int:
        """Enter mails about held mail; return how many conversations were looked at. Raises `Unavailable`."""
        rows = await self.holds.to_ask(until=self.clock.now(), limit=BATCH)
        for row in rows:
            try:
                asking = load(row.body, Asking)
                if asking.sending and self.pages is not None:
                    await self._enter(asking)
                else:
                    await self._list(row, asking)
                self.faulty.worked(name_of(row))
            except (CodecError, Parked) as unreadable:
                await self._aside(row, unreadable)
            except AdapterFailed as fault:  # on this conversation perhaps: the others are asked about
                again = self.faulty.failed(name_of(row))
                if again is None:
                    await self._aside(row, fault)
                else:
                    await self.holds.asked(row, load(row.body, Asking), due=again)
        return len(rows)

    async def _aside(self, row: Stored, why: Exception) -> None:
        await Parking(records=self.holds.records).aside(row, because=str(why), at=self.clock.now())

    async def _list(self, row: Stored, asking: Asking) -> None:
        """Write down what the mails will list. If a mail was held meanwhile, the row is looked at again.

        As long as a mail waits it is looked at again each day: there may be pages then, or others.
        """
        now = self.clock.now()
        listed = to_ask_about(await self.holds.waiting(asking.conversation), now=now, policy=self.holds.policy)
        if not listed:
            await self.holds.asked(row, evolve(asking, answered=asking.wanted, sending=False), due=None)
            return
        if self.pages is None:
            self.telemetry.measure("icer.approvals.not_asked", len(listed), reason="no base_url")
            await self.holds.asked(row, asking, due=day_after(now))
            return
        if not is_asked_again(asking, self.pages):
            await self.holds.asked(row, evolve(asking, pages=asking.pages or (self.pages,)), due=day_after(now))
            return
        ids = tuple(one.id for one in listed)
        pages = (self.pages,) if asking.wanted > asking.answered else (*asking.pages, self.pages)
        frozen_list = evolve(asking, sending=True, at=now, listed=ids, answered=asking.wanted, pages=pages)
        await self.holds.asked(row, frozen_list, due=now)

    async def _enter(self, asking: Asking) -> None:
        """Enter one mail for each participant who may answer: one per conversation, recipient and day."""
        now = self.clock.now()
        at = asking.at or now
        thread = await self.conversations.thread(asking.conversation)
        former, mails = FormerMails(records=self.outbox.records), list[SystemMail]()
        for participant in who_is_asked(thread):
            key = approval_key(asking.conversation, participant.account, at)
            letter = ApprovalLetter(
                conversation=asking.conversation, account=participant.account, holds=asking.listed, at=at
            )
            # The former release sent while this row said so: its workers may run still, or have died in a call.
            mails.append(with_former_tries(SystemMail(key=key, letter=letter), await former.take_over(key, at=now)))
        await self.outbox.enter(mails, due=now, now=now)
        await self.holds.sent(asking.conversation, at=at, again=day_after(at))


@frozen(kw_only=True)
class ApprovalLetters:
    """Writes approval mails, as long as the participant can answer any question in them."""

    holds: Holds
    conversations: ConversationAccess
    contacts: Contacts
    writer: ApprovalWriter | None
    """None: no address of pages is set, so that a link would lead nowhere."""
    keys: LinkKeys
    clock: Clock

    async def written(self, letter: ApprovalLetter, *, key: str) -> Outgoing | NotYet | None:
        """Return the mail to the participant. None: nothing is to be asked any more, or nobody is reached."""
        now = self.clock.now()
        listed = await self.holds.several(letter.conversation, letter.holds)
        thread = await self.conversations.thread(letter.conversation)
        if thread is None or not still_asked(letter.account, listed, thread=thread, now=now, policy=self.holds.policy):
            return None
        if self.writer is None:
            return NotYet(day_after(now))
        to = await self.contacts.address(letter.account, thread)
        if to is None:
            return None
        items = [(self._item(one), self._token(one, letter.account)) for one in listed]
        language = language_of(thread.market)
        raw = self.writer.approval(to=to, items=items, key=key, at=letter.at, language=language)
        return Outgoing(key=key, raw=raw, to=to)

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
