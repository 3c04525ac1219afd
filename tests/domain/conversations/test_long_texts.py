"""A message keeps the start of a long text, and knows the whole by its digest."""

from __future__ import annotations

import pytest
from attrs import evolve

from convalias.domain.conversations.events import MessageAdded
from convalias.domain.conversations.long_texts import (
    LONG,
    START,
    MessageTexts,
    cut,
    has_same_text,
    is_long,
    texts_of,
    whole,
)
from convalias.domain.conversations.participants import AccountAuthor
from convalias.domain.ids import AccountId

ANN = AccountAuthor(AccountId("ann"), verified=True)


def message(text: str, full_text: str = "") -> MessageAdded:
    return MessageAdded(author=ANN, text=text, full_text=full_text)


@pytest.mark.parametrize(
    ("text", "full_text", "expected"),
    [
        ("a" * LONG, "", False),
        ("a" * (LONG + 1), "", True),
        ("", "a" * (LONG + 1), True),
        ("é" * (LONG // 2), "", False),
        ("é" * (LONG // 2 + 1), "", True),
        ("😀" * (LONG // 4 + 1), "", True),
        ("\ud800" * LONG, "", True),
    ],
)
def test_a_text_is_long_by_its_octets(text: str, full_text: str, *, expected: bool) -> None:
    assert is_long(message(text, full_text)) is expected


@pytest.mark.parametrize("full_text", ["", "x" * LONG * 2, "x" * LONG * 2 + "\n> old"])
def test_what_was_cut_becomes_whole_again(full_text: str) -> None:
    one = message("x" * LONG * 2, full_text)
    short = cut(one, "texts/e1")
    assert (len(short.text), short.long and short.long.name) == (START, "texts/e1")
    assert len(short.full_text) <= START
    assert not is_long(short)
    assert whole(short, texts_of(one)) == one
    assert texts_of(one).full_text is None or full_text != one.text


def test_another_text_is_never_taken_for_what_was_cut() -> None:
    one = message("x" * LONG * 2)
    short = cut(one, "texts/e1")
    assert whole(short, MessageTexts("x" * (LONG * 2 - 1), "x")) is None
    assert whole(short, MessageTexts("x" * LONG * 2)) is None  # its full text is another
    assert whole(one, texts_of(one)) is None  # it was not cut


def test_texts_are_compared_whole_and_without_their_blob() -> None:
    one = message("x" * LONG * 2, "y")
    short = cut(one, "texts/e1")
    assert has_same_text(short, one)
    assert not has_same_text(short, evolve(one, text=one.text[:-1] + "z"))
    assert has_same_text(message("a"), message("a", "b"))
    assert not has_same_text(message("a"), message("b"))
