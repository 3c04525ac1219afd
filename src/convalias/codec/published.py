"""Write and read what the event log publishes, without the converter: thousands of records a second pass here."""

from __future__ import annotations

import json
import re
from json.encoder import encode_basestring_ascii as quoted
from typing import Any, Final, TypeGuard

from convalias.codec.errors import BrokenRecord
from convalias.codec.formats import PUBLISHED_EVENT
from convalias.codec.stored import CODEC, MARK
from convalias.domain.ids import ConversationId, EventId, Seq, TraceId
from convalias.ports.event_log import EventRecord

MARKED: Final = PUBLISHED_EVENT.mark
"""The newest version, which is what is written."""
_HEAD: Final = f'{{"{MARK}":"{MARKED}","conversation":'

_TEXT: Final = r'"([ !#-\[\]-~]{%s})"'
_PLAIN: Final = re.compile(
    re.escape(_HEAD)
    + f'{_TEXT % "1,"},"event":{_TEXT % "1,"},"seq":(0|[1-9][0-9]{{0,17}}),"kind":{_TEXT % ","},"trace":{_TEXT % ","}}}'
)
"""As it is written when nothing in it needs an escape: read in a third of the time that JSON takes."""


def dumps_published(record: EventRecord) -> bytes:
    """The same octets as `CODEC.dumps(record)`, in a quarter of its time."""
    return (
        f'{_HEAD}{quoted(record.conversation)},"event":{quoted(record.event)},"seq":{record.seq:d},'
        f'"kind":{quoted(record.kind)},"trace":{quoted(record.trace)}}}'
    ).encode("ascii")


def loads_published(octets: bytes) -> EventRecord:
    """A record of any version; the newest without a detour. Raises `UnknownFormat`, `BrokenRecord`."""
    plain = _PLAIN.fullmatch(octets.decode("ascii", "replace"))
    if plain is not None:
        conversation, event, seq, kind, trace = plain.groups()
        return EventRecord(ConversationId(conversation), EventId(event), Seq(int(seq)), kind, TraceId(trace))
    try:
        body = parsed(octets)
    except (ValueError, RecursionError) as fault:
        raise BrokenRecord("JSON", type(fault).__name__) from None  # its text may quote what is no business of ours
    if not is_object(body):
        raise BrokenRecord("JSON", "no object")
    if body.get(MARK) != MARKED:
        return CODEC.load(body, EventRecord)
    return event_record(body, kind=body.get("kind"))


def parsed(octets: bytes) -> Any:
    """JSON in UTF-8. Raises `ValueError`, `RecursionError`."""
    return json.loads(octets.decode())


def is_object(value: Any) -> TypeGuard[dict[str, Any]]:
    """Whether it has fields."""
    return isinstance(value, dict)


def event_record(body: dict[str, Any], *, kind: Any) -> EventRecord:
    """Make an event record from the fields that an event and its record have in common. Raises `BrokenRecord`."""
    match body:
        case {"conversation": str(conversation), "event": str(event), "seq": int(seq), "trace": str(trace)}:
            pass
        case _:
            raise BrokenRecord(PUBLISHED_EVENT.tag, "a field is missing or of another type")
    if not (conversation and event and isinstance(kind, str)) or isinstance(seq, bool):
        raise BrokenRecord(PUBLISHED_EVENT.tag, "a field is empty or of another type")
    return EventRecord(ConversationId(conversation), EventId(event), Seq(seq), kind, TraceId(trace))
