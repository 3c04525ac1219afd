"""Mail on its way in: kept, concluded, and a message of its conversation once, or handed over once, never both."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from email import message_from_bytes
from typing import Final

from convalias.adapters.memory.legacy import HANDOFF
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations.participants import AccountAuthor
from convalias.domain.ids import ConversationId
from convalias.domain.inbound.held import HoldState
from convalias.domain.inbound.outcomes import Dead, Done, HandedOver, Held, Relayed
from convalias.ports.mail import Outgoing
from convalias.testing.simulator.findings import Findings, Violation, envelope_key, marker, raw_keys
from convalias.testing.simulator.journal import Kind, Mail, Post
from convalias.testing.simulator.world import LEGACY_DOMAIN

REFUSAL: Final = b"Subject: Your message was not delivered"


def what_was_accepted_is_kept(found: Findings) -> Iterator[Violation]:
    """I1: every 2xx has a raw object and an envelope record, and was queued before it was answered."""
    raws, told = set(found.raws), found.world.engines.queue.told
    for post in found.world.journal.posts:
        if post.accepted is None:
            continue
        key = envelope_key(post)
        if key not in found.envelopes:
            yield Violation("I1", f"{post.mail.name} was answered 200 and has no envelope record", _about(post))
        if raws.isdisjoint(raw_keys(post, until=found.world.now)):
            yield Violation("I1", f"{post.mail.name} was answered 200 and has no raw object", _about(post))
        if told.get(key, post.accepted + 1) > post.accepted:
            yield Violation("I1", f"{post.mail.name} was answered 200 before it was queued", _about(post))
    for record in found.envelopes.values():
        if record.raw not in raws:
            yield Violation("I1", f"envelope record {record.key} names a raw object that is not there", (record.key,))


def every_mail_comes_to_an_outcome(found: Findings) -> Iterator[Violation]:
    """I1, at rest: one outcome per envelope record, and none is given up without a reason of its own."""
    poisoned = {envelope_key(post) for post in found.world.journal.posts if post.mail.kind is Kind.POISON}
    for key in found.envelopes:
        outcome = found.outcomes.get(key)
        if outcome is None:
            yield Violation("I1", f"envelope record {key} has no outcome", (key,))
        elif isinstance(outcome.outcome, Dead) and key not in poisoned:
            yield Violation("I1", f"envelope record {key} was given up: {outcome.outcome.reason}", (key,))
    for key in found.outcomes:
        if key not in found.envelopes:
            yield Violation("I1", f"an outcome names {key}, which is no envelope record", (key,))


def no_mail_is_lost_at_the_door(found: Findings) -> Iterator[Violation]:
    """I1: in the hours that the provider tries, the door accepts what is posted."""
    for post in found.world.journal.posts:
        if post.given_up:
            what = "was refused: its token stands for another mail" if post.refused else "was lost"
            yield Violation("I1", f"{post.mail.name} {what} after {post.tries} posts of it", _about(post))


def outcomes_tell_the_truth(found: Findings) -> Iterator[Violation]:
    """I1: what an outcome says was done has been done."""
    ids = {event.id for events in found.events.values() for event in events}
    handed = {call.external_id for call in found.world.engines.legacy.calls_now() if call.kind == HANDOFF}
    for outcome in found.outcomes.values():
        if not isinstance(outcome.outcome, Done):
            continue
        for _, effect in outcome.outcome.effects:
            if isinstance(effect, Relayed) and effect.event not in ids:
                yield Violation("I1", f"{outcome.record} says relayed, and there is no such event", (outcome.record,))
            if isinstance(effect, HandedOver) and effect.external_id not in handed:
                yield Violation("I1", f"{outcome.record} says handed over, and legacy has it not", (outcome.record,))


def a_mail_is_a_message_once(found: Findings) -> Iterator[Violation]:
    """I2 and I8: at most one message per conversation, whatever changes between two posts or two tries of it."""
    counted = Counter(
        (message.message_id, marker(message), event.conversation)
        for event, message in found.messages()
        if message.message_id and not found.is_vanished(event.id) and not found.is_forgotten(event.id)
    )
    for (message_id, _, conversation), count in counted.items():
        if count > 1:
            about = (str(message_id), str(conversation))
            yield Violation("I8", f"{message_id} is {count} messages of {conversation}", about)


def a_mail_goes_one_way(found: Findings) -> Iterator[Violation]:
    """I8: a mail for a conversation is its message, or is handed to legacy; never both."""
    handed = _handed_over(found)
    for mail in found.world.journal.mails.values():
        if _is_decided_anew(found, mail):
            continue
        for conversation in set(mail.conversations):
            if (mail.name, conversation) in handed and found.as_messages(mail, conversation):
                what = f"{mail.name} is a message of {conversation} and was handed to legacy for it as well"
                yield Violation("I8", what, (mail.name, mail.message_id))


def a_mail_of_a_participant_arrives(found: Findings) -> Iterator[Violation]:
    """I8: where nobody changed what decides about it, a participant's mail is carried: neither refused nor lost."""
    restored = found.world.restored
    handed, lost = _handed_over(found), frozenset[EmailAddress]() if restored is None else restored.aliases
    accepted = {(post.mail.name, one) for post in found.world.journal.posts if post.accepted for one in post.recipients}
    for mail in found.world.journal.mails.values():
        if mail.kind not in {Kind.MAIL, Kind.REPLY, Kind.BORROWED} or mail.account is None:
            continue
        for conversation, by_alias in _posted(mail, accepted).items():
            if not is_steady(found, mail, conversation) or lost & set(mail.recipients):
                continue
            if found.is_declined(mail, conversation) or found.is_kept_by_own_rule(mail, conversation):
                continue
            is_message = bool(found.as_messages(mail, conversation))
            if not is_message and (by_alias or (mail.name, conversation) not in handed):
                what = f"{mail.name} of {mail.account} never became a message of {conversation}"
                yield Violation("I8", what, (mail.name, mail.message_id))


