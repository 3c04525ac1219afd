"""Conversations of a platform: each message is told once, as it reads now, and none of the past."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from convalias.domain.conversations.events import MessageAdded
from convalias.testing.simulator.findings import Findings, Violation, marker
from convalias.testing.simulator.laws.narrow import SOON


def one_message_is_told_once(found: Findings) -> Iterator[Violation]:
    """I2: a person is told of one message once, whatever id its event has."""
    if not found.is_hosted:
        return
    counted = Counter(
        (sent.notification.conversation, marker(sent.notification.event.happening), sent.notification.recipient)
        for sent in found.world.engines.hub.sent
        if isinstance(sent.notification.event.happening, MessageAdded) and sent.notification.event.happening.text
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
