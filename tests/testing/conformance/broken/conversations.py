"""A host with one fault for each check of `Conversations`, and the wrong ways to read a feed, by name."""

from __future__ import annotations

import copy
import threading
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

from attrs import define, evolve, field

from convalias.ports import AlreadyPosted, Message, MessageRef, NewMessage, PostDeclined, Posted, Thread
from convalias.testing.conformance import Held, MakeConversations
from hosts.memory import Conversations, Row, Tables, World, opened, without_transactions

LONG = 10.0
"""Seconds that a wrong host waits for the bad luck which it is made for."""


class CachesThreads(Conversations):
    def __init__(self, tables: Tables) -> None:
        super().__init__(tables)
        self.cache: dict[str, Thread | None] = {}

    async def thread(self, id: str) -> Thread | None:  # noqa: A002
        if id not in self.cache:
            self.cache[id] = await super().thread(id)
        return self.cache[id]


class FindsByIdAlone(Conversations):
    async def find(self, thread: str, *, message: str | None = None, key: str | None = None) -> Message | None:
        return await super().find(thread, message=message)


class KeyIsNoConstraint(Conversations):
    async def post(self, message: NewMessage) -> Posted | AlreadyPosted | PostDeclined:
        with self.tables.lock:
            if self.tables.talks[message.thread].closed:
                return PostDeclined("closed")
            row = self.begun(message.thread, message.author, message.text, message.key)
            self.commit(row)
            return Posted(str(row.number))


@define(eq=False)
class Looking(Tables):
    """Tables whose posts meet between their look and their insert."""

    meeting: threading.Barrier = field(factory=lambda: threading.Barrier(2))


class KeyLookedUpBeforeInsert(KeyIsNoConstraint):
    async def post(self, message: NewMessage) -> Posted | AlreadyPosted | PostDeclined:
        found = await self.find(message.thread, key=message.key)
        if found:
            return AlreadyPosted(found.id)
        assert isinstance(self.tables, Looking)
        try:
            self.tables.meeting.wait(0.02)
        except threading.BrokenBarrierError:
            self.tables.meeting.reset()
        return await super().post(message)


class FindsWhatIsWithdrawn(Conversations):
    def visible(self) -> list[Row]:
        return [row for row in self.tables.rows if row.committed]


class GivesIdsAgain(Conversations):
    """A table whose next id is one more than its highest."""

    def begun(self, thread: str, author: str | None, text: str, key: str | None = None) -> Row:
        self.tables.begun = max((row.number for row in self.tables.rows), default=0)
        return super().begun(thread, author, text, key)


class DeletesRows(World):
    async def withdraw(self, thread: str, message: str) -> None:
        self.tables.rows.remove(self.row(message))


class LaggingReplica(Conversations):
    """`find` reads a copy that gets each change after the next look."""

    def __init__(self, tables: Tables) -> None:
        super().__init__(tables)
        self.replica = copy.deepcopy(tables.rows)

    async def find(self, thread: str, *, message: str | None = None, key: str | None = None) -> Message | None:
        behind, self.replica = self.replica, copy.deepcopy(self.tables.rows)
        return await Conversations(Tables(talks=self.tables.talks, rows=behind)).find(thread, message=message, key=key)


class NeverDeclines(Conversations):
    async def post(self, message: NewMessage) -> Posted | AlreadyPosted | PostDeclined:
        with self.tables.lock:
            talk = self.tables.talks[message.thread]
            closed, talk.closed = talk.closed, False
            answer = await super().post(message)
            talk.closed = closed
            return answer


class TellsOfNoMail(Conversations):
    def commit(self, row: Row) -> None:
        row.committed, row.told = True, row.key is not None


class ToldIsACursor(Conversations):
    async def told(self, messages: Sequence[MessageRef]) -> None:
        with self.tables.lock:
            highest = max((int(ref.message) for ref in messages), default=0)
            for row in self.visible():
                row.told |= row.number <= highest


@define(eq=False)
class Feed(Tables):
    """Tables with the place of a reader, and what brings bad luck about."""

    cursor: float = 0.0
    late: int | None = None
    overtaken: threading.Event = field(factory=threading.Event)
    locks: defaultdict[str, threading.Lock] = field(factory=lambda: defaultdict(threading.Lock))


class Cursor(Conversations):
    """Reads behind a place that moves on over all that was told, and so passes each check but that of a late commit."""

    tables: Feed

    def place(self, row: Row) -> float:
        """By id; by creation time and by transaction id are the same here: each is given when a transaction begins."""
        return row.number

    async def untold(self, *, limit: int) -> Sequence[MessageRef]:
        with self.tables.lock:
            behind = self.behind()
            refs = [row for row in self.ordered() if self.place(row) > behind and not row.told]
            return [MessageRef(row.thread, str(row.number)) for row in refs][:limit]

    def ordered(self) -> list[Row]:
        return sorted(self.visible(), key=self.place)

    def behind(self) -> float:
        """The place up to which all that is there was told."""
        behind = self.tables.cursor
        for row in self.ordered():
            if self.place(row) > behind:
                if not row.told:
                    break
                behind = self.place(row)
        self.tables.cursor = behind
        return behind

    async def told(self, messages: Sequence[MessageRef]) -> None:
        with self.tables.lock:
            await super().told(messages)
            self.behind()


class ByCreationTime(Cursor):
    def place(self, row: Row) -> float:
        return row.at.timestamp()


class ByTransactionId(Cursor):
    """A transaction id without the horizon of those that are still open."""

    def place(self, row: Row) -> float:
        return 1_000_000 + row.number