def nobody_posts_as_another(found: Findings) -> Iterator[Violation]:
    """I5: the author is who wrote the mail; no forged mail and no program is a message."""
    for event, message in found.messages():
        mail = found.world.journal.mails.get(marker(message))
        if mail is None or mail.message_id != message.message_id:
            continue
        if mail.kind in {Kind.SPOOF, Kind.AUTO_REPLY, Kind.POISON}:
            yield Violation("I5", f"{mail.name}, a {mail.kind.value}, is a message", (mail.name, event.id))
        author = message.author.account if isinstance(message.author, AccountAuthor) else None
        if author is not None and mail.sender not in found.world.journal.people[author]:
            yield Violation("I5", f"{mail.name} was posted as {author}, whose address it is not", (mail.name, event.id))


def nothing_crosses_conversations(found: Findings) -> Iterator[Violation]:
    """I5: a message is in a conversation that its mail was addressed to, with its own text."""
    by_id: defaultdict[str, list[Mail]] = defaultdict(list)
    for mail in found.world.journal.mails.values():
        by_id[mail.message_id].append(mail)
    chats = {(chat.conversation, chat.text) for chat in found.world.journal.chats}
    for event, message in found.messages():
        if message.message_id is None:
            if (event.conversation, message.text) not in chats:
                yield Violation("I5", f"{event.conversation} shows a chat of elsewhere", (event.id,))
            continue
        names = [mail.name for mail in by_id[message.message_id] if event.conversation in mail.conversations]
        if not names:
            yield Violation("I5", f"{message.message_id} crossed into {event.conversation}", (event.id,))
        elif marker(message) not in names:
            yield Violation("I5", f"{names[0]} shows the text of another mail", (event.id, names[0]))


def refusals_tell_nothing(found: Findings) -> Iterator[Violation]:
    """I5: no refusal goes to whom nobody authenticated, and strangers all read one text."""
    texts: Counter[str] = Counter()
    for mail in _refusals(found):
        to = str(mail.to)
        if to.startswith("eve2@"):
            yield Violation("I5", "a refusal was mailed to an address that nobody authenticated", (mail.key,))
        if to.startswith("eve"):
            parsed = message_from_bytes(mail.raw)
            texts[f"{parsed['Subject']} {parsed.get_payload()}"] += 1
    if len(texts) > 1:
        yield Violation("I5", f"strangers read {len(texts)} different texts of refusal")


