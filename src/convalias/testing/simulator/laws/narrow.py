"""Laws that only a moment's carelessness breaks: closed conversations, people who left, legacy called twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from datetime import timedelta
from typing import Final

from convalias.adapters.memory.legacy import HANDOFF
from convalias.codec import load
from convalias.domain.approvals.holds import approval_key
from convalias.domain.conversations.events import (
    ConversationEvent,
    MessageAdded,
    MessagesRead,
    ParticipantAdded,
    ParticipantRemoved,
)
from convalias.domain.conversations.threads import ThreadState
from convalias.domain.ids import AccountId, EventId
from convalias.domain.inbound.dead_letters import DeadLetter
from convalias.domain.inbound.outcomes import Done, HandedOver, Held, Refused, Skipped
from convalias.domain.mail.reasons import GONE
from convalias.domain.system_mail.letters import RefusalLetter, SystemMail
from convalias.ports.mail import Outgoing
from convalias.ports.records import Stored
from convalias.stores.outbound.letters import LANE, read_subject
from convalias.testing.simulator.findings import Findings, Violation, envelope_key
from convalias.testing.simulator.ports import EPOCH
from convalias.testing.simulator.world import LEGACY_DOMAIN

_DATE: Final = len("2026-03-01")
SOON: Final = 100.0
"""Virtual seconds from the last look at who takes part to the latest effect of the call that follows: a lease, a late
effect, and two clocks that are wrong."""
_CLOCKS: Final = 20.0
"""Virtual seconds by which two clocks may differ, each up to ten wrong."""


def nothing_is_added_to_a_closed_conversation(found: Findings) -> Iterator[Violation]:
    """I3: seq is the log's order, and a message behind the closing comes behind a reopening."""
    for conversation, events in found.events.items():
        threads = found.threads(conversation)
        for before, event in zip(threads, events[1:], strict=False):
            if isinstance(event.happening, MessageAdded) and before.state is not ThreadState.OPEN:
                what = f"message {event.seq} was added to {conversation}, which was {before.state.value}"
                yield Violation("I3", what, (event.id, str(conversation)))


def legacy_tells_once(found: Findings) -> Iterator[Violation]:
    """I2: of one event, or one mail that was handed over, legacy tells a person once."""
    for (about, to), count in Counter((mail.about, mail.to) for mail in found.legacy_mails).items():
        if count > 1:
            yield Violation("I2", f"legacy told {to} {count} times of {about}", (about,))
    handed = Counter(
        (call.message_id, call.address)
        for call in found.world.engines.legacy.calls_now()
        if call.kind == HANDOFF and call.address is not None
    )
    for (message_id, address), count in handed.items():
        if count > 1:
            yield Violation("I2", f"{message_id} was handed over {count} times for {address}", (message_id,))


def who_left_hears_no_more(found: Findings) -> Iterator[Violation]:
    """I5: whoever left before a notification was sent is not told of it."""
    for sent in found.world.engines.hub.sent:
        notification = sent.notification
        events = found.as_of(notification.conversation, sent.at)
        gone = _gone_at(events, notification.recipient, sent.at)
        if gone is not None and sent.at - gone > SOON:
            about = (notification.event.id, notification.recipient)
            yield Violation("I5", f"{notification.recipient} left, and was told of {notification.event.id}", about)


def nobody_is_told_of_what_he_has_read(found: Findings) -> Iterator[Violation]:
    """I4: a message that its recipient read before it was sent is not sent.

    Only a channel that remembers keys may be given again what it may have: it tells of it once at the most.
    """
    if found.world.shape.hub.remembers_for:
        return
    for sent in found.world.engines.hub.sent:
        notification = sent.notification
        for event in found.events.get(notification.conversation, ()):
            match event.happening:
                case MessagesRead(who, up_to) if who == notification.recipient and up_to >= notification.event.seq:
                    if sent.at - (event.appended_at - EPOCH).total_seconds() > SOON:
                        about = (notification.event.id, notification.recipient)
                        yield Violation("I4", f"{who} had read {notification.event.id}, and was told of it", about)
                    break
                case _:
                    pass


def _gone_at(events: Sequence[ConversationEvent], account: AccountId, at: float) -> float | None:
    """Since when that account took no part at that moment.

    Whoever came (back) may have been written down by a clock that goes fast: told a little before that, he took part.
    """
    gone: float | None = None
    for event in events:
        appended = (event.appended_at - EPOCH).total_seconds()
        match event.happening:
            case ParticipantRemoved(who) if who == account and appended <= at:
                gone = appended
            case ParticipantAdded(participant) if participant.account == account and appended <= at + _CLOCKS:
                gone = None
            case _:
                pass
    return gone


def one_refusal_a_day(found: Findings) -> Iterator[Violation]:
    """I2: of one alias, a sender is refused by mail once a day. One row is one mail, whose key it names."""
    rows = [(stored.key.partition[:_DATE], load(stored.body, SystemMail).letter) for stored in _rows(found)]
    counted = Counter((one.sender, one.alias, day) for day, one in rows if isinstance(one, RefusalLetter))
    for (sender, alias, day), count in counted.items():
        if count > 1:
            yield Violation("I2", f"{count} refusals to one sender for one alias on {day}", (str(sender), str(alias)))


