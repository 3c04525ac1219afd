"""What no store can hold is refused with what would be right, and quotes no text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convalias.domain.conversations.storable import (
    ID_OCTETS,
    NAME_LENGTH,
    Unstorable,
    account_id,
    conversation_id,
    identifier,
    is_storable,
    replaced,
    replaced_names,
    typed,
    use_case,
)
from convalias.domain.mail.envelope import Attachment


def test_an_id_that_no_store_can_hold_is_refused() -> None:
    for text in ("", "\ud800", "\udfff", "a\0", "x" * (ID_OCTETS + 1), "é" * (ID_OCTETS // 2 + 1)):
        for refuse in (conversation_id, account_id, use_case):
            with pytest.raises(Unstorable, match="expected"):
                refuse(text)


@pytest.mark.parametrize("text", ["c1", "\n", "😀", "x" * ID_OCTETS, "é" * (ID_OCTETS // 2)])
def test_any_other_id_is_taken_as_it_is(text: str) -> None:
    assert identifier("conversation", text) == text


def test_typed_text_may_be_empty_and_ends_somewhere() -> None:
    assert typed("topic", "") == ""
    assert typed("topic", "x" * NAME_LENGTH) == "x" * NAME_LENGTH
    with pytest.raises(Unstorable, match="1001 characters"):
        typed("topic", "x" * (NAME_LENGTH + 1))
    with pytest.raises(Unstorable, match=r"U\+D800"):
        typed("topic", "secret \ud800")


def test_a_refusal_quotes_no_text() -> None:
    for refuse in (lambda: identifier("x", "secret\0"), lambda: typed("x", "secret\0")):
        with pytest.raises(Unstorable) as refused:
            refuse()
        assert "secret" not in str(refused.value)


@given(st.text(st.characters()))
def test_what_is_replaced_can_be_held_and_keeps_its_length(text: str) -> None:
    shown = replaced(text)
    assert is_storable(shown)
    assert len(shown) == len(text)
    assert (shown == text) is is_storable(text)
    shown.encode()


def test_names_of_files_are_replaced_one_by_one() -> None:
    good, bad = Attachment("a", "text/plain", 1, "ff"), Attachment("\ud800", "text/plain", 1, "ee")
    assert replaced_names((good, bad)) == (good, Attachment("\ufffd", "text/plain", 1, "ee"))
