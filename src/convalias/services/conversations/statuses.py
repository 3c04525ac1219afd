"""Note a participant's status in a conversation, once for each cause."""

from __future__ import annotations

from datetime import datetime

from convalias.domain.conversations.events import NewEvent, Origin, StatusNoted
from convalias.domain.conversations.threads import ConversationThread, ThreadState
from convalias.domain.ids import ConversationId, EventId
from convalias.domain.mail.dedup import SystemKey
from convalias.ports.ambient import Clock
from convalias.stores.conversations.access import ConversationAccess


def status_key(conversation: ConversationId, cause: str) -> str:
    """Return the dedup key of the event that notes a status."""
    return str(SystemKey(conversation, cause))


async def note_status(
    conversations: ConversationAccess,
    clock: Clock,
    conversation: ConversationId,
    status: StatusNoted,
    *,
    cause: str,
    at: datetime,
    trace: str,
) -> None:
    """Append the status, unless the conversation is gone. Repeatable: `cause` names it in its conversation."""
    key = status_key(conversation, cause)
    new = NewEvent(
        id=EventId(clock.new_id()),
        conversation=conversation,
        happening=status,
        dedup_key=key,
        origin=Origin.ALIAS_MAIL,
        occurred_at=at,
        trace=trace,
    )

    def draft(thread: ConversationThread | None) -> NewEvent | None:
        return None if thread is None or thread.state is ThreadState.ERASED else new

    await conversations.append(conversation, draft, key=key)
