"""Values of posted JSON: what is of another kind than expected is as if it were not there."""

from __future__ import annotations

import pytest

from convalias.codec.posted_json import object_of, objects_of, text_of


@pytest.mark.parametrize(
    ("value", "objects"),
    [(None, []), ([], []), ([{"a": 1}], [{"a": 1}]), ([{"a": 1}, 2], None), ({}, None), ("x", None)],
)
def test_a_list_of_objects_is_all_of_objects(value: object, objects: object) -> None:
    assert objects_of({"key": value}, "key") == objects


def test_a_text_is_cut_and_can_be_encoded() -> None:
    assert text_of({"key": "x" * 2_000}, "key") == "x" * 1_024
    assert text_of({"key": "x" * 2_000}, "key", most=None) == "x" * 2_000
    assert (text_of({"key": "\ud83c"}, "key"), text_of({"key": 7}, "key"), text_of({}, "key")) == ("?", "", "")


def test_an_object_that_is_none_is_empty() -> None:
    assert (object_of({"key": []}, "key"), object_of({"key": {"a": 1}}, "key")) == ({}, {"a": 1})
