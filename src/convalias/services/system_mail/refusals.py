"""Mail we write ourselves about mail: refusals. Late by a fixed delay, at most so many, quoting nothing."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Final, Protocol

from attrs import frozen

from convalias.codec import CodecError, load
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.inbound.records import EnvelopeRecord, RefusalDue
from convalias.domain.mail.reasons import CONSEQUENCES, GONE, Reason
from convalias.ports.ambient import Clock, Telemetry
from convalias.ports.errors import Unavailable
from convalias.ports.mail import Outgoing, OutgoingMail
from convalias.ports.records import Stored
from convalias.stores.conversations.parking import Parking
from convalias.stores.encoding import digest
from convalias.stores.system_mail.refusals import Refusals

REFUSE_AFTER: Final = timedelta(seconds=60)
"""After receipt, whatever the reason: the time of a refusal tells nothing about an alias."""
SEND_WITHIN: Final = timedelta(seconds=30)
BATCH: Final = 100


class RefusalWriter(Protocol):
    """Makes the mail; the reader's adapter does, which knows how to write one."""

    def refusal(self, *, to: EmailAddress, alias: EmailAddress, text: str, key: str) -> bytes:
        """A finished mail: `Auto-Submitted: auto-replied`, nothing of the refused mail in it."""
        ...


@frozen(kw_only=True)
class Notices:
    """`refuse` writes down what is due, `send_due` sends it; a crash in between loses nothing."""

    refusals: Refusals
    outgoing: OutgoingMail
    writer: RefusalWriter
    clock: Clock
    telemetry: Telemetry
    delay: timedelta = REFUSE_AFTER

    async def refuse(
        self, sender: EmailAddress, *, alias: EmailAddress, reason: Reason, to_participant: bool, record: EnvelopeRecord
    ) -> bool:
        """Whether a refusal mail leaves for this mail; at most one per sender, alias and day. Repeatable."""
        received = record.post.received_at
        due = RefusalDue(sender=sender, alias=alias, reason=reason, to_participant=to_participant, trace=record.trace)
        return await self.refusals.plan(due, received=received, due=received + self.delay)

    async def send_due(self) -> int:
        """Try what is due now; how many were tried. One that cannot be sent is no reason to keep back the others.

        Raises `Unavailable` when none can leave now: surely not sent, they stay due.
        """
        rows = await self.refusals.due(until=self.clock.now(), limit=BATCH)
        for row in rows:
            try:
                async with asyncio.timeout(SEND_WITHIN.total_seconds()):
                    await self._send(row)
            except Unavailable:
                raise
            except CodecError as unreadable:
                parking = Parking(records=self.refusals.records)
                await parking.aside(row, because=str(unreadable), at=self.clock.now())
            except Exception as error:  # noqa: BLE001 - whatever it is, it may have left: at most once, so not again
                self.telemetry.measure("icer.refusals.given_up", 1, error=type(error).__name__)
                await self.refusals.given_up(row)
        return len(rows)

    async def _send(self, row: Stored) -> None:
        """A crash between the two steps sends the same mail under the same key again."""
        due = load(row.body, RefusalDue)
        text = CONSEQUENCES[due.reason].public_text if due.to_participant else GONE
        key = f"refusal-{digest(row.key.partition, row.key.id)}"
        raw = self.writer.refusal(to=due.sender, alias=due.alias, text=text, key=key)
        await self.outgoing.send(Outgoing(key=key, raw=raw, to=due.sender))
        await self.refusals.sent(row)
        self.telemetry.measure("icer.refusals.sent", 1, reason=due.reason.value)
