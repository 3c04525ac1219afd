"""Texts of machines are equal but for numbers and dates; people are not taken for machines."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convalias.domain.mail.repeats import folded, is_short, repeat_digest


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Your ticket 17 was opened.", "Your ticket 18 was opened."),
        ("Ticket A7-19 (of Sunday, 1 March) is open.", "Ticket B2-20 (of Monday, 31 May) is open."),
        ("Ihre Anfrage vom Sonntag, 1. März 2026, 9:05", "Ihre Anfrage vom Montag, 2. Februar 2026, 12:30"),
        ("Reçu le dimanche 1 mars à 12 h", "Reçu le lundi 2 avril à 13 h"),
        ("2026年3月1日(日) 12:00に受信しました", "2026年12月31日(月) 9:30に受信しました"),
        ("Sent at 11 am", "Sent at 2  PM"),
        ("我們星期天不上班", "我們星期一不上班"),
        ("下礼拜天回覆", "下礼拜五回覆"),
        ("Sun, 01 Mar 2026 12:00:00 +0000", "Mon, 2 Mar 2026 9:00 +0100"),
    ],
)
def test_numbers_and_dates_make_no_other_text(one: str, other: str) -> None:
    assert repeat_digest(one, ()) == repeat_digest(other, ())


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("You may come.", "You march."),
        ("Tuesday suits me", "Monday suits me"),
        ("Yes.", "No."),
        ("こちらは1番です", "こちらは2番でした"),
    ],
)
def test_other_words_make_another_text(one: str, other: str) -> None:
    assert repeat_digest(one, ()) != repeat_digest(other, ())


def test_other_attachments_make_another_mail() -> None:
    assert repeat_digest("Page 1", ("a", "b")) == repeat_digest("Page 2", ("b", "a"))
    assert repeat_digest("Page 1", ("a",)) != repeat_digest("Page 1", ("b",))


def test_a_long_text_counts_to_its_end() -> None:
    assert repeat_digest("word " * 9_000 + "yes", ()) != repeat_digest("word " * 9_000 + "no", ())


def test_white_space_makes_no_text_long() -> None:
    assert is_short("ok" + " " * 99 + "\n")
    assert not is_short("x" * 40)


@given(st.text())
def test_folding_again_changes_nothing_more_of_words(text: str) -> None:
    assert repeat_digest(text, ()) == repeat_digest(f" {text}\n", ())
    assert "0" not in folded(text)
