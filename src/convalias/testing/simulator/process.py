"""A pretended process: one incarnation, which a crash fences for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextvars import ContextVar
from typing import Any, Final, NoReturn

from convalias.testing.simulator.draws import Draws, Stream
from convalias.testing.simulator.loop import pause


class Polls:
    """Places that a loop has looked at since it last rested: its rest ends when one may answer otherwise."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.on: set[str] = set()


POLLS: Final[ContextVar[Polls | None]] = ContextVar("polls", default=None)
"""Of the loop that runs in this context."""


class Process:
    """A run of a process. From its crash on, none of its port calls has an effect, and none returns.

    Cancelling its tasks would run their `finally`, which kill -9 never does; so they are left where they wait, and
    cleared away when the simulation is over.
    """

    def __init__(self, role: str, number: int, draws: Draws) -> None:
        """The `number`-th run of that role."""
        self.role = role
        self.name = f"{role}#{number}"
        self.alive = True
        self.over = False
        self.skew = 0.0
        """Seconds by which its wall clock is wrong."""
        self.stopped_until = 0.0
        """Virtual second until which it stands still (SIGSTOP): it calls nobody, and hears no answer."""
        self.entropy: Stream = draws.stream(f"entropy {self.name}")
        self.ids = 0
        self.epoch = 0
        """How often the store had been put back when it began: connections of before are cut."""
        self._calls: dict[str, int] = {}
        self.died: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when it crashes: whoever waits for an answer of it sees the connection break."""
        self._never: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._tasks: set[asyncio.Task[Any]] = set()

    def start(self, work: Coroutine[Any, Any, object]) -> asyncio.Task[Any]:
        """Work of this process. Held, so that nobody collects a task that waits for ever."""
        task = asyncio.get_running_loop().create_task(work, name=self.name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def numbered(self, call: str) -> str:
        """The identity of one port call: who, what, about what, for the how-manieth time."""
        count = self._calls[call] = self._calls.get(call, 0) + 1
        return f"{self.name}\0{call}\0{count}"

    async def goes_on(self) -> None:
        """Return when it runs: never if it is dead, and not as long as it is stopped."""
        loop = asyncio.get_running_loop()
        while self.alive and loop.time() < self.stopped_until:
            await pause(loop, self.stopped_until - loop.time())
        if not self.alive:
            await self.never()

    def crash(self) -> None:
        """Dead from now on."""
        self.alive = False
        if not self.died.done():
            self.died.set_result(None)

    async def never(self) -> NoReturn:
        """Wait for ever, as a call of a dead process does."""
        if self.over:
            raise asyncio.CancelledError
        await asyncio.shield(self._never)
        raise asyncio.CancelledError

    async def clear_away(self) -> None:
        """The simulation is over: end what still waits."""
        self.alive, self.over = False, True
        while self._tasks:
            tasks = list(self._tasks)
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
        self._never.cancel()
        self.died.cancel()
