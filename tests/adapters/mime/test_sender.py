"""The From field: every shape that can be read in two ways, each beside its honest look-alike."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.mime.expectations import read
from convalias.domain.mail.envelope import AmbiguousFrom, ClearFrom, MessageEnvelope

HONEST = {
    "bare": b"From: john@corp.example",
    "angle": b"From: <john@corp.example>",
    "spaces in the angle": b"From: John < john@corp.example >",
    "Outlook's single quotes": b"From: 'john@corp.example' <john@corp.example>",
    "the same before": b"From: john@corp.example <john@corp.example>",
    "the same before, other case": b"From: John@CORP.example <john@corp.example>",
    "a comma name": b"From: Doe, John <john@corp.example>",
    "a semicolon name": b"From: Doe; John <john@corp.example>",
    "brackets": b"From: John [Corp] <john@corp.example>",
    "another address in quotes": b'From: "ceo@corp.example" <john@corp.example>',
    "angle in quotes": b'From: "John <ceo@corp.example>" <john@corp.example>',
    "another address in a comment": b"From: John (ceo@corp.example) <john@corp.example>",
    "another address in an encoded word": b"From: =?utf-8?q?ceo=40corp.example?= <john@corp.example>",
    "the same, not even encoded": b"From: =?utf-8?q?ceo@corp.example?= <john@corp.example>",
    "a comment behind": b"From: <john@corp.example> (ceo@corp.example)",
    "a comment behind a bare one": b"From: john@corp.example (John Doe)",
    "nested comments": b"From: (a (b (c))) john@corp.example",
    "an escaped quote": b'From: "John \\" <ceo@corp.example>" <john@corp.example>',
    "an escaped parenthesis": b"From: (a \\) b) <john@corp.example>",
    "a colon in quotes": b'From: "Team: John" <john@corp.example>',
    "at signs with spaces": b"From: John @ Corp <john@corp.example>",
    "an at sign without a left side": b"From: John @corp <john@corp.example>",
    "a full-width at sign in a Japanese name": "From: 田中＠営業 <john@corp.example>".encode(),
    "a full stop of a Japanese name": "From: 田中。 <john@corp.example>".encode(),
    "raw Japanese": b'From: \x1b$B;3"<@$,\x1b(B <john@corp.example>',
    "folded": b"From: John\r\n\t<john@corp.example>",
    "a quoted local part": b'From: <"john"@corp.example>',
    "raw Latin-1": b"From: J\xf6hn <john@corp.example>",
    "a parenthesis nobody opened": b"From: John :-) <john@corp.example>".replace(b":-", b";-"),
}
AMBIGUOUS = {
    "none": b"X-From: john@corp.example",
    "empty": b"From: ",
    "a name only": b"From: John Smith",
    "two fields": b"From: john@corp.example\r\nFrom: ceo@corp.example",
    "two fields that agree": b"From: john@corp.example\r\nFrom: john@corp.example",
    "two mailboxes": b"From: john@corp.example, ceo@corp.example",
    "two mailboxes that agree": b"From: <john@corp.example>, <john@corp.example>",
    "two mailboxes, one bare": b"From: john@corp.example, <john@corp.example>",
    "another before": b"From: ceo@corp.example <john@corp.example>",
    "another in single quotes": b"From: 'ceo@corp.example' <john@corp.example>",
    "a short other": b"From: ceo@corp <john@corp.example>",
    "an address behind": b"From: <john@corp.example>ceo@corp.example",
    "an at sign behind": b"From: <john@corp.example>@corp.example",
    "a word behind": b"From: <john@corp.example> John",
    "a comma behind": b"From: <john@corp.example>,",
    "two angles": b"From: <ceo@corp.example> <john@corp.example>",
    "two at signs": b"From: john@corp.example@evil.example",
    "two at signs in the angle": b"From: <john@corp.example@evil.example>",
    "an at sign in a quoted local part": b'From: "ceo@corp.example"@evil.example',
    "a quoted string that becomes a local part": b'From: "ceo"@corp.example <john@corp.example>',
    "an encoded word that becomes a local part": b"From: =?utf-8?q?ceo?=@corp.example <john@corp.example>",
    "a comment in an address": b"From: ceo(x)@corp.example <john@corp.example>",
    "a comment in the only address": b"From: john(x)@corp.example",
    "a comment in the angle": b"From: <john(x)@corp.example>",
    "a route": b"From: <@evil.example:john@corp.example>",
    "a group": b"From: Team: john@corp.example;",
    "an empty group": b"From: Team:;",
    "mailto": b"From: <mailto:john@corp.example>",
    "an empty angle": b"From: John <>",
    "spaces in an address": b"From: john @ corp.example",
    "a word and an address": b"From: John john@corp.example",
    "an angle in an encoded word": b"From: =?utf-8?q?<ceo@corp.example>?= <john@corp.example>",
    "a full-width at sign": "From: john＠corp.example".encode(),
    "a full-width at sign before": "From: ceo＠corp.example <john@corp.example>".encode(),
    "a full-width dot": "From: <john@corp．example>".encode(),
    "an ideographic full stop": "From: <john@corp。example>".encode(),
    "a domain that needs mapping": "From: <john@BÜCHER.example>".encode(),
    "a domain that is no domain": b"From: <john@corp..example>",
    "a bare CR": b"From: john@corp.example\rCc: x@evil.example",
    "a NUL": b"From: john@corp.example\0",
    "hidden behind a bare CR": b"From: john@corp.example\r\nX: y\rFrom: ceo@corp.example",
    "only hidden": b"X: y\rFrom: john@corp.example",
    "a space before the colon": b"From : john@corp.example",
    "a second with a space": b"From: john@corp.example\r\nFrom : ceo@corp.example",
}

# Broken syntax with one reading: `test_repair.py` has each beside its look-alikes.
REPAIRED = {
    "nested angles": b"From: <<john@corp.example>>",
    "a colon": b"From: Re: John <john@corp.example>",
    "an unclosed quote": b'From: "John <john@corp.example>',
    "an unclosed comment": b"From: (John <john@corp.example>",
    "an unclosed angle": b"From: John <john@corp.example",
    "an angle nobody opened": b"From: john@corp.example>",
}


def mail(lines: bytes) -> MessageEnvelope:
    found = read(lines + b"\r\nTo: a@reply.example\r\nMessage-ID: <x@y>\r\n\r\ntext\r\n")
    assert isinstance(found, MessageEnvelope)
    return found


@pytest.mark.parametrize("name", HONEST)
def test_an_honest_shape_has_one_reading(name: str) -> None:
    sender = mail(HONEST[name]).sender
    assert isinstance(sender, ClearFrom), sender
    assert sender.address.key == "john@corp.example"


@pytest.mark.parametrize("name", REPAIRED)
def test_a_broken_shape_with_one_reading_is_repaired(name: str) -> None:
    sender = mail(REPAIRED[name]).sender
    assert isinstance(sender, ClearFrom)
    assert (sender.address.key, sender.repaired) == ("john@corp.example", True)


@pytest.mark.parametrize("name", AMBIGUOUS)
def test_an_ambiguous_shape_never_matches_anybody(name: str) -> None:
    sender = mail(AMBIGUOUS[name]).sender
    assert isinstance(sender, AmbiguousFrom), sender
    assert sender.because


@pytest.mark.parametrize("name", [name for name, lines in AMBIGUOUS.items() if b"ceo@corp.example" in lines])
def test_every_reading_is_known_to_the_list_of_the_blocked(name: str) -> None:
    sender = mail(AMBIGUOUS[name]).sender
    assert isinstance(sender, AmbiguousFrom)
    assert "ceo@corp.example" in {one.key for one in sender.readings}


def test_a_full_width_spelling_is_read_as_what_it_looks_like() -> None:
    sender = mail("From: ceo＠corp．example".encode()).sender
    assert isinstance(sender, AmbiguousFrom)
    assert "ceo@corp.example" in {one.key for one in sender.readings}


@pytest.mark.parametrize(
    ("line", "display"),
    [
        (b"From: john@corp.example (John Doe)", "John Doe"),
        (b'From: "Doe, John" <john@corp.example>', "Doe, John"),
        (b"From: =?utf-8?q?J=C3=B6hn?= =?utf-8?q?_D=C3=B6e?= <john@corp.example>", "Jöhn Döe"),
        (b"From: J\xf6hn <john@corp.example>", "Jöhn"),
        (b"From: \x1b$B;3ED\x1b(B <john@corp.example>", "山田"),
        (b"From: 'John' <john@corp.example>", "John"),
        (b'From: "=?utf-8?q?gpj=E2=80=AEexe?=" <john@corp.example>', "gpjexe"),
    ],
)
def test_a_display_name_is_decoded_after_the_address_was_found(line: bytes, display: str) -> None:
    sender = mail(line).sender
    assert isinstance(sender, ClearFrom)
    assert sender.display == display


@pytest.mark.parametrize(
    ("domain", "key"),
    [
        ("bücher.example", "xn--bcher-kva.example"),
        ("faß.example", "xn--fa-hia.example"),
        ("CORP.example", "corp.example"),
    ],
)
def test_a_domain_is_put_into_a_labels_by_idna_2008(domain: str, key: str) -> None:
    sender = mail(f"From: John <john@{domain}>".encode()).sender
    assert isinstance(sender, ClearFrom)
    assert sender.address.domain == key


@given(st.text(max_size=60), st.text(max_size=30))
def test_whatever_stands_around_an_address_the_reading_is_that_address_or_ambiguous(before: str, behind: str) -> None:
    lines = f"From: {before}<john@corp.example>{behind}".encode("utf-8", "replace").replace(b"\n", b" ")
    sender = mail(lines).sender
    assert isinstance(sender, AmbiguousFrom) or sender.address.key == "john@corp.example"
