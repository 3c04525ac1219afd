"""Conversations: dense, in order, published whole, shown by what is stored; a chat once or not at all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from convalias.domain.conversations.events import (
    ConversationCreated,
    ConversationEvent,
    MessageAdded,
    ParticipantAdded,
    ParticipantRemoved,
)
from convalias.domain.conversations.timeline import stitch
from convalias.domain.ids import AccountId, ConversationId, EventId
from convalias.testing.simulator.findings import Findings, Violation


def seq_is_dense(found: Findings) -> Iterator[Violation]:
    """I3: 1 to n, each once; append time never runs back; ids and dedup keys are unique."""
    for conversation, events in found.events.items():
        about = (str(conversation),)
        if [event.seq for event in events] != list(range(1, len(events) + 1)):
            yield Violation("I3", f"seq of {conversation} is not dense", about)
        times = [event.appended_at for event in events]
        if times != sorted(times):
            yield Violation("I3", f"append time of {conversation} runs back", about)
        if len({event.dedup_key for event in events}) != len(events):
            yield Violation("I2", f"{conversation} has one dedup key twice", about)
        if len({event.id for event in events}) != len(events):
            yield Violation("I3", f"{conversation} has one event id twice", about)


def long_texts_are_there(found: Findings) -> Iterator[Violation]:
    """I3: whatever an event refers to was written before it."""
    there = frozenset(found.texts)
    for event, message in found.messages():
        if message.long is not None and message.long.name not in there:
            yield Violation("I3", f"the text of {event.id} is not there", (event.id,))


def the_log_is_in_seq_order(found: Findings) -> Iterator[Violation]:
    """I3: the first copies of a conversation's events are published in the order of seq."""
    reached: dict[ConversationId, int] = {}
    for partition in found.world.engines.log.partitions:
        for record in partition.records:
            last = reached.get(record.conversation, 0)
            if record.seq > last + 1:
                what = f"{record.conversation}: {record.seq} was published before {last + 1}"
                yield Violation("I3", what, (record.event, str(record.conversation)))
            reached[record.conversation] = max(last, record.seq)


def every_event_is_published(found: Findings) -> Iterator[Violation]:
    """I3, at rest: whoever reads the log has seen them all; of a platform all messages that were not withdrawn."""
    published: set[EventId] = {
        record.event for partition in found.world.engines.log.partitions for record in partition.records
    }
    for conversation, events in found.events.items():
        for event in events:
            if found.is_hosted and (
                not isinstance(event.happening, MessageAdded) or found.is_withdrawn(event.id) or found.is_early(event)
            ):
                continue
            if event.id not in published:
                yield Violation("I3", f"event {event.seq} of {conversation} was never published", (event.id,))


def what_is_shown_follows_from_what_is_stored(found: Findings) -> Iterator[Violation]:
    """I3: in the order of (occurred_at, id), whatever order it was appended in; who left sees what there was.

    What a platform keeps, it shows itself.
    """
    if found.is_hosted:
        return
    readers = (*sorted(found.world.journal.people), AccountId("nobody"))
    for conversation, events in found.events.items():
        for reader in readers:
            up_to = _read_up_to(events, reader)
            messages = [one for one in events if isinstance(one.happening, MessageAdded) and one.seq <= up_to]
            expected = [event.id for event in sorted(messages, key=lambda one: (one.occurred_at, one.id))]
            shown = [item.id for item in stitch(events, reader=reader)]
            if sorted(shown) != sorted(expected):
                yield Violation("I3", f"{conversation} shows {reader} other messages than are his", (conversation,))
            elif shown != expected:
                yield Violation("I3", f"{conversation} is shown in another order than its events have", (conversation,))


def _read_up_to(events: Sequence[ConversationEvent], reader: AccountId) -> int:
    """By the last word about that account: it came (all), it left (until then), none (nothing)."""
    for event in reversed(events):
        match event.happening:
            case ParticipantRemoved(account) if account == reader:
                return event.seq
            case ParticipantAdded(participant) if participant.account == reader:
                return events[-1].seq
            case ConversationCreated(participants=participants):
                return events[-1].seq if any(one.account == reader for one in participants) else 0
            case _:
                pass
    return 0


def a_chat_is_a_message_once(found: Findings) -> Iterator[Violation]:
    """I2: accepted is there once, refused is not there, and what the client gave up on at most once."""
    counted = Counter(
        (event.conversation, message.text) for event, message in found.messages() if not message.message_id
    )
    lost = {
        (one.conversation, one.happening.text) for one in found.gone.values() if isinstance(one.happening, MessageAdded)
    }
    for chat in found.world.journal.chats:
        count = counted[chat.conversation, chat.text]
        expected = {1} if chat.accepted and (chat.conversation, chat.text) not in lost else {0, 1}
        if count not in expected:
            what = f"chat {chat.key} is {count} messages of {chat.conversation}"
            yield Violation("I2" if count else "I8", what, (chat.key, str(chat.conversation)))
