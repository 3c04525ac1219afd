"""The reader as a whole: what a post says, digests, and large mail beside a running loop."""

from __future__ import annotations

import asyncio
import threading

import pytest

from adapters.mime.expectations import MAILS, NOW, POST, READER
from convalias.adapters.mime import Reader, reader
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.inbound.posts import Post
from convalias.domain.mail.automation import MailClass
from convalias.domain.mail.envelope import NULL_RETURN_PATH, MailContent, MessageEnvelope
from convalias.ports.mail import MailReader

GMAIL = (MAILS / "shape-gmail.eml").read_bytes()
NAMELESS = b"From: mary@corp.example\nDate: Mon, 2 Mar 2026 09:14:00 +0000\nSubject: Hi\n\nTuesday is fine.\n"


def envelope(raw: bytes, post: Post = POST) -> MessageEnvelope:
    mail = READER.read_now(raw, post).mail
    assert isinstance(mail, MessageEnvelope)
    return mail


def content(raw: bytes) -> MailContent:
    return envelope(raw).content


def test_it_is_a_mail_reader() -> None:
    port: MailReader = READER
    assert asyncio.run(port.read(GMAIL, POST)).mail == envelope(GMAIL)


def test_what_the_post_says_is_in_the_envelope() -> None:
    alias = EmailAddress.parse("a-1ab131e2@reply.example")
    mail = envelope(GMAIL, Post(received_at=NOW, recipients=(alias,), return_path=alias, spam=True))
    assert (mail.recipients, mail.return_path, mail.spam, mail.received_at) == ((alias,), alias, True, NOW)
    assert mail.size == len(GMAIL)


def test_a_null_return_path_is_an_automatic_answer_and_an_unknown_one_says_nothing() -> None:
    assert envelope(GMAIL, Post(received_at=NOW, return_path=NULL_RETURN_PATH)).mail_class is MailClass.AUTO_REPLY
    assert envelope(b"Return-Path: <>\r\n" + GMAIL).mail_class is MailClass.HUMAN


def test_two_deliveries_of_one_mail_have_one_digest() -> None:
    other = b"Received: from elsewhere\r\nDelivered-To: x@y.example\r\n" + GMAIL
    assert content(other).digest == content(GMAIL).digest
    assert content(other).body_digest == content(GMAIL).body_digest


def test_another_transfer_encoding_and_other_line_ends_are_the_same_mail() -> None:
    base64 = NAMELESS.replace(b"\n\n", b"\nContent-Transfer-Encoding: base64\n\n").replace(
        b"Tuesday is fine.\n", b"VHVlc2RheSBpcyBmaW5lLgo=\n"
    )
    for same in (base64, NAMELESS.replace(b"\n", b"\r\n"), NAMELESS.replace(b"Subject: Hi", b"Subject:\n  Hi")):
        assert content(same).digest == content(NAMELESS).digest
        assert envelope(same).message_id == envelope(NAMELESS).message_id


@pytest.mark.parametrize(
    ("old", "new", "body_too"),
    [
        (b"mary@", b"eve@", False),
        (b"09:14", b"09:15", False),
        (b"Hi", b"Ho", False),
        (b"Tuesday", b"Monday", True),
    ],
)
def test_another_mail_has_another_digest_and_another_synthetic_id(old: bytes, new: bytes, *, body_too: bool) -> None:
    other = NAMELESS.replace(old, new)
    assert content(other).digest != content(NAMELESS).digest
    assert (content(other).body_digest != content(NAMELESS).body_digest) == body_too
    assert envelope(NAMELESS).message_id.synthetic
    assert envelope(other).message_id != envelope(NAMELESS).message_id


def test_attachments_come_with_their_content_and_digest() -> None:
    raw = (MAILS / "shape-apple.eml").read_bytes()
    found = READER.read_now(raw, POST)
    assert isinstance(found.mail, MessageEnvelope)
    assert tuple(one.described for one in found.attachments) == found.mail.content.attachments
    assert all(one.described.size == len(one.content) for one in found.attachments)


def test_a_large_mail_is_read_in_a_thread_and_a_small_one_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[int] = []
    scan = reader.scan

    def noting(raw: bytes) -> object:
        threads.append(threading.get_ident())
        return scan(raw)

    monkeypatch.setattr(reader, "scan", noting)
    asyncio.run(Reader(inline_below=10_000).read(NAMELESS, POST))
    asyncio.run(Reader(inline_below=10).read(NAMELESS, POST))
    here = threading.get_ident()
    assert threads[0] == here
    assert threads[1] != here


def test_an_address_at_a_legacy_domain_marks_quoted_history_too() -> None:
    raw = b"From: mary@corp.example\n\nYes.\n\nAm Montag schrieb John <xyz@relay.example>:\n\nTuesday?\n"
    both = Reader(alias_domains=frozenset({"reply.example"}), legacy_domains=frozenset({"Relay.Example."}))
    mail = both.read_now(raw, POST).mail
    assert isinstance(mail, MessageEnvelope)
    assert mail.content.text == "Yes."
    assert content(raw).text == content(raw).full_text


@pytest.mark.parametrize(
    ("fields", "mail_class"),
    [
        (b"X-Autoreply: yes\r\n", MailClass.AUTO_REPLY),
        (b"X-Autoreply:\r\n", MailClass.AUTO_REPLY),
        (b"X-Autoreply: no\r\nX-Autoreply: yes\r\n", MailClass.AUTO_REPLY),
        (b"X-Autorespond: No, thanks\r\n", MailClass.AUTO_REPLY),
        (b"X-Autoreply: no\r\n", MailClass.HUMAN),
        (b"X-Autoresponder: False\r\nX-Autoresponse: 0\r\n", MailClass.HUMAN),
    ],
)
def test_a_field_of_answering_machines_that_says_no_is_none(fields: bytes, mail_class: MailClass) -> None:
    assert envelope(fields + GMAIL).mail_class is mail_class
