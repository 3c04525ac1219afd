"""Notifications: exactly one system delivers, to exactly those who were to hear of it, once."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import timedelta

from convalias.adapters.memory.legacy import INDEX
from convalias.domain.conversations.events import ConversationEvent, MessageAdded, ParticipantAdded
from convalias.domain.conversations.participants import AccountAuthor
from convalias.domain.conversations.threads import ConversationThread
from convalias.domain.ids import AccountId, EventId
from convalias.domain.outbound.delivery import DeliveryDecision, DeliveryState, Owner
from convalias.domain.outbound.first_tries import READ
from convalias.testing.simulator.engines import SentByHub
from convalias.testing.simulator.findings import Findings, Violation, marker
from convalias.testing.simulator.ports import EPOCH
from convalias.testing.simulator.world import ALIAS_DOMAIN

UNSTEADY = ("leaves",)
"""Who left may have left before he was told."""


def nothing_is_sent_twice(found: Findings) -> Iterator[Violation]:
    """I2: one notification reaches one person once."""
    counted = Counter(
        (sent.notification.event.id, sent.notification.recipient)
        for sent in found.world.engines.hub.sent
        if not is_undone(found, sent)
    )
    for (event, recipient), count in counted.items():
        if count > 1:
            yield Violation("I2", f"{recipient} was told {count} times of {event}", (event, recipient))


def what_is_told_is_whole(found: Findings) -> Iterator[Violation]:
    """I3: nobody is told the start of a long text as if it were all.

    Where notifications leave as mail, what is known of one is read off the stored event. What a platform's people have
    edited has another end.
    """
    if found.world.shape.by_mail:
        return
    ends = {mail.name: mail.end for mail in found.world.journal.mails.values() if mail.end}
    for sent in found.world.engines.hub.sent:
        event = sent.notification.event
        row = found.rows.get(event.id)
        if not isinstance(event.happening, MessageAdded) or (row is not None and len(row.texts) > 1):
            continue
        end = ends.get(marker(event.happening), "")
        if event.happening.long is not None or not event.happening.text.endswith(end):
            yield Violation("I3", f"{sent.notification.recipient} was told the start of {event.id}", (event.id,))


def is_undone(found: Findings, sent: SentByHub) -> bool:
    """Whether a restored backup knew nothing of it: that event was under way when the backup was made."""
    restored = found.world.restored
    return (
        restored is not None
        and sent.notification.event.id in restored.undone
        and restored.backed_up <= sent.at <= restored.lost
    )


def one_system_delivers(found: Findings) -> Iterator[Violation]:
    """I4: what one system owns, the other tells nobody of."""
    by_hub = {sent.notification.event.id for sent in found.world.engines.hub.sent}
    by_legacy = {mail.about for mail in found.legacy_mails}
    for event in sorted(by_hub & by_legacy):
        if EventId(event) in found.undone:
            continue
        yield Violation("I4", f"hub and legacy both told of {event}", (event,))
    for event in sorted(by_hub):
        decision = found.decisions.get(EventId(event))
        if EventId(event) in found.gone or EventId(event) in found.undone:
            continue
        if decision is None or decision.owner is not Owner.HUB:
            yield Violation("I4", f"the hub told of {event}, which is not its own", (event,))


def legacy_keeps_what_it_was_told_first(found: Findings) -> Iterator[Violation]:
    """I4: legacy was told to suppress exactly what the hub owns, and sent nothing of it."""
    notified = {mail.about for mail in found.legacy_mails}
    quiet = {event.id for event, _ in found.messages() if found.is_quiet(event)}
    for call in found.world.engines.legacy.calls_now():
        if call.kind != INDEX:
            continue
        decision = found.decisions.get(EventId(call.external_id))
        if EventId(call.external_id) in found.gone or EventId(call.external_id) in found.undone:
            continue
        if decision is None:
            yield Violation(
                "I4", f"legacy indexed {call.external_id}, about which nothing was decided", (call.external_id,)
            )
        elif call.suppress_notification is not (decision.owner is Owner.HUB or decision.event in quiet):
            yield Violation("I4", f"legacy was told wrongly whether to tell of {call.external_id}", (call.external_id,))
        if call.suppress_notification and call.external_id in notified:
            yield Violation("I4", f"legacy told of {call.external_id}, which was suppressed", (call.external_id,))


def everybody_hears_of_it(found: Findings) -> Iterator[Violation]:
    """I4, at rest: each message is decided about, and each who was to hear of it has heard once."""
    by_hub = Counter((sent.notification.event.id, sent.notification.recipient) for sent in found.world.engines.hub.sent)
    for conversation, events in found.events.items():
        steady = not found.changed(conversation, *UNSTEADY)
        threads = found.threads(conversation)
        for event, thread in zip(events, threads, strict=True):
            if not isinstance(event.happening, MessageAdded) or found.is_quiet(event) or event.id in found.undone:
                continue
            if found.is_withdrawn(event.id) or found.is_early(event):
                continue
            decision = found.decisions.get(event.id)
            if decision is None:
                yield Violation("I4", f"nothing was decided about {event.id}", (event.id,))
                continue
            for account in audience_of(found, event.id, event.happening, thread):
                if steady:
                    yield from _heard(found, event, account, decision, by_hub)


def nobody_is_cut_off(found: Findings) -> Iterator[Violation]:
    """I4: where legacy could have told of it, nobody is told by mail that cannot be answered.

    Only an alias that was revoked after the decision leaves none. Where a platform keeps the conversations people leave
    more often: a recipient who was gone when it was decided, so that no alias was lacking, may be back when it is sent.
    """
    if not found.world.shape.legacy:
        return
    for sent in found.world.engines.hub.sent:
        notification = sent.notification
        is_mail = notification.channel.takes_replies
        if found.is_hosted and found.changed(notification.conversation, f"{notification.recipient} leaves"):
            continue
        if is_mail and not notification.answerable and not found.changed(notification.conversation, "revoked"):
            what = f"{notification.recipient} was told of {notification.event.id} and cannot answer"
            yield Violation("I4", what, (notification.event.id, notification.recipient))


def legacy_tells_each_once(found: Findings) -> Iterator[Violation]:
    """I2: of one event, one mail to one address, and no more mails than people who hear of it."""
    told = Counter((mail.about, mail.to) for mail in found.legacy_mails)
    for (about, to), count in told.items():
        if count > 1 and about in found.decisions:
            yield Violation("I2", f"legacy told {to} {count} times of {about}", (about,))
    people = Counter(about for about, _ in told)
    for conversation, events in found.events.items():
        if found.changed(conversation, "leaves"):  # legacy asks who takes part when it tells, not as of the event
            continue
        for event, thread in zip(events, found.threads(conversation), strict=True):
            if isinstance(event.happening, MessageAdded) and people[event.id] > len(thread.participants):
                yield Violation("I2", f"legacy told {people[event.id]} people of {event.id}", (event.id,))


def nobody_hears_who_should_not(found: Findings) -> Iterator[Violation]:
    """I4: the author is not told of his own message, nor is anybody who took no part then."""
    position = {
        event.id: (event, thread)
        for conversation, events in found.events.items()
        for event, thread in zip(events, found.threads(conversation), strict=True)
    }
    for sent in found.world.engines.hub.sent:
        notification = sent.notification
        there = position.get(notification.event.id)
        if notification.event.id in found.gone:
            continue
        if there is None or not isinstance(there[0].happening, MessageAdded):
            yield Violation("I5", f"{notification.recipient} was told of what is no message", (notification.event.id,))
        elif notification.recipient not in may_hear(found, sent.at, there[0], there[0].happening, there[1]):
            what = f"{notification.recipient} was told of {notification.event.id} and was not to be"
            yield Violation("I5", what, (notification.event.id,))


def no_address_leaks(found: Findings) -> Iterator[Violation]:
    """I5: a notification goes to its recipient's own address, and shows aliases only."""
    people = found.world.journal.people
    own_mails = {(mail.message_id, mail.account) for mail in found.world.journal.mails.values()}
    written = {message_id for message_id, account in own_mails if account is not None}
    # An address may have passed to another account before its mail was decided: `laws.mail.nobody_posts_as_another` judges that.
    own_mails |= {
        (message.message_id or "", message.author.account)
        for _, message in found.messages()
        if isinstance(message.author, AccountAuthor)
    }
    for sent in found.world.engines.hub.sent:
        notification = sent.notification
        about = (notification.event.id, notification.recipient)
        is_mail, alias = notification.channel.takes_replies, notification.reply_alias
        if is_mail and notification.recipient_address not in people[notification.recipient]:
            yield Violation("I5", f"{notification.recipient} was told at an address of another", about)
        if (is_mail and (alias is None or alias.domain != ALIAS_DOMAIN)) or "@" in notification.author_name:
            yield Violation("I5", f"{notification.recipient} was shown an address of another", about)
        if notification.event.conversation != notification.conversation:
            yield Violation("I5", f"{notification.recipient} was told of another conversation", about)
        answered = notification.in_reply_to
        if answered in written and (answered, notification.recipient) not in own_mails:
            yield Violation("I5", f"{notification.recipient} was shown the Message-ID of another's mail", about)


