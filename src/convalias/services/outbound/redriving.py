"""Redrive deliveries that were given up. A redrive is a first try: age and read marks count, as they stand now."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from attrs import frozen

from convalias.codec import CodecError
from convalias.domain.ids import ConversationId, EventId
from convalias.domain.inbound.dead_letters import DeadLetter, DeadLetterId
from convalias.domain.outbound.delivery import DeliveryDecision
from convalias.domain.outbound.lease import redriven
from convalias.domain.outbound.redrives import Redriven, counted
from convalias.ports.errors import NotFound
from convalias.ports.event_log import UNPLACED
from convalias.services.outbound.deciding import Deciding
from convalias.services.outbound.sending import Sending
from convalias.stores.errors import Parked
from convalias.stores.outbound.letters import LANE, decision_letter, index_letter, read_subject


@frozen(kw_only=True)
class Redriving:
    """Works event by event: all that was given up about one event goes together, and so do its letters.

    A dry run takes the same way and writes nothing. Raises `Unavailable`.
    """

    deciding: Deciding
    sending: Sending

    async def all(self, *, dry_run: bool) -> Redriven:
        """Redrive every letter of the deliveries."""
        total = Redriven()
        async for letter in self.sending.dead_letters.list(LANE):
            # The first letter of an event stands for all of them; a run drops the others with it.
            if letter.id == min((one.id for one in await self._letters(letter)), default=None):
                total = total.plus(await self.guarded(letter, dry_run=dry_run))
        return total

    async def guarded(self, letter: DeadLetter, *, dry_run: bool) -> Redriven:
        """The same as `one`, but a letter about an event that cannot be read is counted as failed, and stays."""
        try:
            return await self.one(letter, dry_run=dry_run)
        except (NotFound, Parked, CodecError):
            return Redriven(failed=1)

    async def one(self, letter: DeadLetter, *, dry_run: bool) -> Redriven:
        """Redrive the event of that letter. Raises `NotFound` if that event is not there.

        Due first, then its letters go: after a crash in between a second redrive finds nothing left to do.
        """
        conversation, event = read_subject(letter.subject)
        before, after = await self._redriven(conversation, event, dry_run=dry_run)
        if not dry_run:
            for one in await self._letters(letter):
                await self.sending.dead_letters.drop(one)
        return counted(before, after)

    async def _redriven(
        self, conversation: ConversationId, event: EventId, *, dry_run: bool
    ) -> tuple[DeliveryDecision | None, DeliveryDecision | None]:
        """The decision before, and after if something changes."""
        now, ledger = self.sending.clock.now(), self.sending.ledger
        standing = await ledger.get(conversation, event)
        if standing is None:
            drafted = await self.deciding.draft(conversation, event, UNPLACED)
            return None, drafted if drafted is None or dry_run or await self.deciding.insert(drafted) else None
        scene = await self.sending.conversations.scene(conversation, event, standing.seq)
        objection = partial(scene.objection, rules=self.sending.calls.rules, now=now)
        if dry_run:
            return standing, redriven(standing, now=now, objection=objection)
        return standing, await ledger.redrive(conversation, event, now=now, objection=objection)

    async def _letters(self, letter: DeadLetter) -> Sequence[DeadLetter]:
        """All letters about the event of that one, itself among them; none of them that is gone by now."""
        conversation, event = read_subject(letter.subject)
        standing = await self.sending.ledger.get(conversation, event)
        rows = () if standing is None else standing.deliveries
        names = {
            letter.id,
            index_letter(event),
            decision_letter(conversation, event),
            *(DeadLetterId(row.id) for row in rows),
        }
        found = [await self.sending.dead_letters.get(LANE, name) for name in sorted(names)]
        return [one for one in found if one is not None]
