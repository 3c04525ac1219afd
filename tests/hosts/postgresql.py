"""A host on PostgreSQL: an app whose tables know nothing of mail, what its migration adds, and the five calls on them."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, Callable, Collection, Generator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from datetime import datetime
from typing import Any, Final, TypeAlias

import psycopg
from psycopg import sql

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
    Unavailable,
)
from convalias.testing.conformance import Held, ReadingWorld

Connection: TypeAlias = psycopg.AsyncConnection[tuple[Any, ...]]
Row: TypeAlias = tuple[int, str | None, str, datetime, str | None]

APP: Final = """
    create table threads (id bigint generated always as identity primary key, closed bool not null default false);
    create table members (thread bigint, person text, primary key (thread, person));
    create table messages (
        id bigint generated always as identity primary key, thread bigint not null, author text, body text not null,
        created timestamptz not null default now(), deleted bool not null default false
    );
    create table reads (message bigint, person text, primary key (message, person));
"""
"""The tables as they were before: nothing of mail, no column of ours."""
MIGRATION: Final = """
    alter table messages add column mail_key text;
    create unique index mail_keys on messages (thread, mail_key);
    alter table messages add column told bool not null default true;  -- what was there before is told from birth
    alter table messages alter column told set default false;
    create index untold on messages (id) where not told;
"""
COLUMNS: Final = "id, author, body, created, mail_key"


@contextmanager
def schemas(url: str, app: str = APP, migration: str = MIGRATION) -> Generator[Callable[[str], str]]:
    """A maker of places: each has a schema of its own in that database, which goes at the end."""
    places: dict[str, str] = {}
    with psycopg.connect(url, autocommit=True) as database:

        def place(name: str) -> str:
            if name not in places:
                schema = f"convalias_{uuid.uuid4().hex}"
                database.execute(sql.SQL("create schema {}").format(sql.Identifier(schema)))
                database.execute(sql.SQL("set search_path to {}").format(sql.Identifier(schema)))
                database.execute(app.encode())
                database.execute(migration.encode())
                places[name] = schema
            return places[name]

        try:
            yield place
        finally:
            for schema in places.values():
                database.execute(sql.SQL("drop schema {} cascade").format(sql.Identifier(schema)))


async def connect(url: str, schema: str) -> Connection:
    """A connection whose statements commit one by one, and wait for no lock for ever."""
    options = f"-c search_path={schema} -c lock_timeout=5000 -c statement_timeout=10000 -c client_min_messages=error"
    return await psycopg.AsyncConnection.connect(url, autocommit=True, options=options)


class Conversations:
    """The five calls over the app's tables, with read marks and the history."""

    def __init__(self, database: Connection) -> None:
        self.database = database

    async def row(self, statement: str, *values: object) -> tuple[Any, ...] | None:
        return await (await self.database.execute(statement.encode(), values)).fetchone()

    async def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        return await (await self.database.execute(statement.encode(), values)).fetchall()

    async def thread(self, id: str) -> Thread | None:  # noqa: A002 - as in the port
        row = await self.row("select closed from threads where id::text = %s", id)
        if row is None:
            return None
        people = await self.rows("select person from members where thread = %s", id)
        state = ThreadState.CLOSED if row[0] else ThreadState.OPEN
        return Thread(id=id, use_case="chat", members=tuple(Participant.of(one) for (one,) in people), state=state)

    async def post(self, message: NewMessage) -> Posted | AlreadyPosted | PostDeclined:
        async with self.database.transaction():
            done = await self.posted(message)
        if done is not None:
            return Posted(str(done[0]))
        row = await self.row("select id from messages where thread = %s and mail_key = %s", message.thread, message.key)
        if row is not None:
            return AlreadyPosted(str(row[0]))
        closed = await self.row("select closed from threads where id = %s", message.thread)
        if closed is not None and not closed[0]:
            raise Unavailable("chat: whoever had the key was deleted meanwhile")
        return PostDeclined("closed")

    async def posted(self, message: NewMessage) -> tuple[Any, ...] | None:
        """The id, unless the thread is closed or the key is taken."""
        return await self.row(
            "insert into messages (thread, author, body, created, mail_key) select id, %s, %s, %s, %s from"
            " (select id from threads where id = %s and not closed for share) as open"
            " on conflict (thread, mail_key) do nothing returning id",
            *(message.author, message.text, message.at, message.key, message.thread),
        )

    async def find(self, thread: str, *, message: str | None = None, key: str | None = None) -> Message | None:
        by, value = ("id::text", message) if key is None else ("mail_key", key)
        statement = f"select {COLUMNS} from messages where thread::text = %s and {by} = %s and not deleted"
        row = await self.row(statement, thread, value)
        return shown(row) if row is not None else None

    async def untold(self, *, limit: int) -> Sequence[MessageRef]:
        rows = await self.rows("select thread, id from messages where not told order by id limit %s", limit)
        return [MessageRef(str(thread), str(number)) for thread, number in rows]

    async def told(self, messages: Sequence[MessageRef]) -> None:
        numbers = sorted(
            int(ref.message) for ref in messages
        )  # in one order, so that two who tell never wait in a ring
        await self.database.execute(
            "update messages set told = true where id in"
            " (select id from messages where id = any(%s) and not told order by id for update)",
            (numbers,),
        )

    async def read(self, thread: str, message: str, accounts: Collection[str]) -> Collection[str]:
        rows = await self.rows("select person from reads where message = %s and person = any(%s)", message, [*accounts])
        return {person for (person,) in rows}

    async def history(self, thread: str, *, before: str | None = None, limit: int) -> Sequence[Message]:
        statement = (
            f"select {COLUMNS} from messages where thread = %s and not deleted and id < coalesce(%s::bigint, id + 1)"
            " order by id desc limit %s"
        )
        return [shown(row) for row in await self.rows(statement, thread, before, limit)]


