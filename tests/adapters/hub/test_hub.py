"""A notification as mail: from the alias, fixed in its thread, the same bytes at every try, nobody's address in it."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from attrs import asdict, evolve
from hypothesis import given
from hypothesis import strategies as st

from convalias.adapters import memory
from convalias.adapters.hub import WORDINGS, NotificationHub, RefusalWriter, Wording
from convalias.adapters.hub.mail_hub import PREPARED_WITHIN
from convalias.adapters.hub.rendering import Footing, as_html, as_text
from convalias.adapters.mailgun import place as mailgun
from convalias.adapters.mime.compose import compose
from convalias.adapters.smtp import place as smtp
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations import events as e
from convalias.domain.conversations.events import ConversationEvent, Origin
from convalias.domain.conversations.participants import AccountAuthor
from convalias.domain.ids import AccountId, ConversationId, EventId, Seq, UseCase
from convalias.domain.mail.envelope import Attachment
from convalias.domain.outbound.delivery import Channel, NotificationKind, notification_id
from convalias.domain.outbound.enclosures import encoded
from convalias.domain.outbound.mail_threads import MailThread, OurMail, OwnMail
from convalias.domain.outbound.notifications import Notification
from convalias.domain.outbound.seals import Seal, Seals
from convalias.domain.outbound.tries import CALL_WITHIN
from convalias.domain.system_mail.refusal_texts import RefusalText
from convalias.ports.drafts import REPLY_MARKER
from convalias.ports.errors import Deferred, Rejected
from convalias.ports.hub import Declined, Guarantee, Sent
from convalias.ports.mail import Outgoing
from convalias.testing import conformance
from convalias.testing.conformance import Check, HubUnderTest

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SEALS = Seals(Seal(b"m" * 32), Seal(b"r" * 32), Seal(b"l" * 32))
DOMAIN = "reply.example"
BOB = EmailAddress.parse("bob@corp.example")
ALIAS = EmailAddress.parse("ann-lee-1ab131e2@reply.example")
TEXTS = st.text(max_size=60)


def hub(
    outbox: memory.Outbox, *, base_url: str | None = None, via: str = "Jobs", conversation_url: str | None = None
) -> NotificationHub:
    return NotificationHub(
        outgoing=outbox,
        compose=compose,
        seals=SEALS,
        alias_domain=DOMAIN,
        guarantee=Guarantee(timedelta.max, ask=outbox.ask),
        via=via,
        base_url=base_url,
        conversation_url=conversation_url,
    )


def notification(
    text: str = "hello",
    *,
    event: str = "e2",
    name: str = "Ann Lee",
    conversation: str = "c1",
    recipient: str = "bob",
    in_reply_to: str | None = None,
    attachments: tuple[Attachment, ...] = (),
) -> Notification:
    said = e.MessageAdded(author=AccountAuthor(AccountId("ann")), text=text, attachments=attachments)
    happened = ConversationEvent(
        EventId(event), ConversationId(conversation), Seq(2), said, "k", Origin.CHAT, NOON, NOON
    )
    return Notification(
        id=notification_id(EventId(event), AccountId(recipient), NotificationKind.MESSAGE, Channel.EMAIL),
        kind=NotificationKind.MESSAGE,
        channel=Channel.EMAIL,
        conversation=happened.conversation,
        use_case=UseCase("apply"),
        recipient=AccountId(recipient),
        recipient_address=BOB,
        author_name=name,
        reply_alias=ALIAS,
        event=happened,
        in_reply_to=in_reply_to,
    )


def sent(one: Notification, *, base_url: str | None = None, via: str = "Jobs") -> tuple[memory.Outbox, EmailMessage]:
    outbox = memory.Outbox()
    answer = asyncio.run(hub(outbox, base_url=base_url, via=via).send(one))
    assert isinstance(answer, Sent)
    parsed = message_from_bytes(outbox.mails[0].raw, policy=policy.default)
    assert isinstance(parsed, EmailMessage)
    return outbox, parsed


@pytest.mark.parametrize("check", conformance.NOTIFICATION_HUB, ids=str)
def test_it_keeps_the_promises_of_a_hub(check: Check[conformance.MakeNotificationHub]) -> None:
    places: dict[str, memory.Outbox] = {}

    @asynccontextmanager
    async def open_hub(place: str) -> AsyncIterator[HubUnderTest]:
        outbox = places.setdefault(place, memory.Outbox())

        async def left() -> Sequence[str]:
            return [mail.key for mail in outbox.mails]

        yield HubUnderTest(port=hub(outbox), left=left)

    asyncio.run(check(open_hub))


def test_it_comes_from_the_alias_under_the_authors_name_and_goes_to_the_recipient() -> None:
    outbox, mail = sent(notification())
    assert mail["From"] == '"Ann Lee (via Jobs)" <ann-lee-1ab131e2@reply.example>'
    assert mail["To"] == "bob@corp.example"
    assert mail["Reply-To"] is None
    assert mail["Auto-Submitted"] is None
    assert mail["Precedence"] is None
    assert mail["X-Auto-Response-Suppress"] == "DR, RN, NRN"
    assert outbox.mails[0].to == BOB


@pytest.mark.parametrize("url", [None, "https://jobs.example/c/{conversation}?a=1&b=2"])
def test_what_cannot_be_answered_comes_from_no_reply_says_so_and_leads_to_the_conversation(url: str | None) -> None:
    outbox = memory.Outbox()
    silent = evolve(
        notification(conversation='c 1"'),
        reply_alias=EmailAddress.parse(f"no-reply@{DOMAIN}"),
        answerable=False,
    )
    asyncio.run(hub(outbox, conversation_url=url).send(silent))
    mail = message_from_bytes(outbox.mails[0].raw, policy=policy.default)
    assert mail["From"] == f'"Ann Lee (via Jobs)" <no-reply@{DOMAIN}>'
    plain, html = (mail.get_body([kind]) for kind in ("plain", "html"))  # type: ignore[attr-defined]
    for body in (plain.get_content(), html.get_content()):
        assert "hello" in body
        assert "This e-mail cannot be answered." in body
        assert REPLY_MARKER not in body
        assert "Answer this e-mail" not in body
        assert ("https://jobs.example/c/c%201%22?a=1&" in body) == (url is not None)
        assert "{conversation}" not in body


def test_the_return_path_is_never_the_alias_and_names_the_notification() -> None:
    one = notification()
    outbox, _ = sent(one)
    path = EmailAddress.parse(outbox.mails[0].return_path)
    assert path.domain == f"bounce.{DOMAIN}"
    assert SEALS.bounced(path) == one.id


def test_mail_of_one_conversation_to_one_recipient_is_one_thread() -> None:
    (_, one), (_, two) = sent(notification()), sent(notification("more", event="e3", in_reply_to="<bobs@corp>"))
    assert one["Subject"] == two["Subject"]
    assert one["Subject"].startswith("Message in your conversation [")
    assert one["Message-ID"] != two["Message-ID"]
    assert two["References"] == f"{one['References']} <bobs@corp>"
    assert two["In-Reply-To"] == "<bobs@corp>"
    assert one["In-Reply-To"] is None
    for other in (notification(conversation="c2"), notification(recipient="eve")):
        assert sent(other)[1]["Subject"] != one["Subject"]
        assert sent(other)[1]["References"] != one["References"]


def test_our_own_ids_are_at_the_alias_domain_and_so_is_no_text_of_ours() -> None:
    _, mail = sent(notification())
    assert mail["Message-ID"].endswith(f"@{DOMAIN}>")
    assert mail["X-Convalias-Id"] == notification().id


def test_the_first_words_are_the_message_and_the_marker_stands_below() -> None:
    attachment = Attachment("c<v>.pdf", "application/pdf", 7, "ff")
    plain, html = both(sent(notification("a < b & c\n  kept", attachments=(attachment,)))[1])
    assert plain.startswith(
        f"a < b & c\n  kept\n\nAttached:\n- c<v>.pdf {Wording().not_sent_along}\n\n{REPLY_MARKER}\n\n-- \n"
    )
    assert "<p>a &lt; b &amp; c<br>\n\u00a0 kept</p>" in html
    assert "<li>c&lt;v&gt;.pdf (not sent along: see the conversation)</li>" in html
    assert html.index("kept") < html.index(REPLY_MARKER)


async def test_files_go_along_as_often_as_the_mail_is_tried_and_one_at_a_time_where_room_is_short() -> None:
    outbox, busy, most = memory.Outbox(), 0, 0

    async def read(digest: str) -> bytes | None:
        nonlocal busy, most
        busy, most = busy + 1, max(most, busy + 1)
        await asyncio.sleep(0)
        busy -= 1
        return {"aa": b"%PDF", "bb": b"PNG"}.get(digest)

    named = (("a.pdf", "application/pdf", "aa"), ("b.png", "image/png", "bb"), ("c.pdf", "application/pdf", "cc"))
    files = tuple(Attachment(name, kind, 4, digest) for name, kind, digest in named)
    said = e.MessageAdded(author=AccountAuthor(AccountId("ann"), verified=True), text="see", attachments=files)
    told = [notification(event=event) for event in ("e2", "e3", "e2")]
    small = NotificationHub(
        outgoing=outbox,
        compose=compose,
        seals=SEALS,
        alias_domain=DOMAIN,
        guarantee=Guarantee(),
        files=read,
        most_octets=100,
    )
    await asyncio.gather(*(small.send(evolve(one, event=evolve(one.event, happening=said))) for one in told))
    assert most == 1
    raws = {mail.raw for mail in outbox.mails}
    assert len(raws) == 2
    mail = message_from_bytes(min(raws), policy=policy.default)
    assert isinstance(mail, EmailMessage)
    assert [one.get_payload(decode=True) for one in mail.iter_attachments()] == [b"%PDF", b"PNG"]
    plain, html = both(mail)
    assert f"- b.png\n- c.pdf {Wording().not_sent_along}\n" in plain
    assert f"<li>c.pdf {Wording().not_sent_along}</li>" in html


class Slow:
    """A sender that is given mail and answers when it is told to."""

    def __init__(self) -> None:
        self.mails: list[Outgoing] = []
        self.answers = asyncio.Event()

    async def send(self, mail: Outgoing) -> None:
        self.mails.append(mail)
        await self.answers.wait()


def with_file(event: str) -> Notification:
    said = e.MessageAdded(
        author=AccountAuthor(AccountId("ann"), verified=True),
        text="see",
        attachments=(Attachment("a.pdf", "application/pdf", 30, "aa"),),
    )
    one = notification(event=event)
    return evolve(one, event=evolve(one.event, happening=said))


async def test_a_mail_that_finds_no_room_for_its_files_in_time_was_surely_not_sent() -> None:
    async def read(_: str) -> bytes:
        return b"%PDF"

    slow = Slow()
    desk = NotificationHub(
        outgoing=slow,
        compose=compose,
        seals=SEALS,
        alias_domain=DOMAIN,
        guarantee=Guarantee(),
        files=read,
        most_octets=2 * encoded(30),
        prepared_within=timedelta(milliseconds=10),
    )
    first = [asyncio.ensure_future(desk.send(with_file(event))) for event in ("e2", "e3")]
    while len(slow.mails) < 2:  # noqa: ASYNC110 - the sender's own state, and no event of it
        await asyncio.sleep(0)
    with pytest.raises(Deferred, match="not ready in time"):
        await desk.send(with_file("e4"))
    assert len(slow.mails) == 2
    slow.answers.set()
    await asyncio.gather(*first)
    assert isinstance(await desk.send(with_file("e4")), Sent)


async def test_a_mail_whose_files_are_not_read_in_time_was_surely_not_sent_and_gives_its_room_back() -> None:
    is_slow = True

    async def read(_: str) -> bytes:
        if is_slow:
            await asyncio.Event().wait()
        return b"%PDF"

    outbox = memory.Outbox()
    desk = NotificationHub(
        outgoing=outbox,
        compose=compose,
        seals=SEALS,
        alias_domain=DOMAIN,
        guarantee=Guarantee(),
        files=read,
        most_octets=encoded(30),
        prepared_within=timedelta(milliseconds=10),
    )
    with pytest.raises(Deferred, match="not ready in time"):
        await desk.send(with_file("e2"))
    assert not outbox.mails
    is_slow = False
    assert isinstance(await desk.send(with_file("e2")), Sent)


def test_preparing_and_sending_a_mail_take_less_time_than_a_try_has() -> None:
    for sender in (smtp.Limits(), mailgun.Limits()):
        assert PREPARED_WITHIN.total_seconds() + sender.timeout < CALL_WITHIN.total_seconds()


@pytest.mark.parametrize(("size", "kept"), [(4, False), (2_000_000, True)])
async def test_a_calendar_entry_that_cannot_be_read_is_named_only(size: int, *, kept: bool) -> None:
    async def read(_: str) -> bytes | None:
        return b"BEGIN:VCALENDAR" if kept else None

    outbox = memory.Outbox()
    desk = NotificationHub(
        outgoing=outbox, compose=compose, seals=SEALS, alias_domain=DOMAIN, guarantee=Guarantee(), files=read
    )
    file = Attachment("invite.ics", "text/calendar", size, "aa")
    said = e.MessageAdded(author=AccountAuthor(AccountId("ann"), verified=True), text="see", attachments=(file,))
    one = notification()
    await desk.send(evolve(one, event=evolve(one.event, happening=said)))
    mail = message_from_bytes(outbox.mails[0].raw, policy=policy.default)
    assert isinstance(mail, EmailMessage)
    assert f"- invite.ics {Wording().not_sent_along}\n" in both(mail)[0]
    assert list(mail.iter_attachments()) == []


def test_two_copies_of_a_calendar_entry_are_told_once_and_one_may_be_answered() -> None:
    octets = (
        b"BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nSUMMARY:<b>Talk\r\nDTSTART:20260310T100000Z\r\n"
        b"RRULE:FREQ=DAILY\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )

    async def read(_: str) -> bytes | None:
        return octets

    outbox = memory.Outbox()
    desk = NotificationHub(
        outgoing=outbox, compose=compose, seals=SEALS, alias_domain=DOMAIN, guarantee=Guarantee(), files=read
    )
    files = (Attachment("a.ics", "text/calendar", 4, "aa"), Attachment("invite.ics", "application/ics", 4, "bb"))
    said = e.MessageAdded(author=AccountAuthor(AccountId("ann"), verified=True), text="see", attachments=files)
    one = notification(name="Jobs")
    asyncio.run(desk.send(evolve(one, event=evolve(one.event, happening=said))))
    mail = message_from_bytes(outbox.mails[0].raw, policy=policy.default)
    assert isinstance(mail, EmailMessage)
    plain, html = both(mail)
    assert plain.count("When: 2026-03-10 10:00 (UTC) (repeats)") == 1
    assert "<p>&lt;b&gt;Talk<br>\nWhen: 2026-03-10 10:00 (UTC) (repeats)</p>" in html
    kinds = [part.get_content_type() for part in mail.walk()]
    assert kinds.count("text/calendar") == 1
    assert kinds.count("application/ics") == 2


def test_a_file_that_may_not_go_along_is_a_link_in_both_parts() -> None:
    files = (Attachment('a"<b>.zip', "application/zip", 4, "aa"),)
    plain, html = both(sent(notification(attachments=files), base_url="https://jobs.example")[1])
    assert '- a"<b>.zip https://jobs.example/attachments/' in plain
    assert '<li><a href="https://jobs.example/attachments/' in html
    assert ">a&quot;&lt;b&gt;.zip</a></li>" in html


def both(mail: EmailMessage) -> tuple[str, str]:
    plain, html = (mail.get_body((kind,)) for kind in ("plain", "html"))
    assert plain is not None
    assert html is not None
    return plain.get_content().replace("\r\n", "\n"), html.get_content().replace("\r\n", "\n")


@pytest.mark.parametrize(
    ("market", "languages", "language"),
    [
        (None, (), "en"),
        ("jp", (), "ja"),
        ("FR-paris", ("de",), "fr"),
        ("xx", ("de", "en"), "de"),
        (None, ("tlh",), "en"),
    ],
)
def test_words_are_those_of_the_market_else_of_the_deployment(
    market: str | None, languages: tuple[str, ...], language: str
) -> None:
    outbox = memory.Outbox()
    desk = NotificationHub(
        outgoing=outbox, compose=compose, seals=SEALS, alias_domain=DOMAIN, guarantee=Guarantee(), languages=languages
    )
    asyncio.run(desk.send(evolve(notification(), market=market, readers=("Ann",))))
    mail = message_from_bytes(outbox.mails[0].raw, policy=policy.default)
    assert isinstance(mail, EmailMessage)
    plain, html = both(mail)
    words = WORDINGS[language]
    assert words.footer in plain
    assert words.readers.replace("{names}", "Ann") in plain
    assert REPLY_MARKER in plain
    assert f'<html lang="{language}">' in html
    assert mail["Subject"].startswith(f"{words.subject} [")


@pytest.mark.parametrize("flags", [frozenset[str](), frozenset({"unverified"})])
def test_a_message_that_nothing_proved_says_so(flags: frozenset[str]) -> None:
    one = notification()
    assert isinstance(one.event.happening, e.MessageAdded)
    said = evolve(one.event.happening, flags=flags)
    plain, html = both(sent(evolve(one, event=evolve(one.event, happening=said)))[1])
    for text in (plain, html):
        assert (Wording().unverified in text) == bool(flags)


def test_each_language_has_words_of_its_own_for_all_that_is_said() -> None:
    for language, words in WORDINGS.items():
        assert words.language == language
        said = asdict(words)
        assert language == "en" or not {one for one, text in said.items() if text == asdict(Wording())[one]}
        assert "{names}" in words.readers
        assert "{when}" in words.written


def test_lines_and_paragraphs_are_broken_by_tags() -> None:
    _, html = both(sent(notification("Dear Ann,\n\none\ntwo\n \n\nBob  B."))[1])
    assert "<p>Dear Ann,</p>\n<p>one<br>\ntwo</p>\n<p>Bob \u00a0B.</p>" in html
    assert "pre-wrap" not in html


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("See https://x.example/a?b=1&c=2.", "https://x.example/a?b=1&amp;c=2"),
        ("(see http://x.example/a_(b))", "http://x.example/a_(b)"),
        ('<a href="https://x.example">', "https://x.example"),
        ("https://x.example/\u202egpj", "https://x.example/"),
    ],
)
def test_web_addresses_are_links(text: str, url: str) -> None:
    plain, html = both(sent(notification(text))[1])
    assert text in plain
    assert f'<a href="{url}">{url}</a>' in html


def test_html_says_charset_language_width_and_scheme() -> None:
    _, html = both(sent(notification("hello"))[1])
    assert html.startswith('<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">')
    for said in ('name="viewport"', 'name="color-scheme" content="light dark"', "<title>hello</title>"):
        assert said in html


@pytest.mark.parametrize("text", ["lorem ipsum dolor\n" * 20_000, "&" * 300_000, "\u5c71" * 200_000])
def test_a_long_message_is_cut_and_says_so(text: str) -> None:
    plain, html = both(sent(notification(text))[1])
    assert len(html.encode()) < 100_000
    for body in (plain, html):
        assert Wording().cut in body
        assert Wording().footer in body
    whole, _ = both(sent(notification(text[:5_000]))[1])
    assert Wording().cut not in whole


@pytest.mark.parametrize(
    ("subject", "text", "first"),
    [
        ("Interview, room 12", "See subject.", "Interview, room 12\n\nSee subject."),
        ("I am late", "", "I am late\n\n##"),
        ("Re: Interview", "Yes.", "Yes.\n"),
        ("About it [1ab131]", "Yes.", "Yes.\n"),
        ("I am late", "I am late\nsorry", "I am late\nsorry"),
        ("(no subject)", "", "(no text)"),
    ],
)
def test_the_authors_own_subject_is_the_first_line(subject: str, text: str, first: str) -> None:
    one = notification(text)
    assert isinstance(one.event.happening, e.MessageAdded)
    happening = evolve(one.event.happening, subject=subject)
    plain, _ = both(sent(evolve(one, event=evolve(one.event, happening=happening)))[1])
    assert plain.startswith(first)


def test_a_mail_says_who_reads_an_answer() -> None:
    names = ("Ann Lee", "J\u043ebs Support", "Cho <cho@home.example>", "\u202eDan", "", "Eve", "Fay")
    plain, html = both(sent(evolve(notification(), readers=names))[1])
    for body in (plain, html):
        assert "Your answer goes to Ann Lee, Participant, Cho " in body
        assert "Dan, Participant, others." in body
        assert "cho@home" not in body
        assert "Fay" not in body


def test_a_mail_about_a_closed_conversation_invites_no_answer() -> None:
    plain, html = both(sent(evolve(notification(), closed=True, readers=("Ann",)))[1])
    for body in (plain, html):
        assert Wording().closed in body
        assert Wording().footer not in body
        assert REPLY_MARKER not in body
        assert "Your answer" not in body


def test_a_notification_follows_the_mails_before_it() -> None:
    ours = notification_id(EventId("e1"), AccountId("bob"), NotificationKind.MESSAGE, Channel.EMAIL)
    place = MailThread(earlier=(OwnMail("<q1@corp>"), OurMail(ours)), answers=OurMail(ours), subject="Tuesday?")
    _, mail = sent(evolve(notification(), thread=place))
    known = SEALS.message_id(ours, DOMAIN)
    root = SEALS.root_id(ConversationId("c1"), AccountId("bob"), DOMAIN)
    assert mail["References"] == f"{root} <q1@corp> {known}"
    assert mail["In-Reply-To"] == known
    assert mail["Subject"] == "Re: Tuesday?"
    assert mail["Thread-Topic"] == "Tuesday?"
    _, first = sent(notification())
    assert len(base64.b64decode(first["Thread-Index"])) == 22
    assert len(base64.b64decode(mail["Thread-Index"])) == 27
    assert base64.b64decode(mail["Thread-Index"])[:22] == base64.b64decode(first["Thread-Index"])


def test_a_message_without_text_says_so() -> None:
    _, mail = sent(notification(""))
    body = mail.get_body(("plain",))
    assert body is not None
    assert Wording().empty in body.get_content()


def test_one_click_unsubscribing_is_offered_where_there_is_somewhere_to_go() -> None:
    _, without = sent(notification())
    assert without["List-Unsubscribe"] is None
    _, mail = sent(notification(), base_url="https://mail.example/")
    link = mail["List-Unsubscribe"].strip("<> ")
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert link.startswith("https://mail.example/unsubscribe/")
    assert SEALS.unsubscribed(link.rpartition("/")[2]) == ("c1", "bob")


def test_complaints_are_counted_by_use_case_and_customer() -> None:
    _, mail = sent(evolve(notification(), use_case=UseCase("job offers")))
    assert mail["Feedback-ID"] == "job-offers:reply.example:message:convalias"


def test_no_line_of_a_header_is_longer_than_it_should_be() -> None:
    outbox, _ = sent(notification(name="x" * 400), base_url="https://reply.example")
    assert max(map(len, outbox.mails[0].raw.partition(b"\r\n\r\n")[0].split(b"\r\n"))) <= 78


@given(TEXTS, TEXTS)
def test_every_try_is_the_same_bytes(text: str, name: str) -> None:
    one = notification(text, name=name)
    assert sent(one)[0].mails[0].raw == sent(evolve(one, attempt=7))[0].mails[0].raw


@given(TEXTS, TEXTS, st.sampled_from(["", "Jobs", "a@b.example", "x\r\nBcc: evil@x.example"]))
def test_no_value_adds_a_line_or_an_address_to_the_header(text: str, name: str, via: str) -> None:
    """Whatever is in names and texts, the header has our fields and two addresses: the alias and the recipient."""
    outbox, mail = sent(notification(text, name=name + " <ann@home.example>"), via=via)
    header = outbox.mails[0].raw.split(b"\r\n\r\n")[0]
    assert sorted(mail.keys()) == sorted(set(mail.keys()))
    assert mail["Bcc"] is None
    assert header.count(b"@") == 2 + header.count(b"@reply.example>\r\n") - 1
    assert b"ann@home.example" not in outbox.mails[0].raw
    assert b"evil@x.example" not in outbox.mails[0].raw


def test_other_channels_and_other_events_are_declined() -> None:
    one = notification()
    sender = hub(memory.Outbox())
    read = evolve(one.event, happening=e.MessagesRead(AccountId("bob"), Seq(1)))
    for other in (
        evolve(one, channel=Channel.SMS),
        evolve(one, recipient_address=None),
        evolve(one, event=read),
    ):
        assert isinstance(asyncio.run(sender.send(other)), Declined)


def test_a_mail_has_the_date_of_its_attempt_and_says_when_it_was_written_if_that_is_hours_apart() -> None:
    for hours, says in ((0, False), (1, False), (2, True), (72, True)):
        _, mail = sent(evolve(notification(), date=NOON + timedelta(hours=hours)))
        assert mail["Date"].datetime == NOON + timedelta(hours=hours)
        for kind in ("plain", "html"):
            part = mail.get_body((kind,))
            assert part is not None
            assert ("Written on 2026-03-01 12:00 UTC." in part.get_content()) == says


def test_a_mail_of_an_unknown_attempt_has_the_date_of_its_message() -> None:
    _, mail = sent(notification())
    assert mail["Date"].datetime == NOON


def test_a_mail_that_is_refused_for_good_is_declined_with_the_reason() -> None:
    class Refusing(memory.Outbox):
        async def send(self, mail: Outgoing) -> None:
            raise Rejected("550 5.1.1")

    assert asyncio.run(hub(Refusing()).send(notification())) == Declined("550 5.1.1")


def test_a_refusal_is_automatic_and_says_its_text_alone() -> None:
    writer = RefusalWriter(compose=compose, seals=SEALS, alias_domain=DOMAIN, clock=memory.Clock(NOON), via="Jobs")
    words = RefusalText(subject="Not delivered", text="This email address is no longer valid.\n", languages=("en",))
    raw = writer.refusal(to=BOB, words=words, about="<a@b>", key="refusal-1")
    mail = message_from_bytes(raw, policy=policy.default)
    assert mail["Auto-Submitted"] == "auto-replied"
    assert mail["To"] == str(BOB)
    assert mail["From"] == f"Jobs <no-reply@{DOMAIN}>"
    assert b"ann-lee" not in raw
    assert mail.get_content() == "This email address is no longer valid.\r\n"
    assert raw == writer.refusal(to=BOB, words=words, about="<a@b>", key="refusal-1")


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("No more e-mail:", "No more e-mail"),
        ("Ne plus recevoir :", "Ne plus recevoir"),
        ("\u505c\u6b62\uff1a", "\u505c\u6b62"),
    ],
)
def test_a_link_below_a_message_is_words_in_html_and_an_address_in_text(said: str, shown: str) -> None:
    message, words = e.MessageAdded(author=AccountAuthor(AccountId("ann")), text="Hello"), Wording(stop=said)
    footing = Footing(stop="https://mail.example/unsubscribe/t")
    assert f'<a href="https://mail.example/unsubscribe/t">{shown}</a></p>' in as_html(message, words, footing)
    assert f"{said} https://mail.example/unsubscribe/t\n" in as_text(message, words, footing)
