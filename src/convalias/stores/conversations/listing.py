"""Conversations by use case: a row for each, written before the conversation's first event.

- `use_cases`, partition = use case: one record per conversation. A row whose conversation never came to be does no
  harm: whoever reads it looks whether the conversation is there.
- `use_case_scans`: how far the search for conversations of older releases has come.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Final

from attrs import frozen

from convalias.codec import CODEC, Codec
from convalias.codec.errors import CodecError
from convalias.domain.conversations.events import ConversationCreated, ConversationEvent
from convalias.domain.conversations.listing import ListedConversation, ListingCursor
from convalias.domain.ids import ConversationId, UseCase
from convalias.ports.records import Insert, Key, Partitioned, Records, Replace
from convalias.stores.conversations.event_store import TABLE as EVENTS
from convalias.stores.encoding import encoded

TABLE: Final = "use_cases"
CURSORS: Final = "use_case_scans"
PAGE: Final = 200
_CURSOR: Final = Key(CURSORS, CURSORS, "events")


@frozen(kw_only=True)
class Listing:
    """Every call may be repeated. Raises `Unavailable`."""

    records: Records
    codec: Codec = CODEC

    async def add(self, use_case: UseCase, conversation: ConversationId) -> None:
        """List it, unless it is listed."""
        await self.records.write([self._insert(ListedConversation(use_case, conversation))])

    async def pages(self, use_case: UseCase) -> AsyncIterator[Sequence[ConversationId]]:
        """The listed conversations of that use case, some at a time."""
        after = ""
        while page := await self.records.range(TABLE, encoded(use_case), after=after, limit=PAGE):
            yield [self.codec.load(one.body, ListedConversation).conversation for one in page]
            after = page[-1].key.id

    async def use_cases(self) -> Sequence[UseCase]:
        """Use cases that have a listed conversation; none where the store cannot tell."""
        found: list[UseCase] = []
        after = ""
        while isinstance(self.records, Partitioned) and (
            page := await self.records.partitions(TABLE, after=after, limit=PAGE)
        ):
            for partition in page:
                first = await self.records.range(TABLE, partition, after="", limit=1)
                found += [self.codec.load(one.body, ListedConversation).use_case for one in first]
            after = page[-1]
        return found

    async def is_searched(self) -> bool:
        """Whether the search for conversations of older releases has come to its end."""
        return (await self._cursor()).done

    async def older(self, *, keep: bool) -> AsyncIterator[Sequence[ListedConversation]]:
        """Conversations that nobody listed, some at a time: those that releases before this one created.

        With `keep` they are listed, and the next search goes on where this one stopped; it is made once. Nothing
        where the store cannot name the conversations that it keeps.
        """
        records, cursor = self.records, await self._cursor()
        if not isinstance(records, Partitioned) or cursor.done:
            return
        after = cursor.partition
        while page := await records.partitions(EVENTS, after=after, limit=PAGE):
            found = await self._unlisted(page)
            if keep and found:
                await self.records.write([self._insert(one) for one in found])
            yield found
            after = page[-1]
            if keep:
                await self._reach(ListingCursor(after))
        if keep:
            await self._reach(ListingCursor(after, done=True))

    async def _unlisted(self, partitions: Sequence[str]) -> Sequence[ListedConversation]:
        firsts = await asyncio.gather(*map(self._first, partitions))
        created = {_key(one): one for one in firsts if one is not None}
        there = await self.records.get(list(created))
        return [one for key, one in created.items() if key not in there]

    async def _first(self, partition: str) -> ListedConversation | None:
        """What the first event of a conversation says. None for one that cannot be read: others can."""
        for stored in await self.records.range(EVENTS, partition, after="", limit=1):
            try:
                event = self.codec.load(stored.body, ConversationEvent)
            except CodecError:
                return None
            if isinstance(event.happening, ConversationCreated):
                return ListedConversation(event.happening.use_case, event.conversation)
        return None

    async def _cursor(self) -> ListingCursor:
        stored = (await self.records.get([_CURSOR])).get(_CURSOR)
        return ListingCursor() if stored is None else self.codec.load(stored.body, ListingCursor)

    async def _reach(self, cursor: ListingCursor) -> None:
        """Of two that search at once one may be set back: it looks at some of them twice, no more."""
        stored = (await self.records.get([_CURSOR])).get(_CURSOR)
        body = self.codec.dump(cursor)
        write = Insert(_CURSOR, body) if stored is None else Replace(_CURSOR, stored.version, body)
        await self.records.write([write])

    def _insert(self, listed: ListedConversation) -> Insert:
        return Insert(_key(listed), self.codec.dump(listed))


def _key(listed: ListedConversation) -> Key:
    return Key(TABLE, encoded(listed.use_case), encoded(listed.conversation))
