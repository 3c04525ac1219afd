"""A host on SQLite: an app whose tables know nothing of mail, what its migration adds, and the five calls on them."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncGenerator, Callable, Collection, Generator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path

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

APP = """
    create table if not exists threads (id integer primary key autoincrement, closed integer not null default 0);
    create table if not exists members (thread integer, person text, primary key (thread, person));
    create table if not exists messages (
        id integer primary key autoincrement, thread integer not null, author text, body text not null,
        created text not null, deleted integer not null default 0
    );
    create table if not exists reads (message integer, person text, primary key (message, person));
"""
"""The tables as they were before: nothing of mail, no column of ours."""
MIGRATION = (
    "alter table messages add column mail_key text",
    "create unique index mail_keys on messages (thread, mail_key)",
    "alter table messages add column told integer not null default 0",
    # What was there before is told from birth: a first start mails nothing of the past.
    "update messages set told = 1",
    "create index untold on messages (id) where told = 0",
)
MESSAGE = "select id, author, body, created, mail_key from messages where deleted = 0"


def connect(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, timeout=20, isolation_level=None)
    database.execute("pragma journal_mode = wal")
    database.execute("pragma synchronous = off")  # these tests end no machine
    return database


@contextmanager
def transaction(database: sqlite3.Connection) -> Generator[None]:
    database.execute("begin immediate")
    try:
        yield
    except BaseException:
        database.execute("rollback")
        raise
    database.execute("commit")


def migrate(database: sqlite3.Connection, migration: Sequence[str] = MIGRATION) -> None:
    """Add what the port needs, once."""
    with transaction(database):
        columns = [row[1] for row in database.execute("pragma table_info(messages)")]
        for statement in () if "told" in columns else migration:
            database.execute(statement)


class Conversations:
    """The five calls over the app's tables, with read marks and the history."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self.database = database

    async def thread(self, id: str) -> Thread | None:  # noqa: A002 - as in the port
        row = self.database.execute("select closed from threads where id = ?", (id,)).fetchone()
        if row is None:
            return None
        people = self.database.execute("select person from members where thread = ?", (id,))
        members = tuple(Participant.of(person) for (person,) in people)
        return Thread(id=id, use_case="chat", members=members, state=ThreadState.CLOSED if row[0] else ThreadState.OPEN)

    async def post(self, message: NewMessage) -> Posted | AlreadyPosted | PostDeclined:
        with transaction(self.database):
            return self.posted(message)

    def posted(self, message: NewMessage) -> Posted | AlreadyPosted | PostDeclined:
        where = (message.thread, message.key)
        values = (message.thread, message.author, message.text, message.at.isoformat(), message.key)
        (closed,) = self.database.execute("select closed from threads where id = ?", (message.thread,)).fetchone()
        if not closed:
            done = self.database.execute(
                "insert into messages (thread, author, body, created, mail_key) values (?, ?, ?, ?, ?)"
                " on conflict (thread, mail_key) do nothing",
                values,
            )
            if done.rowcount:
                return Posted(str(done.lastrowid))
        row = self.database.execute("select id from messages where thread = ? and mail_key = ?", where).fetchone()
        return AlreadyPosted(str(row[0])) if row else PostDeclined("closed")

    async def find(self, thread: str, *, message: str | None = None, key: str | None = None) -> Message | None:
        by, value = ("id", message) if key is None else ("mail_key", key)
        row = self.database.execute(f"{MESSAGE} and thread = ? and {by} = ?", (thread, value)).fetchone()
        return shown(row) if row else None

    async def untold(self, *, limit: int) -> Sequence[MessageRef]:
        rows = self.database.execute("select thread, id from messages where told = 0 order by id limit ?", (limit,))
        return [MessageRef(str(thread), str(message)) for thread, message in rows]

    async def told(self, messages: Sequence[MessageRef]) -> None:
        self.database.executemany("update messages set told = 1 where id = ?", [(ref.message,) for ref in messages])

    async def read(self, thread: str, message: str, accounts: Collection[str]) -> Collection[str]:
        readers = self.database.execute("select person from reads where message = ?", (message,))
        return {person for (person,) in readers} & {*accounts}

    async def history(self, thread: str, *, before: str | None = None, limit: int) -> Sequence[Message]:
        rows = self.database.execute(
            f"{MESSAGE} and thread = ? and (? is null or id < cast(? as integer)) order by id desc limit ?",
            (thread, before, before, limit),
        )
        return [shown(row) for row in rows]