def strangers_are_told_once_a_day(found: Findings) -> Iterator[Violation]:
    """I2: one refusal per sender, alias and day; so never more mails than days times aliases written to."""
    days = int(found.world.now // 86_400) + 2
    sent = Counter(mail.to for mail in _refusals(found))
    for address, count in sent.items():
        aliases = {
            one for mail in found.world.journal.mails.values() if mail.sender == address for one in mail.recipients
        }
        if aliases and count > days * len(aliases):
            yield Violation(
                "I2", f"{count} refusals to one sender who wrote to {len(aliases)} addresses", (str(address),)
            )


def nothing_personal_is_queued(found: Findings) -> Iterator[Violation]:
    """I5: jobs and published records hold ids and digests; no address, no text."""
    if found.world.engines.queue.personal:
        yield Violation("I5", "a job holds an address")
    for partition in found.world.engines.log.partitions:
        for record in partition.records:
            if "@" in f"{record.conversation}{record.event}{record.kind}{record.trace}":
                yield Violation("I5", f"a published record of {record.conversation} holds an address", (record.event,))


def held_mail_waits_for_an_answer(found: Findings) -> Iterator[Violation]:
    """I4: links that are only looked at decide nothing; no more is decided than was answered."""
    decided = [hold for hold in found.holds if hold.state in {HoldState.APPROVED, HoldState.REJECTED}]
    if len(decided) > len(found.world.journal.answers):
        yield Violation("I4", f"{len(decided)} holds were decided by {len(found.world.journal.answers)} answers")


def approved_mail_is_carried_out(found: Findings) -> Iterator[Violation]:
    """I6, at rest: whatever a person let in is no longer held."""
    for hold in found.holds:
        outcome = found.outcomes.get(hold.record)
        effects = outcome.outcome.effects if outcome is not None and isinstance(outcome.outcome, Done) else ()
        held = any(isinstance(effect, Held) and effect.hold == hold.id for _, effect in effects)
        if hold.state is HoldState.APPROVED and held:
            yield Violation("I6", f"hold {hold.id} was approved and never carried out", (hold.record,))


def _refusals(found: Findings) -> Sequence[Outgoing]:
    return [mail for mail in found.world.engines.system_box.mails if REFUSAL in mail.raw]


def _handed_over(found: Findings) -> Collection[tuple[str, ConversationId | None]]:
    """Which mails legacy was given, for which conversations. By their octets: a Message-ID may be borrowed."""
    names = {hashlib.sha256(mail.raw).hexdigest(): mail.name for mail in found.world.journal.mails.values()}
    legacy = found.world.engines.legacy
    given = ((names[mail.raw_key.rpartition("/")[2]], legacy.leads_to(mail.address)) for mail in legacy.handed)
    return frozenset(given)


def _posted(mail: Mail, accepted: Collection[tuple[str, EmailAddress]]) -> Mapping[ConversationId, bool]:
    """To which conversations it was posted by now, and whether under their aliases only: then legacy is no way."""
    only_aliases: dict[ConversationId, bool] = {}
    for recipient, conversation in zip(mail.recipients, mail.conversations, strict=True):
        if (mail.name, recipient) in accepted:
            before = only_aliases.get(conversation, True)
            only_aliases[conversation] = before and recipient.domain != LEGACY_DOMAIN
    return only_aliases


def _is_decided_anew(found: Findings, mail: Mail) -> bool:
    """Whether it was kept before a loss: a restored backup may not know that legacy has it, nor why it was legacy's.

    Its post may have been answered later, if answers were lost.
    """
    restored = found.world.restored
    if restored is None:
        return False
    posts = [post for post in found.world.journal.posts if post.mail.name == mail.name]
    kept = [found.envelopes[key] for post in posts if (key := envelope_key(post)) in found.envelopes]
    return any(one.post.received_at < restored.until for one in kept)  # by a clock that may go fast


def is_steady(found: Findings, mail: Mail, conversation: ConversationId) -> bool:
    """Whether nothing that decides about that mail changed in the whole run."""
    if found.changed(conversation, "closed", "leaves", "revoked"):
        return False
    owners = [account for account, had in found.world.journal.people.items() if mail.sender in had]
    return owners == [mail.account] and not found.changed(conversation, f"{mail.account} moves")


def _about(post: Post) -> tuple[str, ...]:
    return (post.mail.name, envelope_key(post))
