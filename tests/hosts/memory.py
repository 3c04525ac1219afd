"""A host in memory: its tables, its own people, and the five calls on them. Threads stand for its processes."""

from __future__ import annotations

import threading
from collections.abc import AsyncGenerator, Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta

from attrs import define, field

from convalias import Participant
from convalias.domain.conversations.threads import ThreadState
from convalias.ports import (
    AlreadyPosted,
    Message,
    MessageRef,
    NewMessage,
    PostDeclined,
    Posted,
    Thread,
)
from convalias.testing.conformance import Held, ReadingWorld

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@define
class Row:
    """A message as its transaction began it: number, creation time and transaction come before the commit."""

    number: int
    thread: str
    author: str | None
    text: str
    at: datetime
    key: str | None = None
    committed: bool = False
    told: bool = False
    gone: bool = False
    audience: frozenset[str] = frozenset()


@define
class Talk:
    members: list[str]
    closed: bool = False


@define(eq=False)
class Tables:
    """What all processes of a host share."""

    talks: dict[str, Talk] = field(factory=dict[str, Talk])
    rows: list[Row] = field(factory=list[Row])
    reads: set[tuple[str, str, str]] = field(factory=set[tuple[str, str, str]])
    begun: int = 0
    lock: threading.RLock = field(factory=threading.RLock)


class Conversations:
    """The five calls, read marks and the history."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables

    def visible(self) -> list[Row]:
        """What is committed and not withdrawn, as this process sees it."""
        return [row for row in self.tables.rows if row.committed and not row.gone]

    def begun(self, thread: str, author: str | None, text: str, key: str | None = None) -> Row:
        """A row of a transaction that is open."""
        self.tables.begun += 1
        number = self.tables.begun
        members = frozenset(self.tables.talks[thread].members)
        row = Row(number, thread, author, text, NOON + timedelta(seconds=number), key, audience=members)
        self.tables.rows.append(row)
        return row

    def commit(self, row: Row) -> None:
        row.committed = True

    async def thread(self, id: str) -> Thread | None:  # noqa: A002 - as in the port
        with self.tables.lock:
            talk = self.tables.talks.get(id)
            if talk is None:
                return None
            members = tuple(Participant.of(account) for account in talk.members)
            state = ThreadState.CLOSED if talk.closed else ThreadState.OPEN
            return Thread(id=id, use_case="chat", members=members, state=state)

    async def post(self, message: NewMessage) -> Posted | AlreadyPosted | PostDeclined:
        with self.tables.lock:
            for row in self.tables.rows:
                if (row.thread, row.key) == (message.thread, message.key):
                    return AlreadyPosted(str(row.number))
            talk = self.tables.talks[message.thread]
            if talk.closed:
                return PostDeclined("closed")
            row = self.begun(message.thread, message.author, message.text, message.key)
            self.commit(row)
            return Posted(str(row.number))

    async def find(self, thread: str, *, message: str | None = None, key: str | None = None) -> Message | None:
        with self.tables.lock:
            for row in self.visible():
                if row.thread == thread and (str(row.number) == message or (key and row.key == key)):
                    return shown(row)
        return None

    async def untold(self, *, limit: int) -> Sequence[MessageRef]:
        with self.tables.lock:
            return [MessageRef(row.thread, str(row.number)) for row in self.visible() if not row.told][:limit]

    async def told(self, messages: Sequence[MessageRef]) -> None:
        with self.tables.lock:
            for row in self.tables.rows:
                if MessageRef(row.thread, str(row.number)) in messages:
                    row.told = True

    async def read(self, thread: str, message: str, accounts: Collection[str]) -> Collection[str]:
        with self.tables.lock:
            return {account for account in accounts if (thread, message, account) in self.tables.reads}

    async def history(self, thread: str, *, before: str | None = None, limit: int) -> Sequence[Message]:
        with self.tables.lock:
            older = [row for row in self.visible() if row.thread == thread and (not before or row.number < int(before))]
            return [shown(row) for row in reversed(older)][:limit]


def shown(row: Row) -> Message:
    return Message(id=str(row.number), author=row.author, text=row.text, at=row.at, key=row.key, audience=row.audience)


class World:
    """The host's own people, in one process."""

    def __init__(self, conversations: Conversations, *, can_hold: bool = True) -> None:
        self.conversations = conversations
        self.can_hold = can_hold
        self.tables = conversations.tables

    async def person(self, name: str) -> str:
        return name

    async def open(self, *accounts: str) -> str:
        with self.tables.lock:
            thread = f"t{len(self.tables.talks) + 1}"
            self.tables.talks[thread] = Talk([*accounts])
            return thread

    async def join(self, thread: str, account: str) -> None:
        self.tables.talks[thread].members.append(account)

    async def leave(self, thread: str, account: str) -> None:
        self.tables.talks[thread].members.remove(account)

    async def close(self, thread: str) -> bool:
        self.tables.talks[thread].closed = True
        return True

    async def say(self, thread: str, author: str, text: str) -> str:
        with self.tables.lock:
            row = self.conversations.begun(thread, author, text)
        self.conversations.commit(row)
        return str(row.number)

    async def edit(self, thread: str, message: str, text: str) -> bool:
        self.row(message).text = text
        return True

    async def withdraw(self, thread: str, message: str) -> None:
        self.row(message).gone = True

    async def mark_read(self, thread: str, message: str, account: str) -> None:
        with self.tables.lock:
            self.tables.reads.add((thread, message, account))

    def row(self, message: str) -> Row:
        with self.tables.lock:
            return next(row for row in self.tables.rows if str(row.number) == message)

    def held(self, thread: str, author: str, text: str, *, commit: bool) -> AbstractAsyncContextManager[Held] | None:
        return self._held(thread, author, text, commit=commit) if self.can_hold else None

    @asynccontextmanager
    async def _held(self, thread: str, author: str, text: str, *, commit: bool) -> AsyncGenerator[Held]:
        with self.tables.lock:
            row = self.conversations.begun(thread, author, text)
        yield Held.BESIDE
        with self.tables.lock:
            if commit:
                self.conversations.commit(row)
            else:
                self.tables.rows.remove(row)


def opened(
    conversations: Callable[[Tables], Conversations] = Conversations,
    world: Callable[[Conversations], ReadingWorld] = World,
    tables: Callable[[], Tables] = Tables,
) -> Callable[[str], AbstractAsyncContextManager[ReadingWorld]]:
    """A maker of this host, or of one that differs somewhere."""
    places: dict[str, Tables] = {}
    first = threading.Lock()

    @asynccontextmanager
    async def open_at(place: str) -> AsyncGenerator[ReadingWorld]:
        with first:
            shared = places.setdefault(place, tables())
        yield world(conversations(shared))

    return open_at


def without_transactions(conversations: Conversations) -> World:
    """A host that cannot hold a transaction open: the flood alone shows what it does."""
    return World(conversations, can_hold=False)