def shown(row: tuple[int, str | None, str, str, str | None]) -> Message:
    number, author, text, at, key = row
    return Message(id=str(number), author=author, text=text, at=datetime.fromisoformat(at), key=key)


class World:
    """The app's own people: its statements name its own columns, and nothing of ours."""

    def __init__(self, conversations: Conversations, path: Path) -> None:
        self.conversations = conversations
        self.database = conversations.database
        self.path = path

    async def person(self, name: str) -> str:
        return name

    async def open(self, *accounts: str) -> str:
        with transaction(self.database):
            thread = self.database.execute("insert into threads default values").lastrowid
            people = [(thread, account) for account in accounts]
            self.database.executemany("insert into members (thread, person) values (?, ?)", people)
        return str(thread)

    async def join(self, thread: str, account: str) -> None:
        self.database.execute("insert into members (thread, person) values (?, ?)", (thread, account))

    async def leave(self, thread: str, account: str) -> None:
        self.database.execute("delete from members where thread = ? and person = ?", (thread, account))

    async def close(self, thread: str) -> bool:
        self.database.execute("update threads set closed = 1 where id = ?", (thread,))
        return True

    async def say(self, thread: str, author: str, text: str) -> str:
        return str(said(self.database, thread, author, text))

    async def edit(self, thread: str, message: str, text: str) -> bool:
        self.database.execute("update messages set body = ? where id = ?", (text, message))
        return True

    async def withdraw(self, thread: str, message: str) -> None:
        self.database.execute("update messages set deleted = 1, body = '' where id = ?", (message,))

    async def mark_read(self, thread: str, message: str, account: str) -> None:
        self.database.execute("insert into reads (message, person) values (?, ?)", (message, account))

    @asynccontextmanager
    async def held(self, thread: str, author: str, text: str, *, commit: bool) -> AsyncGenerator[Held]:
        other = connect(self.path)
        try:
            other.execute("begin immediate")
            said(other, thread, author, text)
            yield Held.ALONE  # SQLite has one writer at a time
            other.execute("commit" if commit else "rollback")
        finally:
            other.close()


class HardDeletes(World):
    """An app that keeps nothing of what was withdrawn, not even its key."""

    async def withdraw(self, thread: str, message: str) -> None:
        self.database.execute("delete from messages where id = ?", (message,))


def said(database: sqlite3.Connection, thread: str, author: str, text: str) -> int:
    done = database.execute(
        "insert into messages (thread, author, body, created) values (?, ?, ?, ?)",
        (thread, author, text, datetime.now(UTC).isoformat()),
    )
    return done.lastrowid or 0


def opened(
    folder: Path,
    conversations: Callable[[sqlite3.Connection], Conversations] = Conversations,
    world: Callable[[Conversations, Path], ReadingWorld] = World,
    app: str = APP,
    migration: Sequence[str] = MIGRATION,
) -> Callable[[str], AbstractAsyncContextManager[ReadingWorld]]:
    """A maker of this host, or of one that differs somewhere."""

    @asynccontextmanager
    async def open_at(place: str) -> AsyncGenerator[ReadingWorld]:
        path = folder / f"{place}.sqlite"
        database = connect(path)
        try:
            database.executescript(app)
            migrate(database, migration)
            yield world(conversations(database), path)
        finally:
            database.close()

    return open_at
