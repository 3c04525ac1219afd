"""Bounces and complaints as servers write them, each about a notification that only our MAC can name."""

from __future__ import annotations

import base64
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convalias.adapters.mime.reports import ReportReader
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.ids import AccountId, EventId
from convalias.domain.outbound.delivery import Channel, NotificationKind, notification_id
from convalias.domain.outbound.reports import Bounce, BounceKind, Complaint
from convalias.domain.outbound.seals import Seal, Seals

SEALS = Seals(Seal(b"m" * 32), Seal(b"r" * 32), Seal(b"l" * 32))
OTHERS = Seals(Seal(b"M" * 32), Seal(b"R" * 32), Seal(b"L" * 32))
READER = ReportReader(SEALS, "reply.example")
ONE = notification_id(EventId("e1"), AccountId("bob"), NotificationKind.MESSAGE, Channel.EMAIL)
BOBS = (EmailAddress.parse("bob@corp.example"),)
PATH = SEALS.return_path(ONE, "bounce.reply.example")


def ours(seals: Seals = SEALS) -> str:
    return (
        "From: Ann via Jobs <ann-1ab131e2@reply.example>\nTo: bob@corp.example\nSubject: Message\n"
        f"X-Convalias-Id: {ONE}\nMessage-ID: {seals.message_id(ONE, 'reply.example')}\n"
    )


def mail(text: str) -> bytes:
    return text.replace("\n", "\r\n").encode()


def report(status: str, returned: str, *, kind: str = "delivery-status", returned_as: str = "message/rfc822") -> bytes:
    return mail(
        "From: MAILER-DAEMON@mx.corp.example\nTo: b@bounce.reply.example\nSubject: Undelivered\nMIME-Version: 1.0\n"
        f'Content-Type: multipart/report; report-type={kind}; boundary="b"\n\n'
        "--b\nContent-Type: text/plain\n\nYour message could not be delivered. 4.9.9 is not the reason.\n"
        f"--b\nContent-Type: message/{kind}\n\n{status}\n"
        f"--b\nContent-Type: {returned_as}\n\n{returned}\nHello\n--b--\n"
    )


POSTFIX = """Reporting-MTA: dns; mx.corp.example
X-Postfix-Queue-ID: 4AbCdEf
Arrival-Date: Mon,  2 Mar 2026 10:00:00 +0100

Final-Recipient: rfc822; bob@corp.example
Original-Recipient: rfc822;bob@corp.example
Action: failed
Status: 5.1.1
Remote-MTA: dns; mx.corp.example
Diagnostic-Code: smtp; 550 5.1.1 <bob@corp.example>: Recipient address
    rejected: User unknown in virtual mailbox table
"""
EXCHANGE = """Reporting-MTA: dns;AM0PR01.prod.corp.example
Received-From-MTA: dns;mail.reply.example

Original-Recipient: rfc822;bob@corp.example
Final-Recipient: rfc822;bob@corp.example
Action: failed
Status: 5.7.1
Diagnostic-Code: smtp;550 5.7.1 TRANSPORT.RULES.RejectMessage
"""
DELAYED = "Reporting-MTA: dns; mx\n\nFinal-Recipient: rfc822; bob@corp.example\nAction: delayed\nStatus: 4.4.1\n"
VAGUE = (
    "Reporting-MTA: dns; gw\n\nFinal-Recipient: rfc822; bob@corp.example\nAction: failed\nStatus: 5.0.0\n"
    "Diagnostic-Code: smtp; 552 5.2.2 Mailbox full\n"
)
TWO = (
    "Reporting-MTA: dns; mx\n\n\nFinal-Recipient: rfc822; a@corp.example\nAction: relayed\nStatus: 2.0.0\n\n"
    "Final-Recipient: rfc822; bob@corp.example\nAction: failed\nStatus: 5.1.10\n"
)
GLOBAL = "Reporting-MTA: dns; mx\n\nFinal-Recipient: utf-8; b\u00f6b@corp.example\nAction: failed\nStatus: 5.1.1\n"


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (POSTFIX, BounceKind.HARD, "5.1.1"),
        (EXCHANGE, BounceKind.SOFT, "5.7.1"),
        (DELAYED, BounceKind.DELAYED, "4.4.1"),
        (VAGUE, BounceKind.SOFT, "5.2.2"),
        (TWO, BounceKind.HARD, "5.1.10"),
        (
            "Reporting-MTA: dns; mx\n\nAction: failed\nStatus: \nDiagnostic-Code: X; 421 later\n",
            BounceKind.SOFT,
            "4.0.0",
        ),
    ],
)
def test_a_delivery_status_says_why(status: str, kind: BounceKind, code: str) -> None:
    recipients = BOBS if "Final-Recipient" in status else ()
    assert READER.read(report(status, ours())) == Bounce(
        notification=ONE, kind=kind, status=code, recipients=recipients
    )


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ("Final-Recipient: rfc822; <bob@corp.example>\n", ["bob@corp.example"]),
        (
            "Original-Recipient: rfc822;bob+2Bjobs@corp.example\nFinal-Recipient: rfc822; bob@box.example\n",
            ["bob+jobs@corp.example", "bob@box.example"],
        ),
        ("Original-Recipient: rfc822;bob+zz@corp.example\n", ["bob+zz@corp.example"]),
        ("Final-Recipient: utf-8; b\u00f6b@corp.example\n", ["b\u00f6b@corp.example"]),
        ("Final-Recipient: bob@corp.example\n", []),
        ("Final-Recipient: X400; c=xx; a=400net\n", []),
        ("", []),
    ],
)
def test_a_delivery_status_names_the_addresses_that_failed(fields: str, named: list[str]) -> None:
    read = READER.read(report(f"Reporting-MTA: dns; mx\n\n{fields}Action: failed\nStatus: 5.1.1\n", ours()))
    assert isinstance(read, Bounce)
    assert [one.key for one in read.recipients] == named


