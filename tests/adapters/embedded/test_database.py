import asyncio
import sqlite3
import stat
import threading
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path

import pytest
from attrs import evolve

from convalias.adapters.embedded import Database, NewerFormatError, NotOpenError, Records, UnusableDirectoryError
from convalias.adapters.embedded.schema import lacking
from convalias.ports.errors import Unavailable
from convalias.ports.records import Insert, Key, Written

HERE = Key("notes", "c1", "1")


def run(folder: Path, work: Callable[[Database], Awaitable[None]], *, patience: float = 10.0) -> None:
    async def inside() -> None:
        async with Database(folder, patience=patience) as database:
            await work(database)

    asyncio.run(inside())


async def opened(folder: Path) -> None:
    async with Database(folder):
        pass


def commits(database: Database) -> list[str]:
    """What the writing connection executes from now on, COMMITs only."""
    seen: list[str] = []
    assert database._open is not None
    database._open.writer._connection.set_trace_callback(lambda text: seen.append(text) if text == "COMMIT" else None)
    return seen


def test_construction_touches_nothing(tmp_path: Path) -> None:
    Database(tmp_path / "data")
    assert not (tmp_path / "data").exists()


async def test_opening_makes_a_folder_for_this_user_alone(tmp_path: Path) -> None:
    await opened(tmp_path / "a" / "data")
    assert stat.S_IMODE((tmp_path / "a" / "data").stat().st_mode) == 0o700
    assert (tmp_path / "a" / "data" / "store.db").exists()


async def test_opening_and_closing_twice_changes_nothing(tmp_path: Path) -> None:

    async with Database(tmp_path) as database:
        await database.open()
        await database.write(lambda connection: None)
        await database.close()
        await database.close()


async def test_a_call_before_opening_or_after_closing_says_so(tmp_path: Path) -> None:
    database = Database(tmp_path)
    with pytest.raises(NotOpenError, match=r"open\(\) it first"):
        await database.read(lambda connection: None)
    async with database:
        pass
    with pytest.raises(NotOpenError, match=r"open\(\) it first"):
        await database.write(lambda connection: None)


async def test_a_database_opened_before_a_fork_must_be_opened_again(tmp_path: Path) -> None:

    async with Database(tmp_path) as database:
        parent = database._open
        assert parent is not None
        database._open = evolve(parent, pid=parent.pid + 1)
        with pytest.raises(NotOpenError, match="before a fork"):
            await database.write(lambda connection: None)
        await database.open()
        await database.write(lambda connection: None)
        await database.close()
        database._open = parent


async def test_writes_that_wait_are_committed_together(tmp_path: Path) -> None:

    async with Database(tmp_path) as database:
        records = Records(database)
        seen = commits(database)
        writes = [records.write([Insert(HERE._replace(id=str(number)), {})]) for number in range(200)]
        answers = await asyncio.gather(*writes)
        assert all(isinstance(answer[0], Written) for answer in answers)
        assert len(seen) < 150  # far fewer than writes, however slow the machine


async def test_writes_in_order_are_one_commit(tmp_path: Path) -> None:
    async with Database(tmp_path) as database:
        records = Records(database)
        seen = commits(database)
        await records.write_in_order([Insert(HERE._replace(id=id_), {}) for id_ in ("1", "2", "2", "3")])
        assert seen == ["COMMIT"]
        assert [one.key.id for one in await records.range("notes", "c1", after="", limit=9)] == ["1", "2"]


