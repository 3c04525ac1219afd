"""A backup of the store is put back: the records are those of a while ago, everything else goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Set as AbstractSet
from datetime import timedelta
from functools import partial
from typing import Final

from convalias.app import Convalias
from convalias.codec import load
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.aliases.alias import ConversationAlias
from convalias.domain.conversations.events import ConversationEvent, MessageAdded
from convalias.domain.conversations.host_messages import SeenMessage
from convalias.domain.ids import ConversationId, EventId
from convalias.domain.inbound.held import Asking
from convalias.domain.outbound.delivery import DeliveryDecision, DeliveryState
from convalias.domain.system_mail.letters import AT_REST, ApprovalLetter, SystemMail
from convalias.ports.errors import PortError
from convalias.services.operations.replay import Replayed, Selection
from convalias.stores.conversations.host_rows import MESSAGES
from convalias.testing.simulator.draws import Stream
from convalias.testing.simulator.platform import Platform
from convalias.testing.simulator.ports import EPOCH, HOST
from convalias.testing.simulator.world import ConnectionLost, Restored, World

_AGES: Final = (20.0, 120.0, 600.0, 1800.0)
"""Seconds between the backup and the loss."""
_MINUTE: Final = 60.0
"""By so much clocks may differ, and the restore goes beyond the loss."""
_MOST: Final = 600
_OPEN: Final = frozenset({DeliveryState.PLANNED, DeliveryState.TRIED})


class Restore:
    """An operator who does what the how-to says: all workers end, records are put back, a replay restores, workers begin."""

    def __init__(self, world: World) -> None:
        """No backup yet."""
        self._world = world

    async def happen(self, draws: Stream, *, until: float) -> None:
        """Restore from the backup, made before `until`, to the moment when workers work again."""
        world = self._world
        await asyncio.sleep(draws.between(10.0, max(until - world.now, 20.0)))
        backed_up, backup = world.now, world.engines.records.backup()
        at_rest, backed, asking = self._at_rest(), self._events().keys(), self._asking()
        seen = self._seen()
        await asyncio.sleep(draws.choice(_AGES))
        before, aliases = self._events(), self._aliases()
        world.halt()
        world.put_back(backup)
        if draws.chance(0.5):  # whatever keeps positions beside records restores both
            world.engines.log.rewind("outbound", draws)
        known, told = self._events(), self._told()
        lost = world.now
        world.restored = Restored(
            backed_up=backed_up,
            lost=lost,
            until=EPOCH + timedelta(seconds=lost + _MINUTE),
            gone={one: event for one, event in before.items() if one not in known},
            aliases=aliases - self._aliases(),
            asking=asking,
            undone=frozenset((backed | (before.keys() - told if told is not None else set[EventId]())) - at_rest),
            passed=frozenset() if told is None else frozenset(told - seen),
        )
        world.trace.note(lost, "outside", "restore", f"{backed_up:.0f}", "")
        await asyncio.sleep(2 * _MINUTE)
        await self._restored(draws, world.restored)
        world.go_on()

    async def _restored(self, draws: Stream, restored: Restored) -> None:
        """`convalias replay`, until nothing waits and nothing failed."""
        since = EPOCH + timedelta(seconds=restored.backed_up) - timedelta(days=1)
        again = partial(_replayed, of=Selection(since=since, until=restored.until, recent=True))
        for _ in range(_MOST):
            try:
                done = await self._world.ask("worker", draws.below(8), again, within=3600.0, while_halted=True)
                if not done.waiting and not done.failed:
                    return
            except (ConnectionLost, PortError, TimeoutError, ExceptionGroup):
                pass
            await asyncio.sleep(_MINUTE)
        self._world.failures.append("a restore never came to its end")

    def _events(self) -> dict[EventId, ConversationEvent]:
        """Events of ours; where a platform keeps the conversations, the messages that it has."""
        platform = self._world.engines.platform
        if platform is not None:
            listed = [event for events in platform.histories().values() for event in events]
            return {event.id: event for event in listed if isinstance(event.happening, MessageAdded)}
        events = [load(one.body, ConversationEvent) for one in self._world.engines.records.table("events")]
        return {event.id: event for event in events}

    def _aliases(self) -> frozenset[EmailAddress]:
        rows = self._world.engines.records.table("aliases")
        return frozenset(load(one.body, ConversationAlias).address for one in rows)

    def _asking(self) -> frozenset[ConversationId]:
        """Conversations whose participants are yet to be asked, or for whom a question waits to leave."""
        rows = self._world.engines.records.table("asking")
        notes = [load(one.body, Asking) for one in rows if one.due is not None]
        listing = {one.conversation for one in notes if one.sending or one.wanted > one.answered}
        mails = [load(one.body, SystemMail) for one in self._world.engines.records.table("system_outbox")]
        waiting = {
            mail.letter.conversation
            for mail in mails
            if isinstance(mail.letter, ApprovalLetter) and mail.state not in AT_REST
        }
        return frozenset(listing | waiting)

    def _seen(self) -> AbstractSet[EventId]:
        """Messages of a platform beside which a row of ours stands."""
        return {load(one.body, SeenMessage).event for one in self._world.engines.records.table(MESSAGES)}

    def _told(self) -> AbstractSet[EventId] | None:
        """Messages that a platform was told of. None: there is no platform."""
        platform = self._world.engines.platform
        return None if platform is None else {row.event for row in platform.rows.values() if row.told is not None}

    def _at_rest(self) -> AbstractSet[EventId]:
        """Events with a decision that is at rest."""
        decisions = [load(one.body, DeliveryDecision) for one in self._world.engines.records.table("decisions")]
        return {one.event for one in decisions if not one.holder and not any(r.state in _OPEN for r in one.deliveries)}


class HostRestore:
    """A platform that puts its own messages back, while all else goes on. Nobody tells us of it."""

    def __init__(self, world: World, platform: Platform) -> None:
        """No backup yet."""
        self._world = world
        self._platform = platform

    async def happen(self, draws: Stream, *, until: float) -> None:
        """Restore from a backup that was made before `until`."""
        world = self._world
        await asyncio.sleep(draws.between(10.0, max(until - world.now, 20.0)))
        backup = self._platform.backup()
        await asyncio.sleep(draws.choice(_AGES))
        again = self._platform.put_back(backup)
        world.trace.note(world.now, "outside", "host restore", f"{again} untold again", "")
        world.rests.ring(HOST)


async def _replayed(cv: Convalias, *, of: Selection) -> Replayed:
    return await cv.replay.all(dry_run=False, of=of)
