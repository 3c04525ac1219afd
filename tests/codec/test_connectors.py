import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convalias.codec import BrokenRecord, CodecError
from convalias.codec.connectors import read_envelope
from convalias.domain.ids import ConversationId, EventId, Seq, TraceId
from convalias.ports.event_log import EventRecord

DOCUMENT: dict[str, Any] = {
    "_id": {"table": "events", "partition": "c1", "id": "s0000000002"},
    "names": ["s0000000002", "e-e2"],
    "version": "v",
    "due": {"lane": "feed", "at": "2026-03-01T12:00:00.000000+00:00"},
    "body": {
        "@": "event/1",
        "id": "e2",
        "conversation": "c1",
        "seq": 2,
        "happening": {"is": "message_added", "text": "what no record of ours would hold"},
        "trace": "t",
    },
}
LONG = {**DOCUMENT, "body": {**DOCUMENT["body"], "seq": {"$numberLong": "2"}}}
RECORD = EventRecord(ConversationId("c1"), EventId("e2"), Seq(2), "message_added", TraceId("t"))


def connect(payload: object) -> object:
    return {"schema": {"type": "string", "optional": False}, "payload": payload}


def debezium(document: object, op: str = "c") -> dict[str, Any]:
    return {"op": op, "before": None, "after": json.dumps(document), "source": {"db": "convalias"}, "ts_ms": 1}


def change(document: object, kind: str = "insert") -> dict[str, Any]:
    return {"_id": {"_data": "82"}, "operationType": kind, "fullDocument": document, "ns": {"db": "convalias"}}


@pytest.mark.parametrize(
    "value",
    [
        debezium(DOCUMENT),
        debezium(LONG),
        debezium(DOCUMENT, "r"),
        connect(debezium(DOCUMENT)),
        change(DOCUMENT),
        change(LONG),
        json.dumps(change(DOCUMENT)),
        connect(json.dumps(change(DOCUMENT))),
        DOCUMENT,
        connect(json.dumps(DOCUMENT)),
    ],
    ids=range(10),
)
def test_an_inserted_event_is_found_in_every_envelope(value: object) -> None:
    assert read_envelope(json.dumps(value).encode()) == RECORD


OTHER = {**DOCUMENT, "_id": {**DOCUMENT["_id"], "table": "claims"}}


@pytest.mark.parametrize(
    "value",
    [
        debezium(DOCUMENT, "u"),
        {"op": "d", "before": None, "after": None},
        change(DOCUMENT, "update"),
        {"_id": {"_data": "82"}, "operationType": "drop"},
        change(OTHER),
        debezium(OTHER),
        OTHER,
    ],
    ids=range(7),
)
def test_what_is_no_inserted_event_is_none(value: object) -> None:
    assert read_envelope(json.dumps(value).encode()) is None


BODY = DOCUMENT["body"]


@pytest.mark.parametrize(
    "value",
    [
        7,
        {},
        {"_id": "an id of another collection"},
        {**DOCUMENT, "body": None},
        {**DOCUMENT, "body": {**BODY, "happening": None}},
        {**DOCUMENT, "body": {**BODY, "@": "alias/1"}},
        {**DOCUMENT, "body": {**BODY, "seq": {"$numberLong": "two"}}},
        change("{"),
    ],
    ids=range(8),
)
def test_a_broken_envelope_is_told(value: object) -> None:
    with pytest.raises(BrokenRecord):
        read_envelope(json.dumps(value).encode())


@given(octets=st.binary(max_size=200))
def test_whatever_comes_is_read_or_told(octets: bytes) -> None:
    with suppress(CodecError):
        assert read_envelope(octets) is None
