"""Queues that a provider fills with mail: each message is taken in, and only then acknowledged."""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Final

from attrs import field, frozen

from convalias.domain.inbound.posts import IncomingMail
from convalias.domain.outbound.delivery import backoff
from convalias.ports.ambient import Clock
from convalias.ports.errors import Unavailable
from convalias.ports.queue import Job, JobQueue
from convalias.services.inbound.doors import DoorAnswer, HttpAnswer, MessageDoor, mail_of_message
from convalias.services.inbound.receiver import Receipt
from convalias.services.running.log_lines import LogLines, cause_of
from convalias.services.running.places import told_of
from convalias.stores.remembering import remember

BATCH: Final = 10
LEASE: Final = timedelta(minutes=3)
"""So long nobody else takes a message that is worked on."""
WITHIN: Final = timedelta(minutes=2)
"""For one message: its mail is fetched (20 s and a retry) and kept (30 s)."""
TRIES: Final = 12
"""So often a message that cannot be taken in is tried: with the pauses between, for an hour and a half."""
SEEN: Final = 3
"""So many tries of these have to fail by the message itself, before the eyes of this process."""
SURELY: Final = 60
"""After so many tries (some ten hours) one is enough: each process may be new. A redrive policy begins at 100."""
REMEMBERED: Final = 10_000
"""Messages of which it is known how often they failed."""
FIRST_PAUSE: Final = timedelta(seconds=10)
LONGEST_PAUSE: Final = timedelta(minutes=15)
MISSING: Final = 404
DENIED: Final = 403
_DONE: Final = frozenset({200, 409})
"""Kept, now or before."""
_AWAY: Final = 503
_FAULT: Final = 500


@frozen(kw_only=True)
class FilledQueue:
    """Reads one queue. A message is acknowledged after its mail is durable, so that a death in between loses nothing.

    What cannot be taken in is tried again for an hour and a half, then kept as mail in quarantine, where a person finds
    what the message said. While the raw store, the queue or the provider is away it is tried for ever.

    The queue tells only how often a message was taken, whatever stood in the way: after an outage of an hour that is
    `TRIES`, too. So a message is given up only if `SEEN` tries in this process failed by the message itself. A process
    that begins forgets that; after `SURELY` tries it gives a message up at the first such try.
    """

    name: str
    """Of the provider's door."""
    queue: JobQueue
    door: MessageDoor
    accept: Callable[[IncomingMail], Awaitable[Receipt]]
    clock: Clock
    lines: LogLines
    _failed: OrderedDict[bytes, int] = field(factory=OrderedDict[bytes, int], init=False, repr=False)
    """Tries that failed by the message itself, by the digest of its body: ids may differ from one take to the next."""

    async def step(self, *, wait: timedelta = timedelta(0)) -> int:
        """Take one batch, its messages side by side; return how many were taken in. Raises `Unavailable`.

        `wait`: how long the queue may take for the first message.
        """
        jobs = await self.queue.take(limit=BATCH, wait=wait, lease=LEASE)
        answers = await asyncio.gather(*(self._taken(job) for job in jobs))
        done = [job for job, answer in zip(jobs, answers, strict=True) if answer.status in _DONE]
        if done:
            await self.queue.done(done)
        for job, answer in zip(jobs, answers, strict=True):
            if answer.status not in _DONE:
                await self._later(job, answer)
        _raise_outage(answers)
        return len(done)

    async def _taken(self, job: Job) -> DoorAnswer:
        try:
            async with asyncio.timeout(WITHIN.total_seconds()):
                answer = await self._answer(job.body)
                if answer.status in _DONE or answer.status == _AWAY or not self._is_over(job):
                    return answer
                await self.accept(_given_up(self.name, job.body, answer))
                return HttpAnswer(200, f"given up: {answer.text}")
        except (Unavailable, TimeoutError) as away:
            return HttpAnswer(_AWAY, str(away), away)

    def _is_over(self, job: Job) -> bool:
        """Count this try, and return whether it is the last one."""
        body = hashlib.sha256(job.body.encode("utf-8", "surrogatepass")).digest()
        failed = self._failed.get(body, 0) + 1
        remember(self._failed, body, failed, most=REMEMBERED)
        return job.receives >= TRIES and (failed >= SEEN or job.receives >= SURELY)

    async def _answer(self, body: str) -> DoorAnswer:
        try:
            return await self.door.message(body)
        except (Unavailable, TimeoutError):
            raise
        except Exception as error:  # noqa: BLE001 - a message that a door trips over keeps no other waiting
            return HttpAnswer(_FAULT, told_of(error))

    async def _later(self, job: Job, answer: DoorAnswer) -> None:
        error = getattr(answer, "error", None)
        told = cause_of(error) if isinstance(error, Exception) else answer.text
        what = (
            "waits for something that is away" if answer.status == _AWAY else "cannot be taken in, and is tried again"
        )
        self.lines.repeated(f"{self.name}: a message {what}: {told}")
        jitter = self.clock.entropy(1)[0] / 256
        pause = backoff(min(job.receives, TRIES), first=FIRST_PAUSE, longest=LONGEST_PAUSE, jitter=jitter)
        await self.queue.keep([job], pause, held=False)


def _given_up(name: str, body: str, answer: DoorAnswer) -> IncomingMail:
    """The message itself, as it stood in the queue: its id, its bucket and its key are in it."""
    reason = "missing" if answer.status in {MISSING, DENIED} else "unparseable"
    return mail_of_message(name, body, reason=reason)


def _raise_outage(answers: Sequence[DoorAnswer]) -> None:
    """All failed, and because something is away: the worker waits, and says so."""
    if answers and all(answer.status == _AWAY for answer in answers):
        error = getattr(answers[0], "error", None)
        raise error if isinstance(error, Unavailable) else Unavailable(answers[0].text)
