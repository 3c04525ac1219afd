"""What surely did not leave is said so, what may have is never sent twice: each reply at each step, over sockets."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from adapters.smtp.servers import (
    DROP,
    HOST,
    OFFERS,
    PASSWORD,
    SILENT,
    USER,
    Mailbox,
    Scripted,
    aiosmtpd_server,
    certificate,
    scripted_server,
)
from convalias.adapters.smtp import AnswerLost, OutgoingMail
from convalias.domain.addresses.email_address import EmailAddress
from convalias.ports import Deferred, EngineAway, Outgoing, PortError, Rejected, Unavailable

ANN = EmailAddress.parse("ann@home.example")
RAW = b"From: a@reply.example\r\nTo: ann@home.example\r\nSubject: s\r\n\r\nhello\r\n"
LONG = (b"0" * 900 + b"\r\n") * 9_000
"""More than any socket buffers."""


def mail(raw: bytes = RAW, to: EmailAddress = ANN, return_path: str = "b-1@bounce.x.example") -> Outgoing:
    return Outgoing(key="k1", raw=raw, to=to, return_path=return_path)


@asynccontextmanager
async def sending(script: Scripted, **options: float) -> AsyncIterator[OutgoingMail]:
    async with scripted_server(script) as port:
        query = "".join(f"&{name}={value}" for name, value in options.items())
        async with OutgoingMail(f"smtp://{HOST}:{port}?tls=off&helo=here.test{query}", variable="IT") as sender:
            yield sender


AWAY, LATER, NEVER, MAYBE = EngineAway, Deferred, Rejected, AnswerLost


@pytest.mark.parametrize(
    ("step", "reply", "kind", "shown"),
    [
        ("greeting", "554 5.3.2 no service", AWAY, "it answers 554 5.3.2"),
        ("greeting", "421 4.3.2 closing", AWAY, "it answers 421 4.3.2"),
        ("greeting", DROP, AWAY, "the connection was lost"),
        ("greeting", "no SMTP at all", AWAY, "it answers -1"),
        ("EHLO", "502 5.5.1 what?", AWAY, "it answers 502 5.5.1"),
        ("EHLO", DROP, AWAY, "the connection was lost"),
        ("MAIL", "451 4.7.1 bob@corp.example is busy", AWAY, "MAIL FROM: 451 4.7.1"),
        ("MAIL", "421 closing", AWAY, "MAIL FROM: 421"),
        ("MAIL", "530 5.7.0 log in first", AWAY, "MAIL FROM: 530 5.7.0"),
        ("MAIL", "550 5.7.1 not you", NEVER, "refuses it at MAIL FROM: 550 5.7.1"),
        ("MAIL", DROP, AWAY, "it ended the connection (MAIL FROM)"),
        ("MAIL", "what?", AWAY, "its answer to MAIL FROM cannot be read"),
        ("MAIL", "354 go on", AWAY, "its answer is unclear at MAIL FROM: 354"),
        ("RCPT", "450 4.2.0 greylisted", LATER, "puts it off at RCPT TO: 450 4.2.0"),
        ("RCPT", "452 4.3.1 disk full", AWAY, "RCPT TO: 452 4.3.1"),
        ("RCPT", "421 4.4.2 closing", AWAY, "RCPT TO: 421 4.4.2"),
        ("RCPT", "550 5.1.1 no ann@home.example here", NEVER, "refuses it at RCPT TO: 550 5.1.1"),
        ("RCPT", "550 unknown", NEVER, "refuses it at RCPT TO: 550"),
        ("RCPT", DROP, AWAY, "it ended the connection (RCPT TO)"),
        ("DATA", "451 4.7.1 not now", LATER, "puts it off at DATA: 451 4.7.1"),
        ("DATA", "554 5.7.1 not this", NEVER, "refuses it at DATA: 554 5.7.1"),
        ("DATA", "250 what?", AWAY, "its answer is unclear at DATA: 250"),
        ("DATA", DROP, AWAY, "it ended the connection (DATA)"),
        ("end", "451 4.7.1 not now", LATER, "puts it off at the end of the mail: 451 4.7.1"),
        ("end", "452 4.3.1 disk full", AWAY, "the end of the mail: 452 4.3.1"),
        ("end", "554 5.6.0 spam", NEVER, "refuses it at the end of the mail: 554 5.6.0"),
        ("end", "552 5.2.2 ann's box is full", NEVER, "the end of the mail: 552 5.2.2"),
        ("end", DROP, MAYBE, "the connection was lost after the mail"),
        ("end", "what?", MAYBE, "the answer to the mail cannot be read"),
        ("end", "354 again", MAYBE, "the answer to the mail is unclear (354)"),
    ],
)
async def test_each_reply_at_each_step(step: str, reply: str, kind: type[PortError], shown: str) -> None:
    script = Scripted(says={step: [reply]})
    async with sending(script) as sender:
        with pytest.raises(PortError) as raised:
            await sender.send(mail())
        assert type(raised.value) is kind
        assert shown in str(raised.value)
        assert "@" not in str(raised.value), "no address of anybody, whatever the server says"
        assert isinstance(raised.value, Unavailable) == (kind in {AWAY, LATER}), "surely not sent, to be tried again"
        await asyncio.sleep(0)
        if kind is not AWAY:
            await sender.send(mail())  # the next one leaves
            assert script.taken[-1] == RAW


@asynccontextmanager
async def late_at(step: str, script: Scripted) -> AsyncIterator[OutgoingMail]:
    """Send to a server that is silent at this step; all time-outs are over as soon as it came there."""
    loop, skipped = asyncio.get_running_loop(), 0.0
    real = loop.time

    def skip(seen: str) -> None:
        nonlocal skipped
        skipped += 100.0 if seen == step else 0.0

    script.says[step], script.on = [SILENT], skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "time", lambda: real() + skipped)
        async with sending(script, begin=50, timeout=60) as sender:
            yield sender


@pytest.mark.parametrize(("step", "shown"), [("greeting", "connecting"), ("MAIL", "MAIL FROM"), ("DATA", "DATA")])
async def test_a_server_that_is_slow_before_the_mail_has_surely_not_sent_it(step: str, shown: str) -> None:
    async with late_at(step, Scripted()) as sender:
        with pytest.raises(EngineAway, match=rf"does not answer: no answer in time \({shown}\)"):
            await sender.send(mail())


async def test_a_server_that_is_slow_after_the_mail_may_have_sent_it() -> None:
    async with late_at("end", Scripted()) as sender:
        with pytest.raises(AnswerLost, match="no answer to the mail in time"):
            await sender.send(mail())


async def test_a_drop_while_a_long_mail_is_on_its_way_has_surely_not_sent_it() -> None:
    script = Scripted(drop_after=1_000)
    async with sending(script) as sender:
        long = mail(RAW + LONG)
        with pytest.raises(EngineAway, match=r"it ended the connection \(sending the mail\)"):
            await sender.send(long)
    assert script.taken == []


async def test_a_server_that_stops_reading_a_long_mail_has_surely_not_sent_it() -> None:
    async with late_at("body", Scripted()) as sender:
        with pytest.raises(EngineAway, match=r"no answer in time \(sending the mail\)"):
            await sender.send(mail(RAW + LONG))


async def test_a_refusal_in_the_middle_of_a_mail_is_heard() -> None:
    script = Scripted(says={"body": ["552 5.3.4 too much", SILENT]})
    async with sending(script) as sender:
        with pytest.raises(Rejected, match=r"refuses it at sending the mail: 552 5\.3\.4"):
            await sender.send(mail(RAW + LONG))
        assert script.connections == 1
        await sender.send(mail())
        assert script.connections == 2, "the first one still reads text"


async def test_a_mail_is_not_taken_before_its_end() -> None:
    script = Scripted(says={"body": ["250 early", SILENT]})
    async with sending(script) as sender:
        with pytest.raises(EngineAway, match="its answer is unclear at sending the mail: 250"):
            await sender.send(mail(RAW + LONG))
    assert script.taken == []


async def test_a_call_that_is_called_off_ends_its_connection_and_frees_its_place() -> None:
    script = Scripted(says={"RCPT": [SILENT]})
    async with sending(script, connections=1) as sender:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await sender.send(mail())
        await sender.send(mail())
    assert script.taken == [RAW]


# --- connections ------------------------------------------------------------------------------------------------------


async def test_connections_are_used_again_and_bounded() -> None:
    box = Mailbox()
    options = "tls=off&connections=2&helo=here.test"
    async with aiosmtpd_server(box) as port, OutgoingMail(f"smtp://{HOST}:{port}?{options}") as sender:
        await asyncio.gather(*(sender.send(mail()) for _ in range(12)))
        await sender.send(mail())
    assert len(box.taken) == 13
    assert len(box.sessions) <= 2


async def test_a_refused_recipient_costs_no_connection() -> None:
    script = Scripted(says={"RCPT": ["550 5.1.1 no", "450 4.2.0 later"]})
    async with sending(script) as sender:
        for kind in (Rejected, Deferred):
            with pytest.raises(kind):
                await sender.send(mail())
        await sender.send(mail())
    assert script.connections == 1
    assert script.commands.count("RSET") == 2


async def test_a_connection_that_the_server_ended_meanwhile_costs_no_mail() -> None:
    script = Scripted()
    async with sending(script) as sender:
        await sender.send(mail())
        script.says["MAIL"] = [DROP]
        await sender.send(mail())
    assert (script.connections, len(script.taken)) == (2, 2)


async def test_a_connection_that_was_idle_for_too_long_is_not_used_again() -> None:
    script = Scripted()
    async with sending(script, idle=0) as sender:
        await sender.send(mail())
        await sender.send(mail())
    assert script.connections == 2


async def test_while_a_server_is_away_it_is_not_asked_for_every_mail() -> None:
    script = Scripted(says={"greeting": ["421 4.3.2 closing"] * 9})
    async with sending(script) as sender:
        for _ in range(5):
            with pytest.raises(
                EngineAway, match=r"mail: smtp at 127\.0\.0\.1:\d+ \(IT\) does not answer: it answers 421"
            ):
                await sender.send(mail())
    assert script.connections == 1


async def test_nobody_listens() -> None:
    async with scripted_server(Scripted()) as port:
        pass
    async with OutgoingMail(f"smtp://{HOST}:{port}?tls=off&helo=here.test") as sender:
        with pytest.raises(EngineAway, match="it refuses connections"):
            await sender.send(mail())


# --- TLS and login ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
async def test_mail_leaves_encrypted_and_logged_in(scheme: str, tmp_path: Path) -> None:
    box, shown = Mailbox(), certificate(tmp_path)
    secured = {"starttls": shown} if scheme == "smtp" else {"implicit": shown}
    async with aiosmtpd_server(box, login=True, **secured) as port:
        url = f"{scheme}://{USER}@{HOST}:{port}?ca={shown.pem}&helo=here.test"
        async with OutgoingMail(url, password=PASSWORD) as sender:
            await sender.send(mail())
            await sender.send(mail())
            assert PASSWORD not in repr(sender) + repr(sender._place)
    assert [one[1:] for one in box.taken] == [(str(ANN), RAW)] * 2


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
@pytest.mark.parametrize(
    ("name", "days", "trusted", "why"),
    [
        (HOST, 30, "a stranger's", "self-signed certificate"),
        ("other.example", 30, "trusted", "IP address mismatch"),
        (HOST, -1, "trusted", "certificate has expired"),
    ],
)
async def test_a_wrong_certificate_gets_no_mail_and_no_password(
    scheme: str, name: str, days: int, trusted: str, why: str, tmp_path: Path
) -> None:
    box, shown = Mailbox(), certificate(tmp_path, name, days=days)
    believed = shown if trusted == "trusted" else certificate(tmp_path, "believed.example")
    secured = {"starttls": shown} if scheme == "smtp" else {"implicit": shown}
    async with aiosmtpd_server(box, login=True, **secured) as port:
        url = f"{scheme}://{USER}@{HOST}:{port}?ca={believed.pem}&helo=here.test"
        async with OutgoingMail(url, password=PASSWORD) as sender:
            with pytest.raises(EngineAway, match=rf"its certificate is not trusted \(.*{why}"):
                await sender.send(mail())
    assert box.taken == []


async def test_a_server_without_starttls_gets_no_mail_in_clear() -> None:
    script = Scripted()
    async with scripted_server(script) as port, OutgoingMail(f"smtp://{HOST}:{port}?helo=here.test") as sender:
        with pytest.raises(EngineAway, match="it offers no STARTTLS"):
            await sender.send(mail())
    assert script.commands == ["EHLO here.test"]


async def test_a_password_that_is_refused_is_said_once_and_never_shown(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    shown = certificate(tmp_path)
    async with aiosmtpd_server(Mailbox(), login=True, starttls=shown) as port:
        url = f"smtp://{USER}@{HOST}:{port}?ca={shown.pem}&helo=here.test"
        async with OutgoingMail(url, password="wrong-password") as sender:
            with pytest.raises(EngineAway, match=r"it refuses user and password \(535 5\.7\.8\)") as raised:
                await sender.send(mail())
    assert "wrong-password" not in str(raised.value) + repr(raised.value) + caplog.text


async def test_a_server_without_login_for_a_user_is_away() -> None:
    async with scripted_server(Scripted()) as port:
        sender = OutgoingMail(f"smtp://{USER}@{HOST}:{port}?tls=off&helo=here.test", password="x")
        with pytest.raises(EngineAway, match="it offers no login that this client knows"):
            await sender.send(mail())


# --- what the server can do -------------------------------------------------------------------------------------------

GREEK = EmailAddress.parse("δοκιμή@home.example")
UTF8_HEADER = "To: δοκιμή@home.example\r\n\r\nx\r\n".encode()
EIGHT_BITS = "Subject: s\r\n\r\ngrüße\r\n".encode()


def without(*lacking: str) -> list[str]:
    return [one for one in OFFERS if not one.startswith(lacking)]


@pytest.mark.parametrize(
    ("offers", "sent", "shown"),
    [
        (without("SMTPUTF8"), mail(to=GREEK), r"5\.6\.7: the mail server offers no SMTPUTF8"),
        (without("SMTPUTF8"), mail(UTF8_HEADER), r"5\.6\.7: the mail server offers no SMTPUTF8"),
        (without("SMTPUTF8"), mail(return_path="ü@bounce.example"), r"5\.6\.7: the mail server offers no SMTPUTF8"),
        (without("8BITMIME"), mail(EIGHT_BITS), r"5\.6\.3: the mail server offers no 8BITMIME"),
        (["SIZE 60"], mail(), r"5\.3\.4: the mail has 66 octets, and the mail server takes 60"),
        (
            OFFERS,
            mail(b"S: s\r\n\r\n" + b"x" * 999),
            r"5\.6\.0: the mail has a line of 999 octets, and SMTP carries 998",
        ),
        (OFFERS, mail(return_path="a@b> SIZE=1\r\nRSET"), r"5\.1\.7: the return path is no address"),
    ],
)
async def test_what_the_server_cannot_carry_is_refused_for_good_before_it_is_tried(
    offers: list[str], sent: Outgoing, shown: str
) -> None:
    script = Scripted(offers=offers)
    async with sending(script) as sender:
        with pytest.raises(Rejected, match=shown):
            await sender.send(sent)
        await sender.send(mail(b"S: s\r\n\r\nx\r\n"))
    assert script.taken == [b"S: s\r\n\r\nx\r\n"]


@pytest.mark.parametrize(
    ("offers", "sent", "commands"),
    [
        (OFFERS, mail(), ["MAIL FROM:<b-1@bounce.x.example> SIZE=66", "RCPT TO:<ann@home.example>"]),
        (OFFERS, mail(return_path=""), ["MAIL FROM:<> SIZE=66", "RCPT TO:<ann@home.example>"]),
        ([], mail(), ["MAIL FROM:<b-1@bounce.x.example>", "RCPT TO:<ann@home.example>"]),
        (["SIZE", "SIZE 0"], mail(), ["MAIL FROM:<b-1@bounce.x.example> SIZE=66", "RCPT TO:<ann@home.example>"]),
        (
            OFFERS,
            mail(EIGHT_BITS, return_path=""),
            ["MAIL FROM:<> SIZE=23 BODY=8BITMIME", "RCPT TO:<ann@home.example>"],
        ),
        (OFFERS, mail(to=GREEK, return_path=""), ["MAIL FROM:<> SIZE=66 SMTPUTF8", "RCPT TO:<δοκιμή@home.example>"]),
        (
            OFFERS,
            mail(UTF8_HEADER, to=EmailAddress.parse("Ann.Ray@HOME.example"), return_path=""),
            ["MAIL FROM:<> SIZE=36 BODY=8BITMIME SMTPUTF8", "RCPT TO:<Ann.Ray@home.example>"],
        ),
    ],
)
async def test_only_what_a_mail_needs_is_asked_for(offers: list[str], sent: Outgoing, commands: list[str]) -> None:
    script = Scripted(offers=offers)
    async with sending(script) as sender:
        await sender.send(sent)
    assert script.commands[1:3] == commands


@pytest.mark.parametrize(
    ("raw", "wire"),
    [
        (b"S: s\r\n\r\n.\r\n..\r\n.x\r\n", b"S: s\r\n\r\n..\r\n...\r\n..x\r\n"),
        (b"S: s\n\n.\nQUIT\n", b"S: s\r\n\r\n..\r\nQUIT\r\n"),
        (b"S: s\r\n\r\nx\r.\rRSET\r", b"S: s\r\n\r\nx\r\n..\r\nRSET\r\n"),
        (b"S: s\r\n\r\nx", b"S: s\r\n\r\nx\r\n"),
        (b"S: s\r\n\r\n" + b"." * 998, b"S: s\r\n\r\n." + b"." * 998 + b"\r\n"),
    ],
)
async def test_no_line_of_a_mail_ends_it_or_is_a_command(raw: bytes, wire: bytes) -> None:
    script = Scripted()
    async with sending(script) as sender:
        await sender.send(mail(raw))
    assert script.taken == [wire]
    assert [line.split()[0] for line in script.commands] == ["EHLO", "MAIL", "RCPT", "DATA", "QUIT"]


async def test_the_longest_line_and_an_address_beyond_ascii_pass_a_real_server() -> None:
    box, raw = Mailbox(), b"Subject: s\r\n\r\n" + b"x" * 998 + b"\r\n"
    async with aiosmtpd_server(box) as port, OutgoingMail(f"smtp://{HOST}:{port}?tls=off&helo=here.test") as sender:
        await sender.send(mail(raw, to=GREEK))
    assert box.taken == [("b-1@bounce.x.example", str(GREEK), raw)]
    assert "SMTPUTF8" in box.options[0]


# --- doctor -----------------------------------------------------------------------------------------------------------


async def test_doctor_hears_what_the_server_offers(tmp_path: Path) -> None:
    shown = certificate(tmp_path)
    async with aiosmtpd_server(Mailbox(), login=True, starttls=shown, utf8=False, size=1_000_000) as port:
        url = f"smtp://{USER}@{HOST}:{port}?ca={shown.pem}&helo=here.test"
        async with OutgoingMail(url, password=PASSWORD) as sender:
            found = {one.about: (one.grade.value, one.found) for one in await sender.examine()}
    assert found["TLS"][0] == "good"
    assert found["TLS"][1].startswith("by STARTTLS, or no mail is sent; its certificate ends ")
    assert found["login"] == ("good", "accepted")
    assert found["size"] == ("weak", "takes 1000000 octets")
    assert found["addresses beyond ASCII"] == ("weak", "SMTPUTF8 not offered")


async def test_doctor_on_a_server_of_this_machine() -> None:
    async with sending(Scripted(offers=["SIZE 0", "8BITMIME", "SMTPUTF8"])) as sender:
        found = {one.about: (one.grade.value, one.found) for one in await sender.examine()}
    assert found == {
        "TLS": ("weak", "off"),
        "login": ("good", "none: the URL names no user"),
        "size": ("good", "no limit is announced"),
        "addresses beyond ASCII": ("good", "are taken"),
    }


async def test_doctor_does_not_wait_for_a_silent_server() -> None:
    async with late_at("greeting", Scripted()) as sender:
        with pytest.raises(EngineAway, match="no answer in time"):
            await sender.examine()
