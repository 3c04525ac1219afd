"""Nothing that others wrote moves a cursor, colours a line or turns it around."""

from __future__ import annotations

import pytest

from convalias.domain.printable import visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("über 日本", "über 日本"),
        ("a\x1b[2Jb", r"a\x1b[2Jb"),
        ("a\u202eb", r"a\u202eb"),
        ("a\u2066b\u200f", r"a\u2066b\u200f"),
        ("a\r\nb", r"a\r\nb"),
        ("\x85\u2028\ud800", r"\x85\u2028\ud800"),
    ],
)
def test_what_acts_is_shown_as_its_code(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_line_ends_stay_where_they_are_ours() -> None:
    assert visible("a\n\tb\x1b", lines=True) == "a\n\tb\\x1b"
