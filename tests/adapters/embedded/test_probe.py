"""A data directory tells whether a write would be kept now, and why not; trying leaves nothing behind."""

from __future__ import annotations

import asyncio
import errno
import os
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from convalias.adapters import memory
from convalias.adapters.embedded import DataDirectory, UnusableDirectoryError, blobs
from convalias.adapters.embedded.database import Database
from convalias.adapters.system import Incarnation
from convalias.ports.errors import Unavailable
from convalias.ports.examining import Probed


class Usage(NamedTuple):
    """As `shutil.disk_usage` answers."""

    total: int
    used: int
    free: int


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[DataDirectory]:
    data = DataDirectory(folder, clock=memory.Clock(), incarnation=Incarnation())
    async with data:
        yield data


def everything(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.suffix != ".db-wal")


async def test_a_good_disk_is_good_and_trying_leaves_nothing_behind(tmp_path: Path) -> None:

    async with opened(tmp_path) as data:
        assert isinstance(data.blobs, Probed)
        assert isinstance(data.jobs, Probed)
        before = everything(tmp_path)
        for _ in range(3):
            await data.blobs.probe()
            await data.jobs.probe()
        assert everything(tmp_path) == before
        depth = await data.jobs.depth()
        assert (depth.ready, depth.in_flight) == (0, 0)
        assert await data.blobs.names("", after="", limit=10) == []


async def test_a_disk_without_room_for_a_mail_is_said_to_be_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:

    async with opened(tmp_path) as data:
        monkeypatch.setattr(blobs.shutil, "disk_usage", lambda _: Usage(10**9, 10**9, 5_000_000))
        with pytest.raises(Unavailable, match="the disk is full: 5 MB are left"):
            await data.blobs.probe()


async def test_a_write_that_fails_says_why_and_not_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/somebody/wrote/here")

    async with opened(tmp_path) as data:
        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(Unavailable, match="No space left on device") as raised:
            await data.blobs.probe()
        assert "somebody" not in raised.value.what
        monkeypatch.undo()
        await data.blobs.probe()


async def test_a_full_database_says_so(tmp_path: Path) -> None:
    """By SQLite's own limit of pages, which it takes for a full disk."""
    async with opened(tmp_path) as data:

        def fill(connection: sqlite3.Connection) -> None:
            (count,) = connection.execute("PRAGMA page_count").fetchone()
            connection.execute(f"PRAGMA max_page_count = {count}")

        await data.database.write(fill)
        with pytest.raises(Unavailable, match="full"):
            await data.jobs.put(["mail/1 " + "x" * 5_000])


async def test_a_file_that_another_program_locks_is_away_and_not_unusable(tmp_path: Path) -> None:
    async with Database(tmp_path):
        pass
    other = sqlite3.connect(tmp_path / "store.db", isolation_level=None)
    other.execute("PRAGMA locking_mode = EXCLUSIVE")
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(Unavailable, match="locked"):
        await Database(tmp_path, open_within=0.0).open()
    other.close()
    async with Database(tmp_path, open_within=5.0):
        pass


def test_a_damaged_file_is_unusable(tmp_path: Path) -> None:
    (tmp_path / "store.db").write_bytes(b"no database at all" * 1_000)
    with pytest.raises(UnusableDirectoryError, match="damaged"):
        asyncio.run(Database(tmp_path).open())