class LocksItsThread(World):
    """Writers of one thread come one after the other: ids ascend with the commits there, and only there."""

    @asynccontextmanager
    async def _held(self, thread: str, author: str, text: str, *, commit: bool) -> AsyncGenerator[Held]:
        assert isinstance(self.tables, Feed)
        with self.tables.locks[thread]:
            async with super()._held(thread, author, text, commit=commit) as held:
                yield held


class ReadsUncommitted(Conversations):
    def visible(self) -> list[Row]:
        return [row for row in self.tables.rows if not row.gone]


class TheSameFewAgain(Conversations):
    """Takes its limit before it looks which are told."""

    async def untold(self, *, limit: int) -> Sequence[MessageRef]:
        with self.tables.lock:
            first = self.visible()[:limit]
            return [MessageRef(row.thread, str(row.number)) for row in first if not row.told]


class KnowsNoLimit(Conversations):
    async def untold(self, *, limit: int) -> Sequence[MessageRef]:
        return await super().untold(limit=1_000)


class KeepsTheFirstText(Conversations):
    def __init__(self, tables: Tables) -> None:
        super().__init__(tables)
        self.cache: dict[str, Message] = {}

    async def find(self, thread: str, *, message: str | None = None, key: str | None = None) -> Message | None:
        found = await super().find(thread, message=message, key=key)
        return self.cache.setdefault(found.id, found) if found else None


class AudienceIsWhoIsThereNow(Conversations):
    async def find(self, thread: str, *, message: str | None = None, key: str | None = None) -> Message | None:
        found = await super().find(thread, message=message, key=key)
        return found and evolve(found, audience=frozenset(self.tables.talks[thread].members))


class MakesGuestsUp(Conversations):
    async def post(self, message: NewMessage) -> Posted | AlreadyPosted | PostDeclined:
        return await super().post(evolve(message, author=message.author or "guest"))


class CommitsOneLate(World):
    """One writer of a flood is overtaken, as one in a hundred is: its transaction began early and ends late."""

    async def say(self, thread: str, author: str, text: str) -> str:
        assert isinstance(self.tables, Feed)
        with self.tables.lock:
            row = self.conversations.begun(thread, author, text)
            late = self.tables.late is None  # the first: all of the other writer's are still to come
            if late:
                self.tables.late = row.number
        if late:
            self.tables.overtaken.wait(LONG)
        self.conversations.commit(row)
        return str(row.number)

    def held(self, thread: str, author: str, text: str, *, commit: bool) -> None:
        return None


class CursorInAFlood(Cursor):
    async def told(self, messages: Sequence[MessageRef]) -> None:
        await super().told(messages)
        if self.tables.late is not None and self.behind() > self.tables.late:
            self.tables.overtaken.set()


class StaleSession(Conversations):
    """A session that was opened once and lives in one transaction: it sees what was there at its first look."""

    def __init__(self, tables: Tables) -> None:
        super().__init__(tables)
        self.seen: Tables | None = None

    async def untold(self, *, limit: int) -> Sequence[MessageRef]:
        self.seen = self.seen or Tables(copy.deepcopy(self.tables.talks), copy.deepcopy(self.tables.rows))
        return await Conversations(self.seen).untold(limit=limit)


def making(
    conversations: Callable[[Tables], Conversations] = Conversations,
    world: Callable[[Conversations], World] = World,
    tables: Callable[[], Tables] = Tables,
) -> Callable[[], MakeConversations]:
    return lambda: opened(conversations, world, tables)


LATE = "what commits late is still untold"

MUTANTS: Mapping[str, Callable[[], MakeConversations]] = {
    "a thread is given as it is now": making(CachesThreads),
    "what was posted is found by id and by key by every process": making(FindsByIdAlone),
    "a key is taken once in its thread": making(KeyIsNoConstraint),
    "of posts of one key at once one is posted": making(KeyLookedUpBeforeInsert, tables=Looking),
    "what was withdrawn is not found": making(FindsWhatIsWithdrawn),
    "an id is never given again": making(GivesIdsAgain, DeletesRows),
    "what is told of is found at once": making(LaggingReplica),
    "a closed thread declines": making(NeverDeclines),
    "both ways in are untold until told": making(TellsOfNoMail),
    "telling of one tells of no other": making(ToldIsACursor),
    LATE: making(Cursor, tables=Feed),
    "what is rolled back is nowhere": making(ReadsUncommitted),
    "untold gives at most its limit and gets on": making(TheSameFewAgain),
    "an edit is what is found": making(KeepsTheFirstText),
    "the audience stays": making(AudienceIsWhoIsThereNow),
    "the author may be nobody of the hosts": making(MakesGuestsUp),
    "every message of a flood is told": making(CursorInAFlood, CommitsOneLate, Feed),
    "who has read before sees what came since": making(StaleSession),
}

NAMED: Mapping[str, tuple[str, Callable[[], MakeConversations]]] = {
    "reader by id": (LATE, making(Cursor, tables=Feed)),
    "reader by creation time": (LATE, making(ByCreationTime, tables=Feed)),
    "reader by transaction id": (LATE, making(ByTransactionId, tables=Feed)),
    "lock a thread": (LATE, making(Cursor, LocksItsThread, Feed)),
    "told that is a cursor": ("telling of one tells of no other", making(ToldIsACursor)),
    "key looked up before the insert": (
        "of posts of one key at once one is posted",
        making(KeyLookedUpBeforeInsert, tables=Looking),
    ),
    "ids given again": ("an id is never given again", making(GivesIdsAgain, DeletesRows)),
    "lagging replica": ("what is told of is found at once", making(LaggingReplica)),
    "knows no limit": ("untold gives at most its limit and gets on", making(KnowsNoLimit)),
}
"""The wrong hosts that were met, each with the check that is made for it."""

RIGHT: Mapping[str, Callable[[], MakeConversations]] = {
    "with transactions": making(),
    "without": making(world=without_transactions),
}
