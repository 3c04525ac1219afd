"""The people of the chat, for the suite that holds `Talks` to its promises."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

from sqlalchemy import delete, insert, text, update
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

import chat
from chat import Post, Talk, Talks, User, members, sessions
from convalias.testing.conformance import Held


class World:
    """A process of the chat: its people write by its own tables, and `conversations` is what convalias calls."""

    conversations = Talks()

    async def person(self, name: str) -> str:
        async with sessions.begin() as db:
            await db.merge(User(id=name, name=name.title(), email=f"{name}@home.example"))
        return name

    async def open(self, *accounts: str) -> str:
        talk = Talk(id=uuid4().hex)
        async with sessions.begin() as db:
            db.add(talk)
            await db.flush()
            await db.execute(insert(members).values([{"talk": talk.id, "user": user} for user in accounts]))
        return talk.id

    async def join(self, thread: str, account: str) -> None:
        async with sessions.begin() as db:
            await db.execute(insert(members).values(talk=thread, user=account))

    async def leave(self, thread: str, account: str) -> None:
        async with sessions.begin() as db:
            await db.execute(delete(members).where(members.c.talk == thread, members.c.user == account))

    async def close(self, thread: str) -> bool:
        await chat.close(thread)
        return True

    async def say(self, thread: str, author: str, text: str) -> str:
        return await chat.say(thread, chat.NewPost(author=author, text=text))

    async def edit(self, thread: str, message: str, text: str) -> bool:
        async with sessions.begin() as db:
            await db.execute(update(Post).where(Post.id == message).values(text=text))
        return True

    async def withdraw(self, thread: str, message: str) -> None:
        async with sessions.begin() as db:
            await db.execute(delete(Post).where(Post.id == message))

    @asynccontextmanager
    async def held(self, thread: str, author: str, text: str, *, commit: bool) -> AsyncIterator[Held]:
        async with sessions() as db:
            db.add(Post(talk=thread, author=author, text=text))
            await db.flush()
            yield Held.ALONE if chat.engine.dialect.name == "sqlite" else Held.BESIDE
            await (db.commit() if commit else db.rollback())


@asynccontextmanager
async def open_world(folder: Path, place: str) -> AsyncIterator[World]:
    """One process of a chat with tables of its own: the same place twice is the same chat."""
    name = f"{folder.name}_{place}"
    if chat.engine.dialect.name == "sqlite":
        engine = create_async_engine(f"sqlite+aiosqlite:///{folder / name}.sqlite3", poolclass=NullPool)
    else:
        options = {"search_path": name, "lock_timeout": "5000"}
        engine = create_async_engine(chat.engine.url, poolclass=NullPool, connect_args={"server_settings": options})
    sessions.configure(bind=engine)  # each process, here a thread, has connections of its own
    async with engine.begin() as connection:
        if engine.dialect.name != "sqlite":
            await connection.execute(text("select pg_advisory_xact_lock(1)"))
            await connection.execute(text(f'create schema if not exists "{name}"'))
        await connection.run_sync(chat.Base.metadata.create_all)
    yield World()
