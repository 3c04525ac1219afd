"""What a person attaches reaches those who have only mail: in the mail, or by a link that ends when it should."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from attrs import evolve

from convalias import Convalias, IncomingMail, Participant
from convalias.adapters import memory
from convalias.adapters.hub import Wording
from convalias.app.memory import memory_ports, memory_wiring
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations import events as e
from convalias.domain.ids import AccountId, ConversationId, EventId
from convalias.domain.outbound.enclosures import LinkedFile
from convalias.domain.outbound.seals import FileLink
from convalias.ports.drafts import AttachedFile
from convalias.stores.conversations.attachments import attachment_key

BORDER = "mx.border.example"
PDF = b"%PDF-1.4 a file"


class Town:
    """Ann and Bob in one conversation. Bob writes by mail, which the border proved to be his or did not."""

    def __init__(self, cv: Convalias) -> None:
        self.cv = cv
        self.clock = cv.ports.clock
        self.alias = ""

    async def comes(
        self, name: str, *, proved: bool, content: bytes = PDF, media_type: str = "application/pdf"
    ) -> None:
        mail = EmailMessage(policy=policy.SMTP)
        if proved:
            mail["Authentication-Results"] = f"{BORDER}; dmarc=pass header.from=home.example; spf=pass"
            mail["Received"] = f"from x by {BORDER}; Sun, 01 Mar 2026 12:00:00 +0000"
        mail["From"], mail["To"] = "bob@home.example", self.alias
        mail["Subject"], mail["Message-ID"], mail["Date"] = "CV", "<1@home>", "Sun, 01 Mar 2026 12:00:00 +0000"
        mail.set_content("My CV is attached.\n")
        main, sub = media_type.split("/")
        mail.add_attachment(content, maintype=main, subtype=sub, filename=name)
        await self.cv.receiver.accept(IncomingMail(mail.as_bytes(), recipients=[self.alias], sender="bob@home.example"))
        await self.cv.run_until_idle()

    def sent(self) -> EmailMessage:
        assert isinstance(self.cv.ports.mail, memory.Outbox)
        (mail,) = self.cv.ports.mail.mailbox(EmailAddress.parse("ann@home.example"))
        parsed = message_from_bytes(mail.raw, policy=policy.default)
        assert isinstance(parsed, EmailMessage)
        return parsed

    def text(self) -> str:
        body = self.sent().get_body(("plain",))
        assert body is not None
        text = body.get_content()
        assert isinstance(text, str)
        return text.replace("\r\n", "\n")

    def token(self) -> str:
        found = re.search(r"https://reply\.example/attachments/(\S+)", self.text())
        assert found is not None, self.text()
        return found[1]

    async def opened(self, token: str) -> tuple[LinkedFile, bytes] | None:
        async with self.cv.attachment_links.opened(token) as found:
            return found

    async def is_open(self, token: str) -> bool:
        shown = await self.cv.attachment_links.show(token)
        opened = await self.opened(token)
        assert (shown is None) == (opened is None)
        return shown is not None


@asynccontextmanager
async def town(**names: str) -> AsyncGenerator[Town]:
    """`names`: of those who are called otherwise than their account."""
    wiring = evolve(
        memory_wiring("reply.example", None, None), trusted_authserv_ids=frozenset({BORDER}), platform="Jobs Fair"
    )
    async with Convalias.over(memory_ports(legacy=False), wiring) as cv:
        people = [
            Participant.of(one, name=names.get(one, one.title()), addresses=[f"{one}@home.example"])
            for one in ("ann", "bob", "eve")
        ]
        aliases = await cv.open_conversation("c1", use_case="hiring", participants=people)
        here = Town(cv)
        here.alias = str(aliases["ann"])
        yield here


async def test_a_file_of_a_proved_participant_goes_along_unchanged() -> None:
    async with town() as here:
        await here.comes("Lebenslauf Jürgen.pdf", proved=True)
        (file,) = here.sent().iter_attachments()
        assert file.get_filename() == "Lebenslauf Jürgen.pdf"
        assert file.get_content_type() == "application/pdf"
        assert file.get_payload(decode=True) == PDF
        assert "- Lebenslauf Jürgen.pdf\n" in here.text()
        assert "/attachments/" not in here.text()


async def test_a_file_of_a_chat_message_goes_along() -> None:
    async with town() as here:
        await here.cv.messaging.send(
            "c1", "see there", author="bob", key="1", attachments=[AttachedFile("CV.pdf", "application/pdf", PDF)]
        )
        await here.cv.run_until_idle()
        (file,) = here.sent().iter_attachments()
        assert (file.get_filename(), file.get_payload(decode=True)) == ("CV.pdf", PDF)


@pytest.mark.parametrize(
    ("name", "media_type", "proved"),
    [("CV.pdf", "application/pdf", False), ("CV.zip", "application/zip", True), ("CV.exe", "application/pdf", True)],
)
async def test_every_other_file_is_a_link_that_opens_it(name: str, media_type: str, *, proved: bool) -> None:
    async with town() as here:
        await here.comes(name, proved=proved, media_type=media_type)
        assert list(here.sent().iter_attachments()) == []
        found = await here.opened(here.token())
        assert found is not None
        assert found[0].name == name
        assert (found[0].author, found[0].verified) == ("Bob", proved)
        assert found[1] == PDF


INVITATION = (
    b"BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nUID:1@home\r\nDTSTART:20260310T100000Z\r\nSUMMARY:Interview\r\n"
    b"LOCATION:Room 5\r\nORGANIZER:mailto:bob@home.example\r\nATTENDEE:mailto:eve@home.example\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
)


async def test_an_invitation_comes_from_the_alias_asks_the_recipient_alone_and_says_when() -> None:
    async with town() as here:
        await here.comes("invite.ics", proved=True, media_type="text/calendar", content=INVITATION)
        assert "Interview\nWhen: 2026-03-10 10:00 (UTC)\nWhere: Room 5\n" in here.text()
        (entry,) = [one for one in here.sent().walk() if one.get_content_type() == "text/calendar"]
        assert entry.get_param("method") == "REQUEST"
        lines = entry.get_content().replace("\r\n", "\n").replace("\n ", "").split("\n")
        sender = here.sent()["From"].addresses[0].addr_spec
        assert f'ORGANIZER;CN="Bob":mailto:{sender}' in lines
        assert [one for one in lines if one.startswith("ATTENDEE")] == [
            "ATTENDEE;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:ann@home.example"
        ]
        (file,) = here.sent().iter_attachments()
        assert (file.get_filename(), file.get_content_type()) == ("invite.ics", "application/ics")
        for octets in (here.sent().as_bytes(), file.get_payload(decode=True)):
            assert isinstance(octets, bytes)
            assert b"bob@home.example" not in octets
            assert b"eve@home.example" not in octets


async def test_an_invitation_that_nothing_proves_says_when_and_its_link_names_nobody() -> None:
    async with town() as here:
        await here.comes("invite.ics", proved=False, media_type="text/calendar", content=INVITATION)
        assert "When: 2026-03-10 10:00 (UTC)" in here.text()
        assert list(here.sent().iter_attachments()) == []
        found = await here.opened(here.token())
        assert found is not None
        assert b"SUMMARY:Interview" in found[1]
        assert b"UID:1@home\r\n" in found[1]
        assert b"mailto" not in found[1]


async def test_a_uid_behind_a_link_names_nobody() -> None:
    async with town() as here:
        content = INVITATION.replace(b"UID:1@home", b"UID:Bob@home.example/1")
        await here.comes("invite.ics", proved=False, media_type="text/calendar", content=content)
        found = await here.opened(here.token())
        assert found is not None
        assert b"UID:u-" in found[1]
        assert b"bob@home.example" not in found[1].lower()


async def test_what_only_says_that_it_is_an_invitation_is_never_passed_on() -> None:
    async with town() as here:
        await here.comes("invite.ics", proved=True, media_type="text/calendar", content=b"ORGANIZER:bob@home.example")
        assert list(here.sent().iter_attachments()) == []
        assert f"invite.ics {Wording().not_sent_along}" in here.text()


async def test_a_file_name_that_holds_an_address_is_masked_on_the_page_too() -> None:
    async with town() as here:
        await here.comes("bob@home.example.zip", proved=True, media_type="application/zip")
        shown = await here.cv.attachment_links.show(here.token())
        assert shown is not None
        assert shown.name == "[\u2026@\u2026].zip"
        assert b"bob@home.example" not in here.sent().as_bytes()


async def test_a_link_ends_with_its_time() -> None:
    async with town() as here:
        await here.comes("CV.zip", proved=True, media_type="application/zip")
        assert isinstance(here.clock, memory.Clock)
        here.clock.step(timedelta(days=29, hours=23))
        assert await here.is_open(here.token())
        here.clock.step(timedelta(hours=2))
        assert not await here.is_open(here.token())


async def test_a_link_ends_when_its_reader_leaves() -> None:
    async with town() as here:
        await here.comes("CV.zip", proved=True, media_type="application/zip")
        await here.cv.messaging.remove_participant("c1", "eve")
        assert await here.is_open(here.token())
        await here.cv.messaging.remove_participant("c1", "ann")
        assert not await here.is_open(here.token())


@pytest.mark.parametrize("what", ["redacted", "erased"])
async def test_a_link_ends_with_the_message(what: str) -> None:
    async with town() as here:
        await here.comes("CV.zip", proved=True, media_type="application/zip")
        event = (await here.cv.messaging.events("c1"))[-1]
        happening = e.MessageRedacted(event.id) if what == "redacted" else e.ConversationErased()
        new = e.NewEvent(EventId("e-gone"), event.conversation, happening, what, e.Origin.CHAT, here.clock.now())
        await here.cv.messaging.conversations.append(event.conversation, lambda _: new, key=what)
        assert not await here.is_open(here.token())


async def test_a_file_of_a_message_that_a_check_found_harmful_is_neither_sent_nor_linked() -> None:
    async with town() as here:
        await here.comes("CV.zip", proved=True, media_type="application/zip")
        before = (await here.cv.messaging.events("c1"))[-1]
        assert isinstance(before.happening, e.MessageAdded)
        said = evolve(before.happening, flags=frozenset({"harmful"}), message_id="<2@home>")
        new = e.NewEvent(EventId("e-harmful"), before.conversation, said, "harmful", e.Origin.CHAT, here.clock.now())
        await here.cv.messaging.conversations.append(before.conversation, lambda _: new, key="harmful")
        await here.cv.run_until_idle()
        assert isinstance(here.cv.ports.mail, memory.Outbox)
        last = here.cv.ports.mail.mailbox(EmailAddress.parse("ann@home.example"))[-1]
        mail = message_from_bytes(last.raw, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        plain = mail.get_body(("plain",))
        assert plain is not None
        assert f"- CV.zip {Wording().harmful}" in plain.get_content()
        seals, until = here.cv.attachment_links.seals, here.clock.now() + timedelta(days=1)
        link = FileLink(ConversationId("c1"), EventId("e-harmful"), 0, AccountId("ann"), until)
        assert not await here.is_open(seals.file_token(link))


async def test_a_file_that_is_not_kept_any_more_is_named_and_its_link_ends() -> None:
    async with town() as here:
        await here.comes("CV.zip", proved=True, media_type="application/zip")
        (message,) = [
            one.happening for one in await here.cv.messaging.events("c1") if isinstance(one.happening, e.MessageAdded)
        ]
        await here.cv.ports.blobs.delete([attachment_key(message.attachments[0].digest)])
        assert await here.opened(here.token()) is None


async def test_a_link_to_what_is_not_there_opens_nothing() -> None:
    async with town() as here:
        await here.comes("CV.zip", proved=True, media_type="application/zip")
        events = await here.cv.messaging.events("c1")
        seals = here.cv.attachment_links.seals
        until = here.clock.now() + timedelta(days=1)
        about = FileLink(ConversationId("c1"), events[-1].id, 0, AccountId("ann"), until)
        assert await here.is_open(seals.file_token(about))
        for wrong in (
            evolve(about, number=1),
            evolve(about, event=EventId("e-none")),
            evolve(about, event=events[0].id),
            evolve(about, conversation=ConversationId("c2")),
            evolve(about, reader=AccountId("zoe")),
        ):
            assert not await here.is_open(seals.file_token(wrong))
        assert not await here.is_open("no.link")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Jobs Fair Support", "Participant"),
        ("J\u043ebs\u200b Fair", "Participant"),
        ("eve@home.example", "eve home.example"),
        ("\u202eBob", "Bob"),
        ("", "Participant"),
        ("x" * 500, "x" * 60),
    ],
)
async def test_no_page_of_a_file_names_the_platform_or_an_address_as_its_sender(name: str, shown: str) -> None:
    async with town(bob=name) as here:
        await here.comes("CV.zip", proved=True, media_type="application/zip")
        found = await here.cv.attachment_links.show(here.token())
        assert found is not None
        assert found.author == shown
