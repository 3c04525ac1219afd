"""Commands of people and operators to a process: tried again until done, refused, or given up."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from convalias.app import Convalias
from convalias.domain.errors import DomainError
from convalias.ports.errors import PortError
from convalias.services.conversations.errors import ServiceError
from convalias.testing.simulator.draws import Stream
from convalias.testing.simulator.world import ConnectionLost, World

T = TypeVar("T")
CLIENT_TRIES: Final = 12


class GivenUp(Exception):
    """The client stopped asking, so nobody knows whether the command was done."""


async def asked(
    world: World, draws: Stream, work: Callable[[Convalias], Awaitable[T]], *, kind: str = "web", within: float = 60.0
) -> T:
    """The answer. Raises `ServiceError` or `DomainError` when it was refused, `GivenUp` when there never was one."""
    for _ in range(CLIENT_TRIES):
        try:
            return await world.ask(kind, draws.below(8), work, within=within)
        except (ConnectionLost, PortError, TimeoutError):
            await asyncio.sleep(draws.between(1.0, 60.0))
    raise GivenUp


async def commanded(
    world: World, draws: Stream, work: Callable[[Convalias], Awaitable[T]], *, kind: str = "web", within: float = 60.0
) -> T | None:
    """The same for whom a refusal is an answer like any other: None."""
    try:
        return await asked(world, draws, work, kind=kind, within=within)
    except (GivenUp, ServiceError, DomainError, ExceptionGroup):
        return None
