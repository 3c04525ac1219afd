"""Each storing port over an engine that is opened at its first use. Optional capabilities are classes of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Never, Protocol, runtime_checkable

from convalias.app.chores import Trimmed
from convalias.app.opening import Late
from convalias.app.ports import Instead
from convalias.ports import blobs, changes, event_log, queue, records
from convalias.ports.event_log import ReadsAhead
from convalias.ports.examining import Probed
from convalias.services.operations.retention import EndsBlobs


@runtime_checkable
class OpensLate(Protocol):
    """A port whose engine is opened at its first use, and may be opened before."""

    async def open_now(self) -> None:
        """Open the engine unless it is open. Raises `EngineAway`, or what must be mended before it can be used."""
        ...


class _OverLate:
    """What all of them have."""

    def __init__(self, late: Late) -> None:
        """Nothing is opened."""
        self._late = late

    async def open_now(self) -> None:
        """Open the engine unless it is open."""
        await self._late.ports()


class Records(_OverLate):
    """`ports.Records`, `Partitioned` (all that we open are), `Ordered` and `Paged`.

    Records that are not `Ordered` are asked for each write, those that are not `Paged` for a lane from its beginning.
    """

    async def get(self, keys: Sequence[records.Key]) -> Mapping[records.Key, records.Stored]:
        """Call `get` of the port."""
        return await self._late.call(lambda ports: _records(ports).get(keys))

    async def write(self, writes: Sequence[records.Write]) -> Sequence[records.Written | records.Conflict]:
        """Call `write` of the port."""
        return await self._late.call(lambda ports: _records(ports).write(writes))

    async def write_in_order(self, writes: Sequence[records.Write]) -> Sequence[records.Written | records.Conflict]:
        """Call `write_in_order` of `Ordered`, or `write` for each."""
        return await self._late.call(lambda ports: records.write_in_order(_records(ports), writes))

    async def range(self, table: str, partition: str, *, after: str, limit: int) -> Sequence[records.Stored]:
        """Call `range` of the port."""
        return await self._late.call(lambda ports: _records(ports).range(table, partition, after=after, limit=limit))

    async def latest(self, table: str, partition: str) -> records.Stored | None:
        """Call `latest` of the port."""
        return await self._late.call(lambda ports: _records(ports).latest(table, partition))

    async def due(self, lane: str, *, until: datetime, limit: int) -> Sequence[records.Stored]:
        """Call `due` of the port."""
        return await self._late.call(lambda ports: _records(ports).due(lane, until=until, limit=limit))

    async def due_after(
        self, lane: str, *, after: records.DuePlace, until: datetime, limit: int
    ) -> Sequence[records.Stored]:
        """Call `due_after` of `Paged`, or `due` from the beginning of the lane."""
        return await self._late.call(
            lambda ports: records.due_after(_records(ports), lane, after=after, until=until, limit=limit)
        )

    async def partitions(self, table: str, *, after: str, limit: int) -> Sequence[str]:
        """Call `partitions` of `Partitioned`."""
        return await self._late.call(
            lambda ports: _partitioned(_records(ports)).partitions(table, after=after, limit=limit)
        )


class Blobs(_OverLate):
    """`ports.Blobs`."""

    async def put(self, key: str, body: bytes) -> blobs.Put:
        """Call `put` of the port."""
        return await self._late.long_call(lambda ports: _blobs(ports).put(key, body))

    async def get(self, key: str) -> bytes | None:
        """Call `get` of the port."""
        return await self._late.long_call(lambda ports: _blobs(ports).get(key))

    async def delete(self, keys: Sequence[str]) -> None:
        """Call `delete` of the port."""
        await self._late.long_call(lambda ports: _blobs(ports).delete(keys))

    async def names(self, prefix: str, *, after: str, limit: int) -> Sequence[str]:
        """Call `names` of the port."""
        return await self._late.call(lambda ports: _blobs(ports).names(prefix, after=after, limit=limit))


class ProbedBlobs(Blobs):
    """`ports.Blobs`, and `Probed`: on files, a write can be tried."""

    async def probe(self) -> None:
        """Call `probe` of `Probed`."""
        await self._late.call(lambda ports: _probe(_blobs(ports)))


class FileBlobs(ProbedBlobs):
    """`ports.Blobs`, `Probed`, and `EndsBlobs`: files end nothing by themselves."""

    async def end(self, *, before: datetime, limit: int) -> int:
        """Call `end` of `EndsBlobs`."""

        async def ask(ports: Instead) -> int:
            found = _blobs(ports)
            return await found.end(before=before, limit=limit) if isinstance(found, EndsBlobs) else 0

        return await self._late.long_call(ask)


class JobQueue(_OverLate):
    """`ports.JobQueue`."""

    async def put(self, bodies: Sequence[str]) -> None:
        """Call `put` of the port."""
        await self._late.call(lambda ports: _queue(ports).put(bodies))

    async def take(self, *, limit: int, wait: timedelta, lease: timedelta) -> Sequence[queue.Job]:
        """Call `take` of the port."""
        return await self._late.long_call(lambda ports: _queue(ports).take(limit=limit, wait=wait, lease=lease))

    async def keep(self, jobs: Sequence[queue.Job], lease: timedelta, *, held: bool = True) -> None:
        """Call `keep` of the port."""
        await self._late.call(lambda ports: _queue(ports).keep(jobs, lease, held=held))

    async def done(self, jobs: Sequence[queue.Job]) -> None:
        """Call `done` of the port."""
        await self._late.call(lambda ports: _queue(ports).done(jobs))

    async def depth(self) -> queue.QueueDepth:
        """Call `depth` of the port."""
        return await self._late.call(lambda ports: _queue(ports).depth())


class ProbedJobQueue(JobQueue):
    """`ports.JobQueue`, and `Probed`: on files, a write can be tried."""

    async def probe(self) -> None:
        """Call `probe` of `Probed`."""
        await self._late.call(lambda ports: _probe(_queue(ports)))


class PolledJobQueue(JobQueue):
    """`ports.JobQueue`, and `Polled`: a queue whose every answer is paid for."""

    def __init__(self, late: Late, poll: Callable[[], timedelta]) -> None:
        """`poll` reads the URL: how long to wait is known before the queue is open."""
        super().__init__(late)
        self._poll = poll

    @property
    def poll(self) -> timedelta:
        """Call `poll` of `Polled`."""
        return self._poll()


class EventLog(_OverLate):
    """`ports.EventLog`."""

    async def publish(self, records: Sequence[event_log.EventRecord]) -> None:
        """Call `publish` of the port."""
        await self._late.long_call(lambda ports: _events(ports).publish(records))

    def records(self, group: str) -> Subscription:
        """Subscribe like the port; the log is opened, and the group joined, with the first `take`."""
        return Subscription(self._late, group)


class TrimmedEventLog(EventLog):
    """`ports.EventLog`, `Trimmed` and `Lagging`: a log that ends nothing by itself."""

    async def lag(self, group: str) -> event_log.Lag:
        """Call `lag` of `Lagging`."""

        async def ask(ports: Instead) -> event_log.Lag:
            events = _events(ports)
            return await events.lag(group) if isinstance(events, event_log.Lagging) else event_log.Lag(0, None)

        return await self._late.call(ask)

    async def trim(self) -> int:
        """Call `trim` of `Trimmed`."""

        async def ask(ports: Instead) -> int:
            events = _events(ports)
            return await events.trim() if isinstance(events, Trimmed) else 0

        return await self._late.long_call(ask)


class AheadEventLog(EventLog):
    """`ports.EventLog` whose subscriptions are `ReadsAhead`."""

    def records(self, group: str) -> AheadSubscription:
        """Call `records` of the port."""
        return AheadSubscription(self._late, group)


class Subscription:
    """A consumer of a group. Not shared between tasks."""

    def __init__(self, late: Late, group: str) -> None:
        """Nothing is opened or joined."""
        self._late = late
        self._group = group
        self._joined: event_log.Subscription | None = None

    async def take(self, *, limit: int, wait: timedelta) -> Sequence[event_log.EventRecord]:
        """Call `take` of the port."""
        if self._joined is None:
            self._joined = _events(await self._late.ports()).records(self._group)
        joined = self._joined
        return await self._late.long_call(lambda _: joined.take(limit=limit, wait=wait))

    async def commit(self) -> None:
        """Call `commit` of the port. Before the first `take` there is nothing to commit."""
        joined = self._joined
        if joined is not None:
            await self._late.long_call(lambda _: joined.commit())

    async def close(self) -> None:
        """Close like the port; an engine that was never opened is left alone."""
        joined, self._joined = self._joined, None
        if joined is not None:
            await joined.close()

    async def _catch_up(self) -> None:
        joined = self._joined
        if isinstance(joined, ReadsAhead):
            await self._late.long_call(lambda _: joined.catch_up())


class AheadSubscription(Subscription):
    """A subscription that reads in the background."""

    async def catch_up(self) -> None:
        """Call `catch_up` of `ReadsAhead`. Before the first `take` nothing is read."""
        await self._catch_up()


class Changes(_OverLate):
    """`ports.Changes`."""

    async def since(self, position: str, *, table: str) -> ChangeStream:
        """Call `since` of the port."""
        stream = await self._late.call(lambda ports: _changes(ports).since(position, table=table))
        return ChangeStream(self._late, stream)

    async def scan(
        self, lane: str, *, since: datetime, behind: records.Key | None, limit: int
    ) -> Sequence[records.Stored]:
        """Call `scan` of the port."""
        return await self._late.call(lambda ports: _changes(ports).scan(lane, since=since, behind=behind, limit=limit))


class ChangeStream:
    """Inserts of one table, whose outages have the engine's name."""

    def __init__(self, late: Late, stream: changes.ChangeStream) -> None:
        """Over a stream that was begun."""
        self._late = late
        self._stream = stream

    @property
    def position(self) -> str:
        """Call `position` of the port."""
        return self._stream.position

    async def take(self, *, limit: int, wait: timedelta) -> Sequence[records.Stored]:
        """Call `take` of the port."""
        return await self._late.long_call(lambda _: self._stream.take(limit=limit, wait=wait))

    async def close(self) -> None:
        """Call `close` of the port."""
        await self._stream.close()


def _records(ports: Instead) -> records.Records:
    return ports["records"] if "records" in ports else _missing("records")


def _blobs(ports: Instead) -> blobs.Blobs:
    return ports["blobs"] if "blobs" in ports else _missing("blobs")


def _queue(ports: Instead) -> queue.JobQueue:
    return ports["queue"] if "queue" in ports else _missing("queue")


def _events(ports: Instead) -> event_log.EventLog:
    return ports["events"] if "events" in ports else _missing("events")


def _changes(ports: Instead) -> changes.Changes:
    return ports["changes"] if "changes" in ports else _missing("changes")


def _missing(port: str) -> Never:
    raise TypeError(f"this engine brings no {port}: its opener must yield that port")


def _partitioned(found: records.Records) -> records.Partitioned:
    if not isinstance(found, records.Partitioned):
        raise TypeError("an engine that is opened by its URL lists its partitions")
    return found


async def _probe(found: object) -> None:
    if isinstance(found, Probed):
        await found.probe()
