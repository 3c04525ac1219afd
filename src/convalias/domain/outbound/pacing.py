"""Bound how many messages of one conversation are mailed within an hour; the others wait, in order."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import Enum
from typing import Final

from attrs import frozen

from convalias.domain.conversations.events import RESTORED, ConversationEvent, MessageAdded, Origin
from convalias.domain.conversations.participants import AccountAuthor
from convalias.domain.ids import ConversationId, EventId, Seq

VERIFIED_AN_HOUR: Final = 300
UNVERIFIED_AN_HOUR: Final = 20
APART: Final = timedelta(milliseconds=1)
"""Between the releases of two messages that wait: they become due in order."""


class AuthorGroup(Enum):
    """The authors whose messages are counted together, conversation by conversation."""

    VERIFIED = "verified"
    """Accounts: in chat, and by mail that proves its sender."""
    UNVERIFIED = "unverified"
    """Peripheral authors, and accounts whose mail does not prove its sender."""


@frozen(kw_only=True)
class MessageBounds:
    """The most messages of a conversation within an hour. Messages are counted, not the recipients of each."""

    verified: int = VERIFIED_AN_HOUR
    unverified: int = UNVERIFIED_AN_HOUR
    within: timedelta = timedelta(hours=1)

    def of(self, group: AuthorGroup) -> int:
        """Return the bound of a group."""
        return self.verified if group is AuthorGroup.VERIFIED else self.unverified


@frozen
class Release:
    """The time from which people may be notified of one message."""

    seq: Seq
    at: datetime
    event: EventId | None = None
    """The message, where messages have no numbers."""


@frozen(kw_only=True)
class Releases:
    """The latest releases of a group in a conversation, in order. Kept once a message of it had to wait."""

    conversation: ConversationId
    group: AuthorGroup
    latest: tuple[Release, ...]


def group_of(event: ConversationEvent) -> AuthorGroup | None:
    """Return the group that a message counts in. None: nobody is mailed for this event."""
    message = event.happening
    if not isinstance(message, MessageAdded) or event.origin is Origin.LEGACY_SYNC or RESTORED in message.flags:
        return None
    is_account = isinstance(message.author, AccountAuthor)
    if is_account and (message.author.verified or event.origin is Origin.CHAT):
        return AuthorGroup.VERIFIED
    return AuthorGroup.UNVERIFIED


def released(
    before: Sequence[Release],
    seq: Seq,
    appended_at: datetime,
    *,
    most: int,
    within: timedelta,
    event: EventId | None = None,
) -> tuple[Release, tuple[Release, ...]]:
    """Return the release of a message, and the latest releases with it.

    `before`: the releases so far, ascending. A message that is among them keeps its release. Of any `most` + 1
    releases in a row the first and the last are `within` apart, so no shorter span holds more than `most`.
    """
    known = next((one for one in before if (one.seq, one.event) == (seq, event)), None)
    if known is not None:
        return known, tuple(before)
    at = appended_at
    if before:
        at = max(at, before[-1].at)
    if len(before) >= most:
        at = max(at, before[-most].at + within)
    if before and at > appended_at:
        at = max(at, before[-1].at + APART)
    new = Release(seq, at, event)
    matter = [one for one in before if one.at > appended_at - within]
    return new, (*matter, new)[-most:]


def at_once(events: Sequence[ConversationEvent], group: AuthorGroup) -> tuple[Release, ...]:
    """Return the releases of a group's messages among these events when none of them had to wait."""
    return tuple(Release(one.seq, one.appended_at) for one in events if group_of(one) is group)
