"""JobQueue: at least once, in any order, with a visibility timeout."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol

from attrs import field, frozen


@frozen
class Job:
    """A receipt of a job. `body` is ASCII without control characters (queues that are XML inside)."""

    id: str
    body: str
    receives: int
    """How often it was taken so far, this time included."""
    lease: str = field(repr=False)
    """Opaque receipt handle: proves that this holder still has it."""


@frozen
class QueueDepth:
    """The depth of a queue; approximate where the engine's own figure is."""

    ready: int
    in_flight: int
    oldest: timedelta | None
    """Age of the oldest job that is not done, since it was put; None when there is none, or the engine cannot tell."""
    oldest_at_most: timedelta | None = None
    """Where the engine cannot tell: nothing that waits is older."""


class JobQueue(Protocol):
    """Jobs for whoever takes them first.

    Promises: what `put` answered is delivered until `done`. Does not promise: order, or that a job is delivered
    once, or that its id is the same every time. A dead letter is no matter of the queue: the library writes it as
    a record. Raises: `Unavailable`; then a put may have happened. Every call may be repeated.
    """

    async def put(self, bodies: Sequence[str]) -> None:
        """Durable when answered."""
        ...

    async def take(self, *, limit: int, wait: timedelta, lease: timedelta) -> Sequence[Job]:
        """Take at most `limit` visible jobs, and hide them from others for `lease`.

        Waits at most `wait` for the first.
        """
        ...

    async def keep(self, jobs: Sequence[Job], lease: timedelta, *, held: bool = True) -> None:
        """Hide them for `lease` from now: a heartbeat; zero gives them back at once.

        `held=False` is a back-off: nobody works on them, and only time brings them back. (A queue that can tell
        that a holder died gives what it *held* to others at once.) A job whose lease is lost is left alone.
        """
        ...

    async def done(self, jobs: Sequence[Job]) -> None:
        """Never deliver these again. A job whose lease is lost may be delivered again."""
        ...

    async def depth(self) -> QueueDepth:
        """Return how much waits."""
        ...
