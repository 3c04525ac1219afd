"""Slips of adapters and of other people's systems: what a port promises, and what stands behind it does not."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from itertools import count
from typing import Final

from attrs import evolve, field, frozen

from convalias.adapters import memory
from convalias.adapters.memory import legacy
from convalias.adapters.memory.legacy import Telling
from convalias.app.ports import Ports
from convalias.domain.outbound.delivery import Channel
from convalias.ports.blobs import Blobs, Put
from convalias.ports.errors import Unavailable
from convalias.ports.event_log import EventLog, EventRecord, Subscription
from convalias.ports.hub import Guarantee
from convalias.ports.mail import Outgoing
from convalias.testing.simulator import neighbours
from convalias.testing.simulator.mutant import Mutant
from convalias.testing.simulator.world import World

from .patching import Method, around, inner, instead, together

_A_DAY: Final = timedelta(days=1)


@frozen
class _Behind:
    """Does what was asked when the answer has been given; what fails, nobody hears of."""

    tasks: set[asyncio.Task[None]] = field(factory=set[asyncio.Task[None]])

    def start(self, work: Callable[[], Awaitable[object]]) -> None:
        """Begin, and wait for nothing."""

        async def working() -> None:
            with suppress(Unavailable, TimeoutError):
                await work()

        task = asyncio.get_running_loop().create_task(working())
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)


@frozen
class _StoredLater:
    """A raw store that says "there" when it has the mail in memory."""

    blobs: Blobs
    behind: _Behind = field(factory=_Behind)

    async def put(self, key: str, body: bytes) -> Put:
        """Soon."""
        there = await self.blobs.get(key)
        self.behind.start(lambda: self.blobs.put(key, body))
        return Put.NEW if there is None else Put.THERE

    async def get(self, key: str) -> bytes | None:
        """As the port."""
        return await self.blobs.get(key)

    async def delete(self, keys: Sequence[str]) -> None:
        """As the port."""
        await self.blobs.delete(keys)

    async def names(self, prefix: str, *, after: str, limit: int) -> Sequence[str]:
        """As the port."""
        return await self.blobs.names(prefix, after=after, limit=limit)


@frozen
class _PublishedLater:
    """A log's client that answers before its broker does."""

    log: EventLog
    behind: _Behind = field(factory=_Behind)

    async def publish(self, records: Sequence[EventRecord]) -> None:
        """Soon."""
        self.behind.start(lambda: self.log.publish(records))

    def records(self, group: str) -> Subscription:
        """As the port."""
        return self.log.records(group)


def _stored_later(world: World, ports: Ports) -> Ports:
    del world
    return ports.but(blobs=_StoredLater(ports.blobs))


def _published_later(world: World, ports: Ports) -> Ports:
    del world
    return ports.but(events=_PublishedLater(ports.events))


def _forgetting(kept: Method) -> Method:
    """Of what it was told before, it knows nothing."""

    async def called(self: memory.LegacyRelay, call: object) -> None:
        inner(self, "_calls").clear()
        await kept(self, call)

    return called


def _each_its_own(kept: Method) -> Method:
    numbers = count()

    def notification(*given: object, **how: object) -> Outgoing:
        made: Outgoing = kept(*given, **how)
        return evolve(made, key=f"{made.key}.{next(numbers)}")

    return notification


def _promised(self: neighbours.NotificationHub) -> Mapping[Channel, Guarantee]:
    del self
    return {Channel.EMAIL: Guarantee(_A_DAY)}


MUTANTS: Final[Sequence[Mutant]] = (
    Mutant(
        name="stored-later",
        slip="The raw store's adapter answers before the store does.",
        breaks="I1",
        alter=_stored_later,
    ),
    Mutant(
        name="published-later",
        slip="The log's adapter answers before its broker does.",
        breaks="I3",
        alter=_published_later,
    ),
    Mutant(
        name="legacy-not-idempotent",
        slip="Legacy tells everybody again when it is told of an event again.",
        breaks="I2",
        patched=together(
            around(Telling, "index", _forgetting),
            around(Telling, "process", _forgetting),
            around(legacy, "notification", _each_its_own),
        ),
    ),
    Mutant(
        name="hub-of-empty-promises",
        slip="A channel is declared to remember keys for a day, and does not.",
        breaks="I2",
        patched=instead(neighbours.NotificationHub, "channels", property(_promised)),
    ),
)
