"""A job queue in SQS: leases by visibility, batches of ten, long polls that lose nothing when cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Final, Self

from attrs import frozen

from convalias.adapters.sqs import attributes, errors, examining
from convalias.adapters.sqs.batches import MOST, MOST_OCTETS, Fates, batches
from convalias.adapters.sqs.connection import Answer, Connection, FailedEntry, Message
from convalias.adapters.sqs.held import LONGEST, Held
from convalias.adapters.sqs.place import Credentials, Limits, read_url
from convalias.ports.ambient import Clock
from convalias.ports.errors import PortError, Rejected, Unavailable
from convalias.ports.examining import Observation
from convalias.ports.queue import Job, QueueDepth

_NOW: Final = timedelta(0)
_SECOND: Final = timedelta(seconds=1)
_RECEIVES: Final = "ApproximateReceiveCount"
_SENT: Final = "SentTimestamp"
_NOT_OURS: Final = frozenset(
    """
    AWS.SimpleQueueService.MessageNotInflight InvalidParameterValue InvalidReceiptHandle MessageNotInflight
    ReceiptHandleIsInvalid
    """.split()
)
"""What SQS says of a receipt whose job is another's by now, or done."""
_NEVER: Final = frozenset({"InvalidAttributeValue", "InvalidMessageContents"})


@frozen
class _Visibility:
    job: Job
    seconds: int


