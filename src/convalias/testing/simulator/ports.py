"""The ports of one simulated process: each call crosses its gate to what all processes share."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar

from attrs import define, field, frozen

from convalias.app.workers import IDLE, UNHURRIED
from convalias.ports.blobs import Blobs as BlobsPort
from convalias.ports.blobs import Put
from convalias.ports.errors import Unavailable
from convalias.ports.event_log import EventRecord
from convalias.ports.queue import Job, QueueDepth
from convalias.ports.records import Conflict, Delete, DuePlace, Key, Replace, Stored, Write, Written, due_after
from convalias.ports.records import Records as RecordsPort
from convalias.testing.simulator import engines
from convalias.testing.simulator.gate import Gate
from convalias.testing.simulator.loop import pause
from convalias.testing.simulator.process import POLLS, Process

T = TypeVar("T")
EPOCH: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
"""Virtual second 0."""
_DIGITS: Final = "0123456789abcdefghijklmnopqrstuv"
_MICROSECONDS: Final = 1_000_000
_TOLD_FIRST: Final = "events"
"""What a trace names of several writes: the event that is appended."""
_SLOW_CHAINS: Final = 0.25
"""The share of ordered writes between whose records others get in."""
QUEUE: Final = "queue"
LOG: Final = "log"
HOST: Final = "host"


def lane(name: str) -> str:
    """Name what a loop waits for that polls a lane."""
    return f"lane {name}"


def poll(resource: str) -> None:
    """Note that this loop has looked there: it need not look again before something changes."""
    polls = POLLS.get()
    if polls is not None:
        polls.on.add(resource)


@frozen
class Rings:
    """Wakes loops that rest."""

    ring: Callable[[str], None]
    rest: Callable[[Process, Collection[str]], Awaitable[None]]


@frozen
class Clock:
    """`ports.Clock` of one process: virtual time, wrong by its skew."""

    process: Process
    rings: Rings

    def now(self) -> datetime:
        """Return what the process's wall clock shows. A process that is stopped looks at it when it goes on."""
        process = self.process
        time = max(asyncio.get_running_loop().time(), process.stopped_until)
        return EPOCH + timedelta(seconds=round(time + process.skew, 6))

    async def sleep(self, duration: timedelta) -> None:
        """Wait. A loop that found nothing sleeps until it may find something: what lies between it need not look at."""
        if not self.process.alive:
            await self.process.never()
        polls = POLLS.get()
        if duration in {IDLE, UNHURRIED} and polls is not None:
            on, polls.on = polls.on, set()
            await self.rings.rest(self.process, on)
        await asyncio.sleep(max(duration.total_seconds(), 0.0))
        await self.process.goes_on()

    def new_id(self) -> str:
        """26 characters: milliseconds of the wall clock, then what only this process draws."""
        self.process.ids += 1
        own = hashlib.blake2b(f"{self.process.name}\0{self.process.ids}".encode(), digest_size=10).digest()
        millis = int((self.now() - EPOCH).total_seconds() * 1000) + (1 << 40)
        value = (millis << 80) | int.from_bytes(own, "big")
        return "".join(_DIGITS[(value >> shift) & 31] for shift in range(125, -1, -5))

    def entropy(self, octets: int) -> bytes:
        """Return octets that follow from the seed."""
        return self.process.entropy.octets(octets)


