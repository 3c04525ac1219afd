"""Events of conversations: single ones, and whole histories as a store would hold them."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import strategies as st

from convalias.domain.conversations.events import (
    SPAM,
    UNVERIFIED,
    AliasIssued,
    AliasRevoked,
    ConversationArchived,
    ConversationClosed,
    ConversationCreated,
    ConversationErased,
    ConversationEvent,
    ConversationReopened,
    CopiesSeen,
    Happening,
    MessageAdded,
    MessagesRead,
    Origin,
    ParticipantAdded,
    ParticipantRemoved,
    StatusNoted,
)
from convalias.domain.ids import AliasId, ConversationId, EventId, Seq
from convalias.domain.mail.dedup import SystemKey
from convalias.testing.strategies.mails import attachments
from convalias.testing.strategies.people import authors, participants
from convalias.testing.strategies.places import ACCOUNTS, CONVERSATIONS, NOW, SENDERS, USE_CASES, some

_ACCOUNTS = st.sampled_from(ACCOUNTS)
_ALIAS_IDS = st.sampled_from((AliasId("alias-1"), AliasId("alias-2")))


def messages() -> st.SearchStrategy[MessageAdded]:
    """Messages by mail and by chat, of participants and of strangers."""
    return st.builds(
        MessageAdded,
        author=authors(),
        text=st.sampled_from(("Hello", "こんにちは")),
        subject=st.sampled_from(("", "Re: Hello")),
        attachments=st.lists(attachments(), max_size=1, unique=True).map(tuple),
        message_id=st.sampled_from((None, "<1@corp.example>")),
        flags=some((UNVERIFIED, SPAM), most=1).map(frozenset),
    )


def happenings() -> st.SearchStrategy[Happening]:
    """Draw all that may follow the creation of a conversation, mostly messages."""
    return st.one_of(
        messages(),
        messages(),
        st.builds(ParticipantAdded, participants()),
        st.builds(ParticipantRemoved, _ACCOUNTS),
        st.builds(MessagesRead, _ACCOUNTS, st.just(Seq(1))),
        st.sampled_from((ConversationClosed(), ConversationReopened(), ConversationArchived(), ConversationErased())),
        st.builds(CopiesSeen, some(SENDERS, least=1, most=2).map(frozenset)),
        st.builds(AliasIssued, _ALIAS_IDS, _ACCOUNTS),
        st.builds(AliasRevoked, _ALIAS_IDS),
        st.builds(StatusNoted, _ACCOUNTS, st.sampled_from(("bounce", "absence"))),
    )


@st.composite
def histories(draw: st.DrawFn, conversation: ConversationId | None = None) -> tuple[ConversationEvent, ...]:
    """A conversation from its creation on: seq is dense from 1, and append times never run back."""
    place = conversation or draw(st.sampled_from(CONVERSATIONS))
    people = tuple(draw(participants(one)) for one in draw(some(ACCOUNTS, least=1)))
    created = ConversationCreated(draw(st.sampled_from(USE_CASES)), None, people)
    following = draw(st.lists(happenings(), max_size=5))
    pauses = [draw(st.integers(0, 2)) for _ in following]
    appended = [NOW + timedelta(hours=sum(pauses[:count])) for count in range(len(pauses) + 1)]
    return tuple(
        ConversationEvent(
            id=EventId(f"{place}-e{number}"),
            conversation=place,
            seq=Seq(number),
            happening=happening,
            dedup_key=str(SystemKey(place, f"{number}")),
            origin=draw(st.sampled_from(Origin)),
            occurred_at=at,
            appended_at=at,
        )
        for number, (happening, at) in enumerate(zip((created, *following), appended, strict=True), start=1)
    )


def events() -> st.SearchStrategy[ConversationEvent]:
    """Draw an event of a history."""
    return histories().flatmap(st.sampled_from)
