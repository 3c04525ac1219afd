"""The wrong hosts that were met are caught every time, and a host that never answers ends its check in time."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from attrs import evolve

from convalias.ports import AlreadyPosted, MessageRef, NewMessage, PostDeclined, Posted
from convalias.testing import conformance
from convalias.testing.conformance import BoundedCheck, Check, MakeConversations, PromiseBrokenError, ReadingWorld
from hosts import memory, sqlite
from testing.conformance.broken import conversations

RUNS = 15


def named(name: str) -> Check[MakeConversations]:
    (check,) = [check for check in conformance.CONVERSATIONS if check.name == name]
    return check


@pytest.mark.parametrize("wrong", conversations.NAMED)
async def test_a_wrong_host_is_caught_each_time(wrong: str) -> None:
    name, broken = conversations.NAMED[wrong]
    for _ in range(RUNS):
        with pytest.raises(PromiseBrokenError, match=r"found .*expected "):
            await named(name)(broken())


@pytest.mark.parametrize("check", conformance.CONVERSATIONS, ids=str)
@pytest.mark.parametrize("cursor", [conversations.Cursor, conversations.ByCreationTime, conversations.ByTransactionId])
async def test_a_reader_with_a_cursor_passes_every_other_check(
    check: Check[MakeConversations], cursor: Callable[[memory.Tables], memory.Conversations]
) -> None:
    """Nothing else would catch it: each of these hosts works until two transactions overlap."""
    if check.name != conversations.LATE:
        await check(memory.opened(cursor, tables=conversations.Feed))


class LooksBeforeItInserts(sqlite.Conversations):
    """Two posts meet between look and insert, as they do once in a while by themselves."""

    meeting = threading.Barrier(2)

    async def post(self, message: NewMessage) -> Posted | AlreadyPosted | PostDeclined:
        if found := await self.find(message.thread, key=message.key):
            return AlreadyPosted(found.id)
        try:
            self.meeting.wait(0.02)
        except threading.BrokenBarrierError:
            self.meeting.reset()
        return Posted(str(self.inserted(message)))

    def inserted(self, message: NewMessage) -> int:
        statement = "insert into messages (thread, author, body, created, mail_key) values (?, ?, ?, ?, ?)"
        values = (message.thread, message.author, message.text, message.at.isoformat(), message.key)
        return self.database.execute(statement, values).lastrowid or 0


class RemembersTheHighestId(sqlite.Conversations):
    async def told(self, messages: Sequence[MessageRef]) -> None:
        highest = max((int(ref.message) for ref in messages), default=0)
        self.database.execute("update messages set told = 1 where id <= ?", (highest,))


class KeepsItsTransactionOpen(sqlite.Conversations):
    """As an ORM session that nobody ends."""

    async def untold(self, *, limit: int) -> Sequence[MessageRef]:
        if not self.database.in_transaction:
            self.database.execute("begin")
        return await super().untold(limit=limit)


WITHOUT_AUTOINCREMENT = sqlite.APP.replace(" autoincrement", "")
WITHOUT_INDEX = tuple(
    one.replace("create unique index mail_keys", "create index mail_keys") for one in sqlite.MIGRATION
)

WRONG: dict[str, tuple[str, Callable[[Path], Callable[[str], AbstractAsyncContextManager[ReadingWorld]]]]] = {
    "key looked up before the insert": (
        "of posts of one key at once one is posted",
        lambda folder: sqlite.opened(folder, LooksBeforeItInserts, migration=WITHOUT_INDEX),
    ),
    "ids given again": (
        "an id is never given again",
        lambda folder: sqlite.opened(folder, world=sqlite.HardDeletes, app=WITHOUT_AUTOINCREMENT),
    ),
    "told that is a cursor": (
        "telling of one tells of no other",
        lambda folder: sqlite.opened(folder, RemembersTheHighestId),
    ),
    "a transaction left open": (
        "who has read before sees what came since",
        lambda folder: sqlite.opened(folder, KeepsItsTransactionOpen),
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("wrong", WRONG)
async def test_a_wrong_host_on_sqlite_is_caught_each_time(wrong: str, tmp_path: Path) -> None:
    name, broken = WRONG[wrong]
    for run in range(RUNS):
        (tmp_path / str(run)).mkdir()
        with pytest.raises(PromiseBrokenError):
            await named(name)(broken(tmp_path / str(run)))


class WaitsForEver(memory.Conversations):
    async def untold(self, *, limit: int) -> Sequence[MessageRef]:
        await asyncio.Event().wait()
        return []


class Blocks(memory.Conversations):
    ended = threading.Event()

    async def untold(self, *, limit: int) -> Sequence[MessageRef]:
        self.ended.wait(20)
        return []


SHORT = timedelta(seconds=0.2)


@pytest.mark.parametrize("host", [WaitsForEver, Blocks])
async def test_a_host_that_never_answers_ends_its_check_in_time_and_is_named(
    host: Callable[[memory.Tables], memory.Conversations],
) -> None:
    check = named("telling of one tells of no other")
    assert isinstance(check, BoundedCheck)
    Blocks.ended.clear()
    try:
        with pytest.raises(
            PromiseBrokenError, match=r"found no end within 0\.2 s, .* it was at .*hosts\.py:\d+ in untold"
        ):
            await evolve(check, at_most=SHORT)(memory.opened(host))
    finally:
        Blocks.ended.set()


async def test_a_check_that_is_cancelled_closes_what_it_opened() -> None:
    opened, closed = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    @asynccontextmanager
    async def waits(_: str) -> AsyncGenerator[ReadingWorld]:
        loop.call_soon_threadsafe(opened.set)
        try:
            await asyncio.Event().wait()
        finally:
            closed.set()
        yield memory.World(memory.Conversations(memory.Tables()))

    running = asyncio.create_task(named(conversations.LATE)(waits))
    await opened.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert closed.wait(10)


async def test_every_check_is_bounded() -> None:
    suites = (*conformance.CONVERSATIONS, *conformance.READ_MARKS, *conformance.HISTORY)
    assert {check.at_most for check in suites if isinstance(check, BoundedCheck)} == {conformance.AT_MOST}
    assert all(isinstance(check, BoundedCheck) for check in suites)


async def test_an_error_of_the_host_comes_out_as_it_was() -> None:
    class Raises(memory.Conversations):
        async def untold(self, *, limit: int) -> Sequence[MessageRef]:
            raise sqlite3.OperationalError("no such table: messages")

    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        await named("telling of one tells of no other")(memory.opened(Raises))


@pytest.mark.slow
async def test_a_host_that_raises_now_and_then_while_others_write_is_right() -> None:
    """Raising means "try again": it may have been done."""

    class Stumbles(memory.Conversations):
        calls = 0

        async def post(self, message: NewMessage) -> Posted | AlreadyPosted | PostDeclined:
            answer = await super().post(message)
            Stumbles.calls += 1
            if Stumbles.calls % 3 == 0:
                raise ConnectionError("after the commit")
            return answer

    for name in ("of posts of one key at once one is posted", "every message of a flood is told"):
        await named(name)(memory.opened(Stumbles))
