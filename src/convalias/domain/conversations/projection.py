"""Project the events of a conversation to its state."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final, assert_never

from attrs import define, evolve, field

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations.events import (
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
    MessageRedacted,
    MessagesRead,
    NewEvent,
    ParticipantAdded,
    ParticipantRemoved,
    StatusNoted,
)
from convalias.domain.conversations.participants import Participant
from convalias.domain.conversations.threads import ConversationThread, ThreadSnapshot, ThreadState
from convalias.domain.errors import InvalidValue
from convalias.domain.ids import AccountId, Seq

_FINALITY: Final = {
    ThreadState.OPEN: 0,
    ThreadState.CLOSED: 0,
    ThreadState.ARCHIVED: 1,
    ThreadState.ERASED: 2,
}
"""No state follows a more final one: what is archived is closed for good, and what is erased stays so."""


def fold(events: Iterable[ConversationEvent], onto: ConversationThread | None = None) -> ConversationThread:
    """The thread after these events, in seq order. `InvalidValue` for a gap, or a beginning without creation.

    Linear in the number of events.
    """
    folding: _Folding | None = None if onto is None else _Folding.of(onto)
    for event in events:
        if folding is None:
            folding = _Folding.of(_created(event))
        else:
            folding.take(event)
    if folding is None:
        raise InvalidValue("events of a conversation", found="none", expected="its creation, at least")
    return folding.thread()


def snapshot(events: Iterable[ConversationEvent], onto: ThreadSnapshot | None = None) -> ThreadSnapshot:
    """The same, with the append time of the last event, and with redactions. `InvalidValue` as in `fold`."""
    listed = tuple(events)
    if onto is not None and not listed:
        return onto
    thread = fold(listed, None if onto is None else onto.thread)
    now = ThreadSnapshot(thread, listed[-1].appended_at) if onto is None else evolve(onto, thread=thread)
    redacted = {one.happening.event for one in listed if isinstance(one.happening, MessageRedacted)}
    changed = (one.seq for one in listed if isinstance(one.happening, ParticipantAdded | ParticipantRemoved))
    return evolve(
        now,
        appended_at=listed[-1].appended_at,
        redacted=now.redacted | redacted if redacted else now.redacted,
        people_changed=max(changed, default=now.people_changed),
    )


def place(new: NewEvent, behind: ThreadSnapshot | None, *, now: datetime) -> ConversationEvent:
    """Make a happening the next event of the conversation.

    Never appended before its predecessor, so that the order of append times is seq order whatever the clocks say.
    """
    seq, floor = (0, now) if behind is None else (behind.thread.seq, behind.appended_at)
    return placed(new, Seq(seq + 1), appended_at=max(now, floor))


def placed(new: NewEvent, seq: Seq, *, appended_at: datetime) -> ConversationEvent:
    """Return a happening in that place."""
    return ConversationEvent(
        id=new.id,
        conversation=new.conversation,
        seq=seq,
        happening=new.happening,
        dedup_key=new.dedup_key,
        origin=new.origin,
        occurred_at=new.occurred_at,
        appended_at=appended_at,
        trace=new.trace,
    )


def _created(event: ConversationEvent) -> ConversationThread:
    if event.seq != 1 or not isinstance(event.happening, ConversationCreated):
        found = f"{type(event.happening).__name__} at seq {event.seq}"
        raise InvalidValue("first event of a conversation", found=found, expected="ConversationCreated at seq 1")
    return ConversationThread(
        id=event.conversation,
        use_case=event.happening.use_case,
        participants=event.happening.participants,
        market=event.happening.market,
        created_at=event.occurred_at,
        seq=event.seq,
    )


@define
class _Folding:
    """A thread while it is being folded: what grows with the events is changed in place."""

    base: ConversationThread
    seq: Seq
    state: ThreadState
    participants: dict[AccountId, Participant] = field(factory=dict[AccountId, Participant])
    cc_seen: set[EmailAddress] = field(factory=set[EmailAddress])
    read_up_to: dict[AccountId, Seq] = field(factory=dict[AccountId, Seq])

    @classmethod
    def of(cls, thread: ConversationThread) -> _Folding:
        participants = {one.account: one for one in thread.participants}
        return cls(thread, thread.seq, thread.state, participants, set(thread.cc_seen), dict(thread.read_up_to))

    def thread(self) -> ConversationThread:
        return evolve(
            self.base,
            seq=self.seq,
            state=self.state,
            participants=tuple(self.participants.values()),
            cc_seen=frozenset(self.cc_seen),
            read_up_to=dict(self.read_up_to),
        )

    def take(self, event: ConversationEvent) -> None:
        if event.seq != self.seq + 1 or event.conversation != self.base.id:
            raise InvalidValue("seq of the next event", found=event.seq, expected=f"{self.seq + 1}, without a gap")
        self.seq = event.seq
        self._apply(event.happening)

    def _apply(self, happening: Happening) -> None:  # noqa: C901 - one line per kind of event
        match happening:
            case ConversationCreated():
                raise InvalidValue("creation of a conversation", found="a second one", expected="one, at seq 1")
            case ParticipantAdded(participant):
                self.participants[participant.account] = participant
            case ParticipantRemoved(account):
                self.participants.pop(account, None)
            case CopiesSeen(addresses):
                self.cc_seen |= addresses
            case MessagesRead(account, up_to):
                self.read_up_to[account] = max(up_to, self.read_up_to.get(account, up_to))
            case ConversationClosed():
                self._become(ThreadState.CLOSED)
            case ConversationReopened():
                self._become(ThreadState.OPEN)
            case ConversationArchived():
                self._become(ThreadState.ARCHIVED)
            case ConversationErased():
                self._become(ThreadState.ERASED)
            case MessageAdded() | AliasIssued() | AliasRevoked() | MessageRedacted() | StatusNoted():
                pass  # says nothing of who takes part, or whether messages are taken
            case _:  # pragma: no cover
                assert_never(happening)

    def _become(self, state: ThreadState) -> None:
        if _FINALITY[state] >= _FINALITY[self.state]:
            self.state = state
