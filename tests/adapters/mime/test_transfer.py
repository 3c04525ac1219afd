"""Transfer encodings undone: base64 of a text that is none, or not to its end."""

from __future__ import annotations

import base64
import time

import pytest

from convalias.adapters.mime.transfer import undone, words_undone

ANSWER = b"The answer is yes, on 4 May."
LONG = b"x" * 57 * 3


@pytest.mark.parametrize(
    "octets",
    [
        base64.encodebytes(ANSWER) + b"\n--\nThis mail was scanned by Gateway.\n",
        base64.encodebytes(ANSWER) + b"_____\nList mailing list -- list@lists.example\n",
        base64.encodebytes(ANSWER) + b"\nDisclaimer\n",
        base64.b64encode(ANSWER) + b" ignored\n",
        base64.b64encode(b"The answer is yes, on 4 May.  ") + b"\n\nDisclaimer\nof the firm\n",
    ],
)
def test_what_follows_the_last_line_of_base64_is_text(octets: bytes) -> None:
    found = words_undone(octets, "base64")
    assert found.startswith(ANSWER)
    assert found.isascii()
    assert found.strip() != ANSWER


@pytest.mark.parametrize("notice", [b"Disclaimer\n", b"Disclaimer: a notice\n", b"--\nMary\n"])
def test_a_notice_below_full_lines_of_base64_is_text(notice: bytes) -> None:
    assert words_undone(base64.encodebytes(LONG) + b"\n" + notice, "base64") == LONG + b"\n\n" + notice.strip()


@pytest.mark.parametrize("text", [b"The answer is yes.", b"Yes", b"Thanks", b"Hello", b"Yes.\n\nMary", b"- yes\n- no"])
def test_base64_that_is_none_is_text(text: bytes) -> None:
    assert words_undone(text, "base64") == text


@pytest.mark.parametrize(
    "octets",
    [
        base64.encodebytes(LONG),
        base64.b64encode(LONG),
        b"\r\n" + base64.encodebytes(LONG).replace(b"\n", b"\r\n") + b"\r\n\r\n",
        base64.encodebytes(LONG).replace(b"eHh4", b"eHh*4", 1),
        base64.encodebytes(LONG).replace(b"\n", b"\n\n"),
        base64.encodebytes(LONG)[:-1],
    ],
    ids=["lines", "one line", "CRLF", "one octet damaged", "blank lines", "no end"],
)
def test_base64_is_base64(octets: bytes) -> None:
    assert words_undone(octets, "base64") == LONG


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        (
            base64.encodebytes(b"Hello Mary,") + base64.encodebytes(b"and a long second part of it"),
            b"Hello Mary,and a long second part of it",
        ),
        (base64.encodebytes(LONG)[:-20], LONG[:-15]),
        (b"Z3LDvMOfZQ", "grüße".encode()),
        (b"T2theQ==", b"Okay"),
        (b"", b""),
    ],
    ids=["two of them", "torn", "no padding", "short", "nothing"],
)
def test_base64_that_is_odd_is_still_read(octets: bytes, text: bytes) -> None:
    assert words_undone(octets, "base64") == text


def test_other_encodings_are_undone_as_for_any_part() -> None:
    assert words_undone(b"a=20b", "quoted-printable") == undone(b"a=20b", "quoted-printable") == b"a b"
    assert words_undone(b"QQ==", "") == b"QQ=="


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        (b"a long line = \nand its end", b"a long line and its end"),
        (b"a long line =\t \r\nand its end", b"a long line and its end"),
        (b"a long line =  ", b"a long line "),
        (b"1 = 1\n", b"1 = 1\n"),
        (b"caf=C3=A9 =\n= 1", "caf\xe9 = 1".encode()),
    ],
)
def test_blanks_behind_a_soft_line_break_are_of_a_server(octets: bytes, text: bytes) -> None:
    assert undone(octets, "quoted-printable") == text


def test_soft_line_breaks_with_blanks_cost_linear_time() -> None:
    started = time.process_time()
    for octets in (b"= " * 500_000, b"=" + b" " * 1_000_000 + b"x", b"= \n" * 300_000):
        undone(octets, "quoted-printable")
    assert time.process_time() - started < 1
