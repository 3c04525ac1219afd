"""Count the texts by which two answering machines are known: which mails count, and under what."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from convalias.domain.conversations.events import ConversationEvent, MessageAdded
from convalias.domain.conversations.participants import Author, Speaker, speaker
from convalias.domain.ids import ConversationId
from convalias.domain.mail.envelope import ClearFrom, MessageEnvelope
from convalias.domain.mail.repeats import is_short
from convalias.domain.mail.subjects import is_marked
from convalias.domain.routing.context import RoutingContext, TextKey
from convalias.domain.routing.plan import RoutingPlan
from convalias.domain.routing.verdicts import Hold, Ignore, RelayToConversation, Repeats

HASTE: Final = timedelta(minutes=2)
"""A machine answers within this time; a person rarely does so three times in an hour in the same words."""


def text_key(mail: MessageEnvelope, conversation: ConversationId) -> TextKey | None:
    """Return the key under which a mail's text is counted there; None: the reader did not say what it repeats."""
    sender, said = mail.sender, mail.content.repeat_digest
    return (conversation, sender.address, said) if isinstance(sender, ClearFrom) and said else None


def counts(mail: MessageEnvelope, conversation: ConversationId, author: Author, context: RoutingContext) -> bool:
    """Whether a mail's text counts as one that a machine may have written.

    A short text counts only if the mail answers one of ours within two minutes. Our mails leave when the message that
    they tell of was added, so the newest message of somebody else stands for the mail that is answered.
    """
    if not is_short(mail.content.text):
        return True
    if not _answers_ours(mail, context.domains.alias):
        return False
    heard = context.heard.get((conversation, speaker(author)))
    return heard is not None and context.now - heard <= HASTE


def counted_texts(plan: RoutingPlan) -> frozenset[TextKey]:
    """Return the keys under which a mail is counted: one for each conversation that it counts in."""
    mail, context = plan.case.mail, plan.case.context
    if not isinstance(mail, MessageEnvelope):
        return frozenset()
    found: set[TextKey] = set()
    for ruling in plan:
        match ruling.verdict:
            case RelayToConversation(author=author) | Hold(author=author) | Ignore(repeats=Repeats(author=author)):
                conversation = ruling.conversation
            case _:
                continue
        if conversation is None or author is None:
            continue
        key = text_key(mail, conversation)
        if key is not None and counts(mail, conversation, author, context):
            found.add(key)
    return frozenset(found)


def heard_at(events: Iterable[ConversationEvent], *, besides: Speaker, before: datetime) -> datetime | None:
    """Return when the newest of these events was added that is a message of somebody else; None: there is none."""
    return max(
        (
            event.appended_at
            for event in events
            if isinstance(event.happening, MessageAdded)
            and speaker(event.happening.author) != besides
            and event.appended_at <= before
        ),
        default=None,
    )


def _answers_ours(mail: MessageEnvelope, alias_domains: Iterable[str]) -> bool:
    """Whether In-Reply-To or References name an id of ours; old programs name none, and mark the subject."""
    answered = (*mail.in_reply_to, *mail.references)
    if not answered:
        return is_marked(mail.content.subject)
    ends = tuple(b"@" + domain.encode() for domain in alias_domains)
    return any(one.value.lower().endswith(ends) for one in answered)
