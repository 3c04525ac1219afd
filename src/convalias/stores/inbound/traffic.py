"""Count mails within the last hour, by text and by conversation, so that a loop is seen."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from attrs import frozen

from convalias.codec import dump
from convalias.domain.ids import ConversationId
from convalias.domain.inbound.outcomes import Mark
from convalias.domain.inbound.posts import RecordKey
from convalias.domain.routing.context import TextKey
from convalias.ports.records import Insert, Key, Records
from convalias.stores.encoding import digest, encoded
from convalias.stores.retention import ends

WITHIN: Final = timedelta(hours=1)
KEPT: Final = 48 * WITHIN
"""Tries of a mail that waits look back from when it was received."""
MOST: Final = 1_000
"""Nobody needs to know of more in an hour."""


@frozen(kw_only=True)
class Traffic:
    """Counts mails, not attempts and not posts: a mail is counted once under its name. Raises `Unavailable`."""

    records: Records

    def rows(
        self,
        name: str,
        record: RecordKey,
        *,
        at: datetime,
        texts: Collection[TextKey],
        conversations: Collection[ConversationId],
    ) -> list[Insert]:
        """Return what counts a mail of that name and time under these texts, and for these conversations.

        A conflict says that it is counted already.
        """
        partitions = [
            *(("texts", _text(text)) for text in sorted(texts)),
            *(("traffic", encoded(one)) for one in sorted(set(conversations))),
        ]
        mark, row = dump(Mark(record, at)), f"{_moment(at)}.{name}"
        return [Insert(Key(table, place, row), mark, (name,), ends(at, after=KEPT)) for table, place in partitions]

    async def write(self, rows: Sequence[Insert]) -> None:
        """Count a mail by its rows. Repeatable."""
        if rows:
            await self.records.write(rows)

    async def repeats(self, of: Collection[TextKey], *, before: datetime, besides: str) -> Mapping[TextKey, int]:
        """Return how many other mails of each sender had that text within the hour before; every key is answered."""
        return {text: await self._count("texts", _text(text), before, besides) for text in sorted(of, key=_text)}

    async def traffic(
        self, of: Collection[ConversationId], *, before: datetime, besides: str
    ) -> Mapping[ConversationId, int]:
        """Return how many other mails each conversation took within the hour before; every key is answered."""
        return {one: await self._count("traffic", encoded(one), before, besides) for one in sorted(of)}

    async def _count(self, table: str, partition: str, before: datetime, besides: str) -> int:
        first, last = _moment(before - WITHIN), _moment(before)
        stored = await self.records.range(table, partition, after=first, limit=MOST)
        names = [one.key.id for one in stored]
        return sum(name <= last and not name.endswith(f".{besides}") for name in names)


def _moment(at: datetime) -> str:
    return f"{at:%Y%m%dT%H%M%S.%f}"


def _text(text: TextKey) -> str:
    conversation, sender, said = text
    return digest(conversation, sender.key, said)
