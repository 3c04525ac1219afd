"""A thread is what its events make of it, whole and in order."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from attrs import evolve

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations import events as e
from convalias.domain.conversations.events import ConversationEvent, Happening, NewEvent, Origin
from convalias.domain.conversations.participants import AccountAuthor, Participant
from convalias.domain.conversations.projection import fold, place, snapshot
from convalias.domain.conversations.threads import ThreadSnapshot, ThreadState
from convalias.domain.errors import InvalidValue
from convalias.domain.ids import AccountId, AliasId, ConversationId, EventId, Seq, UseCase

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
C1 = ConversationId("c1")
ANN, BOB, EVE = (Participant(AccountId(name), name=name.title()) for name in ("ann", "bob", "eve"))
CREATED = e.ConversationCreated(UseCase("apply"), "jp", (ANN, BOB))


def conversation(*happenings: Happening) -> list[ConversationEvent]:
    return [
        ConversationEvent(EventId(f"e{seq}"), C1, Seq(seq), what, f"k{seq}", Origin.CHAT, NOON, NOON)
        for seq, what in enumerate((CREATED, *happenings), start=1)
    ]


def test_a_new_conversation_is_open_and_has_its_participants() -> None:
    thread = fold(conversation())
    assert (thread.id, thread.use_case, thread.market) == (C1, "apply", "jp")
    assert (thread.participants, thread.state) == ((ANN, BOB), ThreadState.OPEN)
    assert (thread.seq, thread.created_at) == (1, NOON)


def test_participants_come_and_go() -> None:
    events = conversation(e.ParticipantAdded(EVE), e.ParticipantRemoved(ANN.account), e.ParticipantRemoved(ANN.account))
    assert fold(events).participants == (BOB, EVE)


def test_somebody_added_again_is_known_as_said_last() -> None:
    renamed = evolve(ANN, name="Ann B.")
    assert fold(conversation(e.ParticipantAdded(renamed))).participant(ANN.account) == renamed


def test_copies_are_gathered() -> None:
    one, two = EmailAddress.parse("a@x.example"), EmailAddress.parse("b@x.example")
    events = conversation(e.CopiesSeen(frozenset({one})), e.CopiesSeen(frozenset({one, two})))
    assert fold(events).cc_seen == {one, two}


def test_a_read_mark_never_goes_back() -> None:
    events = conversation(e.MessagesRead(ANN.account, Seq(3)), e.MessagesRead(ANN.account, Seq(2)))
    assert fold(events).read_up_to == {ANN.account: 3}


@pytest.mark.parametrize(
    ("happenings", "state"),
    [
        ([e.ConversationClosed()], ThreadState.CLOSED),
        ([e.ConversationClosed(), e.ConversationReopened()], ThreadState.OPEN),
        ([e.ConversationArchived()], ThreadState.ARCHIVED),
        ([e.ConversationArchived(), e.ConversationReopened()], ThreadState.ARCHIVED),
        ([e.ConversationArchived(), e.ConversationErased()], ThreadState.ERASED),
        ([e.ConversationErased(), e.ConversationArchived()], ThreadState.ERASED),
        ([e.ConversationErased(), e.ConversationReopened()], ThreadState.ERASED),
    ],
)
def test_no_state_follows_a_more_final_one(happenings: Sequence[Happening], state: ThreadState) -> None:
    assert fold(conversation(*happenings)).state is state


def test_other_events_move_the_seq_only() -> None:
    others = [
        e.MessageAdded(author=AccountAuthor(ANN.account), text="hi"),
        e.AliasIssued(AliasId("l"), ANN.account),
        e.AliasRevoked(AliasId("l")),
        e.MessageRedacted(EventId("e2")),
        e.StatusNoted(ANN.account, "absence"),
    ]
    assert fold(conversation(*others)) == evolve(fold(conversation()), seq=Seq(6))


def test_folding_in_two_steps_is_folding_in_one() -> None:
    events = conversation(e.ParticipantAdded(EVE), e.MessagesRead(EVE.account, Seq(2)), e.ConversationClosed())
    for cut in range(1, 5):
        assert fold(events[cut:], fold(events[:cut])) == fold(events)


def test_a_gap_is_refused() -> None:
    first, _, third = conversation(e.ConversationClosed(), e.ConversationReopened())
    with pytest.raises(InvalidValue, match="found 3, expected 2, without a gap"):
        fold([first, third])


def test_an_event_of_another_conversation_is_refused() -> None:
    first, second = conversation(e.ConversationClosed())
    with pytest.raises(InvalidValue, match="without a gap"):
        fold([first, evolve(second, conversation=ConversationId("c2"))])


def test_a_conversation_begins_with_its_creation_once() -> None:
    first, second = conversation(e.ConversationClosed())
    with pytest.raises(InvalidValue, match="ConversationClosed at seq 2"):
        fold([second])
    with pytest.raises(InvalidValue, match="ConversationCreated at seq 2"):
        fold([evolve(first, seq=Seq(2))])
    with pytest.raises(InvalidValue, match="a second one"):
        fold([first, evolve(first, seq=Seq(2))])
    with pytest.raises(InvalidValue, match="events of a conversation"):
        fold([])


def test_a_snapshot_knows_when_its_last_event_was_appended() -> None:
    first, second = conversation(e.ConversationClosed())
    later = evolve(second, appended_at=NOON + timedelta(1))
    assert snapshot([first, later]) == ThreadSnapshot(fold([first, second]), later.appended_at)
    assert snapshot([], snapshot([first])) == snapshot([first])
    with pytest.raises(InvalidValue):
        snapshot([])


def test_a_snapshot_knows_what_was_redacted_and_when_somebody_last_came_or_left() -> None:
    events = conversation(
        e.ParticipantAdded(EVE),
        e.MessageRedacted(EventId("e2")),
        e.ConversationClosed(),
        e.MessageRedacted(EventId("e9")),
    )
    for cut in range(1, len(events) + 1):
        now = snapshot(events[cut:], snapshot(events[:cut]))
        assert (now.redacted, now.people_changed, now.since) == ({"e2", "e9"}, 2, 0)
    assert (snapshot(events[:1]).redacted, snapshot(events[:1]).people_changed) == (frozenset(), 0)


def test_the_next_event_is_never_appended_before_its_predecessor() -> None:
    new = NewEvent(EventId("e2"), C1, e.ConversationClosed(), "k2", Origin.CHAT, NOON, "t")
    behind = snapshot(conversation())
    assert place(new, behind, now=NOON - timedelta(seconds=3)).appended_at == NOON
    assert place(new, behind, now=NOON + timedelta(seconds=3)).appended_at == NOON + timedelta(seconds=3)
    assert place(new, behind, now=NOON).seq == 2


def test_the_first_event_has_seq_one() -> None:
    new = NewEvent(EventId("e1"), C1, CREATED, "k1", Origin.CHAT, NOON, "t")
    assert place(new, None, now=NOON) == ConversationEvent(
        EventId("e1"), C1, Seq(1), CREATED, "k1", Origin.CHAT, NOON, NOON, "t"
    )
