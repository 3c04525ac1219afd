"""Records in which somebody else acts in between, or is always faster."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from convalias.adapters import memory
from convalias.ports.records import Conflict, Insert, Replace, Write, Written


class Interfering(memory.Records):
    """Before each write the next of `meanwhile` happens; `answers_lost` writes happen, and raise."""

    def __init__(self) -> None:
        super().__init__()
        self.meanwhile: list[Callable[[], Awaitable[object]]] = []

    async def write(self, writes: Sequence[Write]) -> Sequence[Written | Conflict]:
        if self.meanwhile:
            await self.meanwhile.pop(0)()
        return await super().write(writes)


class Stubborn(memory.Records):
    """Writes of that kind to that table never succeed: somebody else is always faster."""

    def __init__(self, kind: type[Insert | Replace], table: str) -> None:
        super().__init__()
        self._kind = kind
        self._table = table

    async def write(self, writes: Sequence[Write]) -> Sequence[Written | Conflict]:
        if isinstance(writes[0], self._kind) and writes[0].key.table == self._table:
            return [Conflict()]
        return await super().write(writes)


async def nothing() -> None:
    """Nobody acts this time."""
