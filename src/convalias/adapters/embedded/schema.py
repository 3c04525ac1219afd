"""Make the tables of `store.db`, and refuse in one line a file that this release cannot read."""

from __future__ import annotations

import errno
import logging
import sqlite3
import time
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final, TypeVar

from convalias.adapters.embedded import folder, forks
from convalias.adapters.embedded.errors import LostStoreError, NewerFormatError, UnusableDirectoryError
from convalias.ports.errors import Unavailable

T = TypeVar("T")
log: Final = logging.getLogger("convalias.embedded")

FORMAT: Final = 1
"""`PRAGMA user_version` of what this release writes."""
_APPLICATION: Final = 0x43564C53
"""`PRAGMA application_id`: "CVLS"."""
_OLDEST_SQLITE: Final = (3, 35, 0)  # RETURNING
_POLL_SECONDS: Final = 0.001

_TABLES: Final = """
CREATE TABLE records (
    tbl TEXT NOT NULL, part TEXT NOT NULL, id TEXT NOT NULL,
    also TEXT NOT NULL, body TEXT NOT NULL, version TEXT NOT NULL, lane TEXT, at INTEGER
);
CREATE UNIQUE INDEX records_key ON records (tbl, part, id);
CREATE INDEX records_due ON records (lane, at, tbl, part, id) WHERE lane IS NOT NULL;
CREATE TABLE record_names (
    tbl TEXT NOT NULL, part TEXT NOT NULL, name TEXT NOT NULL, id TEXT NOT NULL,
    PRIMARY KEY (tbl, part, name)
) WITHOUT ROWID;
CREATE TABLE jobs (
    number INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT NOT NULL, put_at INTEGER NOT NULL,
    visible_at INTEGER NOT NULL, receives INTEGER NOT NULL DEFAULT 0, lease TEXT NOT NULL DEFAULT '', holder TEXT
);
CREATE INDEX jobs_visible ON jobs (visible_at);
CREATE INDEX jobs_holder ON jobs (holder) WHERE holder IS NOT NULL;
CREATE TABLE event_log (
    position INTEGER PRIMARY KEY AUTOINCREMENT, conversation TEXT NOT NULL, event TEXT NOT NULL,
    seq INTEGER NOT NULL, kind TEXT NOT NULL, trace TEXT NOT NULL
);
CREATE TABLE event_groups (
    name TEXT PRIMARY KEY, position INTEGER NOT NULL, token TEXT NOT NULL DEFAULT '', holder TEXT NOT NULL DEFAULT '',
    held_until INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
"""


def connect(path: Path, *, patience: float, anew: bool = False) -> sqlite3.Connection:
    """A connection that commits for good: WAL, and a sync at each commit. Create the tables if they are not there.

    `patience` is in seconds. `anew`: create them also where a store was made before and is gone. Raises
    `UnusableDirectoryError`, also where a parent had the file open at a fork; `Unavailable` while the disk is full or
    the file locked.
    """
    if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
        raise UnusableDirectoryError(
            path, f"needs SQLite 3.35, this Python has {sqlite3.sqlite_version}", right="use a newer Python"
        )
    with _refusals(path):
        # Asked before the file is looked at: another process that comes first makes the tables, and then the blobs.
        may_create = anew or not folder.was_used(path.parent)
        if not may_create and _is_empty(path):  # before anything is written
            raise LostStoreError(path)
        folder.make_database(path)
        connection = forks.connection(path)
        try:
            # Each step of several processes that open a new file may be in the way of another's.
            patiently(lambda: _configure(connection, path, may_create=may_create), patience)
        except BaseException:
            connection.close()
            raise
        return connection


def patiently(step: Callable[[], T], patience: float) -> T:
    """Try `step` again while another connection is in its way, for at most `patience` seconds.

    SQLite's own waiting doubles its naps up to 100 ms: a process that commits all the time then starves the others.
    """
    until = time.monotonic() + patience
    while True:
        try:
            return step()
        except sqlite3.OperationalError as error:
            if not is_busy(error) or time.monotonic() > until:
                raise
        time.sleep(_POLL_SECONDS)


def is_busy(error: sqlite3.OperationalError) -> bool:
    """Whether only another connection was in the way."""
    # The lower eight bits are the primary code, https://sqlite.org/rescode.html
    return error.sqlite_errorcode & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


def _may_pass(error: sqlite3.OperationalError) -> bool:
    """Whether the file is as it should be, and only something around it is not: a lock, a full or failing disk."""
    passing = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR}
    return error.sqlite_errorcode & 0xFF in passing


def _configure(connection: sqlite3.Connection, path: Path, *, may_create: bool) -> None:
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA journal_size_limit = 67108864")
    mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != ("wal",):
        raise UnusableDirectoryError(path, "does not take a write-ahead log", right="use a folder on a local disk")
    if _is_ready(connection):
        if _lacking(connection):
            _mend(connection, path)
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        _create(connection, path, may_create=may_create)
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _create(connection: sqlite3.Connection, path: Path, *, may_create: bool) -> None:
    application, version = _marks(connection)
    if (application, version) == (_APPLICATION, FORMAT):  # another process was faster
        return
    if application == _APPLICATION and version > FORMAT:
        raise NewerFormatError(
            path, f"has format {version}, this release reads up to {FORMAT}", right="use a newer convalias"
        )
    if connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone():
        raise UnusableDirectoryError(path, "is another program's database", right="use an empty data directory")
    if not may_create:  # such as a copy of the file without its write-ahead log
        raise LostStoreError(path)
    for statement in _TABLES.split(";"):
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {_APPLICATION}")
    connection.execute(f"PRAGMA user_version = {FORMAT}")


