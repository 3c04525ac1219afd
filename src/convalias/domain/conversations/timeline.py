"""Make a timeline of messages and legacy messages, when it is read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from enum import Enum
from typing import Final, assert_never

from attrs import field, frozen

from convalias.domain.conversations.events import (
    ConversationCreated,
    ConversationEvent,
    MessageAdded,
    Origin,
    ParticipantAdded,
)
from convalias.domain.conversations.participants import AccountAuthor, Author, Participant, PeripheralAuthor
from convalias.domain.conversations.projection import fold
from convalias.domain.conversations.threads import ConversationThread, ThreadState
from convalias.domain.conversations.visibility import gone, sight
from convalias.domain.errors import InvalidValue
from convalias.domain.ids import AccountId, EventId
from convalias.domain.mail.envelope import Attachment

SOMEBODY: Final = "Participant"
"""A participant without a display name. An address would tell what the conversation hides."""


class Medium(Enum):
    """The medium of a message: how it came, and how to answer it."""

    MAIL = "mail"
    CHAT = "chat"


@frozen(kw_only=True)
class LegacyMessage:
    """A message that the legacy relay has and the store may have."""

    external_id: str
    dedup_key: str
    """With its variant: the text form of a `dedup.MailKey`, the same as the synced event's."""
    author: AccountId | None
    author_name: str
    text: str
    occurred_at: datetime


@frozen(kw_only=True)
class TimelineItem:
    """A message as one reader may see it. Times are aware."""

    id: str
    """The event id, or the legacy relay's own."""
    medium: Medium
    author: str
    """A display name; of somebody peripheral the address, for a name without it could be anybody's."""
    own: bool = False
    """The reader wrote it."""
    text: str
    full_text: str = ""
    subject: str = ""
    attachments: tuple[Attachment, ...] = ()
    flags: frozenset[str] = frozenset()
    redacted: bool = False
    occurred_at: datetime
    answer_by: tuple[Medium, ...] = ()
    """The natural way first; empty when the conversation takes no messages, or none of this reader."""


@frozen
class Page:
    """A page of a timeline in order, with the cursor of the next page (None: this was the last)."""

    items: tuple[TimelineItem, ...]
    next: str | None = None


@frozen
class _View:
    """What is known when items are made: who is called what, whose eyes these are, what is gone."""

    reader: AccountId
    names: Mapping[AccountId, str]
    gone: frozenset[EventId]
    erased: bool
    """Nobody is named, and what the legacy relay still has is not shown."""
    answering: bool = field(kw_only=True)


def stitch(
    events: Sequence[ConversationEvent], legacy: Iterable[LegacyMessage] = (), *, reader: AccountId
) -> list[TimelineItem]:
    """All messages of both systems, each once, ordered by (occurred_at, id): a function of what is stored only.

    `events` are all events of one conversation, by seq. A message that both have (by dedup key, with its variant)
    is shown as the store has it. Never shows an address of a participant. Who left sees what there was until then, who
    never took part nothing, and nobody the words of what is redacted or erased. Linear but for the sorting.
    """
    seen_up_to = sight(events, reader)
    if seen_up_to is None:
        return []
    view = _view(events, reader)
    items = [item for event in events if event.seq <= seen_up_to.seq and (item := _item(event, view)) is not None]
    seen = {event.dedup_key for event in events}
    for message in sorted(legacy, key=lambda one: (one.occurred_at, one.external_id)):
        if message.dedup_key not in seen and (seen_up_to.until is None or message.occurred_at <= seen_up_to.until):
            seen.add(message.dedup_key)
            items.append(_legacy_item(message, view))
    return sorted(items, key=_position)


def items_of(
    messages: Iterable[ConversationEvent], thread: ConversationThread, *, reader: AccountId
) -> list[TimelineItem]:
    """Return messages of a host as one who takes part sees them, ordered by (occurred_at, id)."""
    names = dict(map(_named, thread.participants))
    view = _View(reader, names, frozenset(), erased=False, answering=thread.state is ThreadState.OPEN)
    return sorted((item for one in messages if (item := _item(one, view)) is not None), key=_position)


