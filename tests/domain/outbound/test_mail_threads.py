"""A notification follows the mails before it in the mailbox of its recipient."""

from __future__ import annotations

from datetime import UTC, datetime

from attrs import evolve

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations import events as e
from convalias.domain.conversations.events import ConversationEvent, Happening, Origin
from convalias.domain.conversations.participants import AccountAuthor, Author, Participant, PeripheralAuthor
from convalias.domain.ids import AccountId, ConversationId, EventId, Seq, UseCase
from convalias.domain.outbound.delivery import Channel, NotificationKind, notification_id
from convalias.domain.outbound.mail_threads import LONGEST, MailThread, OurMail, OwnMail, mail_thread

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ANN, BOB = AccountId("ann"), AccountId("bob")


def happened(number: int, happening: Happening, origin: Origin = Origin.CHAT) -> ConversationEvent:
    return ConversationEvent(
        EventId(f"e{number}"), ConversationId("c1"), Seq(number), happening, str(number), origin, NOON, NOON
    )


def chat(number: int, who: AccountId = ANN, *, answers: int | None = None) -> ConversationEvent:
    said = e.MessageAdded(author=AccountAuthor(who), text="x")
    return happened(number, said if answers is None else evolve(said, in_reply_to=EventId(f"e{answers}")))


def mail(number: int, who: Author | AccountId = BOB, subject: str = "", *flags: str) -> ConversationEvent:
    author = who if isinstance(who, PeripheralAuthor | AccountAuthor) else AccountAuthor(who)
    said = e.MessageAdded(
        author=author, text="x", subject=subject, message_id=f"<m{number}@home>", flags=frozenset(flags)
    )
    return happened(number, said, Origin.ALIAS_MAIL)


def ours(number: int) -> OurMail:
    return OurMail(notification_id(EventId(f"e{number}"), BOB, NotificationKind.MESSAGE, Channel.EMAIL))


def test_the_first_mail_follows_none() -> None:
    created = happened(1, e.ConversationCreated(UseCase("x"), participants=(Participant(BOB),)))
    assert mail_thread([created], chat(2), BOB) == MailThread()


def test_ours_and_the_recipients_own_are_named_in_order_and_nobody_elses() -> None:
    guest = PeripheralAuthor(EmailAddress.parse("guest@corp.example"))
    before = [chat(2), mail(3), mail(4, ANN), mail(5, guest)]
    assert mail_thread(before, chat(6), BOB).earlier == (ours(2), OwnMail("<m3@home>"), ours(4), ours(5))


def test_the_last_ten_are_named() -> None:
    before = [chat(number) for number in range(2, 30)]
    assert mail_thread(before, chat(30), BOB).earlier == tuple(ours(number) for number in range(30 - LONGEST, 30))


def test_an_answer_follows_what_it_answers() -> None:
    before = [mail(2), chat(3), chat(4)]
    assert mail_thread(before, chat(5, answers=2), BOB).answers == OwnMail("<m2@home>")
    assert mail_thread(before, chat(5, answers=3), BOB).answers == ours(3)


def test_chat_that_answers_nothing_follows_our_last_mail_and_mail_the_last_of_all() -> None:
    before = [chat(2), mail(3)]
    assert mail_thread(before, chat(4), BOB).answers == ours(2)
    assert mail_thread(before, mail(4, ANN), BOB).answers == OwnMail("<m3@home>")
    assert mail_thread([mail(2)], chat(3), BOB).answers == OwnMail("<m2@home>")


def test_the_subject_is_that_of_the_recipients_first_mail() -> None:
    assert mail_thread([mail(2, BOB, "AW: Tuesday?"), mail(3, BOB, "other")], chat(4), BOB).subject == "Tuesday?"
    assert mail_thread([mail(2, BOB, "Re: Message [1ab131]")], chat(3), BOB).subject == ""
    assert mail_thread([mail(2, ANN, "Tuesday?")], chat(3), BOB).subject == ""


def test_what_nobody_was_told_is_not_named() -> None:
    before = [
        happened(1, e.MessagesRead(BOB, Seq(0))),
        mail(2, ANN, "", e.RESTORED),
        mail(3, BOB, "", "message_id_synthetic"),
        chat(4, BOB),
    ]
    assert mail_thread(before, chat(5), BOB) == MailThread()


def test_who_joins_later_has_no_mail_from_before() -> None:
    joined, other = e.ParticipantAdded(Participant(BOB)), e.ParticipantAdded(Participant(ANN))
    assert mail_thread([chat(2), happened(3, joined)], chat(4), BOB) == MailThread()
    assert mail_thread([chat(2), happened(3, other)], chat(4), BOB).earlier == (ours(2),)