def decisions_are_at_rest(found: Findings) -> Iterator[Violation]:
    """I6: nobody holds a decision, and no row waits or is under way."""
    for decision in found.decisions.values():
        rows = [row for row in decision.deliveries if row.state in {DeliveryState.PLANNED, DeliveryState.TRIED}]
        if decision.holder or (decision.owner is Owner.HUB and rows):
            yield Violation("I6", f"the deliveries of {decision.event} never came to an end", (decision.event,))


def uncertain_only_where_declared(found: Findings) -> Iterator[Violation]:
    """I4: a channel that remembers keys, or can be asked, leaves no delivery `uncertain`.

    Legacy cannot be asked: of a message that is withdrawn while it is called again and again, it is not known.
    """
    if not found.world.answers:
        return
    for decision in found.decisions.values():
        if decision.owner is Owner.LEGACY and found.is_withdrawn(decision.event):
            continue
        if any(row.state is DeliveryState.UNCERTAIN for row in decision.deliveries):
            yield Violation("I4", f"{decision.event} is uncertain on a channel that can be asked", (decision.event,))


def nobody_is_told_again_after_a_restore(found: Findings) -> Iterator[Violation]:
    """I2: of one mail a person is notified once, though its event was lost and came again under another id."""
    if found.world.restored is None:
        return
    people = {address: account for account, had in found.world.journal.people.items() for address in had}
    told = [(sent.notification.event.id, sent.notification.recipient) for sent in found.world.engines.hub.sent]
    told += [(EventId(mail.about), people[mail.to]) for mail in found.legacy_mails if mail.to in people]
    mails: dict[EventId, tuple[str, ...]] = {}
    for event in (*found.gone.values(), *(one for events in found.events.values() for one in events)):
        if isinstance(event.happening, MessageAdded) and event.happening.message_id:
            mails[event.id] = (event.conversation, event.happening.message_id, marker(event.happening))
    heard: defaultdict[tuple[tuple[str, ...], AccountId], set[EventId]] = defaultdict(set)
    for event_id, account in told:
        if event_id in mails:
            heard[mails[event_id], account].add(event_id)
    for (mail, account), events in heard.items():
        if len(events) > 1:
            yield Violation("I2", f"{account} was told of {mail[1]} again after a restore", tuple(sorted(events)))


