"""Slips between the store, the event log and those who read it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Final

from attrs import evolve, field, frozen

from convalias.ports.errors import PortError, Unavailable
from convalias.ports.event_log import EventLog, EventRecord, Subscription
from convalias.ports.records import Conflict, Key, Records, Stored, Write, Written
from convalias.services.feed import change_feed
from convalias.services.feed.change_feed import ChangeFeedPump, FeedEntry
from convalias.services.outbound.deciding import Deciding
from convalias.services.running.task_group import TaskGroup
from convalias.stores.conversations.parking import Parking
from convalias.stores.errors import StoreError
from convalias.testing.simulator import engines, ports
from convalias.testing.simulator.mutant import Mutant

from .patching import Method, around, together


@frozen
class _Log:
    """An event log as it is, but for how the feed publishes."""

    log: EventLog

    def records(self, group: str) -> Subscription:
        """As the port."""
        return self.log.records(group)


@frozen
class _Hopeful(_Log):
    """Whatever could not be published is somebody else's trouble."""

    async def publish(self, records: Sequence[EventRecord]) -> None:
        """Any prefix of it may be there."""
        with suppress(PortError):
            await self.log.publish(records)


@frozen
class _SideBySide(_Log):
    """Publishes all records of a batch at once."""

    async def publish(self, records: Sequence[EventRecord]) -> None:
        """In any order."""
        async with TaskGroup() as group:
            for record in records:
                group.create_task(self.log.publish([record]))


@frozen
class _Waiting(_Log):
    """Keeps what is to be published until the store has forgotten that it waits."""

    kept: list[EventRecord] = field(factory=list[EventRecord])

    async def publish(self, records: Sequence[EventRecord]) -> None:
        """Not yet."""
        self.kept.extend(records)


@frozen
class _ThenPublished:
    """Records whose write is followed by what waited for it."""

    records: Records
    waiting: _Waiting

    async def get(self, keys: Sequence[Key]) -> Mapping[Key, Stored]:
        """As the port."""
        return await self.records.get(keys)

    async def write(self, writes: Sequence[Write]) -> Sequence[Written | Conflict]:
        """First the lane is cleared, then the log hears of it."""
        answers = await self.records.write(writes)
        await self.waiting.log.publish(self.waiting.kept)
        return answers

    async def range(self, table: str, partition: str, *, after: str, limit: int) -> Sequence[Stored]:
        """As the port."""
        return await self.records.range(table, partition, after=after, limit=limit)

    async def latest(self, table: str, partition: str) -> Stored | None:
        """As the port."""
        return await self.records.latest(table, partition)

    async def due(self, lane: str, *, until: datetime, limit: int) -> Sequence[Stored]:
        """As the port."""
        return await self.records.due(lane, until=until, limit=limit)


def _hopefully(kept: Method) -> Method:
    async def step(self: ChangeFeedPump) -> object:
        return await kept(evolve(self, log=_Hopeful(self.log)))

    return step


def _side_by_side(kept: Method) -> Method:
    async def step(self: ChangeFeedPump) -> object:
        return await kept(evolve(self, log=_SideBySide(self.log)))

    return step


def _cleared_first(kept: Method) -> Method:
    async def step(self: ChangeFeedPump) -> object:
        waiting = _Waiting(self.log)
        return await kept(evolve(self, log=waiting, records=_ThenPublished(self.records, waiting)))

    return step


def _only_what_is_new(kept: Method) -> Method:
    """A consumer that gets a partition begins behind what waits there."""

    def turn(self: engines.Log, group: str, consumer: int, number: int) -> int | None:
        taken_over = not self.holds(group, consumer, number)
        position: int | None = kept(self, group, consumer, number)
        if position is not None and taken_over:
            partition = self.partitions[number]
            position = partition.position[group] = len(partition.records)
        return position

    return turn


def _committed_when_taken(kept: Method) -> Method:
    async def take(self: ports.Subscription, **how: object) -> Sequence[EventRecord]:
        records: Sequence[EventRecord] = await kept(self, **how)
        if records:
            await self.commit()
        return records

    return take


def _stopped_by_one(kept: Method) -> Method:
    def entry(*given: object, **more: object) -> FeedEntry:
        found: FeedEntry = kept(*given, **more)
        if found.because:
            raise Unavailable("an event that can be read")
        return found

    return entry


def _left_out(kept: Method) -> Method:
    """An event that cannot be read is neither published nor parked."""

    async def publish(self: change_feed.Publishing, entries: Sequence[FeedEntry]) -> None:
        await kept(self, [entry for entry in entries if not entry.because])

    return publish


def _skipped(kept: Method) -> Method:
    async def guarded(self: Deciding, *given: object, **named: object) -> None:
        with suppress(PortError, StoreError, TimeoutError):
            await kept(self, *given, **named)

    return guarded


async def _never_parked(self: Parking, *given: object, **more: object) -> bool:
    del self, given, more
    return False


MUTANTS: Final[Sequence[Mutant]] = (
    Mutant(
        name="saved-past-a-hole",
        slip="What could not be published counts as published.",
        breaks="I3",
        patched=around(ChangeFeedPump, "_step", _hopefully),
    ),
    Mutant(
        name="cleared-before-published",
        slip="An event leaves the lane of the feed before it is in the log.",
        breaks="I3",
        patched=around(ChangeFeedPump, "_step", _cleared_first),
    ),
    Mutant(
        name="published-side-by-side",
        slip="The feed publishes the events of a batch at once, in no order.",
        breaks="I3",
        patched=around(ChangeFeedPump, "_step", _side_by_side),
    ),
    Mutant(
        name="now-on-a-lost-position",
        slip="A consumer that takes a partition over begins with what comes next.",
        breaks="I4",
        patched=around(engines.Log, "turn", _only_what_is_new),
    ),
    Mutant(
        name="commit-before-notify",
        slip="Records of the event log are committed when they are read.",
        breaks="I4",
        patched=around(ports.Subscription, "take", _committed_when_taken),
    ),
    Mutant(
        name="one-unreadable-stops-all",
        slip="The feed waits for an event that this release cannot read.",
        breaks="I3",
        patched=around(change_feed, "entry_of", _stopped_by_one),
    ),
    Mutant(
        name="unreadable-left-out",
        slip="An event that this release cannot read leaves the feed without a word.",
        breaks="I4",
        patched=together(
            around(change_feed.Publishing, "publish", _left_out), around(Parking, "park", lambda _: _never_parked)
        ),
    ),
    Mutant(
        name="commits-past-a-failure",
        slip="An event that could not be decided about is committed with the others.",
        breaks="I4",
        patched=around(Deciding, "_guarded", _skipped),
    ),
)
