"""The inbound side with somebody who answers held mail."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from attrs import evolve

from convalias.adapters import memory
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.approvals.holds import ApprovalItem, HoldPolicy
from convalias.domain.approvals.links import ApprovalLink, LinkKeys
from convalias.domain.conversations.participants import Account
from convalias.domain.inbound.records import HeldMail
from convalias.services.approvals.approvals import Approvals
from convalias.services.conversations.contacts import Contacts
from convalias.services.system_mail.approval_requests import ApprovalMails
from convalias.stores.aliases.aliases import Aliases
from convalias.stores.approvals.holds import Holds
from convalias.stores.conversations.directory import IdentityDirectory
from convalias.stores.conversations.event_store import ConversationStore
from services.inbound_desk import ANN, Process, Town

ANNS = EmailAddress.parse("ann@home.example")
KEYS = LinkKeys([(1, b"k" * 32)])


class Writer:
    """Approval mails whose tokens can be read."""

    def approval(self, *, to: EmailAddress, items: Sequence[tuple[ApprovalItem, str]], key: str, at: datetime) -> bytes:
        return "\n".join(f"{item.masked} {item.subject} {token}" for item, token in items).encode()


class Desk(Process):
    """A process whose held mails are asked about and carried out."""

    def __init__(
        self,
        town: Town,
        *,
        faults: memory.Faults | None = None,
        policy: HoldPolicy = HoldPolicy(),  # noqa: B008 - frozen
        asks: bool = True,
    ) -> None:
        super().__init__(town, faults=faults)
        self.holds = Holds(records=self.records, policy=policy)
        self.facts = evolve(self.facts, approvals=self.holds)
        self.carrier = evolve(self.carrier, holds=self.holds)
        self.relay = evolve(self.relay, facts=self.facts, carrier=self.carrier)
        self.worker = evolve(self.worker, relay=self.relay)
        self.replay = evolve(self.replay, relay=evolve(self.relay, carrier=evolve(self.carrier, notices=None)))
        directory = IdentityDirectory(records=self.records)
        self.approvals = Approvals(
            holds=self.holds,
            threads=self.threads,
            relay=self.relay,
            notices=self.notices,
            keys=KEYS,
            clock=town.clock,
            telemetry=town.telemetry,
        )
        self.mails = ApprovalMails(
            holds=self.holds,
            threads=self.threads,
            contacts=Contacts(
                conversations=ConversationStore(records=self.records),
                threads=self.threads,
                aliases=Aliases(records=self.records),
                identities=directory,
            ),
            outgoing=memory.faulty.OutgoingMail(town.outbox, self.faults),
            writer=Writer() if asks else None,
            keys=KEYS,
            clock=town.clock,
            telemetry=town.telemetry,
        )

    async def work(self, *, minutes: int = 2) -> None:
        """Until nothing is due, letting that much time pass first."""
        await self.town.clock.advance(timedelta(minutes=minutes))
        while (
            await self.worker.step()
            + await self.approvals.carry_due()
            + await self.mails.send_due()
            + await self.notices.send_due()
        ):
            pass

    def asked(self) -> list[str]:
        """The lines of all approval mails to Ann."""
        return [line for mail in self.town.outbox.mailbox(ANNS) for line in mail.raw.decode().splitlines()]


async def at_home(town: Town) -> None:
    """Ann is reached by mail."""
    await IdentityDirectory(records=town.records).upsert(Account(ANN, (ANNS,)))


def token(hold: HeldMail, *, lasts: timedelta = timedelta(days=14)) -> str:
    """Ann's link to it."""
    return KEYS.token(
        ApprovalLink(hold=hold.id, conversation=hold.conversation, account=ANN, expires_at=hold.since + lasts)
    )