async def test_a_write_that_fails_takes_no_other_with_it(tmp_path: Path) -> None:
    def broken(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO jobs (body, put_at, visible_at) VALUES ('half', 0, 0)")
        raise ValueError("mine")

    async with Database(tmp_path) as database:
        records = Records(database)
        tries = [records.write([Insert(HERE._replace(id=str(number)), {})]) for number in range(20)]
        *answers, error = await asyncio.gather(*tries, database.write(broken), return_exceptions=True)
        assert isinstance(error, ValueError)
        assert all(isinstance(answer, list) and isinstance(answer[0], Written) for answer in answers)
        assert await database.read(lambda connection: connection.execute("SELECT count(*) FROM jobs").fetchone()) == (
            0,
        )


async def test_a_lock_held_too_long_is_unavailable_and_then_over(tmp_path: Path) -> None:

    async with Database(tmp_path, patience=0.05) as database:
        other = sqlite3.connect(tmp_path / "store.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable) as raised:
            await database.write(lambda connection: None)
        assert isinstance(raised.value.__cause__, sqlite3.OperationalError)
        other.execute("ROLLBACK")
        other.close()
        await database.write(lambda connection: None)


async def test_a_write_cancelled_while_it_waits_is_not_done(tmp_path: Path) -> None:
    begun, gate = threading.Event(), threading.Event()

    def slow(connection: sqlite3.Connection) -> None:
        begun.set()
        gate.wait(10)

    async with Database(tmp_path) as database:
        records = Records(database)
        ahead = asyncio.create_task(database.write(slow))
        await asyncio.to_thread(begun.wait, 10)
        waiting = asyncio.create_task(records.write([Insert(HERE, {})]))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
        gate.set()
        await ahead
        await database.write(lambda connection: None)
        assert await records.get([HERE]) == {}


async def test_a_full_disk_is_unavailable_and_loses_nothing_answered(tmp_path: Path) -> None:
    def fill(connection: sqlite3.Connection) -> None:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages + 2}")

    async with Database(tmp_path) as database:
        records = Records(database)
        await records.write([Insert(HERE, {})])
        await database.write(fill)
        with pytest.raises(Unavailable) as raised:
            await records.write([Insert(HERE._replace(id="2"), {"text": "x" * 100_000})])
        assert "full" in str(raised.value.__cause__)
        assert list(await records.get([HERE, HERE._replace(id="2")])) == [HERE]


async def test_a_file_that_is_no_database_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "store.db").write_bytes(b"no database at all, " * 100)
    with pytest.raises(UnusableDirectoryError, match=r"store\.db is damaged .*; restore it from a backup"):
        await opened(tmp_path)


def test_a_damaged_page_is_unavailable_when_it_is_met(tmp_path: Path) -> None:
    async def write(database: Database) -> None:
        await Records(database).write([Insert(HERE._replace(id=str(n)), {"text": "x" * 3_000}) for n in range(50)])

    async def read(database: Database) -> None:
        with pytest.raises(Unavailable):
            await Records(database).range("notes", "c1", after="", limit=50)

    run(tmp_path, write)
    with (tmp_path / "store.db").open("r+b") as file:
        file.seek(4096 * 12)
        file.write(b"\xff" * 4096 * 30)
    run(tmp_path, read)


async def test_another_programs_database_is_left_alone(tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "store.db")
    other.execute("CREATE TABLE theirs (x)")
    other.close()
    with pytest.raises(UnusableDirectoryError, match="another program's database; use an empty data directory"):
        await opened(tmp_path)


async def test_a_newer_format_is_refused_with_both_numbers(tmp_path: Path) -> None:
    await opened(tmp_path)
    newer = sqlite3.connect(tmp_path / "store.db")
    newer.execute("PRAGMA user_version = 7")
    newer.close()
    with pytest.raises(NewerFormatError, match="has format 7, this release reads up to 1; use a newer convalias"):
        await opened(tmp_path)


async def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UnusableDirectoryError, match="cannot be made"):
        await opened(tmp_path / "file" / "data")


async def test_several_processes_may_open_a_new_directory_at_once(tmp_path: Path) -> None:
    async def one() -> None:
        async with Database(tmp_path / "data") as database:
            await database.write(lambda connection: None)

    await asyncio.gather(*(one() for _ in range(6)))


async def test_an_operator_can_read_what_is_kept(tmp_path: Path) -> None:

    async with Database(tmp_path) as database:
        await Records(database).write([Insert(HERE, {"text": "Grüße 日本"})])
        await Records(database).write([Insert(HERE._replace(id="2"), {"text": "no UTF-8: \udc80"})])
        query = "SELECT body FROM records ORDER BY id"
        rows = await database.read(lambda connection: connection.execute(query).fetchall())
        assert rows == [('{"text":"Grüße 日本"}',), ('{"text":"no UTF-8: \\udc80"}',)]


