"""A platform with conversations in tables of its own: its people write, edit, withdraw, close and leave without us."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from attrs import define, evolve, field, frozen

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations.events import (
    ConversationClosed,
    ConversationCreated,
    ConversationEvent,
    ConversationReopened,
    Happening,
    MessageAdded,
    Origin,
    ParticipantAdded,
    ParticipantRemoved,
)
from convalias.domain.conversations.host_messages import host_event_id
from convalias.domain.conversations.participants import NOBODY, AccountAuthor, Participant, PeripheralAuthor
from convalias.domain.conversations.threads import ThreadState
from convalias.domain.ids import AccountId, ConversationId, EventId, Seq, UseCase
from convalias.ports.conversations import (
    AlreadyPosted,
    Message,
    MessageRef,
    NewMessage,
    PostDeclined,
    Posted,
    Thread,
)
from convalias.testing.simulator.draws import Draws
from convalias.testing.simulator.ports import EPOCH

_OCTETS: Final = 5
_UNWANTED: Final = 0.03
"""The share of mails whose words the platform takes at no time."""
_PAGE: Final = 4
"""Messages that one look into the past shows."""


@define
class Row:
    """A message in the platform's table."""

    ref: MessageRef
    author: str | None
    at: datetime
    texts: list[tuple[float, str]]
    """What it has read as, each since a virtual second. The last is what it reads as now."""
    key: str | None = None
    audience: frozenset[str] | None = None
    told: float | None = None
    """The virtual second in which it was told."""
    withdrawn: float | None = None
    """The virtual second in which it was deleted."""
    vanished: float | None = None
    """The virtual second in which a backup from before was put back: nobody knows of it any more."""
    is_past: bool = False
    """Whether it is older than the first start."""
    read: dict[str, float] = field(factory=dict[str, float])
    """Who has read it, each since a virtual second."""

    @property
    def event(self) -> EventId:
        """Return the id of the event that the message is to us."""
        return host_event_id(ConversationId(self.ref.thread), self.ref.message)

    @property
    def text(self) -> str:
        """Return the text as it reads now."""
        return self.texts[-1][1]


@frozen
class Backed:
    """A message in a backup of the platform."""

    told: float | None
    text: str


@frozen
class Declined:
    """A mail that the platform would not have at one call, by a rule of its own."""

    at: float
    thread: str
    key: str
    text: str


@define
class _Thread:
    use_case: UseCase
    members: list[Participant]
    state: ThreadState = ThreadState.OPEN
    history: list[ConversationEvent] = field(factory=list[ConversationEvent])
    rows: int = 0
    is_full: bool = False


