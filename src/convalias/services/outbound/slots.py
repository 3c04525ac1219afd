"""The sending slots of a process: after its death no more decisions than these may have been sent or not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final
from weakref import WeakKeyDictionary

from attrs import define, field

SLOTS: Final = 8
WAITED: Final = timedelta(seconds=1)
"""So long a new decision waits for a slot: what is not sent at once is read once more, which costs most when all is busy."""


@define(eq=False)
class _Share:
    """The slots that one conversation may have; there while somebody has one of them, or waits for it."""

    gate: asyncio.Semaphore
    users: int = 0
    none_came_free: bool = False
    """Whether somebody waited in vain. No new decision of the conversation waits then until it is found free."""


@define(eq=False)
class _OfLoop:
    """The slots of one event loop."""

    gate: asyncio.Semaphore
    shares: dict[str, _Share] = field(factory=dict[str, _Share])


class SendingSlots:
    """Counts what is being sent, by whomever in this process, and holds what was begun beside its caller.

    One conversation has at most half of them: a channel that hangs over it leaves the other half to all others.
    """

    def __init__(self, count: int = SLOTS, *, waited: timedelta = WAITED) -> None:
        """All are free; `waited`: so long one is waited for."""
        self._count = count
        self._waited = waited
        self._loops: WeakKeyDictionary[asyncio.AbstractEventLoop, _OfLoop] = WeakKeyDictionary()
        self._begun: set[asyncio.Task[bool]] = set()
        self._ended = 0
        self._failed: list[BaseException] = []
        self._none_came_free = False

    @property
    def _here(self) -> _OfLoop:
        """The slots of the running loop."""
        loop = asyncio.get_running_loop()
        if (found := self._loops.get(loop)) is None:
            found = self._loops[loop] = _OfLoop(asyncio.Semaphore(self._count))
        return found

    def is_full(self, conversation: str) -> bool:
        """Whether the conversation has as many as it may have."""
        share = self._here.shares.get(conversation)
        return share is not None and share.gate.locked()

    @asynccontextmanager
    async def slot(self, conversation: str) -> AsyncGenerator[None]:
        """Wait for a slot, and have it."""
        here = self._here
        share = self._shared(here, conversation)
        try:
            async with share.gate, here.gate:
                yield
        finally:
            self._left(here, conversation, share)

    async def take_free(self, conversation: str) -> bool:
        """Take a slot, if need be after a wait; whether it was taken, and is to be given back.

        After a wait in vain nobody waits until one is found free.
        """
        here = self._here
        share = self._shared(here, conversation)
        is_taken = False
        try:
            is_taken = await self._taken(here, share)
        finally:
            if not is_taken:
                self._left(here, conversation, share)
        return is_taken

    async def _taken(self, here: _OfLoop, share: _Share) -> bool:
        if not share.gate.locked():
            share.none_came_free = False
        if not here.gate.locked():
            self._none_came_free = False
        if share.none_came_free or self._none_came_free:
            return False
        has_share = False
        try:
            async with asyncio.timeout(self._waited.total_seconds()):
                has_share = await share.gate.acquire()
                return await here.gate.acquire()
        except BaseException as error:
            if has_share:
                share.gate.release()
            if not isinstance(error, TimeoutError):
                raise
            share.none_came_free, self._none_came_free = not has_share, has_share
            return False

    def giving_back(self, conversation: str) -> Callable[[], None]:
        """Return what gives a slot back that `take_free` took: to this loop, whichever runs then.

        Work that a closed loop left is ended when it is collected, perhaps while another loop runs.
        """
        here = self._here
        share = here.shares[conversation]

        def give_back() -> None:
            here.gate.release()
            share.gate.release()
            self._left(here, conversation, share)

        return give_back

    def _shared(self, here: _OfLoop, conversation: str) -> _Share:
        share = here.shares.get(conversation)
        if share is None:
            share = here.shares[conversation] = _Share(asyncio.Semaphore(max(1, self._count // 2)))
        share.users += 1
        return share

    def _left(self, here: _OfLoop, conversation: str, share: _Share) -> None:
        share.users -= 1
        if not share.users:
            del here.shares[conversation]

    def begin(self, work: Coroutine[None, None, bool]) -> None:
        """Do this beside the caller, who has taken a slot for it."""
        self.go_on(asyncio.create_task(work))

    def go_on(self, task: asyncio.Task[bool]) -> None:
        """Let this end beside the caller, who waits for it no longer."""
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