def _mend(connection: sqlite3.Connection, path: Path) -> None:
    """Make an index again that somebody dropped. A table is not made again: what it held is lost."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        lacked = _lacking(connection)
        for name, statement in lacked.items():
            _remake(connection, path, name, statement)
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
    log.warning("%s lacked the index %s, without which records come twice: made again", path, ", ".join(lacked))


def _remake(connection: sqlite3.Connection, path: Path, name: str, statement: str) -> None:
    if _is_table(statement):
        raise UnusableDirectoryError(path, f"lacks the table {name}", right="restore it from a backup")
    connection.execute(f"DROP INDEX IF EXISTS {name}")
    try:
        connection.execute(statement)
    except sqlite3.IntegrityError as error:
        raise UnusableDirectoryError(
            path,
            f"lacks the index {name}, and has several records under one key: {_doubled(connection)}",
            right="restore it from a backup, or delete all but one of each with sqlite3, then start again",
        ) from error


def lost(path: Path) -> UnusableDirectoryError | None:
    """Return why the database of a directory that was used cannot be opened: it is gone, or has no octet. Else None.

    Nothing is made.
    """
    try:
        # Asked first: another process that comes first makes the tables, and then the blobs.
        was_used = folder.was_used(path.parent)
    except UnusableDirectoryError as unreadable:
        return unreadable
    return LostStoreError(path) if was_used and _is_empty(path) else None


def _is_empty(path: Path) -> bool:
    """Whether the file is not there, or has no octet."""
    with suppress(FileNotFoundError):
        return path.stat().st_size == 0
    return True


def lacking(path: Path) -> tuple[str, ...]:
    """Names of tables and indexes that a database of ours lacks; it is read, and nothing is made. Raises `sqlite3.Error`."""
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
        return tuple(_lacking(connection)) if _is_ready(connection) else ()


class SchemaLook:
    """Looks whether the tables and indexes are as they are made, each time that somebody has changed the schema."""

    def __init__(self) -> None:
        """Nothing was seen."""
        self._seen: int | None = None

    def __call__(self, connection: sqlite3.Connection) -> None:
        """Within a transaction, before it writes. Raises `Unavailable` while something is missing."""
        (version,) = connection.execute("PRAGMA schema_version").fetchone()
        if version == self._seen:
            return
        if lacking := _lacking(connection):
            raise Unavailable(
                f"the embedded store: the index {', '.join(lacking)} is missing, without which records come twice;"
                " start any process anew, which makes it again, or names what came twice"
            )
        self._seen = version


def _is_table(statement: str) -> bool:
    return statement.startswith("CREATE TABLE")


def _lacking(connection: sqlite3.Connection) -> dict[str, str]:
    """Tables that are gone, and indexes that are not as this release makes them: the name, and how it is made."""
    found = {
        name: _words(text)
        for name, text in connection.execute("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL")
    }
    return {
        name: statement
        for name, statement in _STATEMENTS.items()
        if name not in found or (not _is_table(statement) and found[name] != _words(statement))
    }


def _doubled(connection: sqlite3.Connection) -> str:
    """Keys that several records have: table, partition, id."""
    rows = connection.execute(
        "SELECT tbl, part, id FROM records GROUP BY tbl, part, id HAVING COUNT(*) > 1 ORDER BY 1, 2, 3 LIMIT 20"
    )
    return "; ".join(" ".join(row) for row in rows)


def _words(statement: str) -> str:
    return " ".join(statement.split())


def _name(statement: str) -> str:
    """Of what a statement makes: the word before the columns, or before ON."""
    return statement.partition(" ON ")[0].partition("(")[0].split()[-1]


_STATEMENTS: Final = {_name(one): one.strip() for one in _TABLES.split(";") if one.strip()}


def _is_ready(connection: sqlite3.Connection) -> bool:
    return _marks(connection) == (_APPLICATION, FORMAT)


def _marks(connection: sqlite3.Connection) -> tuple[int, int]:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return application, version


@contextmanager
def _refusals(path: Path) -> Generator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise Unavailable(f"the embedded store ({error.strerror})") from error
        raise UnusableDirectoryError(
            path, f"cannot be made ({error.strerror})", right="use a folder that this user may write to"
        ) from error
    except sqlite3.OperationalError as error:
        if _may_pass(error):
            raise Unavailable(f"the embedded store ({error})") from error
        raise UnusableDirectoryError(
            path, f"cannot be opened ({error})", right="use a folder on a local disk that this user may write to"
        ) from error
    except sqlite3.DatabaseError as error:
        raise UnusableDirectoryError(
            path, f"is damaged ({error})", right="restore it from a backup, or use another data directory"
        ) from error