def no_system_mail_leaves_twice(found: Findings) -> Iterator[Violation]:
    """I2: a refusal, question or announcement leaves once, by a way out that remembers nothing.

    A restored backup knows nothing of what left since: another mail may call for a refusal or a question once more.
    """
    box, restored = found.world.engines.system_box, found.world.restored
    since = {
        mail.key
        for mail, at in zip(box.mails, box.times, strict=True)
        if restored is not None and restored.backed_up - SOON <= at <= restored.lost + SOON
    }
    anew = _asked_anew(found)
    since = {key for key in since if not key.startswith("q-") or key in anew}
    for key, count in Counter(mail.key for mail in box.mails).items():
        if count > 1 + (key in since):
            yield Violation("I2", f"{key} left {count} times", (key,))


def _asked_anew(found: Findings) -> Collection[str]:
    """Keys of questions that may leave once more.

    Of conversations in which a mail was held after the loss, of those that the backup was yet to ask, and of all if
    a replay with `--notify` asked.
    """
    restored, places = found.world.restored, {hold.id: hold.conversation for hold in found.holds}
    if restored is None:
        return ()
    if not any("replay" in change.what and change.at > restored.lost for change in found.world.journal.changes):
        late = [one for key, one in found.outcomes.items() if found.envelopes[key].post.received_at >= restored.until]
        effects = [effect for one in late if isinstance(one.outcome, Done) for _, effect in one.outcome.effects]
        held = {effect.hold for effect in effects if isinstance(effect, Held)}
        places = {hold: place for hold, place in places.items() if hold in held}
    people, days = found.world.journal.people, [EPOCH + timedelta(days=day) for day in range(3)]
    return {
        approval_key(place, one, day)
        for place in {*places.values(), *restored.asking}
        for one in people
        for day in days
    }


def what_is_gone_is_no_dead_letter(found: Findings) -> Iterator[Violation]:
    """I6: nobody has to work through letters about events that a restored backup has taken away."""
    for stored in found.world.engines.records.table("dead_letters"):
        letter = load(stored.body, DeadLetter)
        if letter.lane == LANE and read_subject(letter.subject)[1] in _gone(found):
            yield Violation("I6", f"{letter.subject} is gone, and a dead letter", (letter.subject,))


def _gone(found: Findings) -> Collection[EventId]:
    """Events whose rows a restored backup has taken away; a platform has them still."""
    restored = found.world.restored
    return () if restored is None else {*restored.gone, *restored.passed}


def strangers_read_one_text(found: Findings) -> Iterator[Violation]:
    """I5: whoever takes part nowhere learns nothing of an alias but that it is of no use to him."""
    for mail in _refusals(found):
        words = b" ".join(mail.raw.split())  # its lines are broken
        if mail.to in found.world.journal.strangers and GONE.encode() not in words:
            yield Violation("I5", f"{mail.to} read why he was refused", (str(mail.to),))


def _rows(found: Findings) -> Sequence[Stored]:
    return found.world.engines.records.table("system_outbox")


def _refusals(found: Findings) -> Iterator[Outgoing]:
    """What left of refusals: questions about held mail leave by the same way."""
    return (mail for mail in found.world.engines.system_box.mails if mail.key.startswith("refusal-"))


def legacy_is_refused_for_itself_alone(found: Findings) -> Iterator[Violation]:
    """I8: what is wrong with an alias beside it is no reason to refuse the mail to a legacy address."""
    for outcome in found.outcomes.values():
        effects = outcome.outcome.effects if isinstance(outcome.outcome, Done) else ()
        for address, effect in effects:
            about_alias = isinstance(effect, Refused) and effect.reason.consequence.about_alias
            if about_alias and address.domain == LEGACY_DOMAIN:
                yield Violation("I8", f"{address} was refused for the alias beside it", (outcome.record,))


def whoever_is_skipped_is_carried(found: Findings) -> Iterator[Violation]:
    """I8, at rest: an address is skipped for another one that carries the mail, and that one has carried it."""
    handed = {
        (call.message_id, call.conversation) for call in found.world.engines.legacy.calls_now() if call.kind == HANDOFF
    }
    for post in found.world.journal.posts:
        mail, outcome = post.mail, found.outcomes.get(envelope_key(post))
        effects = dict(outcome.outcome.effects) if outcome is not None and isinstance(outcome.outcome, Done) else {}
        for address, conversation in zip(mail.recipients, mail.conversations, strict=True):
            match effects.get(address):
                case Skipped(carried_by) if carried_by is not None:
                    pass
                case _:
                    continue
            if found.changed(conversation, "closed", "leaves"):  # then who was to carry it may have refused it
                continue
            if found.is_declined(mail, conversation):
                continue
            if not found.as_messages(mail, conversation) and (mail.message_id, conversation) not in handed:
                yield Violation("I8", f"{mail.name} was skipped for {carried_by}, which never carried it", (mail.name,))


def each_address_is_handed_over_for_itself(found: Findings) -> Iterator[Violation]:
    """I8: legacy hears of every address that an outcome says was handed over, each for its own conversation."""
    handed = {
        (call.external_id, call.address) for call in found.world.engines.legacy.calls_now() if call.kind == HANDOFF
    }
    for outcome in found.outcomes.values():
        effects = outcome.outcome.effects if isinstance(outcome.outcome, Done) else ()
        for address, effect in effects:
            if isinstance(effect, HandedOver) and (effect.external_id, address) not in handed:
                yield Violation(
                    "I8", f"legacy was never told of {address}, for which it was handed over", (outcome.record,)
                )
