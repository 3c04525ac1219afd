"""Events whose decision waits: their conversation could not be read when the event log told of them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from attrs import evolve, frozen

from convalias.domain.ids import ConversationId, EventId, Seq

FIRST_PAUSE: Final = timedelta(seconds=5)
LONGEST_PAUSE: Final = timedelta(minutes=1)


@frozen(kw_only=True)
class UndecidedEvent:
    """An event that is decided about later, apart from the event log."""

    conversation: ConversationId
    event: EventId
    seq: Seq
    since: datetime
    trace: str = ""
    after: Seq | None = None
    """What came behind that seq and before this event was lost by the event log, and waits with it; None: nothing."""
    fault: str = ""
    """The call, class and line of what an adapter of the host raised at the last try that one failed; empty: none has."""
    failing_since: datetime | None = None
    """When one first did. A process that lives for a minute alone, as under cron, goes on counting from there."""


def failing(event: UndecidedEvent, fault: str, *, now: datetime) -> UndecidedEvent:
    """Return the event after an adapter of the host has failed on it."""
    return evolve(event, fault=fault, failing_since=event.failing_since or now)


def pause(event: UndecidedEvent, *, now: datetime) -> timedelta:
    """Return the pause before the next try: as long as it has waited, from five seconds to a minute."""
    return min(max(now - event.since, FIRST_PAUSE), LONGEST_PAUSE)
