"""Conversations given from outside, put into the store: what is lacking is added, what is there stays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from attrs import evolve, frozen

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.aliases.alias import ConversationAlias
from convalias.domain.conversations import storable
from convalias.domain.conversations.events import (
    ConversationArchived,
    ConversationClosed,
    ConversationCreated,
    ConversationErased,
    ConversationReopened,
    CopiesSeen,
    Happening,
    NewEvent,
    Origin,
    ParticipantAdded,
    ParticipantRemoved,
)
from convalias.domain.conversations.participants import Participant
from convalias.domain.conversations.threads import ConversationThread, ThreadState
from convalias.domain.errors import InvalidValue
from convalias.domain.ids import ConversationId, EventId, UseCase
from convalias.domain.mail.dedup import SystemKey
from convalias.services.conversations.aliasing import Aliasing
from convalias.services.conversations.errors import KeptByHost
from convalias.services.conversations.guards import known
from convalias.stores.conversations.access import Draft

_FOLLOWING: Final = {
    ThreadState.OPEN: (ThreadState.CLOSED, ThreadState.ARCHIVED, ThreadState.ERASED),
    ThreadState.CLOSED: (ThreadState.OPEN, ThreadState.ARCHIVED, ThreadState.ERASED),
    ThreadState.ARCHIVED: (ThreadState.ERASED,),
    ThreadState.ERASED: (),
}
_ENDED: Final = frozenset({ThreadState.ARCHIVED, ThreadState.ERASED})
"""Nobody writes there any more."""
_ENTERING: Final[Mapping[ThreadState, Happening]] = {
    ThreadState.OPEN: ConversationReopened(),
    ThreadState.CLOSED: ConversationClosed(),
    ThreadState.ARCHIVED: ConversationArchived(),
    ThreadState.ERASED: ConversationErased(),
}


@frozen(kw_only=True)
class GivenConversation:
    """A conversation as somebody describes it."""

    id: ConversationId
    use_case: UseCase
    participants: tuple[Participant, ...] = ()
    state: ThreadState = ThreadState.OPEN
    market: str | None = None
    cc_seen: frozenset[EmailAddress] = frozenset()
    aliases: tuple[ConversationAlias, ...] = ()
    """With their addresses. Of several of one participant and topic the last is the live one, the others are
    superseded but work."""


Difference: TypeAlias = Callable[[ConversationThread | None, GivenConversation], Happening | None]
"""The first thing in which a thread is not as given; None: it is."""


@frozen(kw_only=True)
class Loading:
    """Makes a conversation what it is given as, by events. Twice is once; after a crash in between, load again."""

    aliasing: Aliasing

    async def load(self, given: GivenConversation) -> ConversationThread:
        """Events are written for what differs only.

        Raises `InvalidValue` where no event leads from what is there to what is given (another use case, out of an
        archived or erased state), `Unstorable` for what no store can hold, `NoFreeAddress` for an alias of another
        conversation, and `Unavailable`.
        """
        check(given)
        if not self.aliasing.conversations.keeps_events:
            raise KeptByHost("load a conversation")
        await self._until_same(given, _content)
        await self._adopt(given)
        await self._complete(given)
        await self._until_same(given, _state)  # last: an erased conversation takes nothing any more
        return known(await self.aliasing.conversations.thread(given.id), given.id)

    async def _until_same(self, given: GivenConversation, difference: Difference) -> None:
        """One event per difference, each decided on the read that numbers it."""
        while await self.aliasing.conversations.append(given.id, self._draft(given, difference)) is not None:
            pass

    def _draft(self, given: GivenConversation, difference: Difference) -> Draft:
        clock = self.aliasing.clock

        def draft(thread: ConversationThread | None) -> NewEvent | None:
            happening = difference(thread, given)
            if happening is None:
                return None
            subject = "created" if thread is None else f"given@{thread.seq}"
            return NewEvent(
                id=EventId(clock.new_id()),
                conversation=given.id,
                happening=happening,
                dedup_key=str(SystemKey(given.id, subject)),
                origin=Origin.CHAT,
                occurred_at=clock.now(),
            )

        return draft

    async def _complete(self, given: GivenConversation) -> None:
        """Issue what participants lack, under the minting flag, as for those who join."""
        thread = known(await self.aliasing.conversations.thread(given.id), given.id)
        lacking = () if given.state in _ENDED else await self.aliasing.lacking(thread)
        if lacking:
            await self.aliasing.issue_for(thread, lacking)

    async def _adopt(self, given: GivenConversation) -> None:
        now = self.aliasing.clock.now()
        dated = [evolve(alias, created_at=alias.created_at or now) for alias in given.aliases]
        await self.aliasing.guard.before_adopting(dated)
        for alias in await self.aliasing.aliases.adopt(dated):
            await self.aliasing.note(alias)


def check(given: GivenConversation) -> None:
    """Refuse what no store can hold. Raises `Unstorable`."""
    storable.conversation_id(given.id)
    storable.use_case(given.use_case)
    storable.typed("market", given.market or "")
    storable.participants(given.participants)
    for alias in given.aliases:
        storable.account_id(alias.stands_for)
        storable.typed("topic", alias.topic)
        if alias.id is not None:
            storable.identifier("alias", alias.id)


def _content(thread: ConversationThread | None, given: GivenConversation) -> Happening | None:
    """The first thing that the conversation lacks, its state aside."""
    if thread is None:
        return ConversationCreated(given.use_case, given.market, given.participants)
    if thread.use_case != given.use_case:
        raise InvalidValue(f"use case of conversation {given.id}", found=given.use_case, expected=thread.use_case)
    if thread.state is ThreadState.ERASED:
        return None
    for participant in given.participants:
        if thread.participant(participant.account) != participant:
            return ParticipantAdded(participant)
    listed = {participant.account for participant in given.participants}
    for standing in thread.participants:
        if standing.account not in listed:
            return ParticipantRemoved(standing.account)
    unseen = given.cc_seen - thread.cc_seen
    return CopiesSeen(unseen) if unseen else None


def _state(thread: ConversationThread | None, given: GivenConversation) -> Happening | None:
    """What leads to the given state. `InvalidValue` where nothing does."""
    standing = ThreadState.OPEN if thread is None else thread.state
    if standing is given.state:
        return None
    if given.state not in _FOLLOWING[standing]:
        expected = " or ".join(state.value for state in (standing, *_FOLLOWING[standing]))
        raise InvalidValue(f"state of conversation {given.id}", found=given.state.value, expected=expected)
    return _ENTERING[given.state]
