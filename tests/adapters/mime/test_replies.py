"""Replies to our own mail in the shapes of many programs: no own word is lost, and nearly all history is cut."""

from __future__ import annotations

import pytest

from adapters.mime.expectations import read
from convalias.domain.mail.envelope import MessageEnvelope
from convalias.ports.drafts import REPLY_MARKER
from mails.answers.attributions import NAME, WHO, block
from mails.answers.clients import ours, quoted
from mails.answers.made import Answer, answers, crossed

ANSWERS = answers()
LEAST_RIGHT = 0.95
# What stays too long, each with its reason in docs/explanation/reply-cutting.md. Nothing here loses a word.
UNCUT = frozenset({"marker-alone"})


def lines(text: str) -> list[str]:
    return [words for line in text.replace("\u00a0", " ").split("\n") if (words := " ".join(line.split()))]


def shown(answer: Answer) -> list[str]:
    mail = read(answer.raw)
    assert isinstance(mail, MessageEnvelope)
    return lines(mail.content.text)


def is_right(answer: Answer) -> bool:
    return shown(answer) == lines(answer.kept)


def is_lost(answer: Answer) -> bool:
    """Whether an own word is missing from what is shown."""
    return shown(answer)[: len(lines(answer.kept))] != lines(answer.kept)


def test_there_are_a_hundred_replies_and_more() -> None:
    assert len(ANSWERS) >= 100
    assert len({answer.name for answer in ANSWERS}) == len(ANSWERS)


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: answer.name)
def test_no_own_word_is_lost(answer: Answer) -> None:
    assert not is_lost(answer), shown(answer)


def test_nearly_every_reply_is_cut_right_and_the_others_are_known() -> None:
    wrong = {answer.name for answer in ANSWERS if not is_right(answer)}
    assert wrong == UNCUT
    assert len(wrong) <= len(ANSWERS) * (1 - LEAST_RIGHT)


def test_every_text_is_cut_right_above_every_history() -> None:
    # Text and history of the replies by hand, each with each.
    wrong = [one.name for one in crossed() if not is_right(one)]
    assert wrong == []


# docs/explanation/reply-cutting.md, "Where it fails": the full text has all of it.
@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (f"See below.\n\n{block('en')}\n\n{ours('en')}\n\n[Mary] I will bring them.\n", "See below."),
        (
            f"Yes.\n\n{NAME} schreef op maandag\n\n> Can you come?\n",
            f"Yes.\n\n{NAME} schreef op maandag\n\n> Can you come?",
        ),
        ("Tuesday.\n\nYou asked:\n> which day?\n", "Tuesday."),
        (f"Be there at\n3 March 2026 10:15\n{WHO}:\n\n{quoted(ours('en'))}\n", "Be there at"),
        (f"Yes.\n\n{WHO}:\n\n> Can you come?\n\nNotice.\n", f"Yes.\n\n{WHO}:\n\n> Can you come?\n\nNotice."),
        (f"Yes.\n{REPLY_MARKER}\nNo.\n", "Yes."),
    ],
    ids=[
        "inside Outlook's",
        "no sign at all",
        "colon and quotation",
        "date above",
        "footer without rule",
        "the marker",
    ],
)
def test_where_the_cutter_fails_the_full_text_has_all_of_it(text: str, kept: str) -> None:
    mail = read(b"From: mary@corp.example\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" + text.encode())
    assert isinstance(mail, MessageEnvelope)
    assert lines(mail.content.text) == lines(kept)
    assert lines(mail.content.full_text) == lines(text)
