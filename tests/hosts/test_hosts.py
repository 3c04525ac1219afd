from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from convalias.testing import conformance
from convalias.testing.conformance import Check, MakeConversations, MakeReadMarks, ReadingWorld
from hosts import memory, own, sqlite

Maker = Callable[[str], AbstractAsyncContextManager[ReadingWorld]]

HOSTS: dict[str, Callable[[Path], Maker]] = {
    "memory": lambda _: memory.opened(),
    "memory without transactions": lambda _: memory.opened(world=memory.without_transactions),
    "sqlite": sqlite.opened,
    "sqlite that deletes rows": lambda folder: sqlite.opened(folder, world=sqlite.HardDeletes),
}


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("check", conformance.CONVERSATIONS, ids=str)
async def test_a_host_keeps_its_promises(check: Check[MakeConversations], host: str, tmp_path: Path) -> None:
    await check(HOSTS[host](tmp_path))


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("check", conformance.READ_MARKS, ids=str)
async def test_a_host_knows_who_has_read(check: Check[MakeReadMarks], host: str, tmp_path: Path) -> None:
    await check(HOSTS[host](tmp_path))


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("check", conformance.HISTORY, ids=str)
async def test_a_host_gives_its_history(check: Check[MakeConversations], host: str, tmp_path: Path) -> None:
    await check(HOSTS[host](tmp_path))


@pytest.mark.parametrize("check", conformance.CONVERSATIONS, ids=str)
async def test_our_own_events_keep_the_promises_of_a_host(check: Check[MakeConversations]) -> None:
    await check(own.opened())


async def test_what_an_app_had_before_its_migration_is_told_from_birth(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    with sqlite.connect(path) as before:
        before.executescript(sqlite.APP)
        for number in range(3):
            sqlite.said(before, "1", "ann", f"of last year {number}")
    before.close()
    async with sqlite.opened(tmp_path)("a") as world:
        assert await world.conversations.untold(limit=100) == []
        new = await world.say("1", "ann", "of today")
        assert [ref.message for ref in await world.conversations.untold(limit=100)] == [new]
    async with sqlite.opened(tmp_path)("a") as world:  # migrated once: a restart tells of what is untold
        assert [ref.message for ref in await world.conversations.untold(limit=100)] == [new]
