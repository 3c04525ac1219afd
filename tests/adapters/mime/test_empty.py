"""Mail without words of its author: the subject is the text, or nothing is."""

from __future__ import annotations

import pytest

from adapters.mime.expectations import POST, READER, read
from convalias.adapters.mime import Reader, limits
from convalias.adapters.mime.quotes import is_wordless
from convalias.domain.mail.envelope import MailContent, MessageEnvelope
from convalias.ports.drafts import REPLY_MARKER, SUBJECT

BOB = "bob-ray-1ab131e2@reply.example"
QUOTED = f"On 1 March 2026, Bob Ray <{BOB}> wrote:\n> Does Tuesday suit you?\n> Bob"


def content(subject: str, body: str = "", kind: str = "text/plain", reader: Reader = READER) -> MailContent:
    head = f"From: mary@corp.example\nSubject: {subject}\nContent-Type: {kind}; charset=utf-8\n\n"
    mail = reader.read_now((head + body).encode(), POST).mail
    assert isinstance(mail, MessageEnvelope)
    return mail.content


@pytest.mark.parametrize("subject", ["I am ill, we must move", "Re: yes, Tuesday at ten", "Coming [urgent]"])
@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("", "text/plain"),
        ("\n \n", "text/plain"),
        ("\u200b\u200c", "text/plain"),
        ("<div><br></div>", "text/html"),
        ("<div>&zwnj;&nbsp;&shy;</div>", "text/html"),
    ],
)
def test_the_subject_of_a_mail_without_a_body_is_its_text(subject: str, body: str, kind: str) -> None:
    found = content(subject, body, kind)
    assert (found.text, found.full_text, found.empty) == (subject, subject, False)


def test_a_subject_stands_above_a_quotation_that_is_all_there_is() -> None:
    found = content("I am ill", QUOTED)
    assert found.text.startswith("I am ill\n\n")
    assert not found.empty


NOTHING = {
    "no body": "",
    "blank": "\n\n",
    "what nobody sees": "\u200b \u200c\u00ad\n\ufeff\u2060",
    "a quotation": QUOTED,
    "a quotation with our marker": f"Bob Ray wrote:\n> {REPLY_MARKER}\n> Does it suit?",
    "a signature": "-- \nMary Jones\nCorp Ltd.",
    "a program's line": "Sent from my iPhone",
    "both": f"\nVon meinem iPhone gesendet\n\n{QUOTED}\n\n-- \nMary",
}


@pytest.mark.parametrize(
    "subject",
    [
        "Re:",
        "",
        f"Re: {SUBJECT}",
        f"AW: {SUBJECT} [de32bc]",
        "Re: Ours now [0a1b2c]",
        "(no subject)",
        "Re: kein Betreff",
    ],
)
@pytest.mark.parametrize("body", NOTHING.values(), ids=NOTHING.keys())
def test_an_answer_without_words_of_its_author_is_empty(subject: str, body: str) -> None:
    assert content(subject, body).empty


WORDS = {
    "a word": f"Yes\n\n{QUOTED}",
    "a word below": f"{QUOTED}\n\nYes",
    "a word between": f"On 1 March 2026 Bob <{BOB}> wrote:\n> Does it suit?\nYes\n> Bob",
    "history without marks": f"From: Bob <{BOB}>\nSent: 1 March 2026\nTo: Ann\n\nYes, as I wrote inside.",
    "a person's own quotation": "My offer is the following:\n> Work begins on 4 May.",
    "a quotation alone": "> Work begins on 4 May.",
    "a long text below two hyphens": "--\n" + "more\n" * 20,
    "a smiley": ":)",
    "a very long text": "x" * (limits.TEXT + 1),
}


@pytest.mark.parametrize("body", WORDS.values(), ids=WORDS.keys())
def test_an_answer_with_anything_that_may_be_words_of_its_author_is_not_empty(body: str) -> None:
    found = content(f"Re: {SUBJECT}", body)
    assert not found.empty
    assert found.text.strip()


def test_an_answer_with_a_file_is_not_empty() -> None:
    raw = "From: mary@corp.example\nSubject: Re:\nContent-Type: application/pdf; name=a.pdf\n\n%PDF"
    mail = read(raw.encode())
    assert isinstance(mail, MessageEnvelope)
    assert not mail.content.empty


def test_a_host_with_another_subject_names_it() -> None:
    ours = Reader(subjects=frozenset({"News at Corp"}))
    assert content("Re: News at Corp", reader=ours).empty
    assert content("Re: News at Corp").text == "Re: News at Corp"


def test_a_text_is_wordless_whatever_direction_it_has() -> None:
    assert is_wordless(f"\u202bBob <{BOB}> 1.3.2026:\u202c\n> alt", frozenset({"reply.example"}))
