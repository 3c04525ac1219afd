"""Mail of three providers becomes messages, once, whatever each of them leaves out."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from anymail.inbound import AnymailInboundMessage
from anymail.signals import AnymailInboundEvent, inbound
from django.test import Client

from convalias import IncomingMail, Participant
from convalias.app import MessageAdded
from mails.inbound import cv

BASIC = {"HTTP_AUTHORIZATION": "Basic " + base64.b64encode(b"anymail:example").decode()}
PEOPLE = [Participant.of(name, addresses=[f"{name}@home.example"]) for name in ("ann", "bob")]
RAW = "From: bob@home.example\r\nTo: {to}\r\nSubject: {subject}\r\nMessage-ID: <{id}@home.example>\r\n\r\nYes!\r\n"


@pytest.fixture
def talk() -> Iterator[str]:
    """A conversation of Ann and Bob."""
    name = uuid4().hex
    cv.open_conversation(name, use_case="chat", participants=PEOPLE)
    yield name
    cv.close()
    cv.__enter__()  # the next test opens it anew


def alias(talk: str) -> str:
    return str(cv.alias(talk, for_="ann"))


def texts(talk: str) -> list[str]:
    cv.run_until_idle()
    happened = [event.happening for event in cv.messaging.events(talk)]
    return [one.text for one in happened if isinstance(one, MessageAdded)]


def raw(to: str, subject: str = "Re") -> str:
    return RAW.format(to=to, subject=subject, id=uuid4().hex)


def mailgun(mime: str, recipient: str, **changed: str) -> int:
    at, token = str(int(time.time())), uuid4().hex
    signature = hmac.new(b"key-of-mailgun", (at + token).encode(), hashlib.sha256).hexdigest()
    post = {"recipient": recipient, "sender": "bob@home.example", "timestamp": at, "token": token}
    post |= {"signature": signature, "body-mime": mime} | changed
    return Client().post("/anymail/mailgun/inbound_mime/", post, **BASIC).status_code


def test_a_raw_mail_of_mailgun_becomes_a_message_once(talk: str) -> None:
    mime = raw(alias(talk))
    assert [mailgun(mime, alias(talk)), mailgun(mime, alias(talk))] == [200, 200]
    assert texts(talk) == ["Yes!"]


def test_a_forged_post_is_refused(talk: str) -> None:
    assert mailgun(raw(alias(talk)), alias(talk), signature="0" * 64) == 400
    assert texts(talk) == []


def test_a_mail_that_postmark_posts_in_parts_becomes_a_message_once(talk: str) -> None:
    """Anymail puts it together anew, with other boundaries each time."""
    post: dict[str, Any] = {
        "FromFull": {"Email": "bob@home.example", "Name": "Bob"},
        "ToFull": [{"Email": alias(talk), "Name": ""}],
        "OriginalRecipient": alias(talk),
        "MessageID": uuid4().hex,
        "Headers": [
            {"Name": "Return-Path", "Value": "<bob@home.example>"},
            {"Name": "Message-ID", "Value": f"<{uuid4().hex}@home.example>"},
        ],
        "TextBody": "Yes!",
    }
    for _ in range(2):
        answer = Client().post("/anymail/postmark/inbound/", json.dumps(post), "application/json", **BASIC)
        assert answer.status_code == 200
    assert texts(talk) == ["Yes!"]


def told(mail: AnymailInboundMessage, **envelope: str) -> None:
    """What every webhook of anymail does with a mail in the end."""
    for name, value in envelope.items():
        setattr(mail, f"envelope_{name}", value)
    inbound.send(None, event=AnymailInboundEvent(event_type="inbound", message=mail), esp_name="Any")


def test_of_two_conversations_that_one_mail_goes_to_both_get_it(talk: str) -> None:
    """Anymail tells the first recipient of an envelope alone."""
    other = uuid4().hex
    cv.open_conversation(other, use_case="chat", participants=PEOPLE)
    mime = raw(f"{alias(talk)}, else@where.example, {alias(other)}")
    told(AnymailInboundMessage.parse_raw_mime(mime), recipient=alias(talk), sender="bob@home.example")
    assert [texts(talk), texts(other)] == [["Yes!"], ["Yes!"]]


def test_a_recipient_that_no_header_names_is_enough(talk: str) -> None:
    told(AnymailInboundMessage.parse_raw_mime(raw("undisclosed:;")), recipient=alias(talk), sender="bob@home.example")
    assert texts(talk) == ["Yes!"]


def test_a_bounce_is_no_message(talk: str) -> None:
    told(AnymailInboundMessage.parse_raw_mime(raw(alias(talk))), recipient=alias(talk), sender="")
    assert texts(talk) == []


def test_a_raw_mail_reaches_convalias_octet_by_octet(talk: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A long line of its header stays as it was folded: DKIM may cover that."""
    seen: list[bytes] = []

    def made(octets: bytes, **envelope: Any) -> IncomingMail:  # noqa: ANN401 - as the class has them
        seen.append(octets)
        return IncomingMail(octets, **envelope)

    monkeypatch.setattr("mails.inbound.IncomingMail", made)
    mime = raw(alias(talk), subject="words " * 30 + "\r\n  =?utf-8?q?caf=C3=A9?=")
    told(AnymailInboundMessage.parse_raw_mime(mime), recipient=alias(talk))
    assert seen == [mime.encode()]
