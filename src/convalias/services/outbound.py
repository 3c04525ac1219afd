"""OutboundNotifier: for each event decide once who hears of it and who delivers, write that down, then act."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from attrs import frozen

from convalias.domain.dead_letters import DeadLetter
from convalias.domain.ids import UseCase
from convalias.ports.event_log import UNPLACED, EventLog, EventRecord, Subscription
from convalias.services.outbound_deciding import Deciding, read_subject
from convalias.services.outbound_sending import Sending
from convalias.stores.ledger import GivenBack

GROUP: Final = "outbound"
BATCH: Final = 100


@frozen(kw_only=True)
class OutboundNotifier:
    """The rule: exactly one system delivers. Never none, never both, at any number of workers and crashes."""

    deciding: Deciding
    sending: Sending

    async def decide(self, records: Sequence[EventRecord]) -> None:
        """Returned: every record has its decision, commit. Raised (`Unavailable`): commit nothing."""
        await self.deciding.decide(records)

    async def deliver_due(self, *, limit: int = BATCH) -> int:
        """What is due now, tried once; how many decisions were worked on. Raises `Unavailable`."""
        return await self.sending.deliver_due(limit=limit)

    async def give_back(self, use_case: UseCase) -> GivenBack:
        """Put what was not yet tried under the flag as it stands now."""
        return await self.deciding.give_back(use_case)

    async def redrive(self, letter: DeadLetter) -> bool:
        """Try again what was given up, its tries counted anew. False: there was nothing left to do.

        Due first, then the letter goes: a crash in between leaves a letter that a second redrive finds done.
        """
        conversation, event = read_subject(letter.subject)
        ledger, now = self.sending.ledger, self.sending.clock.now()
        if await ledger.get(conversation, event) is None:
            changed = await self.deciding.decide_one(conversation, event, UNPLACED)
        else:
            changed = await ledger.redrive(conversation, event, now=now)
        await self.sending.dead_letters.drop(letter)
        return changed


@frozen(kw_only=True)
class OutboundWorker:
    """Feeds the notifier from the event log. Deciding is driven by the log, sending by the ledger alone."""

    log: EventLog
    notifier: OutboundNotifier
    group: str = GROUP
    batch: int = BATCH

    def subscribe(self) -> Subscription:
        """Join the group; `close` it when done."""
        return self.log.records(self.group)

    async def step(self, subscription: Subscription, *, wait: timedelta = timedelta(0)) -> int:
        """One batch of events decided and committed, then one batch sent; how much there was of both."""
        records = await subscription.take(limit=self.batch, wait=wait)
        if records:
            await self.notifier.decide(records)
            await subscription.commit()
        return len(records) + await self.notifier.deliver_due(limit=self.batch)

    async def drain(self) -> int:
        """Until nothing is there and nothing is due; how much there was. What is in back-off stays there."""
        subscription = self.subscribe()
        try:
            total = 0
            while done := await self.step(subscription):
                total += done
            return total
        finally:
            await subscription.close()
