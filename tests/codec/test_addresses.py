"""Addresses at the edge: internationalised domains become A-labels, and never somebody else's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convalias.codec.addresses import MOST, read_address, what_is_wrong
from convalias.domain.addresses.email_address import EmailAddress, InvalidAddress


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("John@X.example", "john@x.example"),
        ("john@bücher.example", "john@xn--bcher-kva.example"),
        ("john@faß.example", "john@xn--fa-hia.example"),
        ("john@βόλος.example", "john@xn--nxasmm1c.example"),
        ("john@例え.Example.", "john@xn--r8jz45g.example"),
        ("山田@例え.example", "山田@xn--r8jz45g.example"),
        ('"a@b"@bücher.example', '"a@b"@xn--bcher-kva.example'),
    ],
)
def test_a_domain_becomes_its_a_label(text: str, key: str) -> None:
    assert read_address(text).key == key


def test_an_address_is_shown_as_it_was_written() -> None:
    assert read_address("John@bücher.example").written == "John@bücher.example"
    assert read_address("John@bücher.example") == EmailAddress.parse("john@xn--bcher-kva.example")


@pytest.mark.parametrize(
    "text",
    [
        "john",
        "john@",
        "@bücher.example",
        "john@BÜCHER.example",
        "john@ｘ.example",
        "john@x。example",
        "john@x．example",
        "john＠x.example",
        "john@bü cher.example",
        "john@-ü.example",
        "john@ü..example",
        "john@☃.example",
        "john@\u200dü.example",
        "john@" + "ü" * 64 + ".example",
        "john@" + "ü." * 10_000 + "example",
        "a b@bücher.example",
    ],
    ids=lambda text: ascii(text[:30]),
)
def test_what_needs_mapping_or_is_no_domain_is_refused(text: str) -> None:
    with pytest.raises(InvalidAddress):
        read_address(text)


def test_a_long_domain_is_refused_before_it_costs_anything() -> None:
    with pytest.raises(InvalidAddress):
        read_address("john@" + "ü" * MOST * 1_000)


@given(st.one_of(st.text(max_size=60), st.text("a@.ü-ßxn。\u0301\u200d\ud800", max_size=20)))
def test_any_text_is_an_address_or_is_refused(text: str) -> None:
    try:
        address = read_address(text)
    except InvalidAddress:
        return
    assert address.domain.isascii()
    assert EmailAddress.parse(address.key) == address


def test_what_is_wrong_with_a_typed_address_is_told_in_words() -> None:
    assert "@-sign" in what_is_wrong("john.home.example")
    assert what_is_wrong("john@home.example") == ""
