import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convalias.codec import CODEC, BrokenRecord, CodecError, UnknownFormat
from convalias.codec.published import dumps_published, loads_published
from convalias.domain.ids import ConversationId, EventId, Seq, TraceId
from convalias.ports.event_log import EventRecord

IDS = st.text(min_size=1, max_size=20)


@given(
    record=st.builds(
        EventRecord,
        IDS.map(ConversationId),
        IDS.map(EventId),
        st.integers(min_value=0).map(Seq),
        IDS,
        st.text(max_size=20).map(TraceId),
    )
)
def test_it_is_written_as_the_codec_does_and_read_as_it_was(record: EventRecord) -> None:
    octets = dumps_published(record)
    assert octets == CODEC.dumps(record)
    assert loads_published(octets) == CODEC.loads(octets, EventRecord) == record


WHOLE: dict[str, object] = {
    "$": "published_event/1",
    "conversation": "c",
    "event": "e",
    "seq": 1,
    "kind": "closed",
    "trace": "",
}


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"\xff",
        b"[]",
        b"[" * 100_000,
        json.dumps({**WHOLE, "seq": True}).encode(),
        json.dumps({**WHOLE, "seq": "1"}).encode(),
        json.dumps({**WHOLE, "event": ""}).encode(),
        json.dumps({**WHOLE, "kind": None}).encode(),
        json.dumps({**WHOLE, "trace": 7}).encode(),
    ],
    ids=range(9),
)
def test_a_broken_record_is_told(octets: bytes) -> None:
    with pytest.raises(BrokenRecord):
        loads_published(octets)


@pytest.mark.parametrize("mark", ["published_event/2", "event/1"])
def test_a_version_of_another_release_is_told(mark: str) -> None:
    with pytest.raises(UnknownFormat):
        loads_published(json.dumps({**WHOLE, "$": mark}).encode())


@pytest.mark.parametrize("mark", ["", None])
def test_a_record_without_a_version_is_broken(mark: str | None) -> None:
    with pytest.raises(BrokenRecord, match="no format"):
        loads_published(json.dumps({**WHOLE, "$": mark}).encode())


@given(octets=st.binary(max_size=200))
def test_whatever_comes_is_read_or_told(octets: bytes) -> None:
    with pytest.raises(CodecError):
        loads_published(octets)
