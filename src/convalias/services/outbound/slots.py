"""The sending slots of a process: after its death no more decisions than these may have been sent or not."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import timedelta
from typing import Final
from weakref import WeakKeyDictionary

SLOTS: Final = 8
WAITED: Final = timedelta(seconds=1)
"""So long a new decision waits for a slot: what is not sent at once is read once more, which costs most when all is busy."""


class SendingSlots:
    """Counts what is being sent, by whomever in this process, and holds what was begun beside its caller."""

    def __init__(self, count: int = SLOTS, *, waited: timedelta = WAITED) -> None:
        """All are free; `waited`: so long one is waited for."""
        self._count = count
        self._waited = waited
        self._gates: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()
        self._begun: set[asyncio.Task[bool]] = set()
        self._ended = 0
        self._failed: list[BaseException] = []
        self._none_came_free = False

    @property
    def gate(self) -> asyncio.Semaphore:
        """The slots of the running loop."""
        return self._gates.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(self._count))

    async def take_free(self) -> bool:
        """Take a slot, if need be after a wait; whether it was taken. After a wait in vain nobody waits until one is found free."""
        gate = self.gate
        if not gate.locked():
            self._none_came_free = False
        elif self._none_came_free:
            return False
        try:
            async with asyncio.timeout(self._waited.total_seconds()):
                return await gate.acquire()
        except TimeoutError:
            self._none_came_free = True
            return False

    def begin(self, work: Coroutine[None, None, bool]) -> None:
        """Do this beside the caller, who has taken a slot for it."""
        task = asyncio.create_task(work)
        self._begun.add(task)
        task.add_done_callback(self._over)

    def _over(self, task: asyncio.Task[bool]) -> None:
        self._begun.discard(task)
        self._ended += 1
        failed = None if task.cancelled() else task.exception()
        if failed is not None:
            self._failed.append(failed)

    def ended(self) -> tuple[int, list[BaseException]]:
        """Return how many have ended since the last call, and what they raised."""
        found = self._ended, self._failed
        self._ended, self._failed = 0, []
        return found

    async def wait(self) -> bool:
        """Wait for what was begun; whether there was anything."""
        begun = set(self._begun)
        if begun:
            await asyncio.wait(begun)
        return bool(begun)

    async def finish(self, within: timedelta) -> None:
        """Wait so long for what was begun; then call it off, so that it is released."""
        begun = set(self._begun)
        if not begun:
            return
        try:
            await asyncio.wait(begun, timeout=within.total_seconds())
        finally:
            for task in begun:
                task.cancel()
            await asyncio.gather(*begun, return_exceptions=True)