def shown(row: tuple[Any, ...]) -> Message:
    number, author, text, at, key = row
    return Message(id=str(number), author=author, text=text, at=at, key=key)


class World:
    """The app's own people: its statements name its own columns, and nothing of ours."""

    def __init__(self, conversations: Conversations, database: Connection, other: Connection) -> None:
        self.conversations = conversations
        self.database = database
        self.other = other

    async def person(self, name: str) -> str:
        return name

    async def open(self, *accounts: str) -> str:
        async with self.database.transaction():
            made = await (await self.database.execute("insert into threads default values returning id")).fetchone()
            (thread,) = made or (None,)
            for account in accounts:
                await self.database.execute("insert into members values (%s, %s)", (thread, account))
        return str(thread)

    async def join(self, thread: str, account: str) -> None:
        await self.database.execute("insert into members values (%s, %s)", (thread, account))

    async def leave(self, thread: str, account: str) -> None:
        await self.database.execute("delete from members where thread = %s and person = %s", (thread, account))

    async def close(self, thread: str) -> bool:
        await self.database.execute("update threads set closed = true where id = %s", (thread,))
        return True

    async def said(self, database: Connection, thread: str, author: str, text: str) -> str:
        statement = "insert into messages (thread, author, body) values (%s, %s, %s) returning id"
        row = await (await database.execute(statement, (thread, author, text))).fetchone()
        return str(row[0]) if row else ""

    async def say(self, thread: str, author: str, text: str) -> str:
        async with self.database.transaction():
            return await self.said(self.database, thread, author, text)

    async def edit(self, thread: str, message: str, text: str) -> bool:
        await self.database.execute("update messages set body = %s where id = %s", (text, message))
        return True

    async def withdraw(self, thread: str, message: str) -> None:
        await self.database.execute("update messages set deleted = true, body = '' where id = %s", (message,))

    async def mark_read(self, thread: str, message: str, account: str) -> None:
        await self.database.execute("insert into reads values (%s, %s)", (message, account))

    @asynccontextmanager
    async def held(self, thread: str, author: str, text: str, *, commit: bool) -> AsyncGenerator[Held]:
        async with self.other.transaction(force_rollback=not commit):
            await self.said(self.other, thread, author, text)
            yield Held.BESIDE


class HardDeletes(World):
    """An app that keeps nothing of what was withdrawn, not even its key."""

    async def withdraw(self, thread: str, message: str) -> None:
        await self.database.execute("delete from messages where id = %s", (message,))


def opened(
    url: str,
    place: Callable[[str], str],
    conversations: Callable[[Connection], Conversations] = Conversations,
    world: Callable[[Conversations, Connection, Connection], ReadingWorld] = World,
) -> Callable[[str], AbstractAsyncContextManager[ReadingWorld]]:
    """A maker of this host, or of one that differs somewhere."""

    @asynccontextmanager
    async def open_at(name: str) -> AsyncGenerator[ReadingWorld]:
        schema = place(name)
        port, people, other = [await connect(url, schema) for _ in range(3)]
        try:
            yield world(conversations(port), people, other)
        finally:
            for connection in (port, people, other):
                await connection.close()

    return open_at