def to_hear(message: MessageAdded, thread: ConversationThread) -> Sequence[AccountId]:
    """Return who takes part as of that event, except the author."""
    return [one.account for one in thread.participants if one.account not in _author(message)]


def audience_of(
    found: Findings, event: EventId, message: MessageAdded, thread: ConversationThread
) -> Collection[AccountId]:
    """Return who is to hear of it: who took part, or whom a platform names; never the author."""
    row = found.rows.get(event)
    if row is None or row.audience is None:
        return to_hear(message, thread)
    return {AccountId(one) for one in row.audience} - _author(message)


def may_hear(
    found: Findings, at: float, event: ConversationEvent, message: MessageAdded, thread: ConversationThread
) -> Collection[AccountId]:
    """Return the same, and where a platform names no audience: who has come since. It is decided then who is told."""
    row = found.rows.get(event.id)
    heard = audience_of(found, event.id, message, thread)
    if row is None or row.audience is not None:
        return heard
    until = EPOCH + timedelta(seconds=at)
    later = [one for one in found.events[event.conversation] if one.seq > event.seq and one.appended_at <= until]
    came = [one.happening.participant.account for one in later if isinstance(one.happening, ParticipantAdded)]
    return {*heard, *came} - _author(message)


def _author(message: MessageAdded) -> AbstractSet[AccountId]:
    return {message.author.account} if isinstance(message.author, AccountAuthor) else set[AccountId]()


def _heard(
    found: Findings,
    event: ConversationEvent,
    account: AccountId,
    decision: DeliveryDecision,
    by_hub: Mapping[tuple[EventId, AccountId], int],
) -> Iterator[Violation]:
    legacy = sum(
        mail.about == event.id and mail.to in found.world.journal.people[account] for mail in found.legacy_mails
    )
    hub = by_hub[event.id, account]
    rows = [row.state for row in decision.deliveries if row.recipient == account]
    in_doubt = DeliveryState.UNCERTAIN in rows and not found.world.answers
    if hub + legacy == 0 and not in_doubt and not _has_read(found, event, account, decision):
        states = ", ".join(state.value for state in rows) or "no row"
        yield Violation("I4", f"{account} never heard of {event.id} ({decision.owner.value}: {states})", (event.id,))


def _has_read(found: Findings, event: ConversationEvent, account: AccountId, decision: DeliveryDecision) -> bool:
    """Whether that account was not told because it had read the message, which it has."""
    reasons = {row.reason for row in decision.deliveries if row.recipient == account}
    row = found.rows.get(event.id)
    if row is not None:
        return READ in reasons and account in row.read
    return READ in reasons and found.threads(event.conversation)[-1].read_up_to.get(account, 0) >= event.seq
