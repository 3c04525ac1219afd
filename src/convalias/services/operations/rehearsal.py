"""Run without effects: ports that keep writes in memory for the rest of the run, and change nothing."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Final

from attrs import evolve, field, frozen

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.aliases.alias import LegacyAlias
from convalias.domain.conversations.participants import AddressTenure
from convalias.domain.ids import ConversationId
from convalias.ports import blobs, conversations, legacy, records

_VERSION: Final = "rehearsed-"


_Partition = dict[str, records.Stored | None]


def _nothing() -> dict[tuple[str, str], _Partition]:
    return {}


@frozen
class Records:
    """`ports.Records` above others: reads fall through, writes stay here."""

    below: records.Records
    _rows: dict[tuple[str, str], _Partition] = field(factory=_nothing, init=False, repr=False, eq=False)
    """By table and partition, under its id and each further name; None: deleted."""

    async def get(self, keys: Sequence[records.Key]) -> Mapping[records.Key, records.Stored]:
        """Return records like the port."""
        under = [key for key in keys if key.id not in self._partition(key)]
        found = dict(await self.below.get(under)) if under else {}
        for key in keys:
            if (row := self._partition(key).get(key.id)) is not None:
                found[key] = row
        return found

    async def write(self, writes: Sequence[records.Write]) -> Sequence[records.Written | records.Conflict]:
        """Write in memory alone."""
        return [await self._write(one) for one in writes]

    async def range(self, table: str, partition: str, *, after: str, limit: int) -> Sequence[records.Stored]:
        """Return a range like the port."""
        rows = self._rows.get((table, partition), {})
        own = {name: row for name, row in rows.items() if name > after and (row is None or row.key.id == name)}
        hidden = len(own)
        under = await self.below.range(table, partition, after=after, limit=limit + hidden)
        merged = {**{row.key.id: row for row in under}, **own}
        whole = len(under) < limit + hidden
        last = "" if whole else under[-1].key.id
        listed = [row for name, row in sorted(merged.items()) if row is not None and (whole or name <= last)]
        return listed[:limit]

    async def latest(self, table: str, partition: str) -> records.Stored | None:
        """Return the latest record like the port."""
        own = [row for row in self._rows.get((table, partition), {}).values() if row is not None]
        under = await self.below.latest(table, partition)
        return max([*own, *([] if under is None else [under])], key=lambda row: row.key.id, default=None)

    async def due(self, lane: str, *, until: datetime, limit: int) -> Sequence[records.Stored]:
        """Return nothing: no record is due in a dry run."""
        del lane, until, limit
        return ()

    async def _write(self, write: records.Write) -> records.Written | records.Conflict:
        match write:
            case records.Insert(key=key, body=body, also=also, due=due):
                names = [key, *(records.Key(key.table, key.partition, one) for one in also)]
                if await self.get(names):
                    return records.Conflict()
                return self._put(records.Stored(key, also, body, f"{_VERSION}1", due))
            case records.Replace(key=key, body=body, due=due):
                standing = await self._standing(write)
                if standing is None:
                    return records.Conflict()
                return self._put(evolve(standing, body=body, version=f"{standing.version}+", due=due))
            case _:
                standing = await self._standing(write)
                if standing is None:
                    return records.Conflict()
                for name in _names(standing):
                    self._rows.setdefault(name[:2], {})[name.id] = None
                return records.Written("")

    def _put(self, row: records.Stored) -> records.Written:
        for name in _names(row):
            self._rows.setdefault(name[:2], {})[name.id] = row
        return records.Written(row.version)

    def _partition(self, key: records.Key) -> _Partition:
        return self._rows.get(key[:2], {})

    async def _standing(self, write: records.Replace | records.Delete) -> records.Stored | None:
        standing = (await self.get([write.key])).get(write.key)
        return standing if standing is not None and standing.version == write.version else None


def _names(row: records.Stored) -> Sequence[records.Key]:
    return [row.key, *(records.Key(row.key.table, row.key.partition, one) for one in row.also)]


@frozen
class Blobs:
    """`ports.Blobs` that keeps nothing new and deletes nothing."""

    below: blobs.Blobs

    async def put(self, key: str, body: bytes) -> blobs.Put:
        """Answer as if the blob were kept."""
        del body
        return blobs.Put.NEW if await self.below.get(key) is None else blobs.Put.THERE

    async def get(self, key: str) -> bytes | None:
        """Return a blob like the port."""
        return await self.below.get(key)

    async def delete(self, keys: Sequence[str]) -> None:
        """Answer as if the blobs were deleted."""

    async def names(self, prefix: str, *, after: str, limit: int) -> Sequence[str]:
        """Return names like the port."""
        return await self.below.names(prefix, after=after, limit=limit)


@frozen
class Conversations:
    """`ports.Conversations` that are asked, and take nothing."""

    below: conversations.Conversations

    async def thread(self, id: str) -> conversations.Thread | None:  # noqa: A002 - as the port calls it
        """Return a thread like the port."""
        return await self.below.thread(id)

    async def post(self, message: conversations.NewMessage) -> conversations.Posted | conversations.AlreadyPosted:
        """Answer as if the message were posted, unless it is there."""
        found = await self.below.find(message.thread, key=message.key)
        return conversations.Posted(message.key) if found is None else conversations.AlreadyPosted(found.id)

    async def find(
        self, thread: str, *, message: str | None = None, key: str | None = None
    ) -> conversations.Message | None:
        """Return a message like the port."""
        return await self.below.find(thread, message=message, key=key)

    async def untold(self, *, limit: int) -> Sequence[conversations.MessageRef]:
        """Return nothing: nobody is told in a dry run."""
        del limit
        return ()

    async def told(self, messages: Sequence[conversations.MessageRef]) -> None:
        """Answer as if they were told."""


@frozen
class LegacyRelay:
    """`ports.LegacyRelay` that is asked, and told nothing."""

    below: legacy.LegacyRelay

    async def aliases(self, addresses: Collection[EmailAddress]) -> Mapping[EmailAddress, LegacyAlias]:
        """Return aliases like the port."""
        return await self.below.aliases(addresses)

    async def of_conversations(
        self, conversations: Collection[ConversationId]
    ) -> Mapping[ConversationId, tuple[LegacyAlias, ...]]:
        """Return conversations like the port."""
        return await self.below.of_conversations(conversations)

    async def tenures(self, addresses: Collection[EmailAddress]) -> Mapping[EmailAddress, tuple[AddressTenure, ...]]:
        """Return tenures like the port."""
        return await self.below.tenures(addresses)

    async def process(self, mail: legacy.HandOff) -> None:
        """Answer as if the mail were processed."""

    async def index(self, call: legacy.IndexCall) -> None:
        """Answer as if the event were indexed."""
