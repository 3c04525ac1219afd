"""A chat: a service with people, talks and messages."""

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import uuid4

from fastapi import FastAPI
from pydantic import BaseModel
from sqlalchemy import Column, DateTime, Dialect, ForeignKey, Index, Table, TypeDecorator, select, update
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from convalias import Account, AccountId, Convalias, EmailAddress, Participant, ThreadState
from convalias.adapters.hosts import Directory
from convalias.ports import AlreadyPosted, Message, MessageRef, NewMessage, PostDeclined, Posted, Thread

engine = create_async_engine(os.environ.get("DATABASE_URL", "sqlite+aiosqlite:///chat.sqlite3"))
sessions = async_sessionmaker(engine, expire_on_commit=False)


class Moment(TypeDecorator[datetime]):
    """A time in UTC, aware on SQLite too."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Add the zone, which SQLite does not store."""
        return value and value.replace(tzinfo=UTC)


class Base(DeclarativeBase):
    """All tables."""


members = Table(
    "members",
    Base.metadata,
    Column("talk", ForeignKey("talks.id"), primary_key=True),
    Column("user", ForeignKey("users.id"), primary_key=True),
)


class User(Base):
    __tablename__ = "users"

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: uuid4().hex)
    name: Mapped[str]
    email: Mapped[str] = mapped_column(unique=True)


class Talk(Base):
    __tablename__ = "talks"

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: uuid4().hex)
    state: Mapped[str] = mapped_column(default="open")
    members: Mapped[list[User]] = relationship(secondary=members, lazy="selectin")


class Post(Base):
    __tablename__ = "messages"
    __table_args__ = (
        Index("in_order", "talk", "at"),
        Index("mail_keys", "talk", "mail_key", unique=True),
    )

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: uuid4().hex)
    talk: Mapped[str] = mapped_column(ForeignKey("talks.id"))
    author: Mapped[str | None] = mapped_column(ForeignKey("users.id"))
    text: Mapped[str]
    at: Mapped[datetime] = mapped_column(Moment, default=lambda: datetime.now(UTC))
    mail_key: Mapped[str | None]
    told: Mapped[bool] = mapped_column(default=False, index=True)


class Talks:
    """The talks of this chat, as convalias asks for them."""

    async def thread(self, id: str) -> Thread | None:
        async with sessions() as db:
            talk = await db.get(Talk, id)
        members = [Participant.of(user.id, name=user.name) for user in talk.members] if talk else []
        return Thread(id=id, use_case="chat", members=members, state=ThreadState(talk.state)) if talk else None

    async def post(self, new: NewMessage) -> Posted | AlreadyPosted | PostDeclined:
        async with sessions.begin() as db:
            talk = await db.get_one(Talk, new.thread, with_for_update={"key_share": True})
            known = await db.scalar(select(Post.id).filter_by(talk=talk.id, mail_key=new.key))
            if known or talk.state == "closed":
                return AlreadyPosted(known) if known else PostDeclined("closed")
            db.add(post := Post(talk=talk.id, author=new.author, text=new.text, at=new.at, mail_key=new.key))
        return Posted(post.id)

    async def find(self, thread: str, *, message: str | None = None, key: str | None = None) -> Message | None:
        which = Post.id == message if message else Post.mail_key == key
        async with sessions() as db:
            row = await db.scalar(select(Post).where(Post.talk == thread, which))
        return Message(id=row.id, author=row.author, text=row.text, at=row.at, key=row.mail_key) if row else None

    async def untold(self, *, limit: int) -> Sequence[MessageRef]:
        async with sessions() as db:
            rows = await db.execute(select(Post.talk, Post.id).filter_by(told=False).limit(limit))
        return [MessageRef(talk, post) for talk, post in rows]

    async def told(self, messages: Sequence[MessageRef]) -> None:
        async with sessions.begin() as db:
            await db.execute(update(Post).where(Post.id.in_([one.message for one in messages])).values(told=True))


async def accounts(ids: Sequence[str], addresses: Sequence[str]) -> Sequence[Account]:
    """Find the people with one of these ids or addresses."""
    async with sessions() as db:
        users = await db.scalars(select(User).where(User.id.in_(ids) | User.email.in_(addresses)))
    return [Account(AccountId(user.id), (EmailAddress.parse(user.email),), name=user.name) for user in users]


cv = Convalias.from_toml("convalias.toml", conversations=Talks(), identity=Directory(accounts))


@asynccontextmanager
async def lifespan(api: FastAPI) -> AsyncIterator[None]:
    """Make the tables that are not there yet; a service that grows has migrations for that."""
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    async with cv.lifespan():
        yield


api = FastAPI(lifespan=lifespan)
api.mount("/mail", cv.asgi())


class NewUser(BaseModel):
    name: str
    email: str


class NewTalk(BaseModel):
    members: list[str]


class NewPost(BaseModel):
    author: str
    text: str


class Shown(BaseModel):
    id: str
    author: str | None
    text: str
    at: datetime


@api.post("/users")
async def sign_up(user: NewUser) -> str:
    async with sessions.begin() as db:
        db.add(made := User(name=user.name, email=user.email.lower()))
    return made.id


@api.post("/talks")
async def open_talk(talk: NewTalk) -> str:
    async with sessions.begin() as db:
        users = await db.scalars(select(User).where(User.id.in_(talk.members)))
        db.add(made := Talk(members=[*users]))
    return made.id


@api.post("/talks/{talk}/close")
async def close(talk: str) -> None:
    async with sessions.begin() as db:
        await db.execute(update(Talk).where(Talk.id == talk).values(state="closed"))


@api.post("/talks/{talk}/messages")
async def say(talk: str, post: NewPost) -> str:
    async with sessions.begin() as db:
        db.add(made := Post(talk=talk, author=post.author, text=post.text))
    return made.id


@api.get("/talks/{talk}/messages")
async def read(talk: str) -> Sequence[Shown]:
    async with sessions() as db:
        posts = await db.scalars(select(Post).filter_by(talk=talk).order_by(Post.at))
    return [Shown.model_validate(post, from_attributes=True) for post in posts]
