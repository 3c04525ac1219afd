"""Who left sees what there was until then; who never took part, and nobody of an erased conversation, sees any word."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations.events import (
    ConversationClosed,
    ConversationCreated,
    ConversationErased,
    ConversationEvent,
    Happening,
    MessageAdded,
    MessageRedacted,
    Origin,
    ParticipantAdded,
    ParticipantRemoved,
)
from convalias.domain.conversations.participants import AccountAuthor, Participant, PeripheralAuthor
from convalias.domain.conversations.projection import fold
from convalias.domain.conversations.threads import ThreadState
from convalias.domain.conversations.timeline import SOMEBODY, LegacyMessage, stitch
from convalias.domain.conversations.visibility import Sight, as_readable, gone, sight
from convalias.domain.ids import AccountId, ConversationId, EventId, Seq, UseCase
from convalias.domain.mail.envelope import Attachment

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
C1, ANN, BOB, EVE = ConversationId("c1"), AccountId("ann"), AccountId("bob"), AccountId("eve")
STRANGER = EmailAddress.parse("stranger@else.example")
CREATED = ConversationCreated(UseCase("apply"), None, (Participant(ANN, name="Ann"),))


def said(text: str) -> MessageAdded:
    return MessageAdded(
        author=AccountAuthor(ANN),
        text=text,
        full_text=f"{text} and more",
        subject="Re: it",
        attachments=(Attachment("cv.pdf", "application/pdf", 7, "ff"),),
        message_id="<x@y>",
        raw_key="raw/2026/03/01/ff",
    )


def told(*happenings: Happening) -> list[ConversationEvent]:
    return [
        ConversationEvent(
            EventId(f"e{seq}"),
            C1,
            Seq(seq),
            happening,
            f"k{seq}",
            Origin.CHAT,
            NOON + timedelta(minutes=seq),
            NOON + timedelta(minutes=seq),
        )
        for seq, happening in enumerate((CREATED, *happenings), start=1)
    ]


def legacy(identity: str, minutes: int) -> LegacyMessage:
    return LegacyMessage(
        external_id=identity,
        dedup_key=identity,
        author=ANN,
        author_name="Ann Alb",
        text=f"legacy {identity}",
        occurred_at=NOON + timedelta(minutes=minutes),
    )


def texts(events: list[ConversationEvent], reader: AccountId, *messages: LegacyMessage) -> list[str]:
    return [item.text for item in stitch(events, messages, reader=reader)]


STORY = told(
    said("first"),
    ParticipantAdded(Participant(BOB, name="Bob")),
    said("second"),
    ParticipantRemoved(BOB),
    said("third"),
)


def test_who_takes_part_sees_everything() -> None:
    assert sight(STORY, ANN) == Sight(6)
    assert texts(STORY, ANN) == ["first", "second", "third"]


def test_who_left_sees_what_there_was_until_then() -> None:
    assert sight(STORY, BOB) == Sight(5, NOON + timedelta(minutes=5))
    assert texts(STORY, BOB, legacy("before", 3), legacy("after", 6)) == ["first", "legacy before", "second"]


def test_who_came_back_sees_everything_and_leaves_anew() -> None:
    back = [*(event.happening for event in STORY[1:]), ParticipantAdded(Participant(BOB))]
    assert texts(told(*back), BOB) == ["first", "second", "third"]
    again = told(*back, ParticipantRemoved(BOB), said("fourth"), ParticipantRemoved(BOB))
    assert texts(again, BOB) == ["first", "second", "third"]


def test_who_never_took_part_sees_nothing() -> None:
    assert sight(STORY, EVE) is None
    assert texts(STORY, EVE, legacy("l", 1)) == []
    assert texts(told(said("first"), ParticipantRemoved(EVE)), EVE) == []


def test_nobody_sees_a_word_of_an_erased_conversation() -> None:
    events = told(
        said("first"),
        MessageAdded(author=PeripheralAuthor(STRANGER), text="mine"),
        ParticipantAdded(Participant(BOB, name="Bob", addresses=(STRANGER,))),
        ConversationErased(),
    )
    items = stitch(events, [legacy("l", 9)], reader=ANN)
    assert [(one.text, one.full_text, one.subject, one.attachments) for one in items] == [("", "", "", ())] * 3
    assert [one.redacted for one in items] == [True] * 3
    assert {one.author for one in items} == {SOMEBODY}
    shown = repr(as_readable(events, fold(events).state))
    assert not [
        word
        for word in ("first", "mine", "Re: it", "cv.pdf", "Bob", "'Ann'", "x@y", "raw/", str(STRANGER))
        if word in shown
    ]
    assert [event.seq for event in as_readable(events, ThreadState.ERASED)] == [1, 2, 3, 4, 5]


def test_what_is_not_erased_is_read_as_it_is() -> None:
    events = told(said("first"), said("second"), MessageRedacted(EventId("e2")), ConversationClosed())
    assert as_readable(events, ThreadState.CLOSED) is events
    assert gone(events, ThreadState.CLOSED) == {EventId("e2")}
    assert gone(events, ThreadState.ERASED) == {EventId("e2"), EventId("e3")}
