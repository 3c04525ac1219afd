"""A published event as a Kafka record, and back; what cannot be read is told by its place."""

from __future__ import annotations

import re
from typing import Final, TypeAlias

from confluent_kafka import Message

from convalias.codec import CodecError
from convalias.codec.connectors import read_envelope
from convalias.codec.published import MARKED, dumps_published, loads_published
from convalias.domain.ids import ConversationId, EventId, TraceId
from convalias.ports.event_log import UNPLACED, UNREADABLE, EventRecord

Headers: TypeAlias = list[tuple[str, str | bytes | None]]
EVENT: Final = "event-id"
SCHEMA: Final = "schema"
TRACE: Final = "trace-id"
_ID: Final = re.compile(r"[\w.:-]{1,128}", re.ASCII)
"""What is taken for an id of ours in a record that is not ours: never an address."""


def key(record: EventRecord) -> bytes:
    """Return the key that chooses the partition: a conversation lies in one, so it stays in order."""
    return record.conversation.encode()


def value(record: EventRecord) -> bytes:
    """Return the event as the codec writes it."""
    return dumps_published(record)


def headers(record: EventRecord) -> Headers:
    """Return what a consumer may look at without reading the value."""
    return [(EVENT, record.event), (SCHEMA, MARKED), (TRACE, record.trace)]


def read_message(message: Message) -> EventRecord | None:
    """Return the event of a record that a consumer received; None for what a connector publishes beside events.

    For `Convalias.outbound.decide` in a loop of one's own. Never raises.

    A value that cannot be read is still somebody's event: by key and headers where they name it, else by its place,
    under which it becomes a dead letter like any other event that nobody can decide about.
    """
    octets = message.value()
    if octets is None:  # a tombstone: connectors write one behind each deletion
        return None
    try:
        return loads_published(octets)
    except CodecError:
        pass
    try:
        return read_envelope(octets)
    except CodecError:
        return _unreadable(message)


def _unreadable(message: Message) -> EventRecord:
    found = {name: _id(octets) for name, octets in _headers(message)}
    conversation, event, trace = _id(message.key()), found.get(EVENT, ""), found.get(TRACE, "")
    if not (conversation and event):
        conversation = f"{message.topic()}/{message.partition()}"
        event = f"offset-{message.offset()}"
    return EventRecord(ConversationId(conversation), EventId(event), UNPLACED, UNREADABLE, TraceId(trace))


def _headers(message: Message) -> list[tuple[str, str | bytes | None]]:
    found = message.headers()
    return list(found.items()) if isinstance(found, dict) else list(found or ())


def _id(octets: str | bytes | None) -> str:
    text = octets.decode("ascii", "replace") if isinstance(octets, bytes) else octets or ""
    return text if _ID.fullmatch(text) else ""
