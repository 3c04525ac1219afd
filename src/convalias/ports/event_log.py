"""EventLog: published events in order per conversation, read by groups of consumers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final, Protocol, runtime_checkable

from attrs import frozen

from convalias.domain.ids import ConversationId, EventId, Seq, TraceId

UNPLACED: Final = Seq(0)
"""Of a record that does not tell where its event stands: one whose value cannot be read, and whose headers name it."""


UNREADABLE: Final = "unreadable"
"""The kind of a record whose event nobody could read when it was published, or whose value nobody can read."""


@frozen
class EventRecord:
    """A published event: ids only, no personal text."""

    conversation: ConversationId
    event: EventId
    seq: Seq
    kind: str
    trace: TraceId


class Subscription(Protocol):
    """A consumer of a group. Not shared between tasks."""

    async def take(self, *, limit: int, wait: timedelta) -> Sequence[EventRecord]:
        """Return the next records, in order for each conversation; wait at most `wait` for the first. Never skips."""
        ...

    async def commit(self) -> None:
        """All that was taken so far is done: after a crash, reading goes on behind it."""
        ...

    async def close(self) -> None:
        """Leave the group. What was taken and not committed comes again to somebody."""
        ...


@runtime_checkable
class ReadsAhead(Protocol):
    """A subscription that reads in the background: nothing to take may mean that nothing has come yet."""

    async def catch_up(self) -> None:
        """Until the next `take` has what was published before this call. Raises `Unavailable`."""
        ...


class EventLog(Protocol):
    """Promises: at least once to each group, in order per conversation. Raises: `Unavailable`. Repeatable."""

    async def publish(self, records: Sequence[EventRecord]) -> None:
        """All are kept, in order per conversation, when it returns; raised: any prefix may be."""
        ...

    def records(self, group: str) -> Subscription:
        """Join a group at its committed position; a group never seen before starts at what is kept."""
        ...


@frozen
class Lag:
    """The records that a group has not committed: their number, and the first of them."""

    count: int
    first: EventRecord | None


@runtime_checkable
class Lagging(Protocol):
    """An event log that can also say how far a group is behind: for tools."""

    async def lag(self, group: str) -> Lag:
        """Return the present lag of a group; joins nothing. Raises `Unavailable`."""
        ...
