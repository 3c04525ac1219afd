"""Place of a reader in a host's feed with a cursor, and how far back to read it again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from attrs import evolve, frozen

CHECKPOINTS: Final = 10
"""In a window: so the start of a second reading is at most a tenth of a window too early."""


@frozen
class Checkpoint:
    """A cursor, and when a reader had read up to it. Aware."""

    cursor: str
    at: datetime


@frozen(kw_only=True)
class HostFeed:
    """The place of all readers of a feed. Cursors are opaque: they are compared with nothing."""

    head: Checkpoint
    """All that had a cursor up to here when it was read is noted."""
    behind: tuple[Checkpoint, ...] = ()
    """Earlier heads, the oldest first: as many as a second reading may start from."""
    late: int = 0
    """Messages that were found behind the head."""
    last_late: datetime | None = None

    def moved(self, cursor: str, now: datetime, *, window: timedelta) -> HostFeed:
        """Move the head there, and forget checkpoints that no second reading starts from."""
        earlier = self.behind
        if not earlier or self.head.at - earlier[-1].at >= window / CHECKPOINTS:
            earlier = (*earlier, self.head)
        usable = [number for number, one in enumerate(earlier) if one.at <= now - window]
        return evolve(self, head=Checkpoint(cursor, now), behind=earlier[usable[-1] if usable else 0 :])

    def counted(self, late: int, now: datetime) -> HostFeed:
        """Add messages that were found late."""
        return evolve(self, late=self.late + late, last_late=now) if late else self

    def again_from(self, *, window: timedelta, not_before: datetime) -> str:
        """Return where a second reading starts: the cursor of a window before the head.

        It is the head's own if what was noted since may be gone already: then all would look new.
        """
        start = next((one for one in reversed(self.behind) if one.at <= self.head.at - window), None)
        start = start or (self.behind[0] if self.behind else self.head)
        return self.head.cursor if start.at < not_before else start.cursor


@frozen
class HostMessage:
    """A message that a reader of the feed saw, and whether it was told."""

    thread: str
    message: str
    seen: datetime
    told: datetime | None = None


def found_late(known: Sequence[bool]) -> list[bool]:
    """Return which messages of a feed, in its order, came late: unknown ones before a known one.

    >>> found_late([True, False, True, False])
    [False, True, False, False]
    """
    last = max((number for number, one in enumerate(known) if one), default=-1)
    return [not one and number < last for number, one in enumerate(known)]
