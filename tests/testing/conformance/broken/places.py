"""Where broken adapters stand: makers of one shared store, and of one that every process has for itself."""

from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TypeVar

P = TypeVar("P")


def shared(make: Callable[[], P]) -> Callable[[str], AbstractAsyncContextManager[P]]:
    places: defaultdict[str, P] = defaultdict(make)

    @asynccontextmanager
    async def open_at(place: str) -> AsyncIterator[P]:
        yield places[place]

    return open_at


def private(make: Callable[[], P]) -> Callable[[str], AbstractAsyncContextManager[P]]:
    """Nothing is shared, nothing is durable."""

    @asynccontextmanager
    async def open_at(place: str) -> AsyncIterator[P]:
        yield make()

    return open_at
