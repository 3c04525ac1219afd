"""Files that stand in a text are files, and what only looks like one stays text."""

from __future__ import annotations

import binascii
import time

import pytest

from adapters.mime.expectations import read
from convalias.adapters.mime.uuencoded import UuFile, taken_apart
from convalias.domain.mail.envelope import MailContent, MessageEnvelope

OCTETS = bytes(range(256)) * 3


def uuencoded(octets: bytes = OCTETS, name: str = "cv.pdf") -> str:
    lines = [binascii.b2a_uu(octets[at : at + 45], backtick=True).decode() for at in range(0, len(octets), 45)]
    return f"begin 644 {name}\n{''.join(lines)}`\nend\n"


def content(text: str) -> MailContent:
    mail = read(b"From: mary@corp.example\nSubject: The papers\n\n" + text.encode())
    assert isinstance(mail, MessageEnvelope)
    return mail.content


def test_a_file_in_a_text_is_an_attachment() -> None:
    found = content(f"See my papers.\n\n{uuencoded()}\nMary\n")
    assert found.text == "See my papers.\n\n\nMary"
    ((name, size),) = [(one.name, one.size) for one in found.attachments]
    assert (name, size) == ("cv.pdf", len(OCTETS))
    again = content(f"See my papers.\n\n{uuencoded(OCTETS[:-1])}\nMary\n")
    assert again.body_digest != found.body_digest


def test_a_mail_that_is_nothing_but_a_file_is_not_empty() -> None:
    found = content(uuencoded(name="../../cv.pdf"))
    assert not found.empty
    assert [one.name for one in found.attachments] == ["cv.pdf"]


@pytest.mark.parametrize(
    ("text", "files"),
    [
        (uuencoded(b""), [b""]),
        (uuencoded(b"a").replace("`", " "), [b"a"]),
        (uuencoded(b"a\0\0").replace("`", "").replace("#80", "#80  "), [b"a\0\0"]),
        (uuencoded().replace("\n", "\r\n").replace("\r\n", "\n", 1), [OCTETS]),
        (uuencoded(b"a") + "between\n" + uuencoded(b"b"), [b"a", b"b"]),
        ("begin 644 broken\nnot of it\n" + uuencoded(b"a"), [b"a"]),
    ],
    ids=["empty", "blanks", "blanks cut", "CRLF", "two", "behind a broken one"],
)
def test_files_are_found(text: str, files: list[bytes]) -> None:
    assert [one.content for one in taken_apart(text)[1]] == files


@pytest.mark.parametrize(
    "text",
    [
        "begin 644 the work at ten\nand let us see\nend\n",
        uuencoded().removesuffix("end\n"),
        uuencoded().replace("begin 644", " begin 644"),
        uuencoded().replace("begin 644", "> begin 644"),
        uuencoded().replace("\nM", "\nm", 1),
        uuencoded(b"a").replace("!80``", "!\u00e9"),
        uuencoded(b"a").replace("!80``", "!80``abcdefg"),
    ],
    ids=["prose", "no end", "indented", "quoted", "length", "letter", "too long"],
)
def test_what_only_looks_like_a_file_is_text(text: str) -> None:
    assert taken_apart(text) == (text, ())


def test_many_files_are_bounded() -> None:
    text, files = taken_apart(uuencoded(b"a", "x") * 150)
    assert files == (UuFile("x", b"a"),) * 100
    assert text == uuencoded(b"a", "x") * 50


def test_any_text_costs_linear_time() -> None:
    started = time.process_time()
    line = uuencoded()[16:].splitlines()[0] + "\n"
    for text in (
        "begin 644 a\n" * 100_000,
        "begin 644 a\n" + line * 50_000,
        ("begin 644 a\n" + line * 3) * 10_000,
        "`\n" * 300_000,
    ):
        taken_apart(text + "\nend")
    assert time.process_time() - started < 3
