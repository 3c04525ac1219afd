"""Bodies become documents that an operator can query, and come back without loss."""

from typing import Any

import pytest
from bson import decode, encode
from hypothesis import given
from hypothesis import strategies as st

from convalias.adapters.mongo.bodies import from_bson, to_bson

NAMES = st.text(st.characters() | st.sampled_from("%.$@\x00\ud800"), max_size=8)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters() | st.sampled_from("\ud800\udfff\x00")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(NAMES, VALUES, max_size=4))
def test_any_body_comes_back_through_the_wire_as_it_was(body: dict[str, Any]) -> None:
    assert from_bson(decode(encode(to_bson(body)))) == body


@pytest.mark.parametrize(
    ("name", "shown"),
    [("$", "@"), ("@", "%0040"), ("$set", "%0024set"), ("a.b", "a%002Eb"), ("100%", "100%0025"), ("a\x00", "a%0000")],
)
def test_names_that_a_query_could_not_use_are_escaped(name: str, shown: str) -> None:
    assert list(to_bson({name: 1})) == [shown]
    assert from_bson({shown: 1}) == {name: 1}


def test_what_people_read_stays_readable() -> None:
    body = {"$": "event/1", "text": "日本語", "seq": 7, "cost": 1.5}
    assert to_bson(body) == {"@": "event/1", "text": "日本語", "seq": 7, "cost": 1.5}


def test_what_bson_has_not_is_marked() -> None:
    assert to_bson({"n": 2**63}) == {"n": {"%int": str(2**63)}}
    assert to_bson({"t": "a\ud800"}) == {"t": {"%text": '"a\\ud800"'}}


@pytest.mark.parametrize("mark", ["%int", "%text"])
def test_a_name_like_a_mark_is_no_mark(mark: str) -> None:
    body = {"a": {mark: "1"}}
    assert from_bson(to_bson(body)) == body


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_what_json_has_not_is_refused(number: float) -> None:
    with pytest.raises(ValueError, match="expected a number that JSON has"):
        to_bson({"a": [number]})


def test_a_whole_float_stays_a_float() -> None:
    back = from_bson(decode(encode(to_bson({"a": 1.0}))))
    assert isinstance(back["a"], float)
