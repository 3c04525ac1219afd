"""text/enriched and text/richtext are read without their marks, text/rtf is a file."""

from __future__ import annotations

import time

import pytest

from adapters.mime.expectations import read
from convalias.adapters.mime.enriched import without_marks
from convalias.domain.mail.envelope import MailContent, MessageEnvelope


def content(raw: bytes) -> MailContent:
    mail = read(b"From: mary@corp.example\nMIME-Version: 1.0\n" + raw)
    assert isinstance(mail, MessageEnvelope)
    return mail.content


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("<bold>Now</bold> is the <italic>time</italic>", "Now is the time"),
        ("one\nline", "one line"),
        ("two\n\nlines", "two\nlines"),
        ("a\n\n\nb", "a\n\nb"),
        ("1 << 2 and <<bold>", "1 < 2 and <bold>"),
        ("<color><param>red</param>Blood</color>", "Blood"),
        ("<nofill>a\n  b</nofill>\nc", "a\n  b c"),
        ("<nofill>a\n<nofill>b</nofill>\nc</nofill>\nd", "a\nb\nc d"),
        ("</nofill>a\nb", "a b"),
        ("a < b, <not a mark>, <b", "a < b, <not a mark>, <b"),
    ],
)
def test_marks_of_enriched_text_are_not_shown(written: str, shown: str) -> None:
    assert without_marks(written, "text/enriched") == shown


@pytest.mark.parametrize(
    ("written", "shown"),
    [("<bold>Now</bold>\nis<nl>the", "Now is\nthe"), ("1 <lt> 2<paragraph>a</paragraph>", "1 < 2\n\na\n\n")],
)
def test_marks_of_its_forerunner_are_not_shown(written: str, shown: str) -> None:
    assert without_marks(written, "text/richtext") == shown


def test_a_mail_of_enriched_text_is_read() -> None:
    found = content(b"Content-Type: text/enriched; charset=utf-8\n\n<bold>Yes</bold>,\nI can.\n\n\nMary\n")
    assert found.text == "Yes, I can.\n\nMary"
    beside = b"--b\nContent-Type: text/plain\n\nYes.\n--b\nContent-Type: text/enriched\n\n<bold>Yes.</bold>\n--b--\n"
    assert content(b"Content-Type: multipart/alternative; boundary=b\n\n" + beside).text == "Yes."


def test_rich_text_of_word_processors_is_a_file() -> None:
    found = content(b"Content-Type: text/rtf\n\n{\\rtf1\\ansi Yes, I can.}\n")
    assert "rtf1" not in found.text
    assert [one.media_type for one in found.attachments] == ["text/rtf"]
    assert not found.empty


def test_any_marks_cost_linear_time() -> None:
    started = time.process_time()
    for text in (
        "<" * 500_000,
        "<a>" * 200_000,
        "<param>" * 100_000,
        "<nofill>" * 100_000,
        "\n" * 500_000,
        "<param>" + "a" * 500_000,
    ):
        without_marks(text, "text/enriched")
        without_marks(text, "text/richtext")
    assert time.process_time() - started < 4
