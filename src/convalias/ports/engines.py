"""Engines as a distribution registers them: each opens a port by the URL of a setting."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Protocol, runtime_checkable

from attrs import field, frozen

from convalias.domain.outbound.delivery import Channel
from convalias.ports.ambient import Clock, Incarnation
from convalias.ports.blobs import Blobs
from convalias.ports.changes import Changes
from convalias.ports.event_log import EventLog
from convalias.ports.hub import NotificationHub
from convalias.ports.mail import Check, OutgoingMail
from convalias.ports.queue import JobQueue
from convalias.ports.records import Records


@frozen(kw_only=True)
class EngineAt:
    """Address of an engine, and what its opening needs."""

    url: str = field(repr=False)
    """May hold a password: keep it out of logs and messages."""
    password: str = field(default="", repr=False)
    """The password of a setting that takes none in its URL (CONVALIAS_MAIL_PASSWORD); empty: not set."""
    within: timedelta
    clock: Clock
    incarnation: Incarnation


@frozen(kw_only=True)
class ChannelAt(EngineAt):
    """Address of a provider, and the channel that it is to serve."""

    channel: Channel


@frozen(kw_only=True)
class Store:
    """An open store. Its records are `Partitioned` too."""

    records: Records
    changes: Changes | None = None


class StoreEngine(Protocol):
    """Group `convalias.stores`, by scheme.

    `opened` loads the client at once and connects when it is entered. Raises `Unavailable` if the store is away, any
    other exception if something must be mended first. Leaving closes the connection.
    """

    @property
    def tells_changes(self) -> bool:
        """Whether an open store has `changes`. False: new events are polled."""
        ...

    def opened(self, at: EngineAt) -> AbstractAsyncContextManager[Store]:
        """Return the store at this URL."""
        ...


@runtime_checkable
class Migrates(Protocol):
    """A `StoreEngine` that has indexes to make: `convalias migrate` calls it."""

    async def migrate(self, at: EngineAt, *, keep_first: bool) -> Sequence[str]:
        """Make what lacks, and return its names. May be repeated."""
        ...


class BlobsEngine(Protocol):
    """Group `convalias.blobs`, by scheme. As `StoreEngine`."""

    def opened(self, at: EngineAt) -> AbstractAsyncContextManager[Blobs]:
        """Return the raw store at this URL."""
        ...


class QueueEngine(Protocol):
    """Group `convalias.queues`, by scheme. As `StoreEngine`."""

    def opened(self, at: EngineAt) -> AbstractAsyncContextManager[JobQueue]:
        """Return the queue at this URL."""
        ...


@runtime_checkable
class LongPolls(Protocol):
    """A `QueueEngine` whose every answer is paid for: workers wait in it."""

    def poll(self, at: EngineAt) -> timedelta:
        """Return how long a worker waits, as the URL says. The queue need not be open."""
        ...


class EventLogEngine(Protocol):
    """Group `convalias.event_logs`, by scheme. As `StoreEngine`."""

    def opened(self, at: EngineAt) -> AbstractAsyncContextManager[EventLog]:
        """Return the event log at this URL."""
        ...


class MailEngine(Protocol):
    """Group `convalias.mail`, by scheme. Entering connects to nobody: a sender connects when it sends."""

    def opened(self, at: EngineAt) -> AbstractAsyncContextManager[OutgoingMail]:
        """Return the sender at this URL."""
        ...


class CheckEngine(Protocol):
    """Group `convalias.checks`, by scheme. Entering connects to nobody: a detector is connected to when it is asked."""

    def opened(self, at: EngineAt) -> AbstractAsyncContextManager[Check]:
        """Return the detector at this URL."""
        ...


class ChannelEngine(Protocol):
    """Group `convalias.channels`, by scheme. Entering connects to nobody: a channel connects when it sends.

    The hub that is opened serves the channel of `at`; of any others nothing is asked.
    """

    def opened(self, at: ChannelAt) -> AbstractAsyncContextManager[NotificationHub]:
        """Return the hub at this URL."""
        ...
