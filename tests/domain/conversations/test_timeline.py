"""Two systems, two media, one order, and never a participant's address."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from attrs import evolve

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations import events as e
from convalias.domain.conversations.events import ConversationEvent, Happening, Origin
from convalias.domain.conversations.participants import AccountAuthor, Author, Participant, PeripheralAuthor
from convalias.domain.conversations.timeline import SOMEBODY, LegacyMessage, Medium, TimelineItem, page, stitch
from convalias.domain.errors import InvalidValue
from convalias.domain.ids import AccountId, ConversationId, EventId, Seq, UseCase
from convalias.domain.mail.envelope import Attachment

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ANN, BOB, EVE = AccountId("ann"), AccountId("bob"), AccountId("eve")
PEOPLE = (Participant(ANN, name="Ann"), Participant(BOB, name="bob@corp.example"))
STRANGER = EmailAddress.parse("Zed@z.example")


def message(text: str, author: Author | AccountId = ANN) -> e.MessageAdded:
    by = author if isinstance(author, AccountAuthor | PeripheralAuthor) else AccountAuthor(author)
    return e.MessageAdded(author=by, text=text)


def conversation(*happenings: Happening, origin: Origin = Origin.ALIAS_MAIL) -> list[ConversationEvent]:
    created = e.ConversationCreated(UseCase("apply"), None, PEOPLE)
    return [
        ConversationEvent(
            EventId(f"e{seq}"), ConversationId("c1"), Seq(seq), what, f"k{seq}", origin, NOON + seq * timedelta(1), NOON
        )
        for seq, what in enumerate((created, *happenings), start=1)
    ]


def legacy(identity: str, *, key: str, days: float = 0, author: AccountId | None = None) -> LegacyMessage:
    return LegacyMessage(
        external_id=identity,
        dedup_key=key,
        author=author,
        author_name="Old Ann",
        text=f"legacy {identity}",
        occurred_at=NOON + timedelta(days),
    )


def texts(items: list[TimelineItem]) -> list[str]:
    return [item.text for item in items]


def test_messages_stand_in_the_order_in_which_they_were_written() -> None:
    first, late, early = conversation(message("late"), message("early"))
    items = stitch([first, late, evolve(early, occurred_at=NOON)], reader=ANN)
    assert texts(items) == ["early", "late"]


def test_messages_of_one_moment_stand_in_the_order_of_their_ids() -> None:
    events = [evolve(event, occurred_at=NOON) for event in conversation(message("two"), message("three"))]
    assert texts(stitch(events, [legacy("e2b", key="x")], reader=ANN)) == ["two", "legacy e2b", "three"]


def test_what_both_systems_have_is_shown_once_as_the_store_has_it() -> None:
    events = conversation(message("kept"))
    assert texts(stitch(events, [legacy("l1", key="k2")], reader=ANN)) == ["kept"]


def test_what_legacy_has_twice_is_shown_once() -> None:
    twice = [legacy("l2", key="x", days=2), legacy("l1", key="x", days=1)]
    assert texts(stitch(conversation(), twice, reader=ANN)) == ["legacy l1"]


def test_the_order_in_which_legacy_lists_its_messages_is_nothing() -> None:
    listed = [legacy("l2", key="x", days=2), legacy("l1", key="y", days=1), legacy("l3", key="x", days=3)]
    forwards = stitch(conversation(message("a")), listed, reader=ANN)
    assert forwards == stitch(conversation(message("a")), reversed(listed), reader=ANN)


def test_an_item_says_its_medium_and_how_one_may_answer() -> None:
    (mail,) = stitch(conversation(message("a")), reader=ANN)
    (chat,) = stitch(conversation(message("a"), origin=Origin.CHAT), reader=ANN)
    (old,) = stitch(conversation(), [legacy("l", key="x")], reader=ANN)
    assert (mail.medium, mail.answer_by) == (Medium.MAIL, (Medium.MAIL, Medium.CHAT))
    assert (chat.medium, chat.answer_by) == (Medium.CHAT, (Medium.CHAT, Medium.MAIL))
    assert (old.medium, old.answer_by) == (Medium.MAIL, (Medium.MAIL, Medium.CHAT))


@pytest.mark.parametrize("happening", [e.ConversationClosed(), e.ParticipantRemoved(ANN)])
def test_nobody_answers_in_a_closed_conversation_or_after_leaving(happening: Happening) -> None:
    (item,) = stitch(conversation(message("a"), happening), reader=ANN)
    assert item.answer_by == ()


def test_an_author_is_shown_by_name_and_never_by_address() -> None:
    events = conversation(message("a", ANN), message("b", BOB), message("c", EVE), e.ParticipantRemoved(ANN))
    assert [item.author for item in stitch(events, reader=BOB)] == ["Ann", SOMEBODY, SOMEBODY]


def test_somebody_who_joined_later_is_shown_by_name() -> None:
    events = conversation(e.ParticipantAdded(Participant(EVE, name="Eve")), message("c", EVE))
    assert [item.author for item in stitch(events, reader=BOB)] == ["Eve"]


def test_somebody_peripheral_is_shown_by_address() -> None:
    (item,) = stitch(conversation(message("a", PeripheralAuthor(STRANGER))), reader=ANN)
    assert (item.author, item.own) == ("zed@z.example", False)


def test_the_author_of_a_legacy_message_is_called_as_the_conversation_knows_them() -> None:
    known = legacy("l1", key="x", author=ANN)
    unknown = legacy("l2", key="y")
    nameless = evolve(legacy("l3", key="z"), author_name="who@x.example")
    items = stitch(conversation(), [known, unknown, nameless], reader=ANN)
    assert [(item.author, item.own) for item in items] == [("Ann", True), ("Old Ann", False), (SOMEBODY, False)]


def test_the_readers_own_messages_are_marked() -> None:
    events = conversation(message("a", ANN), message("b", BOB))
    assert [item.own for item in stitch(events, reader=ANN)] == [True, False]


def test_a_redacted_message_has_nothing_left_to_show() -> None:
    full = evolve(message("a"), full_text="a > b", subject="s", attachments=(Attachment("cv", "a/b", 1, "ff"),))
    (item,) = stitch(conversation(full, e.MessageRedacted(EventId("e2"))), reader=ANN)
    assert (item.redacted, item.text, item.full_text, item.subject, item.attachments) == (True, "", "", "", ())


def test_pages_follow_one_another_to_the_end() -> None:
    items = stitch(conversation(message("a"), message("b"), message("c")), reader=ANN)
    first = page(items, limit=2)
    second = page(items, after=first.next, limit=2)
    assert texts([*first.items, *second.items]) == ["a", "b", "c"]
    assert second.next is None
    assert page([], limit=2).items == ()


def test_a_late_arrival_neither_shifts_nor_repeats_what_follows() -> None:
    events = conversation(message("a"), message("b"), message("c"))
    first = page(stitch(events, reader=ANN), limit=2)
    late = stitch(events, [legacy("l", key="x", days=-9)], reader=ANN)
    assert texts(list(page(late, after=first.next, limit=2).items)) == ["c"]


@pytest.mark.parametrize("cursor", ["", "x~1", "2026-03-01T12:00:00~1", "2026-03-01T12:00:00+00:00"])
def test_a_cursor_that_no_page_gave_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidValue, match="cursor of a timeline"):
        page([], after=cursor, limit=1)
