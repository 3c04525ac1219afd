"""Conversations of a platform: each message is told once, as it reads now, and none of the past."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from convalias.codec import load
from convalias.domain.conversations.events import MessageAdded
from convalias.domain.ids import ConversationId
from convalias.domain.inbound.outcomes import Done, Refused
from convalias.domain.mail.reasons import Reason
from convalias.domain.system_mail.letters import RefusalLetter, SystemMail
from convalias.testing.simulator.findings import Findings, Violation, envelope_key, marker
from convalias.testing.simulator.journal import Kind, Mail, Post
from convalias.testing.simulator.laws.deliveries import is_undone
from convalias.testing.simulator.laws.mail import is_steady
from convalias.testing.simulator.laws.narrow import SOON
from convalias.testing.simulator.platform import Declined, Row

_TRIES: Final = 6
"""So often one post of a mail, or one replay, is tried in a storm, and each try may be declined."""


def one_message_is_told_once(found: Findings) -> Iterator[Violation]:
    """I2: a person is told of one message once, whatever id its event has."""
    if not found.is_hosted:
        return
    counted = Counter(
        (sent.notification.conversation, marker(sent.notification.event.happening), sent.notification.recipient)
        for sent in found.world.engines.hub.sent
        if isinstance(sent.notification.event.happening, MessageAdded)
        and sent.notification.event.happening.text
        and not is_undone(found, sent)
    )
    written = Counter((event.conversation, marker(message)) for event, message in found.messages())
    for (conversation, name, recipient), count in counted.items():
        if count > max(written[conversation, name], 1):
            yield Violation(
                "I2", f"{recipient} was told {count} times of {name} in {conversation}", (name, conversation)
            )


def what_was_before_is_nobodys_news(found: Findings) -> Iterator[Violation]:
    """I4: nothing that is older than the first start is published, whatever a platform says is untold."""
    for partition in found.world.engines.log.partitions:
        for record in partition.records:
            row = found.rows.get(record.event)
            if row is not None and row.is_past:
                yield Violation("I4", f"{record.event} is from before, and was published", (record.event,))


def what_is_withdrawn_is_mailed_to_nobody(found: Findings) -> Iterator[Violation]:
    """I5: of a message that was deleted nobody is told.

    Only a channel that remembers keys may be given again what it may have: it tells of it once at the most.
    """
    if found.world.shape.hub.remembers_for:
        return
    for sent in found.world.engines.hub.sent:
        row = found.rows.get(sent.notification.event.id)
        if row is not None and row.withdrawn is not None and sent.at - row.withdrawn > SOON:
            about = (sent.notification.event.id, sent.notification.recipient)
            yield Violation("I5", f"{sent.notification.event.id} was withdrawn, and {about[1]} was told of it", about)


def a_mail_reads_as_its_message(found: Findings) -> Iterator[Violation]:
    """I3: what is mailed is the text as it reads when it is mailed. What leaves by a mail port is not read here."""
    if found.world.shape.by_mail:
        return
    for sent in found.world.engines.hub.sent:
        event = sent.notification.event
        row = found.rows.get(event.id)
        if row is None or not isinstance(event.happening, MessageAdded):
            continue
        ends = [since for since, _ in row.texts[1:]] + [sent.at]
        stood = {text for (_, text), end in zip(row.texts, ends, strict=True) if sent.at - end <= SOON}
        if event.happening.text not in stood:
            yield Violation("I3", f"{event.id} was mailed as it no longer read", (event.id,))


def each_mail_is_posted_behind_its_row(found: Findings) -> Iterator[Violation]:
    """I8: when a platform gets a mail, a row of ours says already which mail that is."""
    platform = found.world.engines.platform
    for name in () if platform is None else platform.rowless:
        yield Violation("I8", f"{name} was posted before it was written down", (name,))


def who_has_read_it_is_not_mailed(found: Findings) -> Iterator[Violation]:
    """I4: whoever read a message in the application before a notification of it was sent is not told of it.

    Only a channel that remembers keys may be given again what it may have: it tells of it once at the most.
    """
    platform = found.world.engines.platform
    if platform is None or not platform.can_be_read_back or found.world.shape.hub.remembers_for:
        return
    for sent in found.world.engines.hub.sent:
        event, recipient = sent.notification.event.id, sent.notification.recipient
        row = found.rows.get(event)
        read = None if row is None else row.read.get(recipient)
        if read is not None and sent.at - read > SOON:
            yield Violation("I4", f"{recipient} had read {event}, and was told of it", (event, recipient))


def a_timeline_is_the_platforms_history(found: Findings) -> Iterator[Violation]:
    """I3: a timeline shows each message that is there, as it reads, in order, and none that is gone."""
    for look in found.world.journal.looks:
        shown = {item.id: item.text for item in look.items}
        rows = {str(row.event): row for row in found.rows.values() if row.ref.thread == look.conversation}
        about = (look.conversation, look.reader)
        if unknown := sorted(shown.keys() - rows.keys()):
            yield Violation("I3", f"{look.reader} was shown {unknown[0]}, which is no message there", about)
        elif list(shown) != sorted(shown, key=lambda event: (rows[event].at, event)):
            yield Violation("I3", f"{look.reader} was shown {look.conversation} in another order", about)
        for event, row in rows.items():
            if event not in shown and _stood(row, look.begun, look.ended):
                yield Violation("I3", f"{event} was there, and {look.reader} was not shown it", (event, *about))
            elif event in shown and shown[event] not in _readings(row, look.begun, look.ended):
                yield Violation("I3", f"{event} was shown to {look.reader} as it did not read", (event, *about))


def _stood(row: Row, begun: float, ended: float) -> bool:
    """Whether a message was there for the whole of that time."""
    return row.texts[0][0] < begun and (row.withdrawn is None or row.withdrawn > ended)


def _readings(row: Row, begun: float, ended: float) -> Sequence[str]:
    """Return what the message read as in that time. A message that was gone before read as nothing."""
    if row.withdrawn is not None and row.withdrawn < begun:
        return ()
    ends = [*(since for since, _ in row.texts[1:]), ended]
    return [text for (since, text), end in zip(row.texts, ends, strict=True) if since <= ended and end >= begun]


def what_was_declined_is_refused(found: Findings) -> Iterator[Violation]:
    """I8, at rest: a declined mail has the outcome DECLINED, or became a message after all."""
    restored = found.world.restored
    for mail, conversation in _declined(found):
        if not is_steady(found, mail, conversation) or found.as_messages(mail, conversation):
            continue
        if restored is not None and restored.aliases & set(mail.recipients):  # decided anew, by an alias that is gone
            continue
        if not any(_declines(found, post, conversation) for post in _posts(found, mail, conversation)):
            what = f"{mail.name} was declined in {conversation}, and its outcome says something else"
            yield Violation("I8", what, (mail.name, conversation))


def what_was_declined_is_not_added(found: Findings) -> Iterator[Violation]:
    """I8: a mail whose outcome says that it was declined is no message, unless it was posted or replayed again."""
    if found.changed(ConversationId(""), "replay") or found.world.restored is not None:
        return
    for mail, conversation in _declined(found):
        posts = _posts(found, mail, conversation)
        if len(posts) == 1 and _declines(found, posts[0], conversation):
            last = max(one.at for one in _answers(found, mail, conversation))
            rows = [found.rows[event.id] for event in found.as_messages(mail, conversation)]
            if any(row.texts[0][0] - last > SOON for row in rows):
                yield Violation("I8", f"{mail.name} was declined, and added later", (mail.name, conversation))


def a_decline_is_believed(found: Findings) -> Iterator[Violation]:
    """I2: a mail that was declined is not posted over and over. It is once more where an answer was lost, or by a replay."""
    for mail, conversation in _declined(found):
        replays = sum("replay" in change.what for change in found.world.journal.changes)
        asked = len(_answers(found, mail, conversation))
        if asked > _TRIES * (len(_posts(found, mail, conversation)) + replays):
            yield Violation("I2", f"{mail.name} was posted {asked} times, and declined", (mail.name, conversation))


def who_was_declined_is_told(found: Findings) -> Iterator[Violation]:
    """I4, at rest: if an outcome says that a sender is told, a mail to that sender exists."""
    letters = [load(stored.body, SystemMail).letter for stored in found.world.engines.records.table("system_outbox")]
    told = {letter.sender for letter in letters if isinstance(letter, RefusalLetter)}
    for mail, conversation in _declined(found):
        posts = _posts(found, mail, conversation)
        says = any(effect.told for post in posts for effect in _declines(found, post, conversation))
        if says and mail.sender not in told:
            yield Violation("I4", f"{mail.sender} was not told that {mail.name} was declined", (mail.name,))


def _declined(found: Findings) -> Sequence[tuple[Mail, ConversationId]]:
    """Mails of participants that the platform has declined, with where."""
    platform, mails = found.world.engines.platform, found.world.journal.mails
    listed = [] if platform is None else platform.declined
    named = dict.fromkeys((one.text.partition(" ")[0], ConversationId(one.thread)) for one in listed)
    people = {Kind.MAIL, Kind.REPLY, Kind.BORROWED}
    return [(mails[name], place) for name, place in named if name in mails and mails[name].kind in people]


def _answers(found: Findings, mail: Mail, conversation: ConversationId) -> Sequence[Declined]:
    platform = found.world.engines.platform
    listed = [] if platform is None else platform.declined
    return [one for one in listed if one.thread == conversation and one.text.partition(" ")[0] == mail.name]


def _posts(found: Findings, mail: Mail, conversation: ConversationId) -> Sequence[Post]:
    """Posts of that mail to an address that leads there."""
    places = dict(zip(mail.recipients, mail.conversations, strict=True))
    return [
        post
        for post in found.world.journal.posts
        if post.mail.name == mail.name and any(places[one] == conversation for one in post.recipients)
    ]


def _declines(found: Findings, post: Post, conversation: ConversationId) -> Sequence[Refused]:
    """Effects of that post that say that the conversation would not have the mail."""
    places = dict(zip(post.mail.recipients, post.mail.conversations, strict=True))
    outcome = found.outcomes.get(envelope_key(post))
    effects = outcome.outcome.effects if outcome is not None and isinstance(outcome.outcome, Done) else ()
    return [
        effect
        for address, effect in effects
        if isinstance(effect, Refused) and effect.reason is Reason.DECLINED and places.get(address) == conversation
    ]


def nobody_is_told_of_what_passed_before_a_restore(found: Findings) -> Iterator[Violation]:
    """I2: a restore mails nobody about a message that the host was told of since the backup."""
    restored = found.world.restored
    for sent in () if restored is None else found.world.engines.hub.sent:
        event, recipient = sent.notification.event.id, sent.notification.recipient
        if restored is not None and event in restored.passed and sent.at - restored.lost > SOON:
            yield Violation("I2", f"{recipient} was told of {event} after a restore", (event, recipient))
