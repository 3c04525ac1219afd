"""Replies to our mail, made of client, language and own words, with the words that must stay."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import format_datetime

from attrs import frozen

from mails.answers.attributions import LINES, SUBJECT, WHO, block
from mails.answers.clients import CLIENTS, SINGLE, Written, ours, ours_laid_out, quoted
from mails.answers.words import ASKED, LANGUAGES, SAID

_BOUNDARY = "=_1a2b3c"


@frozen
class Answer:
    """One reply."""

    name: str
    raw: bytes
    kept: str
    """The own words, all of them and nothing else."""


def answers() -> tuple[Answer, ...]:
    """Every client in every language, the programs of one country, and what people do besides."""
    return (*_by_clients(), *_by_single_programs(), *_odd_ones())


def crossed() -> Iterator[Answer]:
    """Every text above every history."""
    for client, write in CLIENTS.items():
        for language in LANGUAGES:
            for number, said in enumerate(SAID[language]):
                yield _answer(f"{client}-{language}-{number}", write(language, said))
    for client, (language, below) in SINGLE.items():
        for number, said in enumerate(SAID[language]):
            yield _answer(f"{client}-{language}-{number}", _single(language, below, said))


def _by_clients() -> Iterator[Answer]:
    for number, (client, write) in enumerate(CLIENTS.items()):
        for language in LANGUAGES:
            own = SAID[language]
            yield _answer(f"{client}-{language}", write(language, own[number % len(own)]))


def _by_single_programs() -> Iterator[Answer]:
    for number, (client, (language, below)) in enumerate(SINGLE.items()):
        yield _answer(f"{client}-{language}", _single(language, below, SAID[language][number % len(SAID[language])]))


def _single(language: str, below: str, said: str) -> Written:
    history = below.format(quoted=quoted(ours(language)), plain=ours_laid_out(language))
    return Written(f"{said}\n\n{history}\n", None, said)


def _odd_ones() -> Iterator[Answer]:
    """Answers between and below the quoted lines must stay whole; quotations in quotations go."""
    asked = ASKED["en"].partition("\n")[0]
    line, mail = LINES["gmail"]["en"], quoted(ours("en"))
    between = f"See below.\n\n{line}\n\n{mail}\n\nI will.\n\n> {asked}\n\nAt ten sharp."
    yield _answer("between", Written(between, None, between))
    below = f"{line}\n\n{mail}\n\nYes, Tuesday works."
    yield _answer("below", Written(below, None, below))
    above_and_below = f"Hello John,\n\n{line}\n{mail}\n\nYes, Tuesday works.\n\nMary"
    yield _answer("above-and-below", Written(above_and_below, None, above_and_below))
    deeper = quoted(f"Which day?\n\n{line}\n\n{mail}")
    yield _answer("twice", Written(f"Fine.\n\n{line}\n\n{quoted(ours('en'))}\n>\n{deeper}\n", None, "Fine."))
    exchange = f"Fine.\n\n{block('en')}\n\n{ours_laid_out('en')}\n\n{block('en')}\n\n{ours_laid_out('en')}"
    yield _answer("twice-outlook", Written(exchange, None, "Fine."))
    forwarded = f"As promised, what she wrote:\n\n---------- Forwarded message ---------\n{block('en', WHO)}\n\n{asked}"
    yield _answer("forwarded", Written(forwarded, None, "As promised, what she wrote:"))
    yield _answer("marker-alone", Written(f"Fine.\n\n{ours('en')}\n", None, "Fine."))
    yield _answer(
        "signature-below", Written(f"Fine.\n\n{line}\n\n{mail}\n\n-- \nMary Jones\nCorp Ltd\n", None, "Fine.")
    )


def _answer(name: str, written: Written) -> Answer:
    head = [
        "From: Mary Jones <mary@corp.example>",
        f"To: {WHO}",
        f"Subject: Re: {SUBJECT}",
        f"Date: {format_datetime(datetime(2026, 3, 2, 10, 14, tzinfo=UTC))}",
        f"Message-ID: <{name}@corp.example>",
        "MIME-Version: 1.0",
    ]
    forms = [("plain", written.plain), ("html", written.html)]
    parts = [f"{_part(subtype)}\n\n{text}" for subtype, text in forms if text is not None]
    if len(parts) == 1:
        text = "\n".join([*head, parts[0]])
    else:
        between = "".join(f"--{_BOUNDARY}\n{part}\n" for part in parts)
        kind = f'Content-Type: multipart/alternative; boundary="{_BOUNDARY}"'
        text = "\n".join([*head, kind, "", f"{between}--{_BOUNDARY}--\n"])
    return Answer(name, text.replace("\n", "\r\n").encode(), written.kept)


def _part(subtype: str) -> str:
    return f"Content-Type: text/{subtype}; charset=utf-8\nContent-Transfer-Encoding: 8bit"
