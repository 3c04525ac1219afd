"""The envelopes in which Debezium and MongoDB's Kafka connector publish an inserted event document."""

from __future__ import annotations

import json
from typing import Any, Final

from convalias.codec.errors import BrokenRecord
from convalias.codec.formats import EVENT
from convalias.codec.published import event_record, is_object, parsed
from convalias.ports.event_log import EventRecord

TABLE: Final = "events"
"""Other tables of the store share its collection; what a connector publishes of them is no event."""
_FORMAT: Final = "@"
"""How the store writes the `$` of a body's format: MongoDB cannot query a field that starts with `$`."""
_LAYERS: Final = 4
"""`{"schema", "payload"}` around a text around the envelope around the text of the document."""


def read_envelope(octets: bytes) -> EventRecord | None:
    """The event in it; None for an update, a deletion, or a document that is no event. Raises `BrokenRecord`.

    Understood are Debezium's `{"op", "after"}` (docs: Debezium connector for MongoDB, "Change event values"), the
    connector's `{"operationType", "fullDocument"}` (docs: MongoDB Kafka Connector, "Change Streams"), both with or
    without Kafka Connect's `{"schema", "payload"}`, and the document alone, as `publish.full.document.only` and
    `ExtractNewDocumentState` leave it.
    """
    try:
        value = parsed(octets)
        for _ in range(_LAYERS):
            value = _unwrapped(value)
    except (ValueError, RecursionError) as fault:
        raise BrokenRecord("JSON", type(fault).__name__) from None
    if value is None:
        return None
    if not is_object(value) or not is_object(key := value.get("_id")):
        raise BrokenRecord("envelope", "neither a connector's nor an event document")
    return _event(value) if key.get("table") == TABLE else None


def _unwrapped(value: Any) -> Any:
    """One layer less."""
    match value:
        case str():
            return json.loads(value)
        case {"payload": inner, "schema": _}:
            return inner
        case {"op": "c" | "r", "after": inner} | {"operationType": "insert", "fullDocument": inner}:
            return inner
        case {"op": str()} | {"operationType": str()}:
            return None
        case _:
            return value


def _event(document: dict[str, Any]) -> EventRecord:
    body = document.get("body")
    if not is_object(body) or not is_object(happening := body.get("happening")):
        raise BrokenRecord("event", "a field is missing or of another type")
    if not str(body.get(_FORMAT)).startswith(f"{EVENT.tag}/"):
        raise BrokenRecord("event", "no format")
    fields = {**body, "event": body.get("id"), "seq": _number(body.get("seq"))}
    return event_record({"trace": "", **fields}, kind=happening.get("is"))


def _number(value: Any) -> Any:
    """Extended JSON writes 64-bit numbers as objects (docs: MongoDB Extended JSON v2)."""
    match value:
        case {"$numberLong": str(digits)} | {"$numberInt": str(digits)} if digits.isascii() and digits.isdigit():
            return int(digits)
        case _:
            return value
