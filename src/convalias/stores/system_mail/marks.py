"""Marks of system mail: written before a mail leaves, so that a crash sends it neither twice nor never."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from attrs import frozen

from convalias.codec import dump, load
from convalias.domain.outbound.system_mail import SystemMailTry
from convalias.ports.records import Conflict, Delete, Insert, Key, Records, Replace, Stored
from convalias.stores.encoding import digest
from convalias.stores.retention import ends

TABLE: Final = "system_mail"
KEPT: Final = timedelta(days=30)
"""From the last try. Whatever sends such a mail has given it up long before: a hold after 14 days, all else sooner."""


@frozen(kw_only=True)
class SystemMails:
    """Compare-and-set on one record for each mail. Every call may be repeated. Raises `Unavailable`."""

    records: Records

    async def get(self, key: str) -> tuple[SystemMailTry, Stored] | None:
        """Return the mark of that mail with its version, or None."""
        name = _key(key)
        stored = (await self.records.get([name])).get(name)
        return None if stored is None else (load(stored.body, SystemMailTry), stored)

    async def put(self, mark: SystemMailTry, *, over: Stored | None) -> bool:
        """Write the mark in the place of `over` (None: there is none). False if somebody else was faster."""
        body, due = dump(mark), ends(mark.at, after=KEPT)
        write = Insert(_key(mark.key), body, due=due) if over is None else Replace(over.key, over.version, body, due)
        (answer,) = await self.records.write([write])
        return not isinstance(answer, Conflict)

    async def drop(self, key: str) -> None:
        """Take the mark away: the try surely did nothing."""
        found = await self.get(key)
        if found is not None:
            await self.records.write([Delete(found[1].key, found[1].version)])


def _key(key: str) -> Key:
    return Key(TABLE, digest(key)[:2], key)
