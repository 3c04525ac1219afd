"""Remember which long texts were written, so that one that no event refers to is removed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from attrs import frozen

from convalias.codec import CODEC, Codec
from convalias.domain.conversations.long_texts import TextRow
from convalias.ports.records import Conflict, Delete, Due, Insert, Key, Records, Replace, Stored
from convalias.stores.encoding import encoded
from convalias.stores.errors import Contended

TABLE: Final = "long_texts"
LANE: Final = "long_texts"
"""The lane in which a row waits until somebody looks whether an event refers to its text."""
TRIES: Final = 100


@frozen(kw_only=True)
class TextRows:
    """The rows beside long texts. Raises `Unavailable`; every call may be repeated."""

    records: Records
    codec: Codec = CODEC

    async def add(self, row: TextRow, *, look_at: datetime) -> None:
        """Write a row before its text; `look_at` (aware): when an event must refer to that."""
        await self.records.write([Insert(_key(row), self.codec.dump(row), due=Due(LANE, look_at))])

    async def give_up(self, row: TextRow, *, look_at: datetime) -> None:
        """Have a text looked at from that time on, whether a row stands or not."""
        key, body, due = _key(row), self.codec.dump(row), Due(LANE, look_at)
        for _ in range(TRIES):
            stored = (await self.records.get([key])).get(key)
            write = Insert(key, body, due=due) if stored is None else Replace(key, stored.version, body, due)
            (answer,) = await self.records.write([write])
            if not isinstance(answer, Conflict):
                return
        raise Contended("a row beside a long text")

    async def due(self, *, now: datetime, limit: int) -> Sequence[Stored]:
        """Return rows to look at, those that wait longest first."""
        return await self.records.due(LANE, until=now, limit=limit)

    def read(self, stored: Stored) -> TextRow:
        """Return what a row says. Raises `CodecError`."""
        return self.codec.load(stored.body, TextRow)

    async def later(self, stored: Stored, *, look_at: datetime) -> None:
        """Look at it again then."""
        await self.records.write([Replace(stored.key, stored.version, stored.body, Due(LANE, look_at))])

    async def drop(self, stored: Stored) -> None:
        """Forget a row."""
        await self.records.write([Delete(stored.key, stored.version)])


def _key(row: TextRow) -> Key:
    return Key(TABLE, encoded(row.conversation), encoded(row.event))
