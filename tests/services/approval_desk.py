"""The inbound side with somebody who answers held mail."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from attrs import evolve

from convalias.adapters import memory
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.approvals.holds import ApprovalItem, HoldPolicy
from convalias.domain.approvals.links import ApprovalLink
from convalias.domain.conversations.participants import Account
from convalias.domain.inbound.held import HeldMail
from convalias.services.approvals.approvals import Approvals
from convalias.services.system_mail.approval_requests import ApprovalMails
from convalias.stores.approvals.holds import Holds
from convalias.stores.conversations.directory import IdentityDirectory
from services.inbound_desk import ANN, LINK_KEYS, Process, Town

ANNS = EmailAddress.parse("ann@home.example")
KEYS = LINK_KEYS
PAGES = "https://mail.example"


class Writer:
    """Approval mails whose tokens can be read."""

    def approval(
        self, *, to: EmailAddress, items: Sequence[tuple[ApprovalItem, str]], key: str, at: datetime, language: str = ""
    ) -> bytes:
        return "\n".join(f"{item.masked} {item.subject} {token}" for item, token in items).encode()


class Desk(Process):
    """A process whose held mails are asked about and carried out."""

    def __init__(
        self,
        town: Town,
        *,
        faults: memory.Faults | None = None,
        policy: HoldPolicy = HoldPolicy(),  # noqa: B008 - frozen
        pages: str | None = PAGES,
    ) -> None:
        super().__init__(town, faults=faults)
        self.holds = Holds(records=self.records, policy=policy)
        self.facts = evolve(self.facts, approvals=self.holds)
        self.carrier = evolve(self.carrier, holds=self.holds)
        self.relay = evolve(self.relay, facts=self.facts, carrier=self.carrier)
        self.worker = evolve(self.worker, relay=self.relay)
        self.replay = evolve(self.replay, relay=evolve(self.relay, carrier=evolve(self.carrier, notices=None)))
        self.approvals = Approvals(
            holds=self.holds,
            conversations=self.conversations,
            relay=self.relay,
            notices=self.notices,
            keys=KEYS,
            clock=town.clock,
            telemetry=town.telemetry,
        )
        self.mails = ApprovalMails(
            holds=self.holds,
            conversations=self.conversations,
            outbox=self.notices.outbox,
            pages=pages,
            clock=town.clock,
            telemetry=town.telemetry,
        )
        letters = self.system_outbox.letters
        writes = evolve(letters.approvals, holds=self.holds, writer=None if pages is None else Writer())
        self.system_outbox = evolve(self.system_outbox, letters=evolve(letters, approvals=writes))

    async def work(self, *, minutes: int = 2) -> None:
        """Until nothing is due, letting that much time pass first."""
        await self.town.clock.advance(timedelta(minutes=minutes))
        while (
            await self.worker.step()
            + await self.approvals.carry_due()
            + await self.mails.enter_due()
            + await self.system_outbox.send_due()
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
