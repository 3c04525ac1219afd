"""Our own events as a host: the default store through the five calls, and its own people by events."""

from __future__ import annotations

import threading
from collections.abc import AsyncGenerator, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime

from attrs import frozen

from convalias import Participant
from convalias.adapters import memory
from convalias.codec import load
from convalias.domain.conversations.events import (
    ConversationClosed,
    ConversationCreated,
    ConversationEvent,
    Happening,
    MessageAdded,
    MessageRedacted,
    NewEvent,
    Origin,
    ParticipantAdded,
    ParticipantRemoved,
)
from convalias.domain.conversations.participants import NOBODY, AccountAuthor
from convalias.domain.conversations.threads import ConversationThread, ThreadState
from convalias.domain.ids import AccountId, ConversationId, EventId, UseCase
from convalias.ports import AlreadyPosted, Message, MessageRef, NewMessage, PostDeclined, Posted, Thread
from convalias.ports.event_log import UNPLACED
from convalias.ports.records import Conflict, Key, Replace, Stored, Write, Written
from convalias.services.conversations.errors import ServiceError
from convalias.services.conversations.guards import existing, is_open, takes_part
from convalias.services.feed.change_feed import WHENEVER
from convalias.stores.conversations.event_store import FEED, EventStore
from convalias.stores.conversations.own import OwnConversations
from convalias.stores.conversations.threads import Threads
from convalias.testing.conformance import Held