class Platform:
    """The tables of a platform, and what its own application does to them. Nothing here crosses a gate.

    Ids say nothing of an order, and are the same in several threads. Each change is noted as an event, for the laws: the
    platform itself keeps no numbers.
    """

    def __init__(self, draws: Draws, *, frees_keys: bool) -> None:
        """Nothing is in it. `frees_keys`: a message that was told and is deleted leaves no row that holds its key."""
        stream = draws.stream("platform")
        self._draws = draws
        self._threads: dict[str, _Thread] = {}
        self.rows: dict[MessageRef, Row] = {}
        self._keys: dict[tuple[str, str], MessageRef] = {}
        self.names_audience = stream.chance(0.5)
        """Whether each message names those it was written to: the members of that moment."""
        self.tells_of_gone = stream.chance(0.5)
        """Whether `untold` goes on naming what was withdrawn."""
        self.past_is_untold = stream.chance(0.5)
        """Whether rows from before are untold: beyond what the port promises, and a column with a default does it."""
        self.raises_its_own = stream.chance(0.7)
        """Whether its errors are its own, not those that the port names."""
        self.frees_keys = frees_keys and stream.chance(0.6)
        self.can_be_read_back = stream.chance(0.7)
        """Whether it has read marks and a history, which a host may have or not."""
        self.declined: list[Declined] = []
        """Mails that were declined by a rule of the platform's own."""
        self.rowless: list[str] = []
        """Mails that were posted while no row of ours stood beside them."""

    # --- what its own people do ----------------------------------------------------------------------

    def open(self, conversation: ConversationId, members: Sequence[Participant], use_case: UseCase) -> None:
        """Open a thread."""
        self._threads[conversation] = _Thread(use_case, list(members))
        self._note(conversation, ConversationCreated(use_case, participants=(*members,)))

    def draft(self, conversation: ConversationId, author: AccountId, text: str) -> Row:
        """Begin to add a message: it has its id and its time, and nobody sees it before `commit`."""
        thread = self._threads[conversation]
        audience = frozenset(one.account for one in thread.members) if self.names_audience else None
        return self._row(conversation, author, text, at=_time(), audience=audience)

    def commit(self, row: Row) -> bool:
        """Add it. False: the thread was closed meanwhile, or its author has left; then it is rolled back."""
        thread = self._threads[row.ref.thread]
        if thread.state is not ThreadState.OPEN or not _takes_part(thread, row.author):
            return False
        self.rows[row.ref] = row
        author = NOBODY if row.author is None else AccountAuthor(AccountId(row.author), verified=True)
        self._note_message(row, MessageAdded(author=author, text=row.text, full_text=row.text))
        return True

    def was_there(self, conversation: ConversationId, author: AccountId, text: str, *, ago: timedelta) -> None:
        """Add a message from before the first start. It is in no history."""
        row = self._row(conversation, author, text, at=EPOCH - ago, audience=None)
        row.is_past, row.told = True, None if self.past_is_untold else _now()
        self.rows[row.ref] = row

    def edit(self, row: Row, text: str) -> None:
        """Let it read otherwise from now on."""
        row.texts.append((_now(), text))

    def withdraw(self, row: Row) -> None:
        """Delete it: its row goes, or stays with a mark, and its id is never given again."""
        row.withdrawn = _now()
        is_gone = self.frees_keys and row.told is not None and row.withdrawn - row.told > _SETTLED
        if is_gone and row.key is not None:
            self._keys.pop((row.ref.thread, row.key), None)

    def mark_read(self, row: Row, account: AccountId) -> None:
        """Note that somebody has read it."""
        row.read.setdefault(account, _now())

    def fill(self, conversation: ConversationId, *, is_full: bool) -> None:
        """Let a thread take no mail, for it has enough; or let it take mail again."""
        self._threads[conversation].is_full = is_full

    def turn(self, conversation: ConversationId, state: ThreadState) -> None:
        """Close a thread, or open it again."""
        thread = self._threads[conversation]
        if thread.state is not state:
            thread.state = state
            self._note(conversation, ConversationReopened() if state is ThreadState.OPEN else ConversationClosed())

    def leave(self, conversation: ConversationId, account: AccountId) -> None:
        """Remove a member."""
        thread = self._threads[conversation]
        if _takes_part(thread, account):
            thread.members = [one for one in thread.members if one.account != account]
            self._note(conversation, ParticipantRemoved(account))

    def join(self, conversation: ConversationId, member: Participant) -> None:
        """Add a member."""
        thread = self._threads[conversation]
        if not _takes_part(thread, member.account):
            thread.members.append(member)
            self._note(conversation, ParticipantAdded(member))

    def backup(self) -> Mapping[MessageRef, Backed]:
        """Return what a backup of the messages holds."""
        return {ref: Backed(row.told, row.text) for ref, row in self.rows.items() if row.withdrawn is None}

    def put_back(self, backup: Mapping[MessageRef, Backed]) -> int:
        """Let messages be as they were: what came since is gone, with its key; how many are untold again.

        Ids go on behind the last that was given, as the port promises. What was withdrawn since stays so, and members and
        state of a thread are as they are: nobody is told of those.
        """
        again = 0
        for ref, row in self.rows.items():
            backed = backup.get(ref)
            if backed is not None:
                again += row.told is not None and backed.told is None
                row.told = backed.told
                if backed.text != row.text:
                    row.texts.append((_now(), backed.text))
            elif row.withdrawn is None and not row.is_past:
                row.withdrawn = row.vanished = _now()
                row.told = _now() if row.told is None else row.told
                self._keys.pop((ref.thread, row.key or ""), None)
        return again

    # --- the five calls ------------------------------------------------------------------------------

    def thread(self, conversation: str) -> Thread | None:
        """Return a thread as it is now."""
        there = self._threads.get(conversation)
        if there is None:
            return None
        return Thread(id=conversation, use_case=there.use_case, members=there.members, state=there.state)

    def post(self, message: NewMessage) -> Posted | AlreadyPosted | PostDeclined:
        """Add a mail. It asks whether the thread takes it before it looks at the key."""
        thread = self._threads.get(message.thread)
        if thread is None or thread.state is not ThreadState.OPEN:
            return PostDeclined("closed")
        if not _takes_part(thread, message.author):
            return PostDeclined("the author has left")
        taken = self._keys.get((message.thread, message.key))
        if taken is not None:
            return AlreadyPosted(taken.message)
        if thread.is_full or self._draws.units(f"unwanted {message.text}")[0] < _UNWANTED:
            self.declined.append(Declined(_now(), message.thread, message.key, message.text))
            return PostDeclined("over its quota" if thread.is_full else "unwanted words")
        conversation = ConversationId(message.thread)
        audience = frozenset(one.account for one in thread.members) if self.names_audience else None
        row = self._row(conversation, message.author, message.text, at=message.at, audience=audience)
        row.key = message.key
        self.rows[row.ref] = row
        self._keys[message.thread, message.key] = row.ref
        author = (
            PeripheralAuthor(EmailAddress.parse(message.author_name))
            if message.author is None
            else AccountAuthor(AccountId(message.author))
        )
        self._note_message(row, MessageAdded(author=author, text=message.text, full_text=message.full_text))
        return Posted(row.ref.message)

    def find(self, thread: str, *, message: str | None, key: str | None) -> Message | None:
        """Return a message as it reads now."""
        ref = MessageRef(thread, message) if message is not None else self._keys.get((thread, key or ""))
        row = None if ref is None else self.rows.get(ref)
        if row is None or row.withdrawn is not None:
            return None
        return Message(
            id=row.ref.message, author=row.author, text=row.text, at=row.at, key=row.key, audience=row.audience
        )

    def untold(self) -> Sequence[MessageRef]:
        """Return all that was not told."""
        gone = self.tells_of_gone
        return [ref for ref, row in self.rows.items() if row.told is None and (gone or row.withdrawn is None)]

    def told(self, messages: Sequence[MessageRef]) -> None:
        """Mark these, and no others."""
        for one in messages:
            if one in self.rows and self.rows[one].told is None:
                self.rows[one].told = _now()

    # --- what a host may have besides --------------------------------------------------------------

    def readers(self, thread: str, message: str, accounts: Collection[str]) -> Collection[str]:
        """Return those of these accounts who have read that message."""
        row = self.rows.get(MessageRef(thread, message))
        return frozenset() if row is None else row.read.keys() & set(accounts)

    def history(self, thread: str, *, before: str | None, limit: int) -> Sequence[Message]:
        """Return the latest messages, newest first, and no more of them than a page holds."""
        rows = sorted(self.rows.values(), key=_place, reverse=True)
        start = None if before is None else _place(self.rows[MessageRef(thread, before)])
        there = [
            row
            for row in rows
            if row.ref.thread == thread and row.withdrawn is None and (start is None or _place(row) < start)
        ]
        found = (self.find(thread, message=row.ref.message, key=None) for row in there[: min(limit, _PAGE)])
        return [one for one in found if one is not None]

    # --- what the laws look at -----------------------------------------------------------------------

    def histories(self) -> Mapping[ConversationId, Sequence[ConversationEvent]]:
        """Return what happened in each thread since the first start, in order."""
        return {ConversationId(name): thread.history for name, thread in self._threads.items()}

    def by_event(self) -> Mapping[EventId, Row]:
        """Return all messages that ever were, by the id of their event."""
        return {row.event: row for row in self.rows.values()}

    def _row(
        self,
        conversation: ConversationId,
        author: str | None,
        text: str,
        *,
        at: datetime,
        audience: frozenset[str] | None,
    ) -> Row:
        thread = self._threads[conversation]
        thread.rows += 1
        identity = self._draws.octets(f"message {thread.rows}")[:_OCTETS].hex()
        return Row(MessageRef(conversation, identity), author, at, [(_now(), text)], audience=audience)

    def _note_message(self, row: Row, message: MessageAdded) -> None:
        row.texts[0] = (_now(), row.texts[0][1])
        self._note(ConversationId(row.ref.thread), message, event=row.event, key=row.key, at=row.at)

    def _note(
        self,
        conversation: ConversationId,
        happening: Happening,
        *,
        event: EventId | None = None,
        key: str | None = None,
        at: datetime | None = None,
    ) -> None:
        history, now = self._threads[conversation].history, _time()
        number = len(history) + 1
        history.append(
            ConversationEvent(
                id=event or EventId(f"{conversation} {number}"),
                conversation=conversation,
                seq=Seq(number),
                happening=happening,
                dedup_key=f"{number} {key}",
                origin=Origin.CHAT if key is None else Origin.ALIAS_MAIL,
                occurred_at=at or now,
                appended_at=now,
            )
        )


_SETTLED: Final = 90.0
"""Virtual seconds after which no call is on its way that was made before somebody knew what had been posted."""


def named(event: ConversationEvent, message_id: str) -> ConversationEvent:
    """Return a message that is known to be that mail: a platform keeps no Message-ID."""
    happening = event.happening
    return (
        evolve(event, happening=evolve(happening, message_id=message_id))
        if isinstance(happening, MessageAdded)
        else event
    )


def _place(row: Row) -> tuple[datetime, str]:
    return row.at, row.ref.message


def _takes_part(thread: _Thread, account: str | None) -> bool:
    return account is None or any(one.account == account for one in thread.members)


def _now() -> float:
    return asyncio.get_running_loop().time()


def _time() -> datetime:
    return EPOCH + timedelta(seconds=round(_now(), 6))
