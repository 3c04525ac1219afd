"""A host with a cursor alone keeps its promises through the window, and late messages are counted."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from convalias import Convalias
from convalias.adapters import memory
from convalias.adapters.embedded import DataDirectory
from convalias.adapters.hosts import FeedEntry, RereadFeed
from convalias.adapters.hosts.cursor import EVERY, PAGE, WINDOW
from convalias.adapters.system import Incarnation
from convalias.ports import Grade, MessageRef, Observation, Records, Unavailable
from convalias.stores.feed.host_feed import KEPT
from convalias.stores.operations.endings import Endings
from convalias.testing import conformance
from convalias.testing.conformance import Check, MakeConversations, ReadingWorld
from hosts.directory import People
from hosts.memory import Conversations, Row, Tables, World

NEVER = timedelta(seconds=0)
MINUTE = timedelta(minutes=1)


class Feed:
    """A host's list by id: what is committed and has an id behind the cursor."""

    def __init__(self, host: Conversations) -> None:
        self.host = host
        self.pages = 0

    async def newest(self) -> str:
        with self.host.tables.lock:
            return str(max((row.number for row in self.listed()), default=""))

    async def since(self, cursor: str, *, limit: int) -> Sequence[FeedEntry]:
        self.pages += 1
        with self.host.tables.lock:
            rows = [row for row in self.listed() if row.number > int(cursor or 0)][:limit]
            return [FeedEntry(str(row.number), MessageRef(row.thread, str(row.number))) for row in rows]

    def listed(self) -> list[Row]:
        return sorted(self.host.visible(), key=lambda row: row.number)


class WithACursor(Conversations):
    def __init__(self, tables: Tables, records: Records, clock: memory.Clock, every: timedelta = EVERY) -> None:
        super().__init__(tables)
        self.feed = Feed(self)
        self.reread = RereadFeed(self.feed, records=records, clock=clock, every=every)

    async def untold(self, *, limit: int) -> Sequence[MessageRef]:
        return await self.reread.untold(limit=limit)

    async def told(self, messages: Sequence[MessageRef]) -> None:
        await self.reread.told(messages)

    async def examine(self) -> Sequence[Observation]:
        return await self.reread.examine()


def opened(folder: Path) -> Callable[[str], AbstractAsyncContextManager[ReadingWorld]]:
    places: dict[str, Tables] = {}
    clock = memory.Clock()

    @asynccontextmanager
    async def open_at(place: str) -> AsyncGenerator[ReadingWorld]:
        tables = places.setdefault(place, Tables())
        async with DataDirectory(folder / place, clock=clock, incarnation=Incarnation()) as directory:
            host = WithACursor(tables, directory.records, clock, every=NEVER)
            await host.reread.start()
            yield World(host)

    return open_at


@pytest.mark.parametrize("check", conformance.CONVERSATIONS, ids=str)
async def test_a_host_with_a_cursor_keeps_its_promises(check: Check[MakeConversations], tmp_path: Path) -> None:
    await check(opened(tmp_path))


class Desk:
    """A host, its people, and two processes that read it."""

    def __init__(self, records: memory.Records | None = None) -> None:
        self.tables = Tables()
        self.clock = memory.Clock()
        self.records = records or memory.Records()
        self.one, self.two = self.process(), self.process()
        self.people = World(self.one)

    def process(self) -> WithACursor:
        return WithACursor(self.tables, self.records, self.clock)

    async def told(self, host: WithACursor | None = None) -> list[str]:
        """Read and tell until nothing is untold."""
        host, told = host or self.one, list[str]()
        while refs := await host.untold(limit=7):
            await host.told(refs)
            told += [ref.message for ref in refs]
        return told

    def slow(self, thread: str) -> AbstractAsyncContextManager[object]:
        """A transaction that is open inside the block."""
        held = self.people.held(thread, "ann", "slow", commit=True)
        assert held is not None
        return held

    async def opened(self) -> str:
        thread = await self.people.open("ann")
        await self.one.reread.start()
        return thread


async def test_what_was_there_before_the_first_reader_is_told_from_birth() -> None:
    desk = Desk()
    thread = await desk.people.open("ann")
    await desk.people.say(thread, "ann", "of last year")
    assert await desk.told() == []
    new = await desk.people.say(thread, "ann", "of today")
    assert await desk.told(desk.two) == [new]


async def test_a_message_that_commits_late_is_told_at_the_next_reading_of_the_window_and_counted() -> None:
    desk = Desk()
    thread = await desk.opened()
    assert await desk.told() == []
    async with desk.slow(thread):
        fast = await desk.people.say(thread, "ann", "fast")
        assert await desk.told() == [fast]
    assert await desk.told() == []
    assert await desk.one.reread.late() == 0
    await desk.clock.advance(EVERY)
    assert await desk.told() == ["1"]
    assert await desk.one.reread.late() == await desk.two.reread.late() == 1
    await desk.clock.advance(EVERY)
    assert await desk.told() == await desk.told(desk.two) == []
    (said,) = await desk.one.reread.examine()
    assert (said.grade, said.found) == (
        Grade.WEAK,
        "1 messages came behind the cursor, last at 2026-03-01 12:00 UTC",
    )


