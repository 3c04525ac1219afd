"""Record ids: printable ASCII, one for each text, however odd."""

from __future__ import annotations

import re
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convalias.stores.encoding import digest, encoded

IDS = re.compile(r"[!-~]*")
texts = st.text(st.characters(), max_size=200)


@given(texts)
def test_any_text_becomes_a_short_printable_id(text: str) -> None:
    assert IDS.fullmatch(encoded(text))
    assert len(encoded(text)) <= 150


@given(st.text(st.characters(), max_size=16))
def test_a_short_text_can_be_read_back(text: str) -> None:
    assert unquote(encoded(text), errors="surrogatepass") == text


@pytest.mark.parametrize("text", ["c1", "a-b_c.d~e:f", "1ab131e2-9b14-4a49-93bc-56cb01e413a6", "x" * 150])
def test_a_plain_id_stays_as_it_is(text: str) -> None:
    assert encoded(text) == text


@pytest.mark.parametrize("text", ["a/b", "a b", "a%20b", "a\nb", "a\0b", "ä", "\ud800"])
def test_what_could_be_a_path_a_line_or_no_text_is_escaped(text: str) -> None:
    assert re.fullmatch(r"[\w%-]+", encoded(text), re.ASCII)


@given(texts, texts)
def test_two_texts_never_share_an_id(one: str, other: str) -> None:
    assert (encoded(one) == encoded(other)) is (one == other)


@pytest.mark.parametrize("text", ["x" * 151, "é" * 80, "x" * 79 + "é" * 40])
def test_a_long_text_is_told_from_one_written_like_its_id(text: str) -> None:
    name = encoded(text)
    assert name.endswith(digest(text))
    assert encoded(name) != name


def test_long_texts_with_one_beginning_differ() -> None:
    assert encoded("x" * 200) != encoded("x" * 201)


@given(st.lists(st.one_of(texts, st.binary(max_size=20)), max_size=4))
def test_a_digest_is_forty_hex_digits(parts: list[str | bytes]) -> None:
    assert re.fullmatch(r"[0-9a-f]{40}", digest(*parts))


def test_parts_of_a_digest_do_not_run_into_one_another() -> None:
    assert len({digest("ab", "c"), digest("a", "bc"), digest("abc"), digest("abc", ""), digest("", "abc")}) == 5
    assert digest("é") == digest("é".encode())
