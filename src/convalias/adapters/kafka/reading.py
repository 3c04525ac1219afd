"""A consumer and the thread that keeps it a member of its group, whatever its reader is doing."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Final, TypeAlias

from attrs import field, frozen
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from convalias.adapters.kafka.client import end_of
from convalias.adapters.kafka.errors import GONE, REBALANCING, WHAT, reason, translated
from convalias.adapters.kafka.holding import Ahead, Holding
from convalias.adapters.kafka.messages import read_message
from convalias.adapters.kafka.place import Place, consumer_config
from convalias.ports.errors import PortError, Unavailable
from convalias.ports.event_log import EventRecord

BATCH: Final = 500
"""Records read at once."""
SOON: Final = 0.002
"""Seconds of a poll while a commit may come any moment."""
QUIET: Final = 0.05
"""Seconds of a poll while nothing is outstanding; nothing but new records can end it sooner."""
HEARTBEAT: Final = 1.0
"""How long a full buffer is waited for before its partitions are paused and the consumer polls without them."""

Partitions: TypeAlias = list[TopicPartition]


@frozen(eq=False)
class _Commit:
    """What is to be committed, and who waits for it."""

    offsets: Mapping[int, int]
    until: float
    loop: asyncio.AbstractEventLoop = field(factory=asyncio.get_running_loop)
    done: asyncio.Future[None] = field(factory=lambda: asyncio.get_running_loop().create_future())

    def end(self, error: PortError | None) -> None:
        """From any thread."""
        with suppress(RuntimeError):
            self.loop.call_soon_threadsafe(_ended, self.done, error)


@frozen(eq=False)
class _Look:
    """How far the partitions go, asked once; and who waits until they are read so far."""

    until: float
    ends: dict[int, int] = field(factory=dict[int, int])
    loop: asyncio.AbstractEventLoop = field(factory=asyncio.get_running_loop)
    done: asyncio.Future[None] = field(factory=lambda: asyncio.get_running_loop().create_future())

    def end(self, error: PortError | None) -> None:
        """From any thread."""
        with suppress(RuntimeError):
            self.loop.call_soon_threadsafe(_ended, self.done, error)


def _ended(done: asyncio.Future[None], error: PortError | None) -> None:
    if done.done():
        return
    if error is None:
        done.set_result(None)
    else:
        done.set_exception(error)


class Reader:
    """Joins when it is made. All calls of the client, its callbacks included, are made in the thread."""

    def __init__(self, place: Place, group: str) -> None:
        """Start reading; records come when the group has given us partitions."""
        self._place = place
        self._group = group
        self._loop = asyncio.get_running_loop()
        self._changed = threading.Condition()
        self._holding = Holding()
        self._commits: deque[_Commit] = deque()
        self._looks: deque[_Look] = deque()
        self._error: PortError | None = None
        self._is_ending = False
        self._is_paused = False
        self._is_joined = False
        self._has_moved_on = False
        """Whether its reader came for more while a partition is let go: it does not commit what it took before."""
        self._is_waiting = False
        self._news = asyncio.Event()
        self._gone = self._loop.create_future()
        self._thread = threading.Thread(target=self._run, name="convalias-kafka-consumer", daemon=True)
        self._thread.start()

    # --- in the loop -----------------------------------------------------------------------------------

    @property
    def is_joined(self) -> bool:
        """Whether the group has said which partitions are ours, were it none."""
        return self._is_joined

    def take(self, limit: int) -> Sequence[EventRecord]:
        """Take the records that are there. Raises what stands in the way, once each time that it comes up."""
        with self._changed:
            error, self._error = self._error, None
            if error is not None:
                raise error
            self._has_moved_on = True
            records = self._holding.take(limit)
            self._changed.notify()
        return records

    async def news(self, within: float) -> None:
        """Until there may be something to take, or that many seconds are over."""
        with self._changed:
            if len(self._holding) or self._error is not None:
                return
            self._news.clear()
            self._is_waiting = True
        try:
            async with asyncio.timeout(within):
                await self._news.wait()
        except TimeoutError:
            return
        finally:
            self._is_waiting = False

    async def commit(self) -> None:
        """Commit what was taken so far and is still ours. Raises `Unavailable`: it may be done all the same."""
        until = time.monotonic() + self._place.limits.timeout
        with self._changed:
            offsets = self._holding.to_commit()
            if not offsets:
                return
            if self._is_ending:
                raise Unavailable(WHAT)
            commit = _Commit(offsets, until)
            self._commits.append(commit)
            self._changed.notify()
        try:
            async with asyncio.timeout(self._place.limits.timeout):
                await commit.done
        except TimeoutError as late:
            raise Unavailable(WHAT) from late

    async def catch_up(self) -> None:
        """Until all that was published before this call was read, as far as it is ours. Raises `Unavailable`."""
        within = self._place.limits.timeout
        with self._changed:
            if self._is_ending or len(self._holding):
                return
            look = _Look(time.monotonic() + within)
            self._looks.append(look)
            self._changed.notify()
        try:
            async with asyncio.timeout(within):
                await look.done
        except TimeoutError as late:
            raise Unavailable(WHAT) from late

    def end(self) -> None:
        """Leave the group, soon. Returns at once."""
        with self._changed:
            self._is_ending = True
            self._changed.notify()

    async def ended(self, within: float) -> None:
        """Until it has left, or that many seconds are over: a broker that is away is not waited for."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                await asyncio.shield(self._gone)

    # --- in the thread ---------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            consumer = Consumer(consumer_config(self._place, self._group))
        except KafkaException as error:
            self._fail(translated(reason(error)))
        else:
            self._serve(consumer)
        for commit in self._commits:
            commit.end(Unavailable(WHAT))
        for look in self._looks:
            look.end(Unavailable(WHAT))
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._gone.set_result, None)

    def _serve(self, consumer: Consumer) -> None:
        try:
            consumer.subscribe(
                [self._place.topic], on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._lost
            )
            while not self._is_ending:
                self._commit_what_was_asked(consumer)
                self._look_at_the_ends(consumer)
                if len(self._holding) >= self._place.limits.read_ahead:
                    self._stand_by(consumer)
                else:
                    self._read(consumer)
        except KafkaException as error:
            self._fail(translated(reason(error)))
        finally:
            with suppress(KafkaException, RuntimeError):
                self._commit_what_was_asked(consumer)
                consumer.close()

    def _read(self, consumer: Consumer) -> None:
        if self._is_paused:
            consumer.resume(self._partitions(self._holding.owned))
            self._is_paused = False
        batch = consumer.consume(BATCH, 0)
        if not batch:
            first = consumer.poll(SOON if self._holding.is_outstanding else QUIET)
            batch = [] if first is None else [first]
        if batch:
            self._keep(batch)

    def _stand_by(self, consumer: Consumer) -> None:
        """The buffer is full. A short while nothing is read; then the partitions rest, and the consumer polls."""
        half = self._place.limits.read_ahead // 2
        with self._changed:
            has_room = self._changed.wait_for(
                lambda: len(self._holding) <= half or self._commits or self._is_ending, HEARTBEAT
            )
        if has_room:
            return
        consumer.pause(self._partitions(self._holding.owned))
        self._is_paused = True
        late = consumer.poll(0)
        if late is not None:
            self._keep([late])

    def _keep(self, batch: Sequence[Message]) -> None:
        records: list[Ahead] = []
        for message in batch:
            error = message.error()
            partition, offset = message.partition(), message.offset()
            if error is not None and error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - the client's own code
                self._reached_end(partition, offset)
            elif error is not None:
                self._tell(error)
            elif partition is not None and offset is not None:
                records.append((partition, offset + 1, read_message(message)))
        with self._changed:
            self._holding.read(records)
            self._wake()

    def _reached_end(self, partition: int | None, offset: int | None) -> None:
        if partition is not None and offset is not None:
            with self._changed:
                self._holding.at_end(partition, offset)

    def _tell(self, error: KafkaError) -> None:
        """What the client mends by itself is not told; what a person must mend, or a fatal state, is."""
        if error.code() not in GONE and not error.retriable():
            self._fail(translated(error))

    def _fail(self, error: PortError) -> None:
        with self._changed:
            self._error = error
            self._wake()

    def _wake(self) -> None:
        if self._is_waiting:
            self._is_waiting = False
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._news.set)

    def _commit_what_was_asked(self, consumer: Consumer) -> None:
        while self._commits:
            commit = self._commits[0]
            if not self._is_answered(consumer, commit):
                return  # the group is being shared out anew: when that is done, it is tried again
            self._commits.popleft()

    def _is_answered(self, consumer: Consumer, commit: _Commit) -> bool:
        with self._changed:
            offsets = self._holding.may_commit(commit.offsets)
        try:
            self._commit(consumer, offsets)
        except KafkaException as error:
            failed = reason(error)
            if failed.code() == REBALANCING and time.monotonic() < commit.until:
                return False
            if failed.code() not in GONE:
                commit.end(translated(failed))
                return True
        # Where the group went on without us there is nothing of ours to commit: it has come to others.
        commit.end(None)
        return True

    def _commit(self, consumer: Consumer, offsets: Mapping[int, int]) -> None:
        if not offsets:
            return
        wanted = [TopicPartition(self._place.topic, one, offset) for one, offset in offsets.items()]
        for one in consumer.commit(offsets=wanted, asynchronous=False):
            if one.error is not None:
                raise KafkaException(one.error)
        with self._changed:
            self._holding.committed(offsets)
            self._changed.notify()

    def _look_at_the_ends(self, consumer: Consumer) -> None:
        """Answer who waits for the end: something is there to take, or nothing is left."""
        while self._looks:
            look, within = self._looks[0], self._place.limits.timeout
            with self._changed:
                owned = self._holding.owned
            try:
                for one in owned:
                    if one not in look.ends:
                        look.ends[one] = end_of(consumer, TopicPartition(self._place.topic, one), within)
            except KafkaException as error:
                self._looks.popleft().end(translated(reason(error)))
                continue
            with self._changed:
                is_behind = self._holding.is_behind(look.ends) and not len(self._holding)
            if is_behind and time.monotonic() < look.until:
                return
            self._looks.popleft().end(None)

    def _partitions(self, numbers: Sequence[int]) -> Partitions:
        return [TopicPartition(self._place.topic, one) for one in numbers]

    # --- callbacks, from inside a poll -----------------------------------------------------------------

    def _assigned(self, consumer: Consumer, partitions: Partitions) -> None:
        del consumer
        with self._changed:
            self._holding.assign(one.partition for one in partitions)
            self._is_joined = True
            self._wake()

    def _revoked(self, consumer: Consumer, partitions: Partitions) -> None:
        """Stop giving out, wait until what was given out is committed, and only then let go.

        Not waited for: a reader that takes more without committing, one that leaves, one that is too slow.
        """
        leaving = [one.partition for one in partitions]
        until = time.monotonic() + self._place.limits.release_within
        with self._changed:
            self._holding.stop(leaving)
            self._has_moved_on = False
        while time.monotonic() < until and self._is_worked_on(leaving):
            self._commit_what_was_asked(consumer)
            with self._changed:
                self._changed.wait_for(lambda: self._commits or not self._is_worked_on(leaving), SOON * 10)
        with self._changed:
            self._holding.forget(leaving)

    def _is_worked_on(self, partitions: Sequence[int]) -> bool:
        is_left = self._has_moved_on and not self._commits
        return self._holding.owes(partitions) and not self._is_ending and not is_left

    def _lost(self, consumer: Consumer, partitions: Partitions) -> None:
        """The group went on without us: nothing of it is ours any more."""
        del consumer
        numbers = [one.partition for one in partitions]
        with self._changed:
            self._holding.stop(numbers)
            self._holding.forget(numbers)
