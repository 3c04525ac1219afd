"""Read one group of the event log: a batch is committed when its work is done, and comes again otherwise."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Final

from convalias.ports.event_log import EventLog, EventRecord, ReadsAhead, Subscription

CLOSE_WITHIN: Final = timedelta(seconds=10)
"""How long a subscription may take to leave its group."""
BATCH: Final = 100


class GroupReader:
    """The place of one group in the log. Any number of tasks may call it: one batch is worked on at a time.

    What is not done is never committed: after any failure the subscription is closed, and the next step joins anew and
    reads the same records again. (A log commits all that was taken; going on with one subscription, the next batch
    would commit the failed one too.)
    """

    def __init__(
        self, log: EventLog, group: str, *, batch: int = BATCH, close_within: timedelta = CLOSE_WITHIN
    ) -> None:
        """Nothing is joined before the first step."""
        self._log = log
        self._group = group
        self._batch = batch
        self._close_within = close_within
        self._subscription: Subscription | None = None
        self._turn = asyncio.Lock()

    async def step(
        self, work: Callable[[Sequence[EventRecord]], Awaitable[None]], *, wait: timedelta = timedelta(0)
    ) -> int:
        """Do the work of one batch and commit it; return how many records it had. Raises `Unavailable`, and what `work` raises."""
        async with self._turn:
            subscription = self._subscription = self._subscription or self._log.records(self._group)
            try:
                records = await subscription.take(limit=self._batch, wait=wait)
                if records:
                    await work(records)
                    await subscription.commit()
            except BaseException:
                await self._leave()
                raise
            return len(records)

    async def catch_up(self) -> bool:
        """Wait for a subscription that reads ahead; whether there was anything to wait for. Raises `Unavailable`."""
        subscription = self._subscription
        if not isinstance(subscription, ReadsAhead):
            return False
        await subscription.catch_up()
        return True

    async def close(self) -> None:
        """Leave the group. What was taken and not done comes again to somebody; the next step joins anew."""
        async with self._turn:
            await self._leave()

    async def _leave(self) -> None:
        """In bounded time, and without a word: a consumer that cannot take its leave is missed by its group."""
        subscription, self._subscription = self._subscription, None
        if subscription is not None:
            with suppress(Exception):
                async with asyncio.timeout(self._close_within.total_seconds()):
                    await subscription.close()
