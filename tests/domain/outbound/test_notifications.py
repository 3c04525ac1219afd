"""What a channel gets, and why there is sometimes nothing to give it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from attrs import evolve

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations.events import (
    ConversationClosed,
    ConversationEvent,
    Happening,
    MessageAdded,
    Origin,
)
from convalias.domain.conversations.participants import AccountAuthor, Participant
from convalias.domain.conversations.threads import ConversationThread, ThreadState
from convalias.domain.ids import AccountId, ConversationId, EventId, Seq, TraceId, UseCase
from convalias.domain.outbound.delivery import WITHDRAWN, Channel, Delivery, NotificationId
from convalias.domain.outbound.first_tries import FirstTryRules
from convalias.domain.outbound.mail_threads import MailThread
from convalias.domain.outbound.mailboxes import Mailboxes
from convalias.domain.outbound.masks import Masks
from convalias.domain.outbound.notifications import (
    NO_ADDRESS,
    NO_ENDPOINT,
    NO_MESSAGE,
    Shown,
    notification,
    unreachable,
    unsendable,
)
from convalias.domain.outbound.scene import Scene

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ANN, BOB = AccountId("ann"), AccountId("bob")
HOME = EmailAddress.parse("bob@home.example")
ALIAS = EmailAddress.parse("ann-1ab131e2@reply.example")
SAID = MessageAdded(author=AccountAuthor(ANN), text="write to ann@home.example")
BY_MAIL = Delivery(id=NotificationId("n1"), recipient=BOB, attempts=2)
BY_SMS = evolve(BY_MAIL, channel=Channel.SMS)


def event(happening: Happening, seq: int = 2) -> ConversationEvent:
    return ConversationEvent(
        EventId(f"e{seq}"), ConversationId("c1"), Seq(seq), happening, "k", Origin.CHAT, NOON, NOON
    )


def scene(happening: Happening = SAID, state: ThreadState = ThreadState.OPEN) -> Scene:
    thread = ConversationThread(ConversationId("c1"), UseCase("apply"), (Participant(ANN), Participant(BOB)), state)
    masks = Masks.of([EmailAddress.parse("ann@home.example")], shown_domains=())
    return Scene(event=event(happening), thread=thread, masks=masks, mailboxes=Mailboxes(by_account={BOB: HOME}))


@pytest.mark.parametrize(
    ("row", "there", "reason"),
    [
        (BY_MAIL, scene(), None),
        (BY_SMS, evolve(scene(), mailboxes=Mailboxes()), None),
        (BY_MAIL, evolve(scene(), mailboxes=Mailboxes()), NO_ADDRESS),
        (BY_MAIL, scene(ConversationClosed()), NO_MESSAGE),
    ],
)
def test_mail_needs_an_address_and_everything_needs_a_message(row: Delivery, there: Scene, reason: str | None) -> None:
    assert unsendable(row, there) == reason


def test_a_notification_says_who_wrote_what_without_addresses_and_where_it_can_be_answered() -> None:
    shown = Shown(author_name="Ann", readers=("Ann",), in_reply_to="<1@home>", reply_alias=ALIAS)
    made = notification(BY_MAIL, scene(), shown, alias_domain="reply.example", trace=TraceId("t"))
    assert (made.id, made.attempt, made.trace, made.in_reply_to) == (BY_MAIL.id, 2, "t", "<1@home>")
    assert (made.recipient_address, made.reply_alias, made.answerable, made.closed) == (HOME, ALIAS, True, False)
    message = made.event.happening
    assert isinstance(message, MessageAdded)
    assert "ann@home.example" not in message.text


def test_without_an_alias_it_comes_from_no_reply_and_of_a_closed_conversation_it_says_so() -> None:
    there = scene(state=ThreadState.CLOSED)
    made = notification(BY_MAIL, there, Shown(author_name="Ann"), alias_domain="reply.example", trace=TraceId(""))
    assert (str(made.reply_alias), made.answerable, made.closed) == ("no-reply@reply.example", False, True)


def test_by_a_channel_without_replies_it_has_an_endpoint_and_neither_mailbox_nor_alias_nor_thread() -> None:
    shown = Shown(author_name="Ann", endpoint="+44 20 7946 0018")
    made = notification(BY_SMS, scene(), shown, alias_domain="reply.example", trace=TraceId(""))
    assert (made.endpoint, made.recipient_address, made.reply_alias, made.answerable) == (
        "+44 20 7946 0018",
        None,
        None,
        False,
    )
    assert made.thread == MailThread()
    assert "7946" not in repr(made)


@pytest.mark.parametrize(
    ("channel", "endpoint", "is_known", "reason"),
    [
        (Channel.SMS, "1", True, None),
        (Channel.SMS, None, True, NO_ENDPOINT),
        (Channel.PUSH, "", True, NO_ENDPOINT),
        (Channel.IN_APP, None, True, None),
        (Channel.SMS, None, False, None),
    ],
)
def test_who_has_no_endpoint_cannot_be_reached_by_a_channel_that_needs_one(
    channel: Channel, endpoint: str | None, reason: str | None, *, is_known: bool
) -> None:
    assert unreachable(evolve(BY_SMS, channel=channel), endpoint, is_known=is_known) == reason


def test_what_is_no_message_stands_as_it_is() -> None:
    there = scene(ConversationClosed())
    made = notification(BY_MAIL, there, Shown(author_name=""), alias_domain="reply.example", trace=TraceId(""))
    assert made.event == there.event


@pytest.mark.parametrize(
    ("state", "redacted", "withdrawn"),
    [
        (ThreadState.OPEN, False, False),
        (ThreadState.OPEN, True, True),
        (ThreadState.ERASED, False, True),
    ],
)
def test_a_redacted_or_erased_event_is_withdrawn(state: ThreadState, *, redacted: bool, withdrawn: bool) -> None:
    there = evolve(scene(state=state), withdrawn=redacted)
    assert (there.is_redacted, there.is_withdrawn) == (redacted, withdrawn)
    objection = there.objection(BOB, FirstTryRules(), now=NOON)
    assert (None if objection is None else objection.reason) == (WITHDRAWN if withdrawn else None)
