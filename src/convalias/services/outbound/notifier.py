"""OutboundNotifier: for each event decide once who hears of it and who delivers, write that down, then act."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Final

from attrs import frozen

from convalias.domain.ids import UseCase
from convalias.domain.inbound.dead_letters import DeadLetter
from convalias.domain.outbound.redrives import Redriven
from convalias.ports.event_log import EventLog, EventRecord
from convalias.services.outbound.deciding import Deciding
from convalias.services.outbound.redriving import Redriving
from convalias.services.outbound.sending import Sending
from convalias.services.running.group_reader import BATCH, CLOSE_WITHIN, GroupReader
from convalias.stores.conversations.parking import CONVERSATIONS, RECORDS, ParkedConversation, of_letter
from convalias.stores.outbound.ledger import GivenBack

GROUP: Final = "outbound"


@frozen(kw_only=True)
class OutboundNotifier:
    """The rule: exactly one system delivers. Never none, never both, at any number of workers and crashes."""

    deciding: Deciding
    sending: Sending

    async def decide(self, records: Sequence[EventRecord]) -> None:
        """Returned: every record has its decision, commit. Raised (`Unavailable`): commit nothing."""
        await self.deciding.decide(records)

    async def deliver_due(self, *, limit: int = BATCH) -> int:
        """Try once what is due now, and return how many decisions were worked on. Raises `Unavailable`."""
        return await self.sending.deliver_due(limit=limit)

    async def take_up_undecided(self) -> int:
        """Decide about events that wait apart from the log; how many there were. Raises `Unavailable`."""
        return await self.deciding.take_up_undecided()

    async def sent(self) -> bool:
        """Wait for what is sent as soon as it is decided; whether there was anything."""
        return await self.sending.slots.wait()

    async def finish(self, *, within: timedelta) -> None:
        """Wait so long for what is being sent, then release it. Another worker asks what became of it."""
        await self.sending.slots.finish(within)

    async def give_back(self, use_case: UseCase) -> GivenBack:
        """Put what was not yet tried under the flag as it stands now."""
        return await self.deciding.give_back(use_case)

    async def redrive(self, letter: DeadLetter) -> bool:
        """Try again what was given up about the event of that letter. False: there was nothing left to do.

        A parked conversation is taken up in order; one that still cannot be read raises `Parked` and stays parked.
        """
        if letter.lane == CONVERSATIONS:
            return await self._take_up(of_letter(letter))
        if letter.lane == RECORDS:
            return await self.deciding.parking.put_back(letter)
        return await self.redriving.one(letter, dry_run=False) != Redriven()

    @property
    def redriving(self) -> Redriving:
        """Return the service that redrives, counts, and has a dry run."""
        return Redriving(deciding=self.deciding, sending=self.sending)

    async def _take_up(self, parked: ParkedConversation) -> bool:
        """Decided first, then free. What a newer release appended meanwhile is looked at once more behind it.

        A worker may park the conversation from a lower seq meanwhile: what lies between is decided before it is free.
        """
        conversation, deciding = parked.conversation, self.deciding
        while True:
            _, last = await deciding.unparked().take_up(conversation, after=max(parked.seq - 1, 0))
            if await deciding.dead_letters.drop(parked.letter):
                break
            lower = await deciding.parking.of(conversation)
            if lower is None:
                break
            parked = lower
        await deciding.take_up(conversation, after=last)
        return True


async def _nothing() -> None:
    """Prepare for nothing."""


class OutboundWorker:
    """Feeds the notifier from the event log: the one loop body for the façade and for hosts.

    Deciding is driven by the log, sending by the ledger alone. What is not decided is never committed.
    Any number of tasks may call it: one batch is decided at a time.
    """

    def __init__(
        self,
        *,
        log: EventLog,
        notifier: OutboundNotifier,
        group: str = GROUP,
        batch: int = BATCH,
        close_within: timedelta = CLOSE_WITHIN,
        prepare: Callable[[], Awaitable[object]] | None = None,
    ) -> None:
        """Nothing is joined before the first step. `prepare`: awaited before each step, which raises what it raises."""
        self.notifier = notifier
        """May be replaced between two steps: the place in the log stays."""
        self._prepare = prepare or _nothing
        self._batch = batch
        self._close_within = close_within
        self._reader = GroupReader(log, group, batch=batch, close_within=close_within)

    async def decide(self, *, wait: timedelta = timedelta(0)) -> int:
        """Decide about one batch of events and commit it; how many there were. Raises `Unavailable`; repeatable."""
        await self._prepare()
        return await self._reader.step(self._decided, wait=wait)

    async def _decided(self, records: Sequence[EventRecord]) -> None:
        await self.notifier.decide(records)  # the notifier of now

    async def deliver(self) -> int:
        """Send one batch of what is due; how many decisions were worked on. Raises `Unavailable`; repeatable."""
        await self._prepare()
        return await self.notifier.deliver_due(limit=self._batch)

    async def take_up(self) -> int:
        """Decide about events that wait apart from the log; how many there were. Raises `Unavailable`; repeatable."""
        await self._prepare()
        return await self.notifier.take_up_undecided()

    async def step(self, *, wait: timedelta = timedelta(0)) -> int:
        """Decide one batch of events and what waits, then send one batch; return how many there were of all."""
        decided = await self.decide(wait=wait) + await self.take_up()
        await self.notifier.sent()
        return decided + await self.deliver()

    async def drain(self) -> int:
        """Until nothing is there and nothing is due; how much there was. What is in back-off stays there."""
        try:
            total = 0
            while (done := await self.step()) or await self.notifier.sent():
                total += done
            return total
        finally:
            await self.close()

    async def catch_up(self) -> bool:
        """Wait for what is being sent, and for a log that reads ahead; whether there was anything to wait for.

        Raises `Unavailable`.
        """
        is_sent = await self.notifier.sent()
        return await self._reader.catch_up() or is_sent

    async def close(self) -> None:
        """Leave the group, and finish what is being sent.

        What was taken and not decided comes again to somebody; the next step joins anew.
        """
        await self._reader.close()
        await self.notifier.finish(within=self._close_within)
