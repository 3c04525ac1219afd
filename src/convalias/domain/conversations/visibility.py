"""Decide how far an account may read in a conversation, and which contents are removed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from attrs import evolve, frozen

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations.events import (
    ConversationCreated,
    ConversationEvent,
    Happening,
    MessageAdded,
    MessageRedacted,
    ParticipantAdded,
    ParticipantRemoved,
)
from convalias.domain.conversations.participants import AccountAuthor, Participant, PeripheralAuthor
from convalias.domain.conversations.threads import ThreadState
from convalias.domain.ids import AccountId, EventId

ERASED_AUTHOR: Final = PeripheralAuthor(EmailAddress.parse("erased@invalid"))
"""Stands in for an author who is known by address alone. Nobody has mail there (RFC 6761 §6.4)."""


@frozen
class Sight:
    """The limit up to which an account may read: events up to `seq`, a legacy message up to `until`."""

    seq: int
    until: datetime | None = None
    """Aware. None: it takes part, and reads everything."""


def sight(events: Iterable[ConversationEvent], account: AccountId) -> Sight | None:
    """Return how far an account may read, given all events of one conversation.

    None: it never took part, and reads nothing.

    Who takes part reads everything, also what was said before it came, or while it was away.
    """
    found: Sight | None = None
    present, last = False, 0
    for event in events:
        last = event.seq
        match event.happening:
            case ConversationCreated(participants=participants):
                present = any(one.account == account for one in participants)
            case ParticipantAdded(participant) if participant.account == account:
                present = True
            case ParticipantRemoved(gone) if gone == account and present:
                present, found = False, Sight(event.seq, event.occurred_at)
            case _:
                pass
    return Sight(last) if present else found


def gone(events: Iterable[ConversationEvent], state: ThreadState) -> frozenset[EventId]:
    """Messages whose text is gone: those that were redacted; all of them in an erased conversation."""
    listed = tuple(events)
    if state is ThreadState.ERASED:
        return frozenset(event.id for event in listed if isinstance(event.happening, MessageAdded))
    return frozenset(event.happening.event for event in listed if isinstance(event.happening, MessageRedacted))


def as_readable(events: Sequence[ConversationEvent], state: ThreadState) -> Sequence[ConversationEvent]:
    """The events without the words, files and names that are gone. The same ones where nothing is."""
    if state is not ThreadState.ERASED:
        return events
    return [_tombstone(event) for event in events]


def _tombstone(event: ConversationEvent) -> ConversationEvent:
    return evolve(event, happening=_without_words(event.happening))


def _without_words(happening: Happening) -> Happening:
    match happening:
        case MessageAdded():
            author = happening.author if isinstance(happening.author, AccountAuthor) else ERASED_AUTHOR
            nothing = evolve(happening, text="", full_text="", subject="", attachments=(), message_id="", raw_key=None)
            return evolve(nothing, author=author, long=None)
        case ConversationCreated(participants=participants):
            return evolve(happening, participants=tuple(map(nameless, participants)))
        case ParticipantAdded(participant):
            return ParticipantAdded(nameless(participant))
        case _:
            return happening


def nameless(participant: Participant) -> Participant:
    """Reduce the participants of an erased conversation to account and role."""
    return evolve(participant, name="", addresses=())
