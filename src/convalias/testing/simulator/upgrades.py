"""A newer release beside this one: some events are in its format, and wait until everybody runs it."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Final

from convalias.app import Convalias
from convalias.ports.errors import PortError
from convalias.ports.records import Key, Replace
from convalias.stores.conversations.event_store import FEED, TABLE
from convalias.stores.conversations.parking import CONVERSATIONS, RECORDS
from convalias.stores.encoding import encoded
from convalias.testing.simulator.commands import commanded
from convalias.testing.simulator.draws import Stream
from convalias.testing.simulator.people import People
from convalias.testing.simulator.ports import EPOCH
from convalias.testing.simulator.releases import NEWER, OURS
from convalias.testing.simulator.world import World

_HELD_UP: Final = 3_600.0
"""Longer than any outage of a run: what waits in the feed for so long waits for the event that cannot be read."""
_LOOK: Final = 60.0
_QUIET: Final = 15
"""Looks without a letter, after which nobody parks anything any more: the last who read the event have ended."""
_MOST: Final = 600


class Upgrade:
    """Events of a newer release come, the fleet is upgraded, an operator redrives what is parked."""

    def __init__(self, world: World, people: People) -> None:
        """Nothing has come yet."""
        self._world = world
        self._people = people

    async def happen(self, draws: Stream, *, until: float) -> None:
        """Upgrade from a beginning before `until` to the end, when nothing is parked any more."""
        await asyncio.sleep(draws.between(10.0, max(until - self._world.now, 20.0)))
        marked: list[Key] = []
        for _ in range(1 + draws.below(3)):
            conversation = draws.choice(self._people.conversations)
            last = await self._world.engines.records.latest(TABLE, encoded(conversation))
            if last is not None and last.key not in marked:
                marked.append(last.key)
                await self._become(last.key, NEWER)
            await asyncio.sleep(draws.between(0.0, 60.0))
        await asyncio.sleep(draws.choice((300.0, 2 * _HELD_UP)))
        await self._nobody_else_waits({key.partition for key in marked})
        for key in marked:
            await self._become(key, OURS)
        for host in [host for kind in sorted(self._world.hosts) for host in self._world.hosts[kind]]:
            self._world.crash(host.process)
        await self._redriven(draws)

    async def _become(self, key: Key, mark: str) -> None:
        """As the other release wrote it. The lane of the feed stays as it is."""
        records = self._world.engines.records
        stored = (await records.get([key]))[key]
        await records.write([Replace(key, stored.version, {**stored.body, "$": mark}, stored.due)])

    async def _nobody_else_waits(self, marked: set[str]) -> None:
        before = EPOCH + timedelta(seconds=self._world.now - _HELD_UP)
        for stored in await self._world.engines.records.due(FEED, until=before, limit=1_000):
            if stored.key.partition not in marked:
                self._world.held_up.append(" ".join(stored.key))

    async def _redriven(self, draws: Stream) -> None:
        """An operator who looks every minute, until nothing was parked for a while."""
        quiet = 0
        for _ in range(_MOST):
            await asyncio.sleep(_LOOK)
            records = self._world.engines.records
            lanes = [await records.range("dead_letters", lane, after="", limit=1) for lane in (CONVERSATIONS, RECORDS)]
            quiet = 0 if any(lanes) else quiet + 1
            if quiet >= _QUIET:
                return
            if any(lanes):
                await commanded(self._world, draws, _redrive, kind="worker", within=600.0)
        self._world.failures.append("a conversation stays parked, though everybody can read it")


async def _redrive(cv: Convalias) -> None:
    """As `convalias replay --dead` does for what is parked."""
    for lane in (CONVERSATIONS, RECORDS):
        for letter in [one async for one in cv.services.stores.dead_letters.list(lane)]:
            try:
                await cv.outbound.redrive(letter)
            except PortError:
                continue