@frozen
class Records:
    """`ports.Records`: other processes get in between any two calls, and between any two writes of one call."""

    gate: Gate
    engine: RecordsPort
    rings: Rings

    async def get(self, keys: Sequence[Key]) -> Mapping[Key, Stored]:
        """Do what the port says."""
        return await self.gate.call("records.get", _named(keys), lambda: self.engine.get(keys))

    async def write(self, writes: Sequence[Write]) -> Sequence[Written | Conflict]:
        """Do what the port says. A batch that fails in its middle has done its first half."""

        async def effect() -> Sequence[Written | Conflict]:
            return await self.written(writes)

        async def part() -> None:
            await self.written(writes[: (len(writes) + 1) // 2] if len(writes) > 1 else ())

        about = _named([one.key for one in writes])
        return await self.gate.call("records.write", about, effect, part=part, rival=lambda: self._rival(writes))

    async def write_in_order(self, writes: Sequence[Write]) -> Sequence[Written | Conflict]:
        """Do what the capability says. Others get in between; whoever fails or dies in its middle has done a prefix."""
        keys = sorted((one.key for one in writes), key=lambda key: key.table != _TOLD_FIRST)
        chain = _Chain(self, writes)
        return await self.gate.call(
            "records.write_in_order", _named(keys), chain.all, prefix=chain.some, rival=lambda: self._rival(writes)
        )

    async def range(self, table: str, partition: str, *, after: str, limit: int) -> Sequence[Stored]:
        """Do what the port says."""
        about = f"{table}/{partition}/>{after}"
        return await self.gate.call(
            "records.range", about, lambda: self.engine.range(table, partition, after=after, limit=limit)
        )

    async def latest(self, table: str, partition: str) -> Stored | None:
        """Do what the port says."""
        about = f"{table}/{partition}"
        return await self.gate.call("records.latest", about, lambda: self.engine.latest(table, partition))

    async def due(self, lane: str, *, until: datetime, limit: int) -> Sequence[Stored]:
        """Do what the port says."""
        poll(f"lane {lane}")
        return await self.gate.call("records.due", lane, lambda: self.engine.due(lane, until=until, limit=limit))

    async def due_after(self, lane: str, *, after: DuePlace, until: datetime, limit: int) -> Sequence[Stored]:
        """Do what the capability says."""
        about = f"{lane}/>{'/'.join(after.key)}"
        return await self.gate.call(
            "records.due_after",
            about,
            lambda: due_after(self.engine, lane, after=after, until=until, limit=limit),
        )

    async def written(self, writes: Sequence[Write]) -> Sequence[Written | Conflict]:
        """Write at the engine, and wake whoever waits for it."""
        answers = await self.engine.write(writes)
        for one in writes:
            if not isinstance(one, Delete) and one.due is not None:
                self.rings.ring(lane(one.due.lane))
        return answers

    async def _rival(self, writes: Sequence[Write]) -> None:
        """Write the same again over what is about to be replaced: another version, nothing else."""
        replaced = [one.key for one in writes if isinstance(one, Replace)]
        there = await self.engine.get(replaced)
        await self.engine.write([Replace(one.key, one.version, one.body, one.due) for one in there.values()])


@define
class _Chain:
    """Writes in order on their way: however often it is gone on with, each is tried once."""

    records: Records
    writes: Sequence[Write]
    answers: list[Written | Conflict] = field(factory=list[Written | Conflict])

    async def some(self, share: float) -> None:
        """Write as far as that share of them: from nothing to all but the last."""
        await self._until(int(share * len(self.writes)))

    async def all(self) -> Sequence[Written | Conflict]:
        """Write the rest."""
        await self._until(len(self.writes))
        return self.answers

    async def _until(self, end: int) -> None:
        gate = self.records.gate
        slow, pace = gate.world.draws.units(gate.process.numbered("between writes in order"))
        while len(self.answers) < end and Conflict() not in self.answers:
            if self.answers and slow < _SLOW_CHAINS:
                await pause(asyncio.get_running_loop(), gate.world.weather.latency * pace)
                if gate.world.is_cut(gate.process):
                    raise Unavailable("records")
            self.answers += await self.records.written([self.writes[len(self.answers)]])


@frozen
class Blobs:
    """`ports.Blobs`."""

    gate: Gate
    engine: BlobsPort

    async def put(self, key: str, body: bytes) -> Put:
        """Do what the port says."""
        return await self.gate.call("blobs.put", key, lambda: self.engine.put(key, body))

    async def get(self, key: str) -> bytes | None:
        """Do what the port says."""
        return await self.gate.call("blobs.get", key, lambda: self.engine.get(key))

    async def delete(self, keys: Sequence[str]) -> None:
        """Do what the port says."""
        await self.gate.call("blobs.delete", keys[0] if keys else "", lambda: self.engine.delete(keys))

    async def names(self, prefix: str, *, after: str, limit: int) -> Sequence[str]:
        """Do what the port says."""
        about = f"{prefix}>{after}"
        return await self.gate.call("blobs.names", about, lambda: self.engine.names(prefix, after=after, limit=limit))


@frozen
class JobQueue:
    """`ports.JobQueue`: unordered, now and then twice."""

    gate: Gate
    engine: engines.Queue
    rings: Rings
    is_calm: Callable[[], bool]

    async def put(self, bodies: Sequence[str]) -> None:
        """Do what the port says. A batch that fails in its middle is half there."""

        async def effect() -> None:
            self.engine.put(bodies, calm=self.is_calm())
            self.rings.ring(QUEUE)

        async def part() -> None:
            self.engine.put(bodies[: len(bodies) // 2], calm=True)
            self.rings.ring(QUEUE)

        await self.gate.call("queue.put", bodies[0] if bodies else "", effect, part=part)

    async def take(self, *, limit: int, wait: timedelta, lease: timedelta) -> Sequence[Job]:
        """Do what the port says. `wait` has passed when nothing is there: a loop that rests is woken."""
        poll(QUEUE)

        async def effect() -> Sequence[Job]:
            return self.engine.take(limit, lease)

        del wait
        return await self.gate.call("queue.take", "", effect)

    async def keep(self, jobs: Sequence[Job], lease: timedelta, *, held: bool = True) -> None:
        """Do what the port says."""
        del held

        async def effect() -> None:
            self.engine.keep(jobs, lease)
            self.rings.ring(QUEUE)

        await self.gate.call("queue.keep", " ".join(job.id for job in jobs), effect)

    async def done(self, jobs: Sequence[Job]) -> None:
        """Do what the port says. A batch that fails in its middle is half done."""

        async def effect() -> None:
            self.engine.done(jobs)

        async def part() -> None:
            self.engine.done(jobs[: len(jobs) // 2])

        await self.gate.call("queue.done", " ".join(job.id for job in jobs), effect, part=part)

    async def depth(self) -> QueueDepth:
        """Do what the port says."""

        async def effect() -> QueueDepth:
            return self.engine.depth()

        return await self.gate.call("queue.depth", "", effect)


@frozen
class EventLog:
    """`ports.EventLog`: what is published may be published twice, what is taken may be taken twice."""

    gate: Gate
    engine: engines.Log
    rings: Rings

    async def publish(self, records: Sequence[EventRecord]) -> None:
        """Do what the port says: if it raises, any prefix may be there."""

        async def effect() -> None:
            self.engine.publish(records)
            self.rings.ring(LOG)

        async def part() -> None:
            self.engine.publish(records[: (len(records) + 1) // 2])
            self.rings.ring(LOG)

        about = f"{records[0].conversation} {records[0].seq}" if records else ""
        await self.gate.call("log.publish", about, effect, part=part)

    def records(self, group: str) -> Subscription:
        """Join."""
        return Subscription(self.gate, self.engine, self.rings, group)


class Subscription:
    """`ports.Subscription`: one consumer, with the partitions it could get."""

    def __init__(self, gate: Gate, engine: engines.Log, rings: Rings, group: str) -> None:
        """Join the group."""
        self._gate = gate
        self._engine = engine
        self._rings = rings
        self._group = group
        self._consumer = engine.join()
        self._cursors: dict[int, int] = {}

    async def take(self, *, limit: int, wait: timedelta) -> Sequence[EventRecord]:
        """Do what the port says."""
        del wait
        poll(LOG)

        async def effect() -> Sequence[EventRecord]:
            return self._taken(limit)

        return await self._gate.call("log.take", self._group, effect)

    def _taken(self, limit: int) -> Sequence[EventRecord]:
        found: list[EventRecord] = []
        for number, partition in enumerate(self._engine.partitions):
            mine = self._engine.holds(self._group, self._consumer, number)
            position = self._engine.turn(self._group, self._consumer, number)
            if position is None:
                self._cursors.pop(number, None)
                continue
            start = self._cursors.get(number, position) if mine else position
            end = min(len(partition.records), start + limit - len(found))
            found += partition.records[start:end]
            self._cursors[number] = end
        return found

    async def commit(self) -> None:
        """Do what the port says."""

        async def effect() -> None:
            for number, position in self._cursors.items():
                self._engine.commit(self._group, self._consumer, number, position)

        await self._gate.call("log.commit", self._group, effect)

    async def close(self) -> None:
        """Do what the port says."""

        async def effect() -> None:
            self._engine.leave(self._group, self._consumer)
            self._cursors.clear()
            self._rings.ring(LOG)

        await self._gate.call("log.close", self._group, effect)


def _named(keys: Sequence[Key]) -> str:
    """By the first, and how many there are."""
    return "" if not keys else f"{'/'.join(keys[0])} {len(keys)}"
