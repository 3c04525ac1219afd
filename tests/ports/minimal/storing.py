"""The least that the docstrings of the storing ports ask for, written from them alone: no optional capability."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import count
from typing import Protocol

from attrs import define, evolve

from convalias.domain.conversations.events import ConversationEvent
from convalias.domain.ids import ConversationId, EventId
from convalias.ports.blobs import Put
from convalias.ports.changes import PositionLost
from convalias.ports.errors import NotFound
from convalias.ports.event_log import EventRecord
from convalias.ports.event_store import Append
from convalias.ports.queue import Job, QueueDepth
from convalias.ports.records import Conflict, Delete, Insert, Key, Replace, Stored, Write, Written

LOOK = timedelta(milliseconds=20)


class Time(Protocol):
    """What waits need of a clock."""

    def now(self) -> datetime: ...

    async def sleep(self, duration: timedelta) -> None: ...


async def waited(clock: Time, wait: timedelta, *, for_what: object) -> None:
    """One look later, unless the wait is over by then."""
    del for_what
    await clock.sleep(min(wait, LOOK))


def copied(record: Stored) -> Stored:
    return evolve(record, body=json.loads(json.dumps(record.body)))


class Records:
    """Writes of one call come in any order, each by itself; what is read has been through JSON."""

    def __init__(self) -> None:
        self.rows: dict[Key, Stored] = {}
        self.names: dict[Key, Key] = {}
        """Every key of a record, its own and further ones, to its own."""
        self.versions = count(1)

    async def get(self, keys: Sequence[Key]) -> Mapping[Key, Stored]:
        await asyncio.sleep(0)
        return {key: copied(self.rows[self.names[key]]) for key in keys if key in self.names}

    async def write(self, writes: Sequence[Write]) -> Sequence[Written | Conflict]:
        answers: dict[int, Written | Conflict] = {}
        for number in reversed(range(len(writes))):
            await asyncio.sleep(0)
            answers[number] = self.written(writes[number])
        return [answers[number] for number in range(len(writes))]

    def written(self, write: Write) -> Written | Conflict:
        match write:
            case Insert(key, body, also, due):
                names = [key, *(key._replace(id=name) for name in also)]
                if any(name in self.names for name in names):
                    return Conflict()
                self.names.update(dict.fromkeys(names, key))
                return self.put(Stored(key, also, body, "", due))
            case Replace(key, version, body, due):
                there = self.rows.get(key)
                if there is None or there.version != version:
                    return Conflict()
                return self.put(evolve(there, body=body, due=due))
            case Delete(key, version):
                there = self.rows.get(key)
                if there is None or there.version != version:
                    return Conflict()
                del self.rows[key]
                self.names = {name: own for name, own in self.names.items() if own != key}
                return Written("")

    def put(self, record: Stored) -> Written:
        version = f"v{next(self.versions)}"
        self.rows[record.key] = copied(evolve(record, version=version))
        return Written(version)

    async def range(self, table: str, partition: str, *, after: str, limit: int) -> Sequence[Stored]:
        await asyncio.sleep(0)
        return self.partition(table, partition, after)[:limit]

    async def latest(self, table: str, partition: str) -> Stored | None:
        await asyncio.sleep(0)
        found = self.partition(table, partition, "")
        return found[-1] if found else None

    def partition(self, table: str, partition: str, after: str) -> list[Stored]:
        keys = sorted(key for key in self.rows if key[:2] == (table, partition) and key.id > after)
        return [copied(self.rows[key]) for key in keys]

    async def due(self, lane: str, *, until: datetime, limit: int) -> Sequence[Stored]:
        await asyncio.sleep(0)
        return [one for at, _, one in self.lane(lane) if at <= until][:limit]

    def lane(self, lane: str) -> list[tuple[datetime, Key, Stored]]:
        listed = [(one.due.at, key, copied(one)) for key, one in self.rows.items() if one.due and one.due.lane == lane]
        return sorted(listed, key=lambda row: row[:2])


class ChangingRecords(Records):
    """Records, and `Changes` of the same records in one object: what is inserted is told in that order."""

    def __init__(self, clock: Time) -> None:
        super().__init__()
        self.clock = clock
        self.inserted: list[Stored] = []

    def written(self, write: Write) -> Written | Conflict:
        answer = super().written(write)
        if isinstance(write, Insert) and isinstance(answer, Written):
            self.inserted.append(self.rows[write.key])
        return answer

    async def since(self, position: str, *, table: str) -> Stream:
        if position and not (position.isdecimal() and int(position) <= len(self.inserted)):
            raise PositionLost
        return Stream(self, table, int(position) if position else len(self.inserted))

    async def scan(self, lane: str, *, since: datetime, behind: Key | None, limit: int) -> Sequence[Stored]:
        return [
            one for at, key, one in self.lane(lane) if at > since or (at == since and (behind is None or key > behind))
        ][:limit]


class Stream:
    def __init__(self, records: ChangingRecords, table: str, start: int) -> None:
        self.records, self.table, self.next = records, table, start

    @property
    def position(self) -> str:
        return str(self.next)

    async def take(self, *, limit: int, wait: timedelta) -> Sequence[Stored]:
        until = self.records.clock.now() + wait
        while not (found := self.found(limit)) and self.records.clock.now() < until:
            await waited(self.records.clock, wait, for_what="an insert")
        return found

    def found(self, limit: int) -> Sequence[Stored]:
        found: list[Stored] = []
        while self.next < len(self.records.inserted) and len(found) < limit:
            one = self.records.inserted[self.next]
            self.next += 1
            if one.key.table == self.table:
                found.append(one)
        return found

    async def close(self) -> None:
        await asyncio.sleep(0)


class Blobs:
    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    async def put(self, key: str, body: bytes) -> Put:
        await asyncio.sleep(0)
        if key in self.objects:
            return Put.THERE
        self.objects[key] = bytes(body)
        return Put.NEW

    async def get(self, key: str) -> bytes | None:
        await asyncio.sleep(0)
        return self.objects.get(key)

    async def delete(self, keys: Sequence[str]) -> None:
        for key in keys:
            self.objects.pop(key, None)

    async def names(self, prefix: str, *, after: str, limit: int) -> Sequence[str]:
        return sorted(key for key in self.objects if key.startswith(prefix) and key > after)[:limit]


@define
class Waiting:
    body: str
    put_at: datetime
    visible_at: datetime
    receives: int = 0
    lease: str = ""


class JobQueue:
    """The last put comes first, every receipt has an id of its own, and nobody can say how old a job is."""

    def __init__(self, clock: Time) -> None:
        self.clock = clock
        self.jobs: list[Waiting] = []
        self.receipts = count(1)

    async def put(self, bodies: Sequence[str]) -> None:
        await asyncio.sleep(0)
        now = self.clock.now()
        self.jobs.extend(Waiting(body, now, now) for body in bodies)

    async def take(self, *, limit: int, wait: timedelta, lease: timedelta) -> Sequence[Job]:
        until = self.clock.now() + wait
        while not (jobs := self.taken(limit, lease)) and self.clock.now() < until:
            await waited(self.clock, wait, for_what="a job")
        return jobs

    def taken(self, limit: int, lease: timedelta) -> list[Job]:
        now, found = self.clock.now(), list[Job]()
        for job in reversed(self.jobs):
            if len(found) < limit and job.visible_at <= now:
                job.receives, job.visible_at = job.receives + 1, now + lease
                job.lease = f"receipt-{next(self.receipts)}"
                found.append(Job(f"job-{job.lease}", job.body, job.receives, job.lease))
        return found

    async def keep(self, jobs: Sequence[Job], lease: timedelta, *, held: bool = True) -> None:
        del held
        for job in self.held(jobs):
            job.visible_at = self.clock.now() + lease

    async def done(self, jobs: Sequence[Job]) -> None:
        for job in self.held(jobs):
            self.jobs.remove(job)

    def held(self, jobs: Sequence[Job]) -> list[Waiting]:
        leases = {job.lease for job in jobs}
        return [job for job in self.jobs if job.lease in leases]

    async def depth(self) -> QueueDepth:
        now = self.clock.now()
        ready = sum(job.visible_at <= now for job in self.jobs)
        oldest = min((job.put_at for job in self.jobs), default=None)
        # It cannot tell: nothing that waits is older than the oldest that it ever had.
        return QueueDepth(ready, len(self.jobs) - ready, None, None if oldest is None else now - oldest)


@define
class Group:
    committed: int = 0
    reader: object = None
    until: datetime | None = None


class EventLog:
    """One reader of a group at a time."""

    def __init__(self, clock: Time) -> None:
        self.clock = clock
        self.published: list[EventRecord] = []
        self.groups: dict[str, Group] = {}

    async def publish(self, records: Sequence[EventRecord]) -> None:
        for record in records:
            await asyncio.sleep(0)
            self.published.append(record)

    def records(self, group: str) -> Subscription:
        return Subscription(self, self.groups.setdefault(group, Group()))


class Subscription:
    def __init__(self, log: EventLog, group: Group) -> None:
        self.log, self.group, self.next = log, group, 0

    async def take(self, *, limit: int, wait: timedelta) -> Sequence[EventRecord]:
        until = self.log.clock.now() + wait
        while not (found := self.found(limit)) and self.log.clock.now() < until:
            await waited(self.log.clock, wait, for_what="a record")
        return found

    def found(self, limit: int) -> Sequence[EventRecord]:
        group, now = self.group, self.log.clock.now()
        if group.reader is not self:
            if group.reader is not None and group.until is not None and now < group.until:
                return ()
            group.reader, self.next = self, group.committed
        group.until = now + timedelta(minutes=1)
        start, self.next = self.next, min(self.next + limit, len(self.log.published))
        return self.log.published[start : self.next]

    async def commit(self) -> None:
        await asyncio.sleep(0)
        if self.group.reader is self:
            self.group.committed = self.next

    async def close(self) -> None:
        await asyncio.sleep(0)
        if self.group.reader is self:
            self.group.reader = None


class EventStore:
    def __init__(self) -> None:
        self.events: dict[tuple[ConversationId, int], ConversationEvent] = {}

    async def append(self, event: ConversationEvent) -> Append:
        await asyncio.sleep(0)
        keys = {one.dedup_key for one in self.of(event.conversation)}
        if (event.conversation, event.seq) in self.events or event.dedup_key in keys:
            return Append.TAKEN
        self.events[event.conversation, event.seq] = event
        return Append.APPENDED

    def of(self, conversation: ConversationId) -> Iterator[ConversationEvent]:
        yield from (self.events[key] for key in sorted(self.events) if key[0] == conversation)

    async def last(self, conversation: ConversationId) -> ConversationEvent | None:
        return next(reversed(list(self.of(conversation))), None)

    async def keyed(self, conversation: ConversationId, *, key: str | EventId) -> ConversationEvent | None:
        return next((one for one in self.of(conversation) if key in (one.dedup_key, one.id)), None)

    async def after(self, conversation: ConversationId, seq: int, *, limit: int) -> Sequence[ConversationEvent]:
        return [one for one in self.of(conversation) if one.seq > seq][:limit]

    async def redact(self, event: ConversationEvent) -> None:
        key = (event.conversation, event.seq)
        if key not in self.events:
            raise NotFound("event")
        self.events[key] = event
