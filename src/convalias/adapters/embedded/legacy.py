"""The stand-in legacy relay of a data directory: its own file, so that it forgets nothing either."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeAlias, TypeVar

from attrs import evolve, field, frozen

from convalias.adapters.embedded import folder, forks
from convalias.adapters.embedded.errors import UnusableDirectoryError
from convalias.adapters.embedded.schema import patiently
from convalias.adapters.embedded.times import restored, stored
from convalias.adapters.memory.legacy import HANDOFF, INDEX, Telling
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.aliases.alias import LegacyAlias
from convalias.domain.conversations.participants import AddressTenure, GivenUp
from convalias.domain.ids import AccountId, ConversationId
from convalias.domain.outbound.legacy_calls import LegacyCall
from convalias.ports.ambient import Clock
from convalias.ports.errors import Unavailable
from convalias.ports.legacy import Audience
from convalias.ports.mail import OutgoingMail

T = TypeVar("T")
_PATIENCE_SECONDS: Final = 10.0
_TABLES: Final = """
CREATE TABLE IF NOT EXISTS aliases (
    number INTEGER PRIMARY KEY AUTOINCREMENT, address TEXT NOT NULL UNIQUE, conversation TEXT
);
CREATE INDEX IF NOT EXISTS aliases_conversation ON aliases (conversation, number);
CREATE TABLE IF NOT EXISTS tenures (
    address TEXT NOT NULL, since INTEGER NOT NULL, account TEXT NOT NULL, until INTEGER, given_up TEXT,
    PRIMARY KEY (address, since, account)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS calls (
    number INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, external_id TEXT NOT NULL, message_id TEXT NOT NULL,
    address TEXT, conversation TEXT, suppressed INTEGER NOT NULL, notified INTEGER NOT NULL DEFAULT 0,
    UNIQUE (kind, external_id)
);
"""
_CALL: Final = "SELECT kind, external_id, message_id, address, conversation, suppressed, notified FROM calls"
_TenureRow: TypeAlias = tuple[str, int, str, int | None, str | None]
_Row: TypeAlias = tuple[str, str, str, str | None, str | None, int, int]


class LegacyRelay(Telling):
    """`ports.LegacyRelay` in `legacy.db`. Opened by `open()` or its first use; any number of processes may use it at once.

    `outgoing` keeps each mail from being written twice.
    """

    def __init__(self, path: Path, *, outgoing: OutgoingMail, audience: Audience, clock: Clock) -> None:
        """Name the file; nothing is touched."""
        super().__init__(outgoing=outgoing, audience=audience, clock=clock)
        self._path = path
        self._open: _Open | None = None
        self._opening = asyncio.Lock()

    async def open(self) -> None:
        """Make the file if need be. Opening what is open changes nothing."""
        if self._open is None or self._open.pid != os.getpid():
            self._open = await asyncio.to_thread(_opened, self._path)

    async def close(self) -> None:
        """Let go of the file."""
        state, self._open = self._open, None
        if state is not None and state.pid == os.getpid():
            await asyncio.to_thread(state.close)

    async def load(self, aliases: Iterable[LegacyAlias], tenures: Iterable[AddressTenure]) -> None:
        """Know these too; what is known under the same address, or account and beginning, is replaced."""
        known = [(alias.address.key, alias.conversation) for alias in aliases]
        history = [
            (
                one.address.key,
                stored(one.since),
                one.account,
                None if one.until is None else stored(one.until),
                None if one.given_up is None else one.given_up.value,
            )
            for one in tenures
        ]

        def write(connection: sqlite3.Connection) -> None:
            connection.executemany(
                "INSERT INTO aliases (address, conversation) VALUES (?, ?)"
                " ON CONFLICT (address) DO UPDATE SET conversation = excluded.conversation",
                known,
            )
            connection.executemany("INSERT OR REPLACE INTO tenures VALUES (?, ?, ?, ?, ?)", history)

        await self._do(write)

    async def aliases(self, addresses: Collection[EmailAddress]) -> Mapping[EmailAddress, LegacyAlias]:
        """Return the aliases that are known."""
        by_key = {address.key: address for address in addresses}
        rows = await self._found(
            "SELECT address, conversation FROM aliases WHERE address IN (SELECT value FROM json_each(?))", list(by_key)
        )
        return {by_key[key]: _alias(key, conversation) for key, conversation in rows}

    async def of_conversations(
        self, conversations: Collection[ConversationId]
    ) -> Mapping[ConversationId, tuple[LegacyAlias, ...]]:
        """Return aliases of conversations in the order they were loaded in."""
        rows = await self._found(
            "SELECT address, conversation FROM aliases WHERE conversation IN (SELECT value FROM json_each(?))"
            " ORDER BY number",
            list(conversations),
        )
        listed: dict[str | None, list[LegacyAlias]] = {}
        for key, of in rows:
            listed.setdefault(of, []).append(_alias(key, of))
        return {one: tuple(listed.get(one, ())) for one in conversations}

    async def tenures(self, addresses: Collection[EmailAddress]) -> Mapping[EmailAddress, tuple[AddressTenure, ...]]:
        """Return tenures by beginning."""
        asked = json.dumps([address.key for address in addresses])

        def read(connection: sqlite3.Connection) -> list[_TenureRow]:
            return connection.execute(
                "SELECT address, since, account, until, given_up FROM tenures"
                " WHERE address IN (SELECT value FROM json_each(?)) ORDER BY since, account",
                (asked,),
            ).fetchall()

        rows = await self._do(read)
        by_key = {address.key: address for address in addresses}
        listed: dict[EmailAddress, list[AddressTenure]] = {address: [] for address in addresses}
        for row in rows:
            address = by_key[row[0]]
            listed[address].append(evolve(_tenure(row), address=address))
        return {address: tuple(history) for address, history in listed.items()}

    async def everything(self) -> tuple[Sequence[LegacyAlias], Sequence[AddressTenure], Sequence[LegacyCall]]:
        """All that it knows: for bringing it to a store that machines share."""

        def read(connection: sqlite3.Connection) -> tuple[list[tuple[str, str | None]], list[_TenureRow]]:
            known = connection.execute("SELECT address, conversation FROM aliases ORDER BY number").fetchall()
            history = connection.execute("SELECT address, since, account, until, given_up FROM tenures").fetchall()
            return known, history

        known, history = await self._do(read)
        calls = [evolve(call, order=f"{number:012d}") for number, call in enumerate(await self.calls())]
        aliases = [_alias(key, conversation) for key, conversation in known]
        return aliases, [_tenure(row) for row in history], calls

    async def calls(self) -> Sequence[LegacyCall]:
        """Return the calls in order."""

        def read(connection: sqlite3.Connection) -> list[_Row]:
            return connection.execute(f"{_CALL} ORDER BY number").fetchall()

        return tuple(_call(row) for row in await self._do(read))

    async def _noted(self, row: LegacyCall) -> LegacyCall:
        """The row that stands under that external id: the first."""
        values = (
            row.kind,
            row.external_id,
            row.message_id,
            None if row.address is None else row.address.key,
            row.conversation,
            row.suppress_notification,
        )

        def write(connection: sqlite3.Connection) -> _Row:
            connection.execute(
                "INSERT OR IGNORE INTO calls (kind, external_id, message_id, address, conversation, suppressed)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                values,
            )
            standing: _Row = connection.execute(
                f"{_CALL} WHERE kind = ? AND external_id = ?", (row.kind, row.external_id)
            ).fetchone()
            return standing

        return _call(await self._do(write))

    async def _mark(self, row: LegacyCall) -> None:
        def write(connection: sqlite3.Connection) -> None:
            connection.execute(
                "UPDATE calls SET notified = 1 WHERE kind = ? AND external_id = ?", (row.kind, row.external_id)
            )

        await self._do(write)

    async def _found(self, query: str, values: Sequence[str]) -> list[tuple[str, str | None]]:
        asked = json.dumps(values)

        def read(connection: sqlite3.Connection) -> list[tuple[str, str | None]]:
            return connection.execute(query, (asked,)).fetchall()

        return await self._do(read)

    async def _do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """In one transaction, one at a time: other processes are waited for, within a bound."""
        try:
            async with asyncio.timeout(3 * _PATIENCE_SECONDS):
                async with self._opening:
                    await self.open()
                state = self._open
                if state is None:
                    raise Unavailable("legacy relay")
                return await asyncio.to_thread(state.transact, work)
        except (sqlite3.Error, TimeoutError, UnusableDirectoryError) as error:
            raise Unavailable("legacy relay") from error


@frozen
class _Open:
    """What exists while the file is open; a fork inherits the connection, and must not use it."""

    connection: sqlite3.Connection
    pid: int
    lock: threading.Lock = field(factory=threading.Lock)

    def transact(self, work: Callable[[sqlite3.Connection], T]) -> T:
        with self.lock:
            patiently(lambda: self.connection.execute("BEGIN IMMEDIATE"), _PATIENCE_SECONDS)
            try:
                result = work(self.connection)
                self.connection.execute("COMMIT")
            except BaseException:
                self.connection.rollback()  # nothing to do where SQLite has rolled back by itself
                raise
            return result

    def close(self) -> None:
        with self.lock:
            self.connection.close()


def _opened(path: Path) -> _Open:
    folder.make(path.parent)
    folder.make_database(path)
    connection = forks.connection(path)
    connection.execute("PRAGMA synchronous = FULL")
    patiently(lambda: connection.execute("PRAGMA journal_mode = WAL"), _PATIENCE_SECONDS)
    state = _Open(connection, os.getpid())
    state.transact(_create)
    return state


def _create(connection: sqlite3.Connection) -> None:
    for statement in _TABLES.split(";"):
        connection.execute(statement)


def _alias(key: str, conversation: str | None) -> LegacyAlias:
    return LegacyAlias(EmailAddress.parse(key), None if conversation is None else ConversationId(conversation))


def _tenure(row: _TenureRow) -> AddressTenure:
    key, since, account, until, given_up = row
    ended = None if until is None else restored(until)
    why = None if given_up is None else GivenUp(given_up)
    return AddressTenure(EmailAddress.parse(key), AccountId(account), restored(since), ended, why)


def _call(row: _Row) -> LegacyCall:
    kind, external_id, message_id, address, conversation, suppressed, notified = row
    return LegacyCall(
        kind=HANDOFF if kind == HANDOFF else INDEX,
        external_id=external_id,
        message_id=message_id,
        address=None if address is None else EmailAddress.parse(address),
        suppress_notification=bool(suppressed),
        conversation=None if conversation is None else ConversationId(conversation),
        notified=bool(notified),
    )
