"""The one key that two spellings of an address share, and what never shares one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convalias.domain.addresses import EmailAddress, InvalidAddress, MailDomains, Territory
from convalias.domain.errors import InvalidValue


def key(text: str) -> str:
    return EmailAddress.parse(text).key


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("John@X.Example", "john@x.example"),
        ("john@x.example.", "john@x.example"),
        ('"john"@x.example', "john@x.example"),
        ('"a..b"@x.example', "a..b@x.example"),
        ("a..b.@x.example", "a..b.@x.example"),
        ('"a b"@x.example', '"a b"@x.example'),
        (r'"a\"\\b"@x.example', r'"a\"\\b"@x.example'),
        (r'"\a"@x.example', "a@x.example"),
        ('"a@b"@x.example', '"a@b"@x.example'),
        ("jo\u0308rg@x.example", "j\u00f6rg@x.example"),
        ("john+tag@x.example", "john+tag@x.example"),
        ("john@[192.0.2.1]", "john@[192.0.2.1]"),
    ],
)
def test_spellings_share_a_key(written: str, canonical: str) -> None:
    assert key(written) == canonical


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("\u017fmith@x.example", "smith@x.example"),
        ("stra\u00dfe@x.example", "strasse@x.example"),
        ("\u212aen@x.example", "ken@x.example"),
        ("\u00c4nne@x.example", "\u00e4nne@x.example"),
        ("john+tag@x.example", "john@x.example"),
        ("j.ohn@x.example", "john@x.example"),
    ],
    ids=["long s", "sharp s", "Kelvin sign", "case beyond ASCII", "tag", "dot"],
)
def test_different_people_do_not(one: str, other: str) -> None:
    assert EmailAddress.parse(one) != EmailAddress.parse(other)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "john",
        "@x.example",
        "john@",
        "john@x..example",
        "john@-x.example",
        "john@b\u00fccher.example",
        "john@" + "a." * 128 + "example",
        "a b@x.example",
        "a<b@x.example",
        "a\x00b@x.example",
        "a" * 257 + "@x.example",
        '"@x.example',
        '"a@x.example',
        '"a"b"@x.example',
        r'"a\"@x.example',
        '""@x.example',
    ],
)
def test_what_is_no_single_address_is_refused(text: str) -> None:
    with pytest.raises(InvalidAddress):
        EmailAddress.parse(text)


@given(st.text(max_size=40))
def test_a_key_is_its_own_key(text: str) -> None:
    try:
        address = EmailAddress.parse(f"{text}@x.example")
    except InvalidAddress:
        return
    assert EmailAddress.parse(address.key) == address


def test_an_address_is_its_key_and_remembers_how_it_was_written() -> None:
    shouted, plain = EmailAddress.parse("JOHN@x.example"), EmailAddress.parse("john@x.example")
    assert shouted == plain
    assert hash(shouted) == hash(plain)
    assert shouted.written == "JOHN@x.example"
    assert (str(shouted), repr(shouted)) == ("john@x.example", "<john@x.example>")
    assert (shouted.local, shouted.domain) == ("john", "x.example")
    assert EmailAddress.parse("ann@x.example") < shouted


def test_a_domain_is_alias_legacy_or_foreign() -> None:
    domains = MailDomains({"Reply.example"}, {"relay.example"})
    where = {name: domains.territory(EmailAddress.parse(f"x@{name}.example")) for name in ("reply", "relay", "else")}
    assert where == {"reply": Territory.ALIAS, "relay": Territory.LEGACY, "else": Territory.FOREIGN}
    assert domains.ours(EmailAddress.parse("x@relay.example"))
    assert not domains.ours(EmailAddress.parse("x@sub.reply.example"))


def test_no_domain_is_both() -> None:
    with pytest.raises(InvalidValue, match="never both"):
        MailDomains({"x.example"}, {"X.example"})