class Records(memory.Records):
    """Of several processes, each a thread here: one call at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.turn = threading.RLock()

    async def get(self, keys: Sequence[Key]) -> Mapping[Key, Stored]:
        with self.turn:
            return await super().get(keys)

    async def write(self, writes: Sequence[Write]) -> Sequence[Written | Conflict]:
        with self.turn:
            return await super().write(writes)

    async def range(self, table: str, partition: str, *, after: str, limit: int) -> Sequence[Stored]:
        with self.turn:
            return await super().range(table, partition, after=after, limit=limit)

    async def due(self, lane: str, *, until: datetime, limit: int) -> Sequence[Stored]:
        with self.turn:
            return await super().due(lane, until=until, limit=limit)


@frozen
class Conversations:
    """`Conversations` over the events in these records: nothing of it is lost by the narrow port."""

    records: memory.Records
    clock: memory.Clock

    @property
    def own(self) -> OwnConversations:
        events = EventStore(records=self.records)
        return OwnConversations(events=events, folded=Threads(events=events, records=self.records), clock=self.clock)

    async def thread(self, id: str) -> Thread | None:  # noqa: A002 - as in the port
        found = await self.own.thread(ConversationId(id))
        if found is None or found.state is ThreadState.ERASED:
            return None
        return Thread(
            id=id, use_case=found.use_case, members=found.participants, state=found.state, market=found.market
        )

    async def post(self, message: NewMessage) -> Posted | AlreadyPosted | PostDeclined:
        conversation = ConversationId(message.thread)
        author = NOBODY if message.author is None else AccountAuthor(AccountId(message.author))
        added = MessageAdded(author=author, text=message.text, full_text=message.full_text, subject=message.subject)

        def draft(thread: ConversationThread | None) -> NewEvent:
            there = existing(thread, conversation)
            is_open(there)
            if message.author is not None:
                takes_part(there, AccountId(message.author))
            return self.new(conversation, added, message.key, Origin.ALIAS_MAIL)

        try:
            done = await self.own.append(conversation, draft, key=message.key)
        except ServiceError as refused:
            return PostDeclined(str(refused))
        assert done is not None
        return Posted(done.event.id) if done.added else AlreadyPosted(done.event.id)

    async def find(self, thread: str, *, message: str | None = None, key: str | None = None) -> Message | None:
        conversation = ConversationId(thread)
        event = await self.own.keyed(conversation, key=message or key or "")
        if event is None or not isinstance(event.happening, MessageAdded):
            return None
        scene = await self.own.scene(conversation, event.id, UNPLACED)
        if scene.is_withdrawn:
            return None
        author = event.happening.author
        account = author.account if isinstance(author, AccountAuthor) and author != NOBODY else None
        return Message(
            id=event.id,
            author=account,
            text=event.happening.text,
            at=event.occurred_at,
            key=event.dedup_key if event.origin is Origin.ALIAS_MAIL else None,
            audience=frozenset(one.account for one in (await self.own.as_of(scene)).participants),
        )

    async def untold(self, *, limit: int) -> Sequence[MessageRef]:
        rows = await self.records.due(FEED, until=WHENEVER, limit=10_000)
        events = [load(row.body, ConversationEvent) for row in rows]
        told = [one for one in events if isinstance(one.happening, MessageAdded)]
        return [MessageRef(one.conversation, one.id) for one in told][:limit]

    async def told(self, messages: Sequence[MessageRef]) -> None:
        rows = await self.records.due(FEED, until=WHENEVER, limit=10_000)
        await self.records.write(
            [
                Replace(row.key, row.version, row.body)
                for row in rows
                if _ref(load(row.body, ConversationEvent)) in messages
            ]
        )

    async def read(self, thread: str, message: str, accounts: Collection[str]) -> Collection[str]:
        found = await self.own.thread(ConversationId(thread))
        event = await self.own.keyed(ConversationId(thread), key=EventId(message))
        if found is None or event is None:
            return ()
        return [one for one in accounts if found.read_up_to.get(AccountId(one), 0) >= event.seq]

    def new(self, conversation: ConversationId, happening: Happening, key: str, origin: Origin) -> NewEvent:
        return NewEvent(EventId(self.clock.new_id()), conversation, happening, key, origin, self.clock.now())


def _ref(event: ConversationEvent) -> MessageRef:
    return MessageRef(event.conversation, event.id)


class World:
    """What the people of this host do, each an event."""

    def __init__(self, conversations: Conversations) -> None:
        self.conversations = conversations

    async def person(self, name: str) -> str:
        return name

    async def open(self, *accounts: str) -> str:
        thread = self.conversations.clock.new_id()
        people = tuple(Participant.of(one) for one in accounts)
        await self.does(thread, ConversationCreated(UseCase("chat"), None, people))
        return thread

    async def join(self, thread: str, account: str) -> None:
        await self.does(thread, ParticipantAdded(Participant.of(account)))

    async def leave(self, thread: str, account: str) -> None:
        await self.does(thread, ParticipantRemoved(AccountId(account)))

    async def close(self, thread: str) -> bool:
        await self.does(thread, ConversationClosed())
        return True

    async def say(self, thread: str, author: str, text: str) -> str:
        return await self.does(thread, MessageAdded(author=AccountAuthor(AccountId(author)), text=text))

    async def edit(self, thread: str, message: str, text: str) -> bool:
        return False  # events do not change

    async def withdraw(self, thread: str, message: str) -> None:
        await self.does(thread, MessageRedacted(EventId(message)))

    @asynccontextmanager
    async def held(self, thread: str, author: str, text: str, *, commit: bool) -> AsyncGenerator[Held]:
        yield Held.ALONE  # an append is one write: it is there, or it is not
        if commit:
            await self.say(thread, author, text)

    async def does(self, thread: str, happening: Happening) -> str:
        here, conversation = self.conversations, ConversationId(thread)
        new = here.new(conversation, happening, f"s-{here.clock.new_id()}", Origin.CHAT)
        done = await here.own.append(conversation, lambda _: new)
        assert done is not None
        return done.event.id


def opened() -> Callable[[str], AbstractAsyncContextManager[World]]:
    places: dict[str, Conversations] = {}
    first = threading.Lock()

    @asynccontextmanager
    async def open_at(place: str) -> AsyncGenerator[World]:
        with first:
            shared = places.setdefault(place, Conversations(Records(), memory.Clock()))
        yield World(shared)

    return open_at


__all__ = ["Conversations", "World", "opened"]