def test_a_delivery_status_names_a_bounded_number_of_addresses() -> None:
    groups = "".join(f"\nFinal-Recipient: rfc822; b{n}@x.example\nAction: failed\nStatus: 5.1.1\n" for n in range(30))
    read = READER.read(report(f"Reporting-MTA: dns; mx\n{groups}", ours()))
    assert isinstance(read, Bounce)
    assert [one.local for one in read.recipients] == [f"b{n}" for n in range(10)]


@pytest.mark.parametrize("returned_as", ["message/rfc822", "text/rfc822-headers", "message/global-headers"])
def test_the_returned_header_names_the_notification(returned_as: str) -> None:
    assert READER.read(report(POSTFIX, ours(), returned_as=returned_as)) == Bounce(
        notification=ONE, kind=BounceKind.HARD, status="5.1.1", recipients=BOBS
    )


def test_a_report_about_mail_of_an_older_key_is_proved_by_it() -> None:
    rotated = Seals(Seal(b"M" * 32, (b"m" * 32,)), Seal(b"R" * 32, (b"r" * 32,)), Seal(b"L" * 32, (b"l" * 32,)))
    reader = ReportReader(rotated, "reply.example")
    known = Bounce(notification=ONE, kind=BounceKind.HARD, status="5.1.1", recipients=BOBS)
    assert reader.read(report(POSTFIX, ours())) == known
    assert reader.read(report(POSTFIX, ""), [EmailAddress.parse(PATH)]) == known


def test_an_internationalised_report_is_read() -> None:
    raw = report(GLOBAL, ours(), kind="global-delivery-status", returned_as="message/global")
    recipients = (EmailAddress.parse("b\u00f6b@corp.example"),)
    assert READER.read(raw) == Bounce(notification=ONE, kind=BounceKind.HARD, status="5.1.1", recipients=recipients)


def test_a_returned_mail_in_base64_is_read() -> None:
    raw = report(POSTFIX, "PLACE", returned_as="message/global\nContent-Transfer-Encoding: base64")
    assert b"PLACE" in raw
    body = base64.b64encode(mail(ours()))
    read = READER.read(raw.replace(b"PLACE\r\nHello", body))
    assert isinstance(read, Bounce)
    assert read.notification == ONE


def test_the_return_path_is_enough() -> None:
    raw = report(POSTFIX, "Subject: cut off\n")
    assert READER.read(raw, [EmailAddress.parse(PATH)]) == Bounce(
        notification=ONE, kind=BounceKind.HARD, status="5.1.1", recipients=BOBS
    )


def test_a_quoted_return_path_is_enough() -> None:
    read = READER.read(report(POSTFIX, f"Return-Path: <{PATH}>\nSubject: x\n"))
    assert isinstance(read, Bounce)
    assert read.notification == ONE


@pytest.mark.parametrize(
    "returned",
    [
        "Subject: nothing of ours\n",
        f"X-Convalias-Id: {ONE}\n",
        f"X-Convalias-Id: {ONE}\nMessage-ID: <>\n",
        ours(OTHERS),
        ours().replace("message.email", "reminder-24h.email"),
        f"Return-Path: <{OTHERS.return_path(ONE, 'bounce.reply.example')}>\n",
    ],
)
def test_without_our_mac_nothing_is_named(returned: str) -> None:
    raw = report(POSTFIX, returned)
    forged = EmailAddress.parse(OTHERS.return_path(ONE, "bounce.reply.example"))
    assert READER.read(raw, [forged]) == Bounce(
        notification=None, kind=BounceKind.HARD, status="5.1.1", recipients=BOBS
    )