def page(items: Iterable[TimelineItem], *, after: str | None = None, limit: int) -> Page:
    """Return at most `limit` items behind a cursor (`Page.next`); raise `InvalidValue` for a cursor that we did not make.

    A cursor names a place in the order, not a count, so a late arrival neither shifts nor repeats anything.
    """
    start = None if after is None else _read_cursor(after)
    rest = [item for item in items if start is None or _position(item) > start]
    chosen = tuple(rest[:limit])
    return Page(chosen, _cursor(chosen[-1]) if chosen and len(rest) > limit else None)


def _view(events: Sequence[ConversationEvent], reader: AccountId) -> _View:
    names: dict[AccountId, str] = {}
    for event in events:
        match event.happening:
            case ConversationCreated(participants=participants):
                names.update(map(_named, participants))
            case ParticipantAdded(participant):
                names.update([_named(participant)])
            case _:
                pass
    thread = fold(events)
    answering = thread.state is ThreadState.OPEN and thread.takes_part(reader)
    is_erased = thread.state is ThreadState.ERASED
    return _View(reader, {} if is_erased else names, gone(events, thread.state), is_erased, answering=answering)


def _named(participant: Participant) -> tuple[AccountId, str]:
    return participant.account, _presentable(participant.name)


def _presentable(name: str) -> str:
    return name if name and "@" not in name else SOMEBODY


def _item(event: ConversationEvent, view: _View) -> TimelineItem | None:
    message = event.happening
    if not isinstance(message, MessageAdded):
        return None
    is_gone = event.id in view.gone
    medium = Medium.CHAT if event.origin is Origin.CHAT else Medium.MAIL
    return TimelineItem(
        id=event.id,
        medium=medium,
        author=_shown(message.author, view),
        own=isinstance(message.author, AccountAuthor) and message.author.account == view.reader,
        text="" if is_gone else message.text,
        full_text="" if is_gone else message.full_text,
        subject="" if is_gone else message.subject,
        attachments=() if is_gone else message.attachments,
        flags=message.flags,
        redacted=is_gone,
        occurred_at=event.occurred_at,
        answer_by=_answers(medium, view),
    )


def _legacy_item(message: LegacyMessage, view: _View) -> TimelineItem:
    known = None if message.author is None else view.names.get(message.author)
    return TimelineItem(
        id=message.external_id,
        medium=Medium.MAIL,
        author=SOMEBODY if view.erased else known or _presentable(message.author_name),
        own=message.author == view.reader,
        text="" if view.erased else message.text,
        redacted=view.erased,
        occurred_at=message.occurred_at,
        answer_by=_answers(Medium.MAIL, view),
    )


def _shown(author: Author, view: _View) -> str:
    match author:
        case AccountAuthor(account):
            return view.names.get(account, SOMEBODY)
        case PeripheralAuthor(address):
            return SOMEBODY if view.erased else address.key
        case _:  # pragma: no cover
            assert_never(author)


def _answers(medium: Medium, view: _View) -> tuple[Medium, ...]:
    if not view.answering:
        return ()
    return (Medium.MAIL, Medium.CHAT) if medium is Medium.MAIL else (Medium.CHAT, Medium.MAIL)


def _position(item: TimelineItem) -> tuple[datetime, str]:
    return item.occurred_at, item.id


def _cursor(item: TimelineItem) -> str:
    return f"{item.occurred_at.astimezone(UTC).isoformat()}~{item.id}"


def _read_cursor(text: str) -> tuple[datetime, str]:
    moment, mark, identity = text.partition("~")
    try:
        at = datetime.fromisoformat(moment)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None or not mark:
        raise InvalidValue("cursor of a timeline", found=text, expected="one that a page of it gave") from None
    return at, identity
