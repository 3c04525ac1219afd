"""Dead letters of deliveries: their lane, their ids, and what they are about."""

from __future__ import annotations

from typing import Final

from convalias.domain.ids import ConversationId, EventId
from convalias.domain.inbound.dead_letters import DeadLetterId
from convalias.stores.encoding import digest

LANE: Final = "deliveries"


def decision_letter(conversation: ConversationId, event: EventId) -> DeadLetterId:
    """Return the id of the letter that says that nothing could be decided about an event."""
    return DeadLetterId(digest("decision", conversation, event))


def index_letter(event: EventId) -> DeadLetterId:
    """Return the id of the letter that says that legacy's index call was given up."""
    return DeadLetterId(digest("index", event))


def subject_of(conversation: ConversationId, event: EventId) -> str:
    """Return the subject of a dead letter of this lane; `read_subject` takes it apart."""
    return f"{conversation} {event}"


def read_subject(subject: str) -> tuple[ConversationId, EventId]:
    """Event ids hold no space, conversation ids may."""
    conversation, _, event = subject.rpartition(" ")
    return ConversationId(conversation), EventId(event)