EXIM = mail(
    "X-Failed-Recipients: bob@corp.example\nAuto-Submitted: auto-replied\nFrom: Mail Delivery System <Mailer-Daemon@mx>\n"
    "Subject: Mail delivery failed: returning message to sender\n\nThis message was created automatically.\n\n"
    "  bob@corp.example\n    Unrouteable address\n\n------ This is a copy of the message. ------\n\n"
    + ours()
    + "\nHello\n"
)
QMAIL = mail(
    "From: MAILER-DAEMON@mx.corp.example\nSubject: failure notice\n\nHi. This is the qmail-send program.\n"
    "I'm afraid I wasn't able to deliver your message.\n\n<bob@corp.example>:\n"
    "Sorry, no mailbox here by that name. (#5.1.1)\n\n--- Below this line is a copy of the message.\n\n"
    f"Return-Path: <{PATH}>\n" + ours() + "\nHello\n"
)
GMAIL = mail(
    "From: Mail Delivery Subsystem <mailer-daemon@googlemail.com>\nX-Failed-Recipients: bob@corp.example\n"
    "Subject: Delivery Status Notification (Failure)\n\n** Address not found **\n\nThe response was:\n"
    "550 5.1.1 The email account that you tried to reach does not exist.\n\n" + ours()
)
QUOTED = mail("Subject: Returned mail\n\nmailbox is full\n" + "".join(f"> {line}\n" for line in ours().splitlines()))
HTML = mail(f"Subject: Returned\nContent-Type: text/html\n\n<p>User unknown: {ONE}</p>\n")


@pytest.mark.parametrize(
    ("raw", "kind", "code"),
    [
        (EXIM, BounceKind.HARD, "5.1.2"),
        (QMAIL, BounceKind.HARD, "5.1.1"),
        (GMAIL, BounceKind.HARD, "5.1.1"),
        (QUOTED, BounceKind.SOFT, "5.2.2"),
    ],
)
def test_reports_that_follow_no_standard_are_read(raw: bytes, kind: BounceKind, code: str) -> None:
    recipients = BOBS if b"X-Failed-Recipients" in raw else ()
    assert READER.read(raw) == Bounce(notification=ONE, kind=kind, status=code, recipients=recipients)


def test_what_is_told_in_html_alone_has_a_reason_and_no_name() -> None:
    assert READER.read(HTML) == Bounce(notification=None, kind=BounceKind.HARD, status="5.1.1")


def test_without_any_text_nothing_is_known() -> None:
    headers_only = mail("Subject: x\nContent-Type: text/rfc822-headers\n\n" + ours())
    assert READER.read(headers_only) == Bounce(notification=ONE, kind=BounceKind.SOFT)
    assert READER.read(mail("Subject: x\nContent-Type: image/png\n\nx")) == Bounce(
        notification=None, kind=BounceKind.SOFT
    )


ARF = "Feedback-Type: abuse\nUser-Agent: SomeGenerator/1.0\nVersion: 1\nOriginal-Mail-From: <{path}>\n"


@pytest.mark.parametrize(
    ("status", "returned", "expected"),
    [
        (ARF.format(path=PATH), "Subject: redacted\n", Complaint(notification=ONE, feedback="abuse")),
        ("Feedback-Type: Fraud\nVersion: 1\n", ours(), Complaint(notification=ONE, feedback="fraud")),
        (ARF.format(path="x@y.example"), "Subject: x\n", Complaint(notification=None, feedback="abuse")),
        ("", ours(), Complaint(notification=ONE)),
    ],
)
def test_a_complaint_names_what_it_is_about(status: str, returned: str, expected: Complaint) -> None:
    assert READER.read(report(status, returned, kind="feedback-report")) == expected


def test_a_mail_over_a_limit_is_no_report() -> None:
    assert READER.read(b"X: y\r\n" * 1_001 + b"\r\n") is None


@given(st.binary(max_size=300))
def test_any_bytes_are_read(raw: bytes) -> None:
    READER.read(raw)


@given(st.binary(max_size=200))
def test_any_status_is_read(status: bytes) -> None:
    assert isinstance(READER.read(report("PLACE", "").replace(b"PLACE", status)), Bounce | None)


@pytest.mark.parametrize(
    "grow",
    [lambda n: "\n" * n, lambda n: "Status: 5.1.1\n\n" * n, lambda n: "5." * n, lambda n: "Message-ID: <x>\n" * n],
)
def test_long_reports_end(grow: Callable[[int], str]) -> None:
    assert READER.read(report(grow(100_000), grow(100_000), returned_as="text/plain")) is not None
