"""A parsed form becomes one mail again, and nothing posted can be more than it is."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convalias.adapters.mailgun.form import Form, Part
from convalias.adapters.mailgun.rebuilt_mail import CannotRebuild, rebuild
from convalias.adapters.mime import Reader
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.inbound.posts import Post
from convalias.domain.mail.automation import MailClass
from convalias.domain.mail.envelope import ClearFrom, MessageEnvelope

HEADERS = [["From", "Mary <mary@corp.example>"], ["To", "a@reply.example"], ["Subject", "Hi"], ["Message-Id", "<1@c>"]]
POST = Post(received_at=datetime(2026, 3, 1, tzinfo=UTC))


def form(headers: object = HEADERS, *, text: bytes = b"Hello", files: tuple[Part, ...] = ()) -> Form:
    given_headers = json.dumps(headers).encode()
    return Form([part(b"message-headers", given_headers), part(b"body-plain", text), *files])


def part(name: bytes, value: bytes, filename: bytes | None = None, media_type: bytes = b"image/png") -> Part:
    return Part(name, value, len(value), value[:32], filename, media_type)


def read(built: bytes) -> MessageEnvelope:
    mail = Reader().read_now(built, POST).mail
    assert isinstance(mail, MessageEnvelope)
    return mail


def test_headers_texts_and_files_are_read_again() -> None:
    files = (part(b"attachment-1", b"\x89PNG", 'ä "b".png'.encode()), part(b"attachment-2", b"?", b"", b"no type"))
    mail = read(rebuild(form(files=files)))
    assert mail.sender == ClearFrom(EmailAddress.parse("mary@corp.example"), "Mary")
    assert (str(mail.message_id), mail.content.subject, mail.content.text.strip()) == ("<1@c>", "Hi", "Hello")
    assert [one.media_type for one in mail.content.attachments] == ["image/png", "application/octet-stream"]
    assert [one.size for one in mail.content.attachments] == [4, 1]


def test_the_same_form_makes_the_same_octets() -> None:
    assert rebuild(form()) == rebuild(form())


def test_one_mail_is_the_same_octets_for_every_recipient() -> None:
    one, other = (Form([*form().parts, part(b"recipient", to)]) for to in (b"a@reply.example", b"b@reply.example"))
    assert one.digest() != other.digest()
    assert rebuild(one) == rebuild(other)


def test_plain_and_html_are_one_text() -> None:
    both = Form([*form(text=b"Hello you").parts, part(b"body-html", b"<p>Hello <b>you</b></p>")])
    mail = read(rebuild(both))
    assert mail.content.text.strip() == "Hello you"
    assert "<b>you</b>" in (mail.content.html or "")
    assert mail.content.attachments == ()


def test_html_alone_is_read_as_text() -> None:
    only = Form([*form(text=b"").parts, part(b"body-html", b"<p>Hello</p>")])
    assert read(rebuild(only)).content.text.strip() == "Hello"


@pytest.mark.parametrize("name", ["a(b), c.txt", "..\\..\\x.txt", "\u540d.txt", "a'b''c%41.txt", "x" * 5_000 + ".txt"])
def test_a_file_keeps_a_name_that_is_only_a_name(name: str) -> None:
    built = rebuild(form(files=(part(b"attachment-1", b"content", name.encode()),)))
    (attached,) = read(built).content.attachments
    assert attached.size == 7
    assert max(map(len, built.split(b"\r\n"))) < 3_000
    if "\\" not in name and "%" not in name and len(name) < 200:
        assert attached.name == name


def test_no_value_adds_a_header() -> None:
    mail = read(rebuild(form([*HEADERS, ["X-A", "b\r\nFrom: boss@corp.example\n\nbody\0"]])))
    assert mail.sender == ClearFrom(EmailAddress.parse("mary@corp.example"), "Mary")
    assert mail.content.text.strip() == "Hello"


@given(
    st.lists(st.tuples(st.sampled_from(["X-A", "Subject", "Content-Type"]), st.text(max_size=40)), max_size=5),
    st.binary(max_size=100),
    st.binary(max_size=30),
    st.binary(max_size=30),
)
def test_whatever_was_posted_the_structure_is_ours(
    pairs: list[tuple[str, str]], text: bytes, filename: bytes, media_type: bytes
) -> None:
    attached = part(b"attachment-1", b"content", filename, media_type)
    mail = read(rebuild(form([*HEADERS, *pairs], text=text, files=(attached,))))
    assert mail.sender == ClearFrom(EmailAddress.parse("mary@corp.example"), "Mary")
    assert [one.size for one in mail.content.attachments][-1:] == [7]


def test_half_a_surrogate_pair_is_no_exception() -> None:
    built = rebuild(Form([part(b"message-headers", b'[["From", "a@b.example"], ["Subject", "\\ud800x"]]')]))
    assert b"Subject: ?x\r\n" in built


def test_a_report_stays_a_report() -> None:
    kind = 'multipart/report; report-type="delivery-status"; boundary="b"'
    assert read(rebuild(form([*HEADERS, ["Content-Type", kind]]))).mail_class is MailClass.BOUNCE
    assert b"Content-Type: multipart/report; boundary" in rebuild(form([["content-type", "multipart/report"]]))
    assert read(rebuild(form([*HEADERS, ["Content-Type", "text/html"]]))).mail_class is MailClass.HUMAN


@pytest.mark.parametrize("media_type", [b"multipart/mixed", b"message/rfc822", b"Multipart/Report"])
def test_an_attached_container_is_one_attachment(media_type: bytes) -> None:
    inner = b"From: boss@corp.example\r\n\r\nPay"
    mail = read(rebuild(form(files=(part(b"attachment-1", inner, b"a.eml", media_type),))))
    assert [one.media_type for one in mail.content.attachments] == ["application/octet-stream"]


@pytest.mark.parametrize("given_headers", [[], [b"[]", b"[]"], [b" " * 2_000_001]], ids=["none", "two", "long"])
def test_what_cannot_be_rebuilt_says_so(given_headers: list[bytes]) -> None:
    with pytest.raises(CannotRebuild, match="message-headers"):
        rebuild(Form([part(b"message-headers", value) for value in given_headers]))


@pytest.mark.parametrize("text", [b"", None], ids=["an empty text", "no text"])
def test_a_form_without_text_makes_a_mail_with_an_empty_text(text: bytes | None) -> None:
    bare = Form([one for one in form(text=text or b"").parts if text is not None or one.name != b"body-plain"])
    mail = read(rebuild(bare))
    assert mail.content.full_text in {"", "Hi"}  # a mail without text says what its subject says
    assert mail.content.attachments == ()


def test_a_calendar_entry_without_text_is_a_calendar_entry() -> None:
    posted = Form([*form(text=b"").parts, part(b"body-calendar", b"BEGIN:VCALENDAR\nMETHOD:REPLY\nEND:VCALENDAR")])
    mail = read(rebuild(posted))
    assert mail.mail_class is MailClass.CALENDAR
    assert [one.media_type for one in mail.content.attachments] == ["text/calendar"]
    assert mail.content.text
