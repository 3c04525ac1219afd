"""A data directory that was used and has no store is refused as it is; a new one is made, whenever its maker dies."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from convalias.adapters import memory
from convalias.adapters.embedded import Database, DataDirectory, LostStoreError, UnusableDirectoryError, folder, schema
from convalias.adapters.system import Incarnation


async def opened(data: Path) -> None:
    async with DataDirectory(data, clock=memory.Clock(), incarnation=Incarnation()) as directory:
        await directory.blobs.put("raw/1", b"a mail")


def everything(data: Path) -> dict[str, bytes]:
    return {str(path.relative_to(data)): path.read_bytes() for path in data.rglob("*") if path.is_file()}


def gone(store: Path) -> None:
    store.unlink()


def of_no_octet(store: Path) -> None:
    store.write_bytes(b"")


def without_its_log(store: Path) -> None:
    """Such as `cp` makes it soon after the first start: the tables are in `store.db-wal` only."""
    store.unlink()
    with closing(sqlite3.connect(store)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    assert store.stat().st_size > 0


@pytest.mark.parametrize("loss", [gone, of_no_octet, without_its_log])
async def test_a_used_directory_without_its_store_is_refused_and_stays_as_it_is(
    tmp_path: Path, loss: Callable[[Path], None]
) -> None:
    await opened(tmp_path)
    loss(tmp_path / "store.db")
    before = everything(tmp_path)
    for _ in range(2):
        with pytest.raises(
            LostStoreError, match=r"store\.db is (gone|empty), though .* convalias migrate --new-store$"
        ):
            await opened(tmp_path)
        assert everything(tmp_path) == before
    async with Database(tmp_path, anew=True):
        pass
    await opened(tmp_path)


@pytest.mark.parametrize("there", ["blobs/.tmp/private-blobs", "blobs/raw/2026/11/30/one="])
async def test_what_lies_in_blobs_shows_that_a_directory_was_used(tmp_path: Path, there: str) -> None:
    (tmp_path / there).parent.mkdir(parents=True)
    (tmp_path / there).touch()
    with pytest.raises(LostStoreError, match="is gone"):
        await opened(tmp_path)
    assert list(everything(tmp_path)) == [there]


@pytest.mark.parametrize("there", ["keys", "store.db", "outbox/one.eml", "blobs/lost+found/one", "blobs/.hidden"])
async def test_a_directory_that_no_store_was_made_in_is_new(tmp_path: Path, there: str) -> None:
    (tmp_path / there).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / there).touch()
    await opened(tmp_path)


async def test_blobs_that_cannot_be_read_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    with monkeypatch.context() as patched:
        patched.setattr("convalias.adapters.embedded.folder.os.scandir", denied)
        with pytest.raises(UnusableDirectoryError, match=r"blobs cannot be read \(Permission denied\)"):
            await opened(tmp_path)
        assert "cannot be read" in str(schema.lost(tmp_path / "store.db"))
    assert everything(tmp_path) == {}


async def test_one_who_dies_before_the_blobs_leaves_a_directory_that_opens(tmp_path: Path) -> None:
    async with Database(tmp_path):
        pass
    assert not (tmp_path / "blobs").exists()
    await opened(tmp_path)


@pytest.mark.parametrize("was_used", [False, True], ids=["after the look", "before the look"])
async def test_another_process_that_is_faster_at_the_first_start_is_no_loss(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, was_used: bool
) -> None:
    """The other makes store and blobs whole while this one looks whether the directory was used."""
    looked = False
    look = folder.was_used

    def look_late(data: Path) -> bool:
        nonlocal looked
        if not looked:
            looked = True
            with closing(schema.connect(data / "store.db", patience=10)):
                (data / "blobs" / "raw").mkdir(parents=True)
            return was_used
        return look(data)

    monkeypatch.setattr(folder, "was_used", look_late)
    await opened(tmp_path)
    assert looked