def statement(folder: Path, *texts: str) -> None:
    """What somebody does to the file by hand."""
    with closing(sqlite3.connect(folder / "store.db")) as connection:
        for text in texts:
            connection.execute(text)
        connection.commit()


@pytest.mark.parametrize(
    "spoilt",
    [
        ["DROP INDEX records_key"],
        ["DROP INDEX records_due"],
        ["DROP INDEX records_key", "CREATE INDEX records_key ON records (tbl, part, id)"],
    ],
)
async def test_an_index_that_somebody_dropped_or_changed_is_made_again(tmp_path: Path, spoilt: list[str]) -> None:

    await opened(tmp_path)
    statement(tmp_path, *spoilt)
    async with Database(tmp_path) as database:
        records = Records(database)
        await records.write([Insert(HERE, {"$": "note/1"})])
        with pytest.raises(sqlite3.IntegrityError):
            await database.write(lambda connection: connection.execute("INSERT INTO records SELECT * FROM records"))


async def test_an_index_dropped_while_it_is_open_stops_writing_until_it_is_made_again(tmp_path: Path) -> None:

    async with Database(tmp_path) as database:
        records = Records(database)
        await records.write([Insert(HERE, {"$": "note/1"})])
        statement(tmp_path, "CREATE INDEX of_an_operator ON records (version)")
        await records.write([Insert(HERE._replace(id="2"), {"$": "note/1"})])
        statement(tmp_path, "DROP INDEX records_key")
        for _ in range(2):
            with pytest.raises(Unavailable, match="the index records_key is missing, without which records come twice"):
                await records.write([Insert(HERE._replace(id="3"), {"$": "note/1"})])
        assert lacking(tmp_path / "store.db") == ("records_key",)
        async with Database(tmp_path):  # as any other process does
            assert lacking(tmp_path / "store.db") == ()
        await records.write([Insert(HERE._replace(id="3"), {"$": "note/1"})])


def test_a_look_at_another_programs_database_finds_nothing_of_ours(tmp_path: Path) -> None:
    statement(tmp_path, "CREATE TABLE theirs (x)")
    assert lacking(tmp_path / "store.db") == ()


async def test_two_records_under_one_key_are_named_and_nothing_is_opened(tmp_path: Path) -> None:

    async with Database(tmp_path) as database:
        await Records(database).write([Insert(HERE, {"$": "note/1"})])
    statement(tmp_path, "DROP INDEX records_key", "INSERT INTO records SELECT * FROM records")
    with pytest.raises(UnusableDirectoryError, match=r"records_key.* several records under one key: notes c1 1;"):
        await opened(tmp_path)
    statement(tmp_path, "DELETE FROM records WHERE rowid = 2")
    await opened(tmp_path)


async def test_a_table_that_is_gone_is_told(tmp_path: Path) -> None:
    await opened(tmp_path)
    statement(tmp_path, "DROP TABLE jobs")
    with pytest.raises(UnusableDirectoryError, match="lacks the table jobs; restore"):
        await opened(tmp_path)


@pytest.mark.parametrize(
    ("stored", "limit", "in_a_thread"), [(0, 1_000, 0), (64, 1_000, 0), (65, 1_000, 1), (65, 64, 0), (65, 65, 1)]
)
async def test_a_page_is_read_in_a_thread_only_where_it_holds_many_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stored: int, limit: int, in_a_thread: int
) -> None:
    """Handed over and back for each page, an embedded mail cost a fifth more: most pages hold a few rows."""
    keys = [Key("notes", "c1", f"{number:03d}") for number in range(stored)]
    handed: list[object] = []
    to_thread = asyncio.to_thread

    async def counting(work: Callable[..., object], *arguments: object) -> object:
        handed.append(work)
        return await to_thread(work, *arguments)

    async with Database(tmp_path) as database:
        records = Records(database)
        await records.write([Insert(key, {"v": 1}) for key in keys])
        with monkeypatch.context() as patched:
            patched.setattr(asyncio, "to_thread", counting)
            found = await records.range("notes", "c1", after="", limit=limit)
    assert [one.key for one in found] == keys[:limit]
    assert len(handed) == in_a_thread
