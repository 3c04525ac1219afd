"""Append to a conversation: check and number on one state of the thread, so that seq is dense."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Final

from attrs import frozen

from convalias.domain.conversations.events import ConversationCreated, ConversationEvent
from convalias.domain.conversations.projection import place
from convalias.domain.conversations.threads import ThreadSnapshot
from convalias.domain.ids import ConversationId
from convalias.ports.ambient import Clock
from convalias.ports.errors import Unavailable
from convalias.ports.event_store import Append, EventStore
from convalias.stores.conversations.access import Addition, Draft
from convalias.stores.conversations.listing import Listing
from convalias.stores.conversations.threads import Threads

TRIES: Final = 100
"""Each lost try means that somebody else's event got in, so this many are lost only in a flood."""
WITHIN: Final = timedelta(seconds=30)


@frozen(kw_only=True)
class Appender:
    """The one way in. There is no lock: a seq that was taken means read again, and decide again.

    The first try is made on the thread as memory has it. The insert right behind it is the check: it succeeds only if
    nothing was appended since. Whatever else is final (a refusal, nothing to add, done already) is decided on a read.
    """

    events: EventStore
    threads: Threads
    clock: Clock
    within: timedelta = WITHIN

    async def append(self, conversation: ConversationId, draft: Draft, *, key: str | None = None) -> Addition | None:
        """Insert at (highest seq) + 1 what `draft` makes of the thread as of that very seq.

        An event under the dedup key that is there already is success, even where a new one would be refused now:
        `key` names it for that case. None when the draft has nothing to add. May be repeated. Raises what the draft
        raises, and `Unavailable`.
        """
        try:
            async with asyncio.timeout(self.within.total_seconds()):
                return await self._append(conversation, draft, key)
        except TimeoutError as late:
            raise Unavailable("conversations", retry_after=self.within) from late

    async def _append(self, conversation: ConversationId, draft: Draft, key: str | None) -> Addition | None:
        added = await self._behind_memory(conversation, draft)
        if added is not None:
            return added
        for _ in range(TRIES):
            behind = await self.threads.snapshot(conversation)
            try:
                new = draft(None if behind is None else behind.thread)
            except Exception:  # whatever a draft refuses with: under its key the work may be done
                standing = await self._standing(conversation, key)
                if standing is None:
                    raise
                return standing
            if new is None:
                return None
            added = await self._insert(place(new, behind, now=self.clock.now()), behind)
            if added is not None:
                return added
            # The store says only that a key was taken, not which: the dedup key comes first, for under it the work
            # is done (perhaps by this very call, whose first answer was lost).
            standing = await self._standing(conversation, new.dedup_key)
            if standing is not None:
                return Addition(standing.event, added=standing.event.id == new.id)
        raise Unavailable("conversations")

    async def _behind_memory(self, conversation: ConversationId, draft: Draft) -> Addition | None:
        """Append behind the thread as memory has it. None: memory has none, was behind, or the draft appends nothing.

        A read decides then. Even an event under the key would prove nothing if memory was behind, perhaps long since:
        the key of a change names the seq that it was decided on.
        """
        drafted = self.drafted(conversation, draft)
        return None if drafted is None else await self._insert(*drafted)

    def drafted(self, conversation: ConversationId, draft: Draft) -> tuple[ConversationEvent, ThreadSnapshot] | None:
        """Place what a draft appends behind the thread as memory has it. None: memory has none, or nothing is appended."""
        behind = self.threads.remembered(conversation)
        if behind is None:
            return None
        try:
            new = draft(behind.thread)
        except Exception:  # noqa: BLE001 - drafted again on a read, which raises it if it is still so
            return None
        return None if new is None else (place(new, behind, now=self.clock.now()), behind)

    async def _insert(self, event: ConversationEvent, behind: ThreadSnapshot | None) -> Addition | None:
        """Insert it right behind that state of the thread. None: its seq or its dedup key was taken."""
        created = event.happening
        if isinstance(created, ConversationCreated):  # first, so that none comes to be that nobody lists
            await Listing(records=self.threads.records).add(created.use_case, event.conversation)
        if await self.events.append(event) is not Append.APPENDED:
            return None
        self.threads.appended(event, behind)
        return Addition(event, added=True)

    async def _standing(self, conversation: ConversationId, key: str | None) -> Addition | None:
        event = None if key is None else await self.events.keyed(conversation, key=key)
        return None if event is None else Addition(event, added=False)
