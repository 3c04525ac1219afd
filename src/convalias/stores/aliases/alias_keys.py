"""Note the keys that made aliases: one record for each key id, read when a process begins."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from attrs import frozen

from convalias.codec import dump, load
from convalias.domain.deployment.keyring import KeyUse
from convalias.domain.inbound.outcomes import Mark
from convalias.domain.inbound.posts import RecordKey
from convalias.ports.records import Delete, Insert, Key, Records, Replace, Written
from convalias.stores.errors import Contended

TABLE: Final = "alias_keys"
_SURVEYED: Final = Key(TABLE, TABLE, "surveyed")
"""Sorts behind the ids of keys, which are two digits."""
_MOST: Final = 40
TRIES: Final = 100


@frozen(kw_only=True)
class NotedKeys:
    """The keys that made a store's aliases."""

    uses: Sequence[KeyUse] = ()
    surveyed: bool = False
    """Aliases that were made before there were such records have been looked at."""


@frozen(kw_only=True)
class KeyUses:
    """Every call may be repeated. Raises `Unavailable`, `Contended`."""

    records: Records

    async def noted(self) -> NotedKeys:
        """All of it: one read of at most 33 records."""
        rows = await self.records.range(TABLE, TABLE, after="", limit=_MOST)
        uses = [load(row.body, KeyUse) for row in rows if row.key != _SURVEYED]
        return NotedKeys(uses=uses, surveyed=len(uses) < len(rows))

    async def note(self, use: KeyUse) -> KeyUse:
        """Write it unless one of that id stands. The one that stands."""
        for _ in range(TRIES):
            (answer,) = await self.records.write([Insert(_key(use.id), dump(use))])
            if isinstance(answer, Written):
                return use
            stored = (await self.records.get([_key(use.id)])).get(_key(use.id))
            if stored is not None:
                return load(stored.body, KeyUse)
        raise Contended("use of a key")

    async def settle(self, standing: KeyUse, now: KeyUse | None) -> None:
        """Put another in the place of the standing one; None: nothing that is in use was made with that key."""
        stored = (await self.records.get([_key(standing.id)])).get(_key(standing.id))
        if stored is None or load(stored.body, KeyUse) != standing:
            return  # somebody else was faster
        gone = Delete(stored.key, stored.version)
        await self.records.write([gone if now is None else Replace(stored.key, stored.version, dump(now))])

    async def surveyed(self, *, at: datetime) -> None:
        """Aliases of an earlier release have been looked at: nobody needs to again."""
        await self.records.write([Insert(_SURVEYED, dump(Mark(RecordKey(""), at)))])


def _key(number: int) -> Key:
    return Key(TABLE, TABLE, f"{number:02d}")
