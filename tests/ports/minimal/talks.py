"""The least that the docstring of `Conversations` asks for, and the app beside it that writes into the same tables."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import count

from attrs import define, evolve, field

from convalias.domain.conversations.participants import Participant
from convalias.domain.conversations.threads import ThreadState
from convalias.ports.conversations import (
    AlreadyPosted,
    Message,
    MessageRef,
    NewMessage,
    PostDeclined,
    Posted,
    Thread,
)


@define
class Tables:
    """What a host keeps: threads with members, messages, and which of them were told."""

    threads: dict[str, Thread] = field(factory=dict[str, Thread])
    messages: dict[tuple[str, str], Message] = field(factory=dict[tuple[str, str], Message])
    keys: dict[tuple[str, str], str] = field(factory=dict[tuple[str, str], str])
    told: set[MessageRef] = field(factory=set[MessageRef])
    posted: list[NewMessage] = field(factory=list[NewMessage])
    declines: str = ""
    numbers: count[int] = field(factory=lambda: count(1))

    def open(self, thread: str, *members: Participant, use_case: str = "hiring", market: str | None = None) -> None:
        self.threads[thread] = Thread(id=thread, use_case=use_case, members=members, market=market)

    def close(self, thread: str) -> None:
        self.threads[thread] = evolve(self.threads[thread], state=ThreadState.CLOSED)

    def leave(self, thread: str, account: str) -> None:
        there = self.threads[thread]
        self.threads[thread] = evolve(there, members=tuple(one for one in there.members if one.account != account))

    def say(
        self, thread: str, author: str | None, text: str, *, at: datetime, audience: frozenset[str] | None = None
    ) -> str:
        identity = self._id()
        self.messages[thread, identity] = Message(id=identity, author=author, text=text, at=at, audience=audience)
        return identity

    def edit(self, thread: str, message: str, text: str) -> None:
        self.messages[thread, message] = evolve(self.messages[thread, message], text=text)

    def withdraw(self, thread: str, message: str) -> None:
        del self.messages[thread, message]

    def _id(self) -> str:
        return str(next(self.numbers))


@define
class Conversations:
    """`convalias.ports.Conversations` over these tables. Five calls, no capability."""

    tables: Tables = field(factory=Tables)

    async def thread(self, id: str) -> Thread | None:  # noqa: A002 - as the port calls it
        return self.tables.threads.get(id)

    async def post(self, message: NewMessage) -> Posted | AlreadyPosted | PostDeclined:
        tables = self.tables
        taken = tables.keys.get((message.thread, message.key))
        if taken is not None:
            return AlreadyPosted(taken)
        thread = tables.threads.get(message.thread)
        if thread is None or thread.state is not ThreadState.OPEN or tables.declines:
            return PostDeclined(tables.declines or "closed")
        identity = tables.say(message.thread, message.author, message.text, at=message.at)
        tables.messages[message.thread, identity] = evolve(tables.messages[message.thread, identity], key=message.key)
        tables.keys[message.thread, message.key] = identity
        tables.posted.append(message)
        return Posted(identity)

    async def find(self, thread: str, *, message: str | None = None, key: str | None = None) -> Message | None:
        if message is None:
            message = self.tables.keys.get((thread, key or ""))
        return None if message is None else self.tables.messages.get((thread, message))

    async def untold(self, *, limit: int) -> Sequence[MessageRef]:
        listed = [MessageRef(*name) for name in self.tables.messages]
        return [ref for ref in listed if ref not in self.tables.told][:limit]

    async def told(self, messages: Sequence[MessageRef]) -> None:
        self.tables.told.update(messages)
