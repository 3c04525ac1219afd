"""An idempotent producer and the thread that serves it; after its first failure it is thrown away."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from attrs import define, field
from confluent_kafka import KafkaError, KafkaException, Message, Producer, murmur2

from convalias.adapters.kafka import messages
from convalias.adapters.kafka.client import partitions_of
from convalias.adapters.kafka.errors import WHAT, UnusableTopicError, reason, translated, unusable
from convalias.adapters.kafka.place import Place, producer_config
from convalias.ports.errors import PortError, Unavailable
from convalias.ports.event_log import EventRecord

SLICE: Final = 100
"""Records handed to the client in one go; then the loop has a turn."""
_POLL: Final = 0.1
_ASK: Final = 1.0
"""Seconds that one question about the topic may take, before the client is asked whether it was refused."""
_IDLE: Final = 5.0
_LOOK_AGAIN: Final = 60.0
"""Seconds between two looks at how many partitions there are."""
_FULL: Final = 0.005
"""Seconds until a full queue of the client is tried again."""


@define(eq=False)
class _Batch:
    """What one `publish` waits for."""

    loop: asyncio.AbstractEventLoop
    unanswered: int
    done: asyncio.Future[None] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.done = self.loop.create_future()

    def answered(self, error: KafkaError | None, message: Message) -> None:
        """In the producer's thread, once for each record."""
        del message
        self.unanswered -= 1
        if error is not None:
            self.end(translated(error))
        elif not self.unanswered:
            self.end(None)

    def end(self, error: PortError | None) -> None:
        """From any thread; the first end counts."""
        with suppress(RuntimeError):  # the loop is closed, nobody waits
            self.loop.call_soon_threadsafe(self._end, error)

    def _end(self, error: PortError | None) -> None:
        if self.done.done():
            return
        if error is None:
            self.done.set_result(None)
        else:
            self.done.set_exception(error)


class Sender:
    """Made, opened, used until something fails, ended. Not opened again."""

    def __init__(self, place: Place, *, partitions: int | None) -> None:
        """`partitions`: how many there were when the log was opened; None: not known yet."""
        self._place = place
        self._producer: Producer | None = None
        self._loop = asyncio.get_running_loop()
        self._opened: asyncio.Future[int] = self._loop.create_future()
        self._batches: set[_Batch] = set()
        self._busy = threading.Event()
        self._is_ended = False
        self._expected = place.limits.partitions or partitions
        self._problem: PortError | None = None
        self._refused: UnusableTopicError | None = None
        self._thread = threading.Thread(target=self._run, name="convalias-kafka-producer", daemon=True)

    async def open(self) -> int:
        """Open the producer, and count the topic's partitions. Raises `UnusableTopicError`, `Unavailable`."""
        self._thread.start()
        return await self._opened

    async def send(self, records: Sequence[EventRecord]) -> None:
        """Until all are acknowledged, in order. Raises the port's errors; then this sender is of no more use."""
        batch = _Batch(self._loop, len(records))
        self._batches.add(batch)
        try:
            for number, record in enumerate(records):
                await self._produce(record, batch)
                if number % SLICE == SLICE - 1:
                    await asyncio.sleep(0)
            await batch.done
        finally:
            self._batches.discard(batch)
            batch.done.cancel()

    def end(self) -> None:
        """Drop whatever was not acknowledged, and tell its waiters. Returns at once."""
        self._is_ended = True
        self._busy.set()
        for batch in self._batches:
            batch.end(Unavailable(WHAT))

    async def ended(self, within: float) -> None:
        """Wait for the thread, so that nothing of it outlives the loop."""
        await asyncio.to_thread(self._thread.join, within)

    async def _produce(self, record: EventRecord, batch: _Batch) -> None:
        while True:
            if batch.done.done():
                await batch.done  # raises what went wrong: behind a failed record none may follow
            if self._is_ended or self._producer is None:
                raise Unavailable(WHAT)
            if self._problem is not None:
                raise self._problem
            key = messages.key(record)
            try:
                # The partition is chosen by the number of partitions that there was at the start, as Java does it.
                self._producer.produce(
                    self._place.topic,
                    messages.value(record),
                    key,
                    murmur2(key, self._expected or 1),
                    on_delivery=batch.answered,
                    headers=messages.headers(record),
                )
            except BufferError:
                self._busy.set()
                await asyncio.sleep(_FULL)
                continue
            except KafkaException as error:
                raise translated(reason(error)) from None
            self._busy.set()
            return

    # --- in the thread ---------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            producer = Producer({**producer_config(self._place), "error_cb": self._noted})
        except KafkaException as error:
            self._tell(translated(reason(error)))
            return
        try:
            count = self._first_counted(producer)
        except KafkaException as error:
            self._tell(self._refused or unusable(reason(error)) or translated(reason(error)))
            return
        except PortError as error:
            self._tell(error)
            return
        self._producer = producer
        self._tell(count)
        self._serve(producer)
        self._producer = None
        with suppress(KafkaException):
            producer.purge()
            producer.poll(0)

    def _noted(self, error: KafkaError) -> None:
        """The client's word about its connections: refused credentials it tells nowhere else."""
        self._refused = unusable(error) or self._refused

    def _first_counted(self, producer: Producer) -> int:
        """Ask again and again, for as long as an answer may take: refused credentials end that at once.

        The client tells of them only when it is polled, and goes on trying: whoever waits for less than its time-out
        would hear that nobody answers.
        """
        until = time.monotonic() + self._place.limits.timeout
        while True:
            try:
                return self._counted(producer, within=max(min(_ASK, until - time.monotonic()), _POLL))
            except KafkaException:
                with suppress(KafkaException):
                    producer.poll(0)
                if self._refused is not None or self._is_ended or time.monotonic() >= until:
                    raise

    def _counted(self, producer: Producer, *, within: float) -> int:
        count = partitions_of(producer, self._place.topic, within)
        self._expected = self._expected or count
        if count != self._expected:
            raise UnusableTopicError(
                f"events: the topic has {count} partitions, expected {self._expected}: a conversation would change its"
                " partition and lose its order; let all consumers read to the end, then restart all processes"
            )
        return count

    def _serve(self, producer: Producer) -> None:
        looked = time.monotonic()
        while not self._is_ended:
            if len(producer):
                with suppress(KafkaException):  # a fatal state: each record's own answer says why, the next is refused
                    producer.poll(_POLL)
                continue
            self._busy.wait(_IDLE)
            self._busy.clear()
            if time.monotonic() - looked > _LOOK_AGAIN:
                looked = time.monotonic()
                self._look_again(producer)

    def _look_again(self, producer: Producer) -> None:
        try:
            producer.poll(0)
            self._counted(producer, within=self._place.limits.timeout)
        except UnusableTopicError as error:
            self._problem = error
        except (KafkaException, PortError):
            return  # away: the next publish will find out

    def _tell(self, found: int | PortError) -> None:
        def told() -> None:
            if self._opened.done():
                return
            if isinstance(found, PortError):
                self._opened.set_exception(found)
            else:
                self._opened.set_result(found)

        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(told)
