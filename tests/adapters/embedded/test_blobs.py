import asyncio
import os
import shutil
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from convalias.adapters import memory
from convalias.adapters.embedded import Blobs, DurableFiles, NotOpenError
from convalias.ports.blobs import Put
from convalias.ports.errors import Unavailable

INCARNATION = memory.Incarnation("me", gone={"dead"})
DAYS = 86_400.0


def test_construction_touches_nothing_and_a_put_before_opening_says_so(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path / "blobs", incarnation=INCARNATION)
    assert not (tmp_path / "blobs").exists()
    with pytest.raises(NotOpenError, match="open"):
        asyncio.run(blobs.put("k", b""))


def test_a_raw_mail_lies_where_an_operator_looks_for_it(tmp_path: Path) -> None:
    async def work() -> None:
        blobs = Blobs(tmp_path, incarnation=INCARNATION)
        await blobs.open()
        await blobs.put("raw/2026/03/01/ab12", b"mail")

    asyncio.run(work())
    assert (tmp_path / "raw/2026/03/01/ab12=").read_bytes() == b"mail"
    assert [one for one in (tmp_path / ".tmp").iterdir() if not one.name.startswith("private-")] == []


def test_an_envelope_record_is_one_file(tmp_path: Path) -> None:
    key = f"envelopes/2026/03/01/{'0a' * 32}.json"

    async def work() -> None:
        blobs = Blobs(tmp_path, incarnation=INCARNATION)
        await blobs.open()
        await blobs.put(key, b"record")
        assert await blobs.names("envelopes/", after="", limit=10) == [key]

    asyncio.run(work())
    assert (tmp_path / f"{key}=").read_bytes() == b"record"


def test_a_name_that_is_cut_before_a_dot_is_found_again(tmp_path: Path) -> None:
    keys = [f"{'a' * (80 * pieces)}.json{end}" for pieces in (1, 2) for end in ("", "/.x")]

    async def work() -> None:
        blobs = Blobs(tmp_path, incarnation=INCARNATION)
        await blobs.open()
        for key in keys:
            await blobs.put(key, key.encode())
        assert await blobs.names("", after="", limit=10) == sorted(keys)

    asyncio.run(work())


def test_what_dead_writers_left_half_done_is_removed_and_what_living_ones_write_is_not(tmp_path: Path) -> None:
    temporary = tmp_path / ".tmp"
    temporary.mkdir()
    for name in ("dead.1", "alive.1", "unknown.1"):
        (temporary / name).touch()
    os.utime(temporary / "unknown.1", (time.time() - 2 * DAYS,) * 2)
    DurableFiles(tmp_path, INCARNATION).prepare()
    assert sorted(left.name for left in temporary.iterdir()) == ["alive.1", f"private-{tmp_path.name}"]


def test_a_failing_disk_is_unavailable_with_its_cause(tmp_path: Path) -> None:
    async def work() -> None:
        blobs = Blobs(tmp_path / "blobs", incarnation=INCARNATION)
        await blobs.open()
        shutil.rmtree(tmp_path / "blobs")
        with pytest.raises(Unavailable) as raised:
            await blobs.put("k", b"")
        assert isinstance(raised.value.__cause__, OSError)

    asyncio.run(work())


def test_a_key_cannot_leave_the_folder(tmp_path: Path) -> None:
    async def work() -> None:
        blobs = Blobs(tmp_path / "blobs", incarnation=INCARNATION)
        await blobs.open()
        for key in ("../outside", "/etc/x", "a/../../b", "..", ""):
            assert await blobs.put(key, key.encode()) is Put.NEW
            assert await blobs.get(key) == key.encode()

    asyncio.run(work())
    assert [one.name for one in tmp_path.iterdir()] == ["blobs"]


def test_more_folders_than_are_remembered_are_no_trouble(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("convalias.adapters.embedded.files._REMEMBERED_FOLDERS", 2)
    files = DurableFiles(tmp_path, INCARNATION)
    files.prepare()
    assert all(files.create(tmp_path / str(number) / "x", b"") for number in range(5))
    assert not files.create(tmp_path / "0" / "x", b"")


def test_old_mail_and_what_no_mail_brought_since_end(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    day, today = now - timedelta(days=90), f"{now:%Y/%m/%d}"

    async def work() -> None:
        blobs = Blobs(tmp_path, incarnation=INCARNATION)
        await blobs.open()
        old = [f"{folder}/2020/03/01/{name}" for folder in ("envelopes", "raw") for name in ("a", "b")]
        kept = [f"{folder}/{at}/c" for folder in ("envelopes", "raw") for at in (f"{day:%Y/%m/%d}", today)]
        for name in (
            *old,
            *kept,
            "attachments/aa/old",
            "attachments/bb/again",
            "attachments/cc/new",
            "other/2000/01/01/x",
            "texts/old",
        ):
            await blobs.put(name, b"x")
        for name in ("attachments/aa/old=", "attachments/bb/again=", "other/2000/01/01/x=", "texts/old="):
            os.utime(tmp_path / name, (0, 0))
        assert await blobs.put("attachments/bb/again", b"x") is Put.THERE  # another mail brings it
        assert await blobs.end(before=day, limit=1) == 1
        assert await blobs.get(old[0]) is None  # envelope records first: they lead to the others
        assert [await blobs.end(before=day, limit=9) for _ in range(4)] == [1, 2, 1, 0]
        left = await blobs.names("", after="", limit=99)
        assert list(left) == sorted(
            [*kept, "attachments/bb/again", "attachments/cc/new", "other/2000/01/01/x", "texts/old"]
        )

    asyncio.run(work())


def test_nothing_ends_where_nothing_is(tmp_path: Path) -> None:
    async def work() -> None:
        blobs = Blobs(tmp_path, incarnation=INCARNATION)
        await blobs.open()
        assert await blobs.end(before=datetime.now(UTC), limit=9) == 0

    asyncio.run(work())