async def test_what_commits_later_than_the_window_is_lost() -> None:
    """The bound that a flag of the host's own does not have."""
    desk = Desk()
    thread = await desk.opened()
    async with desk.slow(thread):
        for _ in range(15):
            await desk.people.say(thread, "ann", "fast")
            await desk.told()
            await desk.clock.advance(MINUTE)
    await desk.clock.advance(EVERY)
    assert await desk.told() == []


async def test_nothing_late_is_good_news() -> None:
    desk = Desk()
    assert [one.found for one in await desk.one.reread.examine()] == ["no message came behind the cursor"]
    assert await desk.one.reread.late() == 0
    await desk.opened()
    assert [one.grade for one in await desk.one.reread.examine()] == [Grade.GOOD]


async def test_two_readers_of_new_messages_count_none_as_late() -> None:
    desk = Desk()
    thread = await desk.opened()
    told: list[str] = []
    for number in range(40):
        await desk.people.say(thread, "ann", "x")
        told += await desk.told([desk.one, desk.two][number % 2])
        await desk.clock.advance(MINUTE)
    assert told == [str(number) for number in range(1, 41)]
    assert await desk.one.reread.late() == 0


async def test_a_backlog_of_several_pages_is_told_once_each() -> None:
    desk = Desk()
    thread = await desk.opened()
    assert await desk.told() == []  # from here on what is new is read, page by page
    for _ in range(2 * PAGE + 1):
        await desk.people.say(thread, "ann", "x")
    told = await desk.told()
    assert len(told) == len(set(told)) == 2 * PAGE + 1
    await desk.clock.advance(EVERY)
    assert await desk.told() == await desk.told(desk.two) == []


async def test_an_idle_feed_costs_one_page_a_call() -> None:
    desk = Desk()
    thread = await desk.opened()
    await desk.people.say(thread, "ann", "x")
    await desk.told()
    before = desk.one.feed.pages
    await desk.one.untold(limit=7)
    assert desk.one.feed.pages == before + 1


async def test_a_long_pause_tells_nothing_twice() -> None:
    """Rows of what was told are gone by then, and the window is not read again."""
    desk = Desk()
    thread = await desk.opened()
    for _ in range(5):
        await desk.people.say(thread, "ann", "x")
        await desk.told()
        await desk.clock.advance(MINUTE)
    await desk.clock.advance(2 * KEPT)
    await Endings(records=desk.records).end_due(now=desk.clock.now())
    new = await desk.people.say(thread, "ann", "x")
    assert await desk.told(desk.process()) == [new]


async def test_a_head_whose_message_was_deleted_moves_back_and_nothing_is_told_twice() -> None:
    desk = Desk()
    thread = await desk.opened()
    for _ in range(3):
        await desk.people.say(thread, "ann", "x")
    assert await desk.told() == ["1", "2", "3"]
    desk.tables.rows.pop()
    await desk.clock.advance(EVERY)
    assert await desk.told() == []
    new = await desk.people.say(thread, "ann", "x")
    assert await desk.told() == [new]
    assert await desk.one.reread.late() == 0


async def test_a_store_that_keeps_nothing_is_unavailable() -> None:
    class Forgets(memory.Records):
        async def get(self, keys: Sequence[object]) -> dict[object, object]:  # type: ignore[override]
            return {}

    with pytest.raises(Unavailable):
        await Desk(Forgets()).one.untold(limit=7)


async def test_the_whole_path_mails_what_came_late_once_and_readiness_shows_it() -> None:
    desk = Desk()
    talks = WithACursor(desk.tables, desk.records, desk.clock, every=NEVER)
    async with Convalias.in_memory(alias_domain="reply.example", conversations=talks, identity=People()) as cv:
        thread = await desk.people.open("ann", "bob")
        await cv.run_until_idle()
        check = (await cv.checks())["conversations"]
        async with desk.slow(thread):
            await desk.people.say(thread, "ann", "fast")
            await cv.run_until_idle()
            assert [b"fast" in raw for raw in cv.mailbox("bob@home.example")] == [True]
            assert not await check()
        for _ in range(2):
            await cv.run_until_idle()
        assert [b"slow" in raw for raw in cv.mailbox("bob@home.example")] == [False, True]
        assert "1 messages came behind the cursor" in str(await check())


@pytest.mark.parametrize("window", [timedelta(0), KEPT])
def test_a_window_that_cannot_work_is_refused(window: timedelta) -> None:
    desk = Desk()
    with pytest.raises(ValueError, match=r"window: found .*, expected more than nothing and at most"):
        RereadFeed(desk.one.feed, records=desk.records, clock=desk.clock, window=window)


def test_the_window_is_ten_minutes() -> None:
    assert timedelta(minutes=10) == WINDOW
