"""The one key that two spellings of an address share, and what never shares one."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convalias.domain.addresses.email_address import (
    EmailAddress,
    InvalidAddress,
    MailDomains,
    Territory,
    canonical_domain,
    canonical_local,
)
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


# --- laws of the canonical local part ------------------------------------------------------------------

# Letters that look alike, fold into one another somewhere, compose, or are special in an address.
letters = st.sampled_from("aAkKsSiIzZ.+\"\\@ ,;:<>()[]ıİſßẞKÅÅéÉ\u0301\u0308\u0958\u037e\u1fefσςΣ山ﬀ!#'-_9")
locals_ = st.one_of(st.text(letters, min_size=1, max_size=12), st.text(min_size=1, max_size=40))


def canonical(local: str) -> str | None:
    try:
        return canonical_local(local)
    except InvalidAddress:
        return None


def quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


@given(locals_)
def test_the_canonical_form_is_its_own(local: str) -> None:
    form = canonical(local)
    assert form is None or canonical_local(form) == form


@given(locals_)
def test_quotes_change_nobody(local: str) -> None:
    form = canonical(local)
    if form is not None and not local.startswith('"'):
        assert canonical_local(quoted(local)) == form


@given(locals_, locals_)
def test_only_ascii_case_and_composition_are_folded(one: str, other: str) -> None:
    """Two quoted texts share a form exactly when they differ in A-Z and NFC only, and nothing becomes ASCII."""
    first, second = canonical(quoted(one)), canonical(quoted(other))
    if first is not None and first == second:
        assert folded(one) == folded(other)
    if first is not None:
        assert sum(map(str.isascii, unescaped(first))) <= sum(map(str.isascii, one))


def folded(text: str) -> str:
    return unicodedata.normalize("NFC", "".join(chr(ord(c) + 32) if "A" <= c <= "Z" else c for c in text))


def unescaped(form: str) -> str:
    return re.sub(r"\\(.)", r"\1", form[1:-1]) if form.startswith('"') else form


def test_no_letter_beyond_ascii_becomes_an_ascii_one() -> None:
    printable = filter(str.isprintable, map(chr, range(0x80, 0x30000)))
    assert [char for char in printable if canonical_local(f"x{char}").isascii()] == []


def test_a_letter_that_composing_makes_longer_counts_as_it_is_kept() -> None:
    assert canonical_local("\u0958" * 42)
    with pytest.raises(InvalidAddress, match="256"):
        canonical_local("\u0958" * 43)


@pytest.mark.parametrize("domain", ["[]", "[a b]", "[[x]]", "[a]b]", "[a\nb]", "[\u00e4]", "x" * 64, "a.."])
def test_a_domain_is_labels_or_a_literal_without_space_and_bracket(domain: str) -> None:
    with pytest.raises(InvalidAddress):
        canonical_domain(domain)


def test_of_a_domain_only_case_and_the_root_are_taken() -> None:
    assert canonical_domain("A_b.Example.") == "a_b.example"


@pytest.mark.parametrize(
    ("key", "written", "wire"),
    [
        ("ann.ray@home.example", "Ann.Ray@HOME.example.", "Ann.Ray@home.example"),
        ("a..b@home.example", '"a..b"@home.example', '"a..b"@home.example'),
        ("ann@xn--bcher-kva.example", "Ann@bücher.example", "Ann@xn--bcher-kva.example"),
        ("ann@home.example", "Ann <ann@home.example>", "ann@home.example"),
        ("ann@home.example", "bob@home.example", "ann@home.example"),
    ],
)
def test_mail_is_sent_to_the_local_part_as_written_and_the_domain_as_a_labels(
    key: str, written: str, wire: str
) -> None:
    assert EmailAddress(key, written).wire == wire


def test_a_domain_that_is_no_text_is_refused() -> None:
    with pytest.raises(InvalidValue, match=r"domain: found 7, expected text, such as mail\.example"):
        canonical_domain(7)  # type: ignore[arg-type]
