"""Which mails a notification follows in its recipient's mailbox, so that readers show one thread."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias

from attrs import frozen

from convalias.domain.conversations.events import (
    RESTORED,
    SYNTHETIC_ID,
    ConversationEvent,
    MessageAdded,
    Origin,
    ParticipantAdded,
)
from convalias.domain.conversations.participants import AccountAuthor
from convalias.domain.ids import AccountId, EventId
from convalias.domain.mail.subjects import own_subject, without_marks
from convalias.domain.outbound.delivery import Channel, NotificationId, NotificationKind, notification_id

LONGEST: Final = 10
"""Mails that are named besides the root of the thread."""


@frozen
class OurMail:
    """A notification that the recipient was to get."""

    notification: NotificationId


@frozen
class OwnMail:
    """A mail that the recipient wrote."""

    message_id: str


MailRef: TypeAlias = OurMail | OwnMail


@frozen(kw_only=True)
class MailThread:
    """A notification's place in the thread of its conversation and recipient."""

    earlier: tuple[MailRef, ...] = ()
    """The last mails before it, ours and the recipient's own, the oldest first."""
    answers: MailRef | None = None
    """The one it follows; None only where there is none."""
    subject: str = ""
    """The subject of the recipient's first mail here, without marks, where it is a subject of his own."""


def mail_thread(before: Iterable[ConversationEvent], event: ConversationEvent, recipient: AccountId) -> MailThread:
    """Return the place of a notification about `event`, from what happened before it, in order.

    Naming a mail that never left does no harm: readers file by any id that they know.
    """
    refs: dict[EventId, MailRef] = {}
    subject = ""
    for one in before:
        happening = one.happening
        if isinstance(happening, ParticipantAdded) and happening.participant.account == recipient:
            refs.clear()  # nothing was sent to them before
        elif isinstance(happening, MessageAdded) and RESTORED not in happening.flags:
            ref = _ref(one.id, happening, recipient)
            if ref is not None:
                refs[one.id] = ref
            if isinstance(ref, OwnMail) and not subject:
                subject = without_marks(own_subject(happening.subject, ()))
    earlier = tuple(refs.values())
    return MailThread(earlier=earlier[-LONGEST:], answers=_answered(refs, earlier, event), subject=subject)


def _answered(refs: dict[EventId, MailRef], earlier: Sequence[MailRef], event: ConversationEvent) -> MailRef | None:
    message = event.happening
    if isinstance(message, MessageAdded) and message.in_reply_to is not None and message.in_reply_to in refs:
        return refs[message.in_reply_to]
    if event.origin is Origin.CHAT:  # no answer to what the recipient wrote last, unless it says so
        ours = next((one for one in reversed(earlier) if isinstance(one, OurMail)), None)
        if ours is not None:
            return ours
    return earlier[-1] if earlier else None


def _ref(event: EventId, message: MessageAdded, recipient: AccountId) -> MailRef | None:
    if not isinstance(message.author, AccountAuthor) or message.author.account != recipient:
        return OurMail(notification_id(event, recipient, NotificationKind.MESSAGE, Channel.EMAIL))
    named = message.message_id is not None and SYNTHETIC_ID not in message.flags
    return OwnMail(message.message_id) if message.message_id is not None and named else None
