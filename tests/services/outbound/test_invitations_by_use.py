"""An invitation goes out, is answered by a calendar program, and the answer comes to the calendar of who asked."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from attrs import evolve

from convalias import Convalias, IncomingMail, Participant
from convalias.adapters import memory
from convalias.app.memory import memory_ports, memory_wiring
from convalias.domain.addresses.email_address import EmailAddress

BORDER = "mx.border.example"
HEAD = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Their program//EN\r\n"


class Calendars:
    """Ann asks Bob and Eve by mail. Each has a mailbox, and the border proves whose mail it is."""

    def __init__(self, cv: Convalias, aliases: dict[str, str]) -> None:
        self.cv = cv
        self.aliases = aliases
        self.written = 0

    async def writes(self, who: str, to: str, calendar: str, *, shape: str = "mixed") -> None:
        """A mail with a calendar entry in it, as a program makes it."""
        self.written += 1
        mail = EmailMessage(policy=policy.SMTP)
        mail["Authentication-Results"] = f"{BORDER}; dmarc=pass header.from=home.example; spf=pass"
        mail["Received"] = f"from x by {BORDER}; Sun, 01 Mar 2026 12:00:00 +0000"
        mail["From"], mail["To"], mail["Subject"] = f"{who}@home.example", to, "Interview"
        mail["Message-ID"], mail["Date"] = f"<{self.written}@home>", "Sun, 01 Mar 2026 12:00:00 +0000"
        method = next(line.partition(":")[2] for line in calendar.split("\r\n") if line.startswith("METHOD:"))
        if shape == "alone":
            mail.set_content(calendar.encode(), "text", "calendar", params={"method": method, "charset": "utf-8"})
        else:
            mail.set_content(f"{who.title()} says {method.lower()}.\n" if shape == "mixed" else "\n")
            mail.add_alternative(calendar.encode(), "text", "calendar", params={"method": method, "charset": "utf-8"})
        if shape == "mixed":
            mail.add_attachment(calendar.encode(), "application", "ics", filename="invite.ics")
        sender = f"{who}@home.example"
        await self.cv.receiver.accept(IncomingMail(mail.as_bytes(), recipients=[to], sender=sender))
        await self.cv.run_until_idle()

    def mails(self, who: str) -> list[EmailMessage]:
        assert isinstance(self.cv.ports.mail, memory.Outbox)
        found: list[EmailMessage] = []
        for one in self.cv.ports.mail.mailbox(EmailAddress.parse(f"{who}@home.example")):
            parsed = message_from_bytes(one.raw, policy=policy.default)
            assert isinstance(parsed, EmailMessage)
            found.append(parsed)
        return found

    def entry(self, who: str) -> list[str]:
        """The content lines of the calendar part of somebody's last mail."""
        mail = self.mails(who)[-1]
        (part,) = [one for one in mail.walk() if one.get_content_type() == "text/calendar"]
        lines: list[str] = part.get_content().replace("\r\n", "\n").replace("\n ", "").split("\n")
        assert f"METHOD:{part.get_param('method')}" in lines
        return lines

    def organizer(self, who: str) -> str:
        """Where the program of that person sends its answer."""
        (line,) = [one for one in self.entry(who) if one.startswith("ORGANIZER")]
        return line.rpartition("mailto:")[2]


