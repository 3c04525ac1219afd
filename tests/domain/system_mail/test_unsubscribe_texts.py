"""The unsubscribe page has all its words in each language, and finds the one that a browser asks for."""

from __future__ import annotations

import pytest
from attrs import asdict
from hypothesis import given
from hypothesis import strategies as st

from convalias.domain.system_mail.refusal_texts import LANGUAGES
from convalias.domain.system_mail.unsubscribe_texts import TEXTS, language_asked


def test_there_are_four_languages_and_no_word_of_one_stands_in_another() -> None:
    assert tuple(TEXTS) == LANGUAGES
    words = [text for texts in TEXTS.values() for text in asdict(texts).values()]
    assert all(words)
    assert len({*words}) == len(words) == 4 * 11


@pytest.mark.parametrize(
    ("asked", "language"),
    [
        ("", "en"),
        ("ja", "ja"),
        ("DE-AT, en;q=0.5", "de"),
        ("en;q=0.4, fr;q=0.8, de;q=0.6", "fr"),
        ("pt-BR, pt;q=0.9, ja;q=0.1", "ja"),
        ("de;q=0", "en"),
        ("de;q=0, fr;q=0.000", "en"),
        ("de; q = 0.9", "de"),
        ("de;level=1", "en"),
        ("de;q=much, fr;q=0.1", "fr"),
        ("de;q=0.12345", "en"),
        ("*", "en"),
        (", , fr", "fr"),
        ("xx," * 30 + "de", "en"),
    ],
)
def test_the_language_is_the_one_that_is_asked_for_most(asked: str, language: str) -> None:
    assert language_asked(asked) == language


@given(st.text())
def test_whatever_a_browser_asks_for_there_is_a_language(asked: str) -> None:
    assert language_asked(asked) in LANGUAGES
