"""The sending slots of a process: after its death no more decisions than these may have been sent or not."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import timedelta
from typing import Final
from weakref import WeakKeyDictionary

SLOTS: Final = 8


class SendingSlots:
    """Counts what is being sent, by whomever in this process, and holds what was begun beside its caller."""

    def __init__(self, count: int = SLOTS) -> None:
        """All are free."""
        self._count = count
        self._gates: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()
        self._begun: set[asyncio.Task[bool]] = set()
        self._ended = 0
        self._failed: list[BaseException] = []

    @property
    def gate(self) -> asyncio.Semaphore:
        """The slots of the running loop."""
        return self._gates.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(self._count))

    async def take_free(self) -> bool:
        """Take a slot unless that would have to be waited for; whether it was taken."""
        gate = self.gate
        return not gate.locked() and await gate.acquire()

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
