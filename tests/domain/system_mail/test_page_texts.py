"""Each page has all its words in each language, and is in the one that a browser asks for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import cast

import pytest
from attrs import asdict
from hypothesis import given
from hypothesis import strategies as st

from convalias.domain.approvals.holds import FOUND, Proof
from convalias.domain.inbound.held import HoldState
from convalias.domain.mail.reasons import LANGUAGES
from convalias.domain.system_mail import approval_texts, attachment_texts, page_texts, unsubscribe_texts
from convalias.domain.system_mail.page_texts import language_asked

PAGES = (page_texts.TEXTS, unsubscribe_texts.TEXTS, approval_texts.TEXTS, attachment_texts.TEXTS)
EQUAL = {"octets", "decimal_mark"}
"""Words that may be the same in two languages."""


def _words(texts: object) -> list[str]:
    """All words of a page, those in its tables too."""
    words: list[str] = []
    for name, value in asdict(texts).items():  # type: ignore[call-overload]
        if name not in EQUAL:
            words += cast("Mapping[object, str]", value).values() if isinstance(value, Mapping) else [str(value)]
    return words


@pytest.mark.parametrize("page", PAGES)
def test_a_page_has_four_languages_and_no_word_of_one_stands_in_another(page: Mapping[str, object]) -> None:
    assert tuple(page) == LANGUAGES
    by_language = [_words(texts) for texts in page.values()]
    assert {len(words) for words in by_language} == {len(by_language[0])}
    words = [word for one in by_language for word in one]
    assert all(words)
    assert len({*words}) == len(words)


@pytest.mark.parametrize("page", PAGES)
def test_what_is_replaced_stands_in_each_language(page: Mapping[str, object]) -> None:
    fields = [[sorted(re.findall(r"{\w+}", word)) for word in _words(texts)] for texts in page.values()]
    assert fields == [fields[0]] * len(LANGUAGES)


def test_the_page_of_a_held_mail_has_words_for_all_that_may_be_known_of_it() -> None:
    for texts in approval_texts.TEXTS.values():
        assert ({*texts.states}, {*texts.proofs}, {*texts.findings}) == ({*HoldState}, {*Proof}, {*FOUND})


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
