"""Outgoing mail: whatever a value holds, no line, field or address is added."""

from __future__ import annotations

import email
import email.policy
import re
import unicodedata
from datetime import UTC, datetime
from email.message import EmailMessage

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from convalias.adapters.mime import Reader, compose, needs_smtputf8
from convalias.adapters.mime.quotes import is_blank
from convalias.adapters.mime.writing import display_name
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.errors import InvalidValue
from convalias.domain.inbound.posts import Post
from convalias.domain.mail.envelope import ClearFrom, MessageEnvelope
from convalias.ports.drafts import REPLY_MARKER, AttachedFile, Draft

ALIAS = EmailAddress.parse("john-smith-1ab131e2@reply.example")
MARY = EmailAddress.parse("Mary@corp.example")
NOW = datetime(2026, 3, 2, 9, 14, tzinfo=UTC)
DRAFT = Draft(
    sender=ALIAS,
    to=MARY,
    subject="About the job",
    text=f"{REPLY_MARKER}\n\nTuesday is fine.\n",
    message_id="<n-1@reply.example>",
    date=NOW,
    sender_name="John Smith",
    via="Jobs",
)


def parsed(raw: bytes) -> EmailMessage:
    """What a strict parser of somebody else makes of it."""
    found = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(found, EmailMessage)
    assert not found.defects
    return found


def read(raw: bytes) -> MessageEnvelope:
    """What our own reader makes of it."""
    mail = Reader().read_now(raw, Post(received_at=NOW)).mail
    assert isinstance(mail, MessageEnvelope)
    return mail


def names(raw: bytes) -> list[str]:
    return [name.lower() for name in parsed(raw).keys()]  # noqa: SIM118 - fields may come twice


def test_a_plain_draft_is_a_plain_mail() -> None:
    mail = parsed(compose(DRAFT))
    assert mail["From"] == '"John Smith (via Jobs)" <john-smith-1ab131e2@reply.example>'
    assert mail["To"] == "Mary@corp.example"
    assert mail["Subject"] == "About the job"
    assert mail["Message-ID"] == "<n-1@reply.example>"
    assert mail["X-Auto-Response-Suppress"] == "DR, RN, NRN"
    assert mail["Auto-Submitted"] is None
    assert mail["Precedence"] is None
    assert mail.get_content_type() == "text/plain"


def test_every_line_ends_with_cr_lf() -> None:
    raw = compose(evolve(DRAFT, html="<p>ü</p>", attachments=(AttachedFile("a", "image/png", b"\n\r"),)))
    assert raw.count(b"\r\n") == raw.count(b"\n") == raw.count(b"\r")


def test_the_same_draft_is_the_same_bytes() -> None:
    rich = evolve(DRAFT, html="<p>Hi</p>", attachments=(AttachedFile("a", "image/png", b"x"),))
    assert compose(rich) == compose(rich)


def test_an_encoded_or_raw_line_break_in_a_subject_adds_no_field() -> None:
    raw = compose(evolve(DRAFT, subject="Hello\r\nBcc: victim@corp.example\n\nbody"))
    assert "bcc" not in names(raw)
    assert parsed(raw)["Subject"] == "Hello Bcc: victim@corp.example body"


def test_a_subject_that_looks_encoded_is_shown_as_it_was_written() -> None:
    subject = "=?utf-8?q?=0D=0ABcc:_x?= and more"
    assert parsed(compose(evolve(DRAFT, subject=subject)))["Subject"] == subject


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("John Smith", "John Smith (via Jobs)"),
        ("ceo@corp.example", "ceo corp.example (via Jobs)"),
        ("Eve <ceo@corp.example>", "Eve ceo corp.example (via Jobs)"),
        ("gpj\u202eexe", "gpj exe (via Jobs)"),
        ("A\x00B\r\nC", "A B C (via Jobs)"),
        ("Jobs", "Participant (via Jobs)"),
        ("J\uff4fbs Support", "Participant (via Jobs)"),
        ("J\u200bobs", "Participant (via Jobs)"),
        ("J\u043ebs Security", "Participant (via Jobs)"),
        ("J\u2060o\u3164b\u0336s!", "Participant (via Jobs)"),
        ("J o b s", "Participant (via Jobs)"),
        ("Steve Jobson", "Steve Jobson (via Jobs)"),
        ("", "Participant (via Jobs)"),
        ("\u200d", "Participant (via Jobs)"),
        ("x" * 300, "x" * 49 + " (via Jobs)"),
    ],
)
def test_a_display_name_holds_no_address_control_or_brand(name: str, shown: str) -> None:
    assert display_name(name, "Jobs") == shown


@given(st.text(max_size=200), st.text(max_size=200), st.text(max_size=200), st.text(max_size=300))
def test_no_text_can_add_a_field_or_an_address(name: str, via: str, subject: str, body: str) -> None:
    raw = compose(evolve(DRAFT, sender_name=name, via=via, subject=subject, text=body, html=body))
    plain = names(compose(evolve(DRAFT, html="x")))
    assert [one for one in names(raw) if one != "subject"] == [one for one in plain if one != "subject"]
    mail = read(raw)
    assert isinstance(mail.sender, ClearFrom)
    assert mail.sender.address == ALIAS
    assert mail.to == (MARY,)
    assert "@" not in mail.sender.display
    assert len(mail.sender.display) <= 60
    assert not any(unicodedata.category(char) == "Cc" for char in mail.sender.display)