def request(to: str, *, uid: str = "1@home", sequence: int = 0) -> str:
    return (
        f"{HEAD}METHOD:REQUEST\r\nBEGIN:VEVENT\r\nUID:{uid}\r\nDTSTAMP:20260301T120000Z\r\nSEQUENCE:{sequence}\r\n"
        "DTSTART:20260310T100000Z\r\nDTEND:20260310T110000Z\r\nSUMMARY:Interview\r\n"
        f"ORGANIZER;CN=Ann:mailto:ann@home.example\r\nATTENDEE:mailto:{to}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )


def answer(lines: list[str], who: str, part: str) -> str:
    """What a program makes of an invitation (RFC 5546 §3.2.3): its UID and organizer, and the answer of one attendee."""
    same = [one for one in lines if one.startswith(("UID", "DTSTART", "DTEND", "SEQUENCE", "SUMMARY", "ORGANIZER"))]
    body = "\r\n".join([*same, f"ATTENDEE;PARTSTAT={part};CN={who.title()}:mailto:{who}@home.example"])
    return f"{HEAD}METHOD:REPLY\r\nBEGIN:VEVENT\r\n{body}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"


def uid_of(lines: list[str]) -> str:
    (line,) = [one for one in lines if one.startswith("UID:")]
    return line.removeprefix("UID:")


@asynccontextmanager
async def calendars() -> AsyncGenerator[Calendars]:
    wiring = evolve(memory_wiring("reply.example", None, None), trusted_authserv_ids=frozenset({BORDER}))
    async with Convalias.over(memory_ports(legacy=False), wiring) as cv:
        people = [
            Participant.of(one, name=one.title(), addresses=[f"{one}@home.example"]) for one in ("ann", "bob", "eve")
        ]
        aliases = await cv.open_conversation("c1", use_case="hiring", participants=people)
        yield Calendars(cv, {str(name): str(alias) for name, alias in aliases.items()})


@pytest.mark.parametrize("shape", ["mixed", "alternative", "alone"])
@pytest.mark.parametrize("part", ["ACCEPTED", "DECLINED", "TENTATIVE"])
async def test_an_answer_through_the_alias_comes_to_the_calendar_of_who_asked(shape: str, part: str) -> None:
    async with calendars() as here:
        await here.writes("ann", here.aliases["bob"], request(here.aliases["bob"]))
        asked = here.entry("bob")
        assert "METHOD:REQUEST" in asked
        await here.writes("bob", here.organizer("bob"), answer(asked, "bob", part), shape=shape)
        told = here.entry("ann")
        assert "METHOD:REPLY" in told
        assert uid_of(told) == "1@home"
        assert "ORGANIZER:mailto:ann@home.example" in told
        sender = here.mails("ann")[-1]["From"].addresses[0].addr_spec
        assert [one for one in told if one.startswith("ATTENDEE")] == [
            f'ATTENDEE;CN="Bob";PARTSTAT={part}:mailto:{sender}'
        ]
        assert sender.endswith("@reply.example")
        assert b"bob@home.example" not in here.mails("ann")[-1].as_bytes()


async def test_an_answer_goes_into_no_calendar_but_that_of_who_asked() -> None:
    async with calendars() as here:
        await here.writes("ann", here.aliases["bob"], request(here.aliases["bob"]))
        await here.writes("bob", here.organizer("bob"), answer(here.entry("bob"), "bob", "ACCEPTED"))
        mail = here.mails("eve")[-1]
        types = {one.get_content_type() for one in mail.walk()}
        assert not {"text/calendar", "application/ics"} & types
        body = mail.get_body(("plain",))
        assert body is not None
        assert "Bob says reply." in body.get_content()
        assert "Interview\nWhen: 2026-03-10" in body.get_content().replace("\r\n", "\n")
        assert "METHOD:REPLY" in here.entry("ann")


@pytest.mark.parametrize("uid", ["1@home", "ann@home.example-20260310", "ANN@home.example/1", "b.ann@home.example"])
async def test_an_update_finds_what_it_updates_and_an_answer_what_it_answers(uid: str) -> None:
    async with calendars() as here:
        await here.writes("ann", here.aliases["bob"], request(here.aliases["bob"], uid=uid))
        first = {who: here.entry(who) for who in ("bob", "eve")}
        await here.writes("ann", here.aliases["bob"], request(here.aliases["bob"], uid=uid, sequence=1))
        for who, asked in first.items():
            again = here.entry(who)
            assert uid_of(again) == uid_of(asked)
            assert "SEQUENCE:1" in again
        await here.writes("bob", here.organizer("bob"), answer(here.entry("bob"), "bob", "ACCEPTED"))
        assert uid_of(here.entry("ann")) == uid


async def test_a_uid_that_names_somebody_is_sealed_for_all_others() -> None:
    async with calendars() as here:
        await here.writes("ann", here.aliases["bob"], request(here.aliases["bob"], uid="ann@home.example-1"))
        assert uid_of(here.entry("eve")) == uid_of(here.entry("bob"))
        await here.writes("bob", here.organizer("bob"), answer(here.entry("bob"), "bob", "DECLINED"))
        for who in ("bob", "eve"):
            for mail in here.mails(who):
                for part in mail.walk():
                    octets = part.get_payload(decode=True)
                    assert b"ann@home" not in (octets if isinstance(octets, bytes) else b"")
        assert "ann" not in uid_of(here.entry("bob")).lower()
