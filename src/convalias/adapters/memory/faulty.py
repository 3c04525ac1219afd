"""Ports that fail as planned: each wraps a port of any make and asks `Faults` around every call."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial

from attrs import frozen

from convalias.adapters.memory.faults import Faults
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.aliases.alias import LegacyAlias
from convalias.domain.conversations.events import ConversationEvent
from convalias.domain.conversations.participants import Account, AddressTenure
from convalias.domain.ids import AccountId, ConversationId, EventId, UseCase
from convalias.domain.migration.rollout import Axis, Rollout
from convalias.domain.outbound.delivery import Channel
from convalias.domain.outbound.notifications import Notification
from convalias.ports import blobs, event_log, event_store, flags, hub, legacy, mail, people, queue, records


@frozen
class Records:
    """Calls `records.get`, `.write`, `.write_in_order`, `.range`, `.latest`, `.due`, `.due_after`.

    A fault of `records.write` also falls on single writes of an ordered write, so that only those before it happen.
    """

    port: records.Records
    faults: Faults

    async def get(self, keys: Sequence[records.Key]) -> Mapping[records.Key, records.Stored]:
        """Do what the port says, unless a fault is planned."""
        return await self.faults.around("records.get", lambda: self.port.get(keys))

    async def write(self, writes: Sequence[records.Write]) -> Sequence[records.Written | records.Conflict]:
        """Do what the port says, unless a fault is planned."""
        return await self.faults.around("records.write", lambda: self.port.write(writes))

    async def write_in_order(self, writes: Sequence[records.Write]) -> Sequence[records.Written | records.Conflict]:
        """Do what the capability says, unless a fault is planned."""
        return await self.faults.around("records.write_in_order", lambda: self._one_by_one(writes))

    async def _one_by_one(self, writes: Sequence[records.Write]) -> Sequence[records.Written | records.Conflict]:
        answers: list[records.Written | records.Conflict] = []
        for write in writes:
            answers += await self.faults.within("records.write", partial(self.port.write, [write]))
            if isinstance(answers[-1], records.Conflict):
                break
        return answers

    async def range(self, table: str, partition: str, *, after: str, limit: int) -> Sequence[records.Stored]:
        """Do what the port says, unless a fault is planned."""
        return await self.faults.around(
            "records.range", lambda: self.port.range(table, partition, after=after, limit=limit)
        )

    async def latest(self, table: str, partition: str) -> records.Stored | None:
        """Do what the port says, unless a fault is planned."""
        return await self.faults.around("records.latest", lambda: self.port.latest(table, partition))

    async def due(self, lane: str, *, until: datetime, limit: int) -> Sequence[records.Stored]:
        """Do what the port says, unless a fault is planned."""
        return await self.faults.around("records.due", lambda: self.port.due(lane, until=until, limit=limit))

    async def due_after(
        self, lane: str, *, after: records.DuePlace, until: datetime, limit: int
    ) -> Sequence[records.Stored]:
        """Do what the capability says, unless a fault is planned."""
        return await self.faults.around(
            "records.due_after",
            lambda: records.due_after(self.port, lane, after=after, until=until, limit=limit),
        )


@frozen
class Blobs:
    """Calls `blobs.put`, `.get`, `.delete`, `.names`."""

    port: blobs.Blobs
    faults: Faults

    async def put(self, key: str, body: bytes) -> blobs.Put:
        """Do what the port says, unless a fault is planned."""
        return await self.faults.around("blobs.put", lambda: self.port.put(key, body))

    async def get(self, key: str) -> bytes | None:
        """Do what the port says, unless a fault is planned."""
        return await self.faults.around("blobs.get", lambda: self.port.get(key))

    async def delete(self, keys: Sequence[str]) -> None:
        """Do what the port says, unless a fault is planned."""
        await self.faults.around("blobs.delete", lambda: self.port.delete(keys))

    async def names(self, prefix: str, *, after: str, limit: int) -> Sequence[str]:
        """Do what the port says, unless a fault is planned."""
        return await self.faults.around("blobs.names", lambda: self.port.names(prefix, after=after, limit=limit))


@frozen
class JobQueue:
    """Calls `queue.put`, `.take`, `.keep`, `.done`, `.depth`."""

    port: queue.JobQueue
    faults: Faults

    async def put(self, bodies: Sequence[str]) -> None:
        """Do what the port says, unless a fault is planned."""
        await self.faults.around("queue.put", lambda: self.port.put(bodies))

    async def take(self, *, limit: int, wait: timedelta, lease: timedelta) -> Sequence[queue.Job]:
        """Do what the port says, unless a fault is planned."""
        return await self.faults.around("queue.take", lambda: self.port.take(limit=limit, wait=wait, lease=lease))

    async def keep(self, jobs: Sequence[queue.Job], lease: timedelta, *, held: bool = True) -> None:
        """Do what the port says, unless a fault is planned."""
        await self.faults.around("queue.keep", lambda: self.port.keep(jobs, lease, held=held))

    async def done(self, jobs: Sequence[queue.Job]) -> None:
        """Do what the port says, unless a fault is planned."""
        await self.faults.around("queue.done", lambda: self.port.done(jobs))

    async def depth(self) -> queue.QueueDepth:
        """Do what the port says, unless a fault is planned."""
        return await self.faults.around("queue.depth", self.port.depth)


@frozen
class Subscription:
    """Calls `log.take`, `.commit`, `.close`."""

    port: event_log.Subscription
    faults: Faults

    async def take(self, *, limit: int, wait: timedelta) -> Sequence[event_log.EventRecord]:
        """Do what the port says, unless a fault is planned."""
        return await self.faults.around("log.take", lambda: self.port.take(limit=limit, wait=wait))

    async def commit(self) -> None:
        """Do what the port says, unless a fault is planned."""
        await self.faults.around("log.commit", self.port.commit)

    async def close(self) -> None:
        """Do what the port says, unless a fault is planned."""
        await self.faults.around("log.close", self.port.close)


@frozen
class EventLog:
    """Calls `log.publish` and those of its subscriptions."""

    port: event_log.EventLog
    faults: Faults

    async def publish(self, records: Sequence[event_log.EventRecord]) -> None:
        """Do what the port says, unless a fault is planned."""
        await self.faults.around("log.publish", lambda: self.port.publish(records))

    def records(self, group: str) -> Subscription:
        """A subscription that fails as planned too."""
        return Subscription(self.port.records(group), self.faults)


@frozen
class EventStore:
    """Calls `event_store.append`, `.last`, `.keyed`, `.after`, `.redact`."""

    port: event_store.EventStore
    faults: Faults

    async def append(self, event: ConversationEvent) -> event_store.Append:
        """Do what the port says, unless a fault is planned."""
        return await self.faults.around("event_store.append", lambda: self.port.append(event))

    async def last(self, conversation: ConversationId) -> ConversationEvent | None:
        """Do what the port says, unless a fault is planned."""
        return await self.faults.around("event_store.last", lambda: self.port.last(conversation))

    async def keyed(self, conversation: ConversationId, *, key: str | EventId) -> ConversationEvent | None:
        """Do what the port says, unless a fault is planned."""
        return await self.faults.around("event_store.keyed", lambda: self.port.keyed(conversation, key=key))

    async def after(self, conversation: ConversationId, seq: int, *, limit: int) -> Sequence[ConversationEvent]:
        """Do what the port says, unless a fault is planned."""
        return await self.faults.around("event_store.after", lambda: self.port.after(conversation, seq, limit=limit))

    async def redact(self, event: ConversationEvent) -> None:
        """Do what the port says, unless a fault is planned."""
        await self.faults.around("event_store.redact", lambda: self.port.redact(event))


@frozen
class IdentityDirectory:
    """Calls `directory.at`, `.get`, `.authenticated`."""

    port: people.IdentityDirectory
    faults: Faults

    async def at(self, addresses: Collection[EmailAddress]) -> Mapping[EmailAddress, tuple[Account, ...]]:
        """Do what the port says, unless a fault is planned."""
        return await self.faults.around("directory.at", lambda: self.port.at(addresses))

    async def get(self, accounts: Collection[AccountId]) -> Mapping[AccountId, Account]:
        """Do what the port says, unless a fault is planned."""
        return await self.faults.around("directory.get", lambda: self.port.get(accounts))

    async def authenticated(self, addresses: Collection[EmailAddress]) -> frozenset[EmailAddress]:
        """Guarded."""
        return await self.faults.around("directory.authenticated", lambda: self.port.authenticated(addresses))


@frozen
class LegacyRelay:
    """Calls `legacy.aliases`, `.of_conversations`, `.tenures`, `.process`, `.index`."""

    port: legacy.LegacyRelay
    faults: Faults

    async def aliases(self, addresses: Collection[EmailAddress]) -> Mapping[EmailAddress, LegacyAlias]:
        """Do what the port says, unless a fault is planned."""
        return await self.faults.around("legacy.aliases", lambda: self.port.aliases(addresses))

    async def of_conversations(
        self, conversations: Collection[ConversationId]
    ) -> Mapping[ConversationId, tuple[LegacyAlias, ...]]:
        """Do what the port says, unless a fault is planned."""
        return await self.faults.around("legacy.of_conversations", lambda: self.port.of_conversations(conversations))

    async def tenures(self, addresses: Collection[EmailAddress]) -> Mapping[EmailAddress, tuple[AddressTenure, ...]]:
        """Do what the port says, unless a fault is planned."""
        return await self.faults.around("legacy.tenures", lambda: self.port.tenures(addresses))

    async def process(self, mail: legacy.HandOff) -> None:
        """Do what the port says, unless a fault is planned."""
        await self.faults.around("legacy.process", lambda: self.port.process(mail))

    async def index(self, call: legacy.IndexCall) -> None:
        """Do what the port says, unless a fault is planned."""
        await self.faults.around("legacy.index", lambda: self.port.index(call))


@frozen
class NotificationHub:
    """Calls `hub.send`."""

    port: hub.NotificationHub
    faults: Faults

    @property
    def channels(self) -> Mapping[Channel, hub.Guarantee]:
        """Do what the port says, unless a fault is planned."""
        return self.port.channels

    async def send(self, notification: Notification) -> hub.Sent | hub.Declined:
        """Do what the port says, unless a fault is planned."""
        return await self.faults.around("hub.send", lambda: self.port.send(notification))


@frozen
class OutgoingMail:
    """Calls `outgoing.send`."""

    port: mail.OutgoingMail
    faults: Faults

    @property
    def guarantee(self) -> hub.Guarantee:
        """Do what the port says, unless a fault is planned."""
        return mail.guarantee_of(self.port)

    async def send(self, mail: mail.Outgoing) -> None:
        """Do what the port says, unless a fault is planned."""
        await self.faults.around("outgoing.send", lambda: self.port.send(mail))


@frozen
class Flags:
    """Calls `flags.read`."""

    port: flags.Flags
    faults: Faults

    async def read(self, use_case: UseCase, axis: Axis) -> Rollout | None:
        """Do what the port says, unless a fault is planned."""
        return await self.faults.around("flags.read", lambda: self.port.read(use_case, axis))
