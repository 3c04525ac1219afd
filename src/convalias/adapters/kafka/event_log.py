"""EventLog on one Kafka topic: what was published is kept by all replicas in sync; groups read it in order."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from types import TracebackType
from typing import Final, Self

from convalias.adapters.kafka import examining
from convalias.adapters.kafka.errors import WHAT
from convalias.adapters.kafka.place import Limits, Place, read_url
from convalias.adapters.kafka.reading import Reader
from convalias.adapters.kafka.sending import Sender
from convalias.ports.errors import Unavailable
from convalias.ports.event_log import EventRecord
from convalias.ports.examining import Observation

_NOTHING_MORE: Final = 5.0
"""Seconds for the producer's thread to end; it has nothing left to send."""


class EventLog:
    """`ports.EventLog` by URL. `async with`, or `open` and `close`; serves one event loop and any number of tasks.

    Raises `UnusableTopicError` on opening what cannot be the log, `Unavailable` where nobody answers, `Rejected` for a
    record that the topic will never take. After any failure the producer is thrown away with all that it had not yet
    sent: the caller starts again from what it knows to be published, so no gap is ever followed by a later record.
    """

    def __init__(self, url: str, *, limits: Limits | None = None) -> None:
        """`kafka://host:9092/topic`, with the names of `Limits` in its query. Connects to nobody."""
        self._place: Place = read_url(url, limits=limits)
        self._sender: Sender | None = None
        self._partitions: int | None = None
        self._making = asyncio.Lock()
        self._subscriptions: set[_Subscription] = set()

    async def __aenter__(self) -> Self:
        """Open."""
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        await self.close()

    async def open(self) -> None:
        """Look at the topic, and remember how many partitions it has. May be repeated."""
        await self._current()

    async def close(self) -> None:
        """End the producer, and every consumer that is still a member of its group."""
        for subscription in list(self._subscriptions):
            await subscription.close()
        sender, self._sender = self._sender, None
        if sender is not None:
            sender.end()
            await sender.ended(_NOTHING_MORE)

    async def examine(self) -> Sequence[Observation]:
        """The topic's partitions, replicas and settings, and what the credentials may do. Nothing is changed."""
        return await examining.examine(self._place)

    async def publish(self, records: Sequence[EventRecord]) -> None:
        """Returned: all are on all replicas in sync, in order per conversation."""
        if not records:
            return
        sender: Sender | None = None
        try:
            async with asyncio.timeout(self._place.limits.timeout):
                sender = await self._current()
                await sender.send(records)
        except TimeoutError as late:
            self._drop(sender)
            raise Unavailable(WHAT) from late
        except BaseException:
            self._drop(sender)
            raise

    def records(self, group: str) -> _Subscription:
        """A further consumer of that group; it joins with its first `take`."""
        return _Subscription(self._place, group, self._subscriptions)

    async def _current(self) -> Sender:
        async with self._making:
            if self._sender is not None:
                return self._sender
            made = Sender(self._place, partitions=self._partitions)
            try:
                self._partitions = await made.open()
            except BaseException:
                made.end()
                raise
            self._sender = made
            return made

    def _drop(self, sender: Sender | None) -> None:
        if sender is not None:
            sender.end()
        if sender is self._sender:
            self._sender = None


class _Subscription:
    def __init__(self, place: Place, group: str, open_ones: set[_Subscription]) -> None:
        self._place = place
        self._group = group
        self._open_ones = open_ones
        self._reader: Reader | None = None
        self._has_settled = False

    async def take(self, *, limit: int, wait: timedelta) -> Sequence[EventRecord]:
        loop = asyncio.get_running_loop()
        if self._reader is None:
            self._reader = Reader(self._place, self._group)
            self._open_ones.add(self)
        reader = self._reader
        until = loop.time() + wait.total_seconds()
        await self._settle(reader)
        while not (records := reader.take(limit)) and (left := until - loop.time()) > 0:
            await reader.news(left)
        return records

    async def commit(self) -> None:
        if self._reader is not None:
            await self._reader.commit()

    async def catch_up(self) -> None:
        """Until the next `take` has what was published before this call; how far that is, Kafka is asked."""
        if self._reader is not None:
            await self._reader.catch_up()

    async def close(self) -> None:
        reader, self._reader = self._reader, None
        self._open_ones.discard(self)
        if reader is not None:
            reader.end()
            await reader.ended(self._place.limits.timeout)

    async def _settle(self, reader: Reader) -> None:
        """The first time, wait for the group: before it has shared out its partitions, "nothing" would say nothing."""
        if self._has_settled:
            return
        self._has_settled = True
        loop = asyncio.get_running_loop()
        until = loop.time() + self._place.limits.timeout
        while not reader.is_joined and (left := until - loop.time()) > 0:
            await reader.news(left)
