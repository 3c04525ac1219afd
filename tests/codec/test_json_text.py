"""The same octets and the same values, whichever library is installed."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from convalias.codec.json_text import Fast, JsonText, installed

PLAIN, FAST = JsonText(), JsonText(installed())
TEXTS = st.text(st.characters(exclude_categories=())) | st.text(alphabet='ab\x7f\x00\x1f\u2028"\\/é\ud800😀e-0.null1')
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.integers(-(2**66), 2**66) | st.floats() | TEXTS,
    lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
)
DOCUMENTS = st.dictionaries(TEXTS, VALUES) | st.lists(VALUES) | VALUES


def outcome(function: Any, value: Any) -> object:
    """What it returns, or the type of its error; of a float also its sign, and each value's own type."""
    try:
        return repr(function(value))
    except (ValueError, TypeError, RecursionError) as error:
        return type(error)


def test_the_fast_library_is_installed_where_these_tests_run() -> None:
    assert isinstance(FAST.fast, Fast)
    assert FAST.text({"a": 1}) == '{"a":1}'


@given(DOCUMENTS)
@example({"small": 1e-5})
@example({"smaller": 1e-7, "text": "a null e-mail"})
@example({"large": 1e16, "larger": 1.5e300, "none": None})
@example([float("nan")])
@example({"deep": {"down": [1, math.inf]}})
@example({"z": 1, "a": 2, "m": {"y": 0, "b": -0.0}})
@example({"surrogate": "\ud800", "whole": "é"})
@example({"delete": "\x7f"})
@example([2**64, -(2**63) - 1, 2**64 - 1])
@example(("a", (1, 2.5)))
def test_octets_are_those_of_the_standard_library(value: object) -> None:
    assert outcome(FAST.ascii, value) == outcome(PLAIN.ascii, value)
    assert outcome(FAST.text, value) == outcome(PLAIN.text, value)
    assert outcome(PLAIN.ascii, value) == outcome(lambda it: json.dumps(it, separators=(",", ":")).encode(), value)


@pytest.mark.parametrize("codec", [PLAIN, FAST], ids=["without", "with"])
@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_what_json_has_not_is_refused_in_a_record(codec: JsonText, number: float) -> None:
    with pytest.raises(ValueError, match="Out of range float values"):
        codec.text({"number": number})


@pytest.mark.parametrize(
    "value", [{"at": datetime(2026, 3, 1, tzinfo=UTC)}, {"set": {1}}, [object()], {"octets": b"a"}]
)
def test_what_is_no_json_value_is_refused_alike(value: object) -> None:
    for codec in (FAST, PLAIN):
        for written in (codec.text, codec.ascii):
            with pytest.raises(TypeError, match="not JSON serializable"):
                written(value)


@pytest.mark.parametrize("value", [{1: "a", None: "b", False: "c"}, {1.5: "a"}])
def test_keys_that_are_no_text_are_written_alike(value: object) -> None:
    assert FAST.text(value) == PLAIN.text(value)


def test_nesting_that_is_too_deep_for_one_is_left_to_the_other() -> None:
    value: object = 1
    for _ in range(400):
        value = [value]
    text = PLAIN.text(value)
    assert FAST.text(value) == text
    assert FAST.loads(text) == value
    assert outcome(FAST.loads, "[" * 100_000) == outcome(PLAIN.loads, "[" * 100_000)


@given(DOCUMENTS)
def test_what_was_written_is_read_as_the_same_values(value: object) -> None:
    for text in (json.dumps(value), json.dumps(value, ensure_ascii=False)):
        assert outcome(FAST.loads, text) == outcome(json.loads, text)
    octets = json.dumps(value).encode()
    assert outcome(FAST.loads, octets) == outcome(json.loads, octets)


@pytest.mark.parametrize(
    "text",
    [
        '{"a":1,"b":2,"a":3}',
        '{"b":0,"a":{"a":1,"a":[]}}',
        "-0",
        "-0.0",
        "1e400",
        "18446744073709551616",
        "[-9223372036854775809]",
        '{"id":"00000000000000000000001"}',
        "NaN",
        "[Infinity,-Infinity]",
        '"\\ud800"',
        '"\\ud83d\\ude00"',
        '"\ud800"',
        "\ufeff1",
        "",
        " [1 , 2 ] ",
        "[1,]",
        "01",
        '"\t"',
        '{"a":1}x',
        "nul",
    ],
)
def test_every_text_is_read_or_refused_alike(text: str) -> None:
    assert outcome(FAST.loads, text) == outcome(json.loads, text)


@given(st.binary() | st.text(alphabet='{}[]":,0123456789.eE+-truefalsn\\ud8 \n').map(str.encode))
@example(b"\xef\xbb\xbf1")
@example('"é"'.encode("utf-16"))
@example(b'"\xed\xa0\x80"')
@example(b'"\xff"')
def test_all_octets_are_read_or_refused_alike(octets: bytes) -> None:
    assert outcome(FAST.loads, octets) == outcome(json.loads, octets)


def test_without_the_package_the_standard_library_does_all() -> None:
    script = (
        "import sys; sys.modules['orjson'] = None\n"
        "from convalias.codec.json_text import JSON\n"
        "print(JSON.fast, JSON.text({'a': [1, None]}), JSON.loads('[1]'))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, text=True)
    assert done.stdout == 'None {"a":[1,null]} [1]\n'
