"""Find the subjects of earlier mails, with which a mail is compared that says nothing but its subject."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from attrs import evolve

from convalias.domain.conversations.events import ConversationEvent, MessageAdded
from convalias.domain.mail.envelope import MailContent
from convalias.domain.mail.message_id import MessageId
from convalias.domain.mail.subjects import is_marked, topic


def with_subject(content: MailContent) -> MailContent:
    """Return the content of a mail that is relayed, its subject as its words where it has no others.

    The reader leaves out a subject behind a mark, for it may be that of the mail that is answered. A mail that the rules
    relay has a subject of its own.
    """
    subject = content.subject.strip()
    if not content.subject_alone or not is_marked(subject) or content.text.startswith(subject):
        return content
    return evolve(content, text=f"{subject}\n\n{content.text}")


def topics_of(events: Iterable[ConversationEvent], *, besides: MessageId, before: datetime) -> frozenset[str]:
    """Return the topics of messages among these events; of the mail itself, which a try before may have added, none."""
    itself = str(besides)
    return frozenset(
        topic(event.happening.subject)
        for event in events
        if isinstance(event.happening, MessageAdded)
        and event.happening.message_id != itself
        and event.appended_at <= before
        and event.happening.subject.strip()
    )
