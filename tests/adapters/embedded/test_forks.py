"""The files of a data directory in the child of a fork."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from convalias.adapters.embedded import UnusableDirectoryError, forks
from convalias.adapters.embedded.database import Database
from convalias.adapters.embedded.records import Records
from convalias.ports.records import Insert, Key
from system.forked import child_of

HERE = Key("table", "here", "1")
OPEN = "was open when this process was forked"

pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")


async def written(folder: Path, key: Key) -> None:
    async with Database(folder) as database:
        await Records(database).write([Insert(key, {})])


def test_a_file_that_was_open_at_a_fork_is_refused_in_the_child_and_goes_on_in_the_parent(tmp_path: Path) -> None:
    database = Database(tmp_path)
    asyncio.run(database.open())

    def refused() -> None:
        with pytest.raises(UnusableDirectoryError, match=OPEN):
            asyncio.run(database.open())
        with pytest.raises(UnusableDirectoryError, match=OPEN):
            asyncio.run(written(tmp_path, HERE))
        asyncio.run(written(tmp_path / "other", HERE))

    assert child_of(refused) == 0
    asyncio.run(Records(database).write([Insert(HERE, {})]))
    asyncio.run(database.close())


def test_a_file_that_was_closed_before_a_fork_is_for_both(tmp_path: Path) -> None:
    asyncio.run(written(tmp_path, HERE))
    kept = forks.connection(tmp_path / "store.db")
    kept.close()
    assert child_of(lambda: asyncio.run(written(tmp_path, HERE._replace(id="2")))) == 0

    async def found() -> int:
        async with Database(tmp_path) as database:
            return len(await Records(database).get([HERE, HERE._replace(id="2")]))

    assert asyncio.run(found()) == 2
    del kept  # until here: a connection that is closed keeps nobody from its file