class JobQueue:
    """`ports.JobQueue` in a standard queue. Inert until `open()`.

    SQS cannot tell that a holder died: what one held comes back when its lease runs out. A lease is of whole seconds,
    rounded up, and of 12 hours in all, counted from the receipt. Long polls are answered or drained, never dropped: a
    take that is cancelled gives back what still arrives. Calls side by side share their requests.
    """

    def __init__(
        self, url: str, *, clock: Clock, credentials: Credentials | None = None, limits: Limits | None = None
    ) -> None:
        """Read the URL. Raises `UnusableQueueError`; no request is made."""
        place = read_url(url, limits=limits)
        self._limits = place.limits
        self.poll: Final = timedelta(seconds=place.limits.poll)
        """So long a worker may wait in `take`: asking is paid for."""
        self._clock = clock
        self._connection = Connection(place, credentials)
        self._held = Held()
        self._polls = asyncio.Semaphore(self._limits.in_flight)
        self._draining: set[asyncio.Task[None]] = set()
        at_once = self._limits.in_flight
        self._puts = batches(self._send, at_once=at_once, octets=len)
        self._deletes = batches(self._delete, at_once=at_once)
        self._changes = batches(self._change, at_once=at_once)

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
        """Find the queue and look at it. Raises `UnusableQueueError` for what must be mended, else `Unavailable`."""
        try:
            await self._connection.open()
            await self._attributes()
        except Unavailable as away:
            wrong = errors.unusable(away) or away
        except BaseException:
            await self._connection.close()
            raise
        else:
            return
        await self._connection.close()
        raise wrong

    async def close(self) -> None:
        """Wait for polls that were called off, for a long poll's time at most; then end all connections."""
        if self._draining:
            await asyncio.wait(self._draining, timeout=self._limits.poll + self._limits.timeout)
        for line in (self._puts, self._deletes, self._changes):
            await line.close()
        await self._connection.close()

    async def put(self, bodies: Sequence[str]) -> None:
        """Ten to a request. Raises `Rejected` before any is sent for a body that SQS cannot hold."""
        for body in bodies:
            _check(body)
        await self._puts.all(bodies)

    async def take(self, *, limit: int, wait: timedelta, lease: timedelta) -> Sequence[Job]:
        """Roughly those that have waited longest. It waits whole seconds, so half a second is no wait."""
        stopping = asyncio.Event()
        polling = asyncio.ensure_future(self._poll(limit, wait, lease, stopping))
        try:
            return await asyncio.shield(polling)
        except asyncio.CancelledError:
            stopping.set()
            draining = asyncio.ensure_future(self._drain(polling))
            self._draining.add(draining)
            draining.add_done_callback(self._draining.discard)
            raise

    async def keep(self, jobs: Sequence[Job], lease: timedelta, *, held: bool = True) -> None:
        """Held or backed off is the same here: only time brings a job back. What is known to be lost is not asked."""
        del held
        at = _at()
        known = [(job, self._held.seconds(job, lease, at=at)) for job in jobs]
        await self._changes.all([_Visibility(job, seconds) for job, seconds in known if seconds is not None])

    async def done(self, jobs: Sequence[Job]) -> None:
        """Delete them."""
        await self._deletes.all(jobs)

    async def depth(self) -> QueueDepth:
        """Counts as SQS estimates them. Its age is known as far as this process takes jobs."""
        found = await self._attributes()
        ready = attributes.number(found, "ApproximateNumberOfMessages")
        ready += attributes.number(found, "ApproximateNumberOfMessagesDelayed")
        in_flight = attributes.number(found, "ApproximateNumberOfMessagesNotVisible")
        if not ready + in_flight:
            return QueueDepth(0, 0, None)
        sent = self._held.oldest(at=_at())
        if sent is None:
            return QueueDepth(ready, in_flight, None, attributes.retention(found))
        return QueueDepth(ready, in_flight, max(self._clock.now() - sent, _NOW))

    async def examine(self) -> Sequence[Observation]:
        """The queue's own settings, what the credentials may do, the engine's clock. No job is touched."""
        return await examining.examine(self._connection)

    async def _attributes(self) -> dict[str, str]:
        answer = await self._connection.call("get_queue_attributes", AttributeNames=["All"])
        return answer.get("Attributes", {})

    async def _poll(self, limit: int, wait: timedelta, lease: timedelta, stopping: asyncio.Event) -> list[Job]:
        """Polls until one brings something; then what else is there, up to the limit."""
        until = _at() + wait.total_seconds()
        jobs: list[Job] = []
        async with self._polls:
            while len(jobs) < limit and not stopping.is_set():
                seconds = 0 if jobs else min(self._limits.poll, max(0, round(until - _at())))
                try:
                    found = await self._receive(min(MOST, limit - len(jobs)), seconds, lease)
                except Unavailable:
                    if jobs:  # what is held must not be lost to an error
                        break
                    raise
                jobs += found
                if len(found) < MOST and (jobs or round(until - _at()) <= 0):
                    break
        return jobs

    async def _receive(self, limit: int, seconds: int, lease: timedelta) -> list[Job]:
        hidden = min(-(-lease // _SECOND), LONGEST)
        answer = await self._connection.call(
            "receive_message",
            wait=seconds,
            MaxNumberOfMessages=limit,
            WaitTimeSeconds=seconds,
            VisibilityTimeout=hidden,
            MessageSystemAttributeNames=[_RECEIVES, _SENT],
        )
        now = self._clock.now()
        found = [(_job(message), _sent(message, now)) for message in answer.get("Messages", ())]
        self._held.took(found, at=_at(), now=now, lease=hidden)
        return [job for job, _ in found]

    async def _drain(self, polling: asyncio.Future[list[Job]]) -> None:
        """A poll that was called off goes on at the engine: jobs that it still brings are released at once."""
        with suppress(PortError):
            if jobs := await polling:
                await self.keep(jobs, _NOW)

    async def _send(self, bodies: Sequence[str]) -> Fates:
        entries = [{"Id": str(number), "MessageBody": body} for number, body in enumerate(bodies)]
        answer = await self._connection.call("send_message_batch", Entries=entries)
        return _fates(answer, len(bodies), _of_a_body)

    async def _delete(self, jobs: Sequence[Job]) -> Fates:
        entries = [{"Id": str(number), "ReceiptHandle": job.lease} for number, job in enumerate(jobs)]
        answer = await self._connection.call("delete_message_batch", Entries=entries)
        fates = _fates(answer, len(jobs), _of_a_receipt)
        for job, fate in zip(jobs, fates, strict=True):
            if fate is None:
                self._held.done(job)
        return fates

    async def _change(self, changes: Sequence[_Visibility]) -> Fates:
        entries = [
            {"Id": str(number), "ReceiptHandle": one.job.lease, "VisibilityTimeout": one.seconds}
            for number, one in enumerate(changes)
        ]
        at = _at()  # before the engine hides it: what we believe ours ends no later than there
        answer = await self._connection.call("change_message_visibility_batch", Entries=entries)
        fates = _fates(answer, len(changes), _of_a_receipt)
        for one, fate in zip(changes, fates, strict=True):
            if fate is None:
                self._held.kept(one.job, one.seconds, at=at)
        return fates


def _at() -> float:
    return asyncio.get_running_loop().time()


def _check(body: str) -> None:
    """SQS holds what XML 1.0 may hold; the port promises less: ASCII without control characters."""
    if not body:
        raise Rejected("an empty job body; SQS takes at least one character")
    if not body.isascii() or not body.isprintable():
        raise Rejected("a job body with other than printable ASCII characters, which SQS may refuse")
    if len(body) > MOST_OCTETS:
        raise Rejected(f"a job body of {len(body)} octets; SQS takes {MOST_OCTETS} at most")


def _job(message: Message) -> Job:
    receives = attributes.number(message.get("Attributes", {}), _RECEIVES, 1)
    return Job(message["MessageId"], message["Body"], receives, message["ReceiptHandle"])


def _sent(message: Message, now: datetime) -> datetime:
    milliseconds = attributes.number(message.get("Attributes", {}), _SENT)
    return datetime.fromtimestamp(milliseconds / 1000, UTC) if milliseconds else now


def _fates(answer: Answer, count: int, fate: Callable[[FailedEntry], PortError | None]) -> Fates:
    """What failed of a batch, entry by entry; all others worked."""
    failed = {one["Id"]: fate(one) for one in answer.get("Failed", ())}
    return [failed.get(str(number)) for number in range(count)]


def _of_a_body(failed: FailedEntry) -> PortError:
    if failed["Code"] in _NEVER:
        return Rejected(f"SQS refuses a job body ({failed['Code']})")
    return errors.unavailable(errors.RequestFailed("BatchEntry", code=failed["Code"]))


def _of_a_receipt(failed: FailedEntry) -> PortError | None:
    if failed["Code"] in _NOT_OURS:
        return None  # a job whose lease is lost is left alone
    return errors.unavailable(errors.RequestFailed("BatchEntry", code=failed["Code"]))