@given(st.binary(max_size=300), st.text(max_size=80), st.text(max_size=40))
def test_an_attachment_arrives_as_it_was(content: bytes, name: str, media_type: str) -> None:
    raw = compose(evolve(DRAFT, attachments=(AttachedFile(name, media_type, content),)))
    found = Reader().read_now(raw, Post(received_at=NOW)).attachments
    assert [one.content for one in found] == [content]
    assert names(raw) == names(compose(evolve(DRAFT, attachments=(AttachedFile("a", "image/png", b""),))))


@given(st.text(alphabet=st.characters(exclude_categories=("Cs", "Cc")), max_size=400))
def test_text_arrives_as_it_was(text: str) -> None:
    shown = read(compose(evolve(DRAFT, text=text, subject=""))).content.full_text
    words = [] if is_blank(text) else text.replace("\ufeff", "").split()  # what nobody can see is no text
    assert shown.split() == words or "\u2028" in text or "\u2029" in text or "\x85" in text


@pytest.mark.parametrize("odd", ["<a b@c>", "<a@b>\r\nBcc: x", "", "<>", "<ä@b>", "<a@b><c@d>"])
def test_an_own_id_that_is_none_is_refused(odd: str) -> None:
    with pytest.raises(InvalidValue):
        compose(evolve(DRAFT, message_id=odd))


@pytest.mark.parametrize("odd", ["<a b@c>", "<a@b>\r\nBcc: x", "<ä@b>", "\\xff"])
def test_a_foreign_id_that_could_do_harm_is_left_out(odd: str) -> None:
    raw = compose(evolve(DRAFT, in_reply_to=odd, references=(odd, "<fine@corp.example>")))
    assert "bcc" not in names(raw)
    assert "<fine@corp.example>" in parsed(raw)["References"]


@pytest.mark.parametrize("odd", ["http://x.example", "https://x.example/\r\nBcc: x", "https://x.example/> <mailto:a@b"])
def test_an_unsubscribe_address_is_https_and_one_word(odd: str) -> None:
    with pytest.raises(InvalidValue):
        compose(evolve(DRAFT, unsubscribe=odd))


def test_one_click_unsubscribing_has_both_fields() -> None:
    mail = parsed(compose(evolve(DRAFT, unsubscribe="https://jobs.example/u?t=1")))
    assert mail["List-Unsubscribe"] == "<https://jobs.example/u?t=1>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_a_naive_date_is_refused() -> None:
    with pytest.raises(InvalidValue):
        compose(evolve(DRAFT, date=NOW.replace(tzinfo=None)))


def test_automatic_mail_says_so_and_wants_no_answer() -> None:
    mail = parsed(compose(evolve(DRAFT, auto_submitted="auto-replied")))
    assert mail["Auto-Submitted"] == "auto-replied"
    assert mail["X-Auto-Response-Suppress"] == "All"


def test_only_a_local_part_beyond_ascii_needs_smtputf8() -> None:
    assert not needs_smtputf8(DRAFT)
    accented = evolve(DRAFT, to=EmailAddress.parse("josé@corp.example"))
    assert needs_smtputf8(accented)
    assert read(compose(accented)).to == (accented.to,)


def test_no_field_line_is_longer_than_the_standard_allows() -> None:
    references = tuple(f"<{number}-{'x' * 60}@reply.example>" for number in range(30))
    raw = compose(evolve(DRAFT, subject="ü" * 500, sender_name="山" * 90, references=references))
    head = raw.partition(b"\r\n\r\n")[0]
    assert max(map(len, head.split(b"\r\n"))) <= 100


@pytest.mark.parametrize("text", ["a\nFrom here on\n", "From " * 60, "gr\u00fc\u00dfe " * 20 + "\nFrom " + "x " * 40])
def test_no_line_of_a_body_begins_with_from(text: str) -> None:
    raw = compose(evolve(DRAFT, text=text, html=text))
    assert not re.search(rb"(?m)^From ", raw)
    assert max(map(len, raw.split(b"\r\n"))) <= 76
    body = parsed(raw).get_body(("plain",))
    assert body is not None
    assert body.get_content().replace("\r\n", "\n").rstrip("\n") == text.rstrip("\n")


def test_a_thread_index_that_is_no_base64_is_refused() -> None:
    with pytest.raises(InvalidValue):
        compose(evolve(DRAFT, thread_index="a\r\nBcc: x"))


def test_a_program_that_writes_the_mail_anew_changes_no_octet() -> None:
    # A mailbox file on the way does that, and a signature of simple form counts every space.
    link = "https://mail.example/" + "x" * 60
    raw = compose(evolve(DRAFT, subject="word " * 40, references=("<a@b>",) * 20, unsubscribe=link))
    assert email.message_from_bytes(raw).as_bytes(policy=email.policy.SMTP.clone(refold_source="none")) == raw
    assert max(map(len, raw.partition(b"\r\n\r\n")[0].split(b"\r\n"))) <= 85  # that of the link
    assert b"List-Unsubscribe: \r\n <https://" in raw
