"""EventStore: the events of conversations. By default kept in `Records`; a company's own database fits too."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Protocol

from convalias.domain.conversations.events import ConversationEvent
from convalias.domain.ids import ConversationId, EventId


class Append(Enum):
    """The result of an append."""

    APPENDED = "appended"
    TAKEN = "taken"
    """By seq or by dedup key: the library looks which."""


class EventStore(Protocol):
    """Two unique constraints: (conversation, seq) and (conversation, dedup key).

    Promises: reads see every answered append of every process. The library numbers, folds, authorises, retries.
    Raises: `Unavailable`; then an append may have happened. Every call may be repeated.
    """

    async def append(self, event: ConversationEvent) -> Append:
        """Insert it, unless its seq or its dedup key is taken in that conversation."""
        ...

    async def last(self, conversation: ConversationId) -> ConversationEvent | None:
        """The event with the highest seq."""
        ...

    async def keyed(self, conversation: ConversationId, *, key: str | EventId) -> ConversationEvent | None:
        """The event with that dedup key or that event id."""
        ...

    async def after(self, conversation: ConversationId, seq: int, *, limit: int) -> Sequence[ConversationEvent]:
        """Events with a higher seq, ascending."""
        ...

    async def redact(self, event: ConversationEvent) -> None:
        """Put this in the place of the event with its conversation and seq; both keys stay."""
        ...
