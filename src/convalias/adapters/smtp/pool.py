"""Connections that are used again: at most so many, none that is old."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeAlias

from convalias.adapters.smtp.connection import Connection, Progress
from convalias.adapters.smtp.place import Limits
from convalias.adapters.smtp.replies import Step
from convalias.ports.errors import Deferred, EngineAway, Rejected

Connect: TypeAlias = Callable[[], Awaitable[Connection]]


class Pool:
    """Serves one event loop."""

    def __init__(self, connect: Connect, limits: Limits) -> None:
        """Nothing is connected."""
        self._connect = connect
        self._limits = limits
        self._free = asyncio.Semaphore(limits.connections)
        self._idle: list[tuple[float, Connection]] = []
        self._failed: EngineAway | None = None
        self._not_before = 0.0

    @asynccontextmanager
    async def connection(self, at: Progress) -> AsyncGenerator[Connection]:
        """A connection for one mail. It is kept for the next one unless it failed; a refusal is no failure."""
        at.step = Step.WAITING
        async with self._free:
            at.step = Step.CONNECTING
            connection = self._reused() or await self._fresh()
            try:
                yield connection
            except (Deferred, Rejected):
                self._keep(connection, at)
                raise
            except BaseException:
                connection.abort()
                raise
            self._keep(connection, at)

    async def close(self) -> None:
        """Say goodbye on every idle connection."""
        idle, self._idle = self._idle, []
        await asyncio.gather(*(connection.close() for _, connection in idle))

    def _reused(self) -> Connection | None:
        oldest = _now() - self._limits.idle
        while self._idle:
            since, connection = self._idle.pop()
            if since > oldest and connection.is_open:
                connection.is_reused = True
                return connection
            connection.abort()
        return None

    async def _fresh(self) -> Connection:
        if self._failed is not None and _now() < self._not_before:
            raise EngineAway(self._failed.what, because=self._failed.because)
        try:
            connection = await self._connect()
        except EngineAway as away:
            self._failed, self._not_before = away, _now() + self._limits.pause
            raise
        self._failed = None
        return connection

    def _keep(self, connection: Connection, at: Progress) -> None:
        # Refused in the middle of the mail: the server still reads it, and would take the next command for text.
        if at.step is Step.BODY or not connection.is_open:
            connection.abort()
        else:
            self._idle.append((_now(), connection))


def _now() -> float:
    return asyncio.get_running_loop().time()
