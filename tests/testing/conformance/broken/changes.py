"""A broken `Changes` for each check: one line of each is wrong."""

from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from attrs import evolve

from convalias.adapters import memory
from convalias.ports.changes import ChangeStream, PositionLost
from convalias.ports.records import Conflict, Key, Replace, Stored, Written
from convalias.testing.conformance import ChangesUnderTest, MakeChanges, Timed


class Wrapped:
    def __init__(self, stream: ChangeStream) -> None:
        self._stream = stream

    @property
    def position(self) -> str:
        return self._stream.position

    async def take(self, *, limit: int, wait: timedelta) -> Sequence[Stored]:
        return await self._stream.take(limit=limit, wait=wait)

    async def close(self) -> None:
        await self._stream.close()


class WithoutFurtherIds(memory.ChangingRecords):
    async def since(self, position: str, *, table: str) -> ChangeStream:
        class Stream(Wrapped):
            async def take(self, *, limit: int, wait: timedelta) -> Sequence[Stored]:
                return [evolve(one, also=()) for one in await super().take(limit=limit, wait=wait)]

        return Stream(await super().since(position, table=table))


class TellsOfReplaces(memory.ChangingRecords):
    def _replace(self, write: Replace) -> Written | Conflict:
        answer = super()._replace(write)
        self._history.inserts.append(self._rows[write.key].stored())
        return answer


class PositionOfTheEnd(memory.ChangingRecords):
    """As if what was read ahead had been taken."""

    async def since(self, position: str, *, table: str) -> ChangeStream:
        inserts = self._history.inserts

        class Stream(Wrapped):
            @property
            def position(self) -> str:
                return str(len(inserts))

        return Stream(await super().since(position, table=table))


class NoPositionUntilTaken(memory.ChangingRecords):
    async def since(self, position: str, *, table: str) -> ChangeStream:
        class Stream(Wrapped):
            taken = False

            @property
            def position(self) -> str:
                return super().position if self.taken else ""

            async def take(self, *, limit: int, wait: timedelta) -> Sequence[Stored]:
                self.taken = True
                return await super().take(limit=limit, wait=wait)

        return Stream(await super().since(position, table=table))


class AheadWhenQuiet(memory.ChangingRecords):
    """The position of a quiet stream is behind the insert that comes next."""

    async def since(self, position: str, *, table: str) -> ChangeStream:
        class Stream(Wrapped):
            is_quiet = False

            @property
            def position(self) -> str:
                return str(int(super().position) + self.is_quiet)

            async def take(self, *, limit: int, wait: timedelta) -> Sequence[Stored]:
                taken = await super().take(limit=limit, wait=wait)
                self.is_quiet = not taken
                return taken

        return Stream(await super().since(position, table=table))


class OneForAll(memory.ChangingRecords):
    """Streams that share one place."""

    _one: ChangeStream | None = None

    async def since(self, position: str, *, table: str) -> ChangeStream:
        if self._one is None or position:
            self._one = await super().since(position, table=table)
        return self._one


class FromNowOn(memory.ChangingRecords):
    async def since(self, position: str, *, table: str) -> ChangeStream:
        try:
            return await super().since(position, table=table)
        except PositionLost:
            return await super().since("", table=table)


class ScansByTimeAlone(memory.ChangingRecords):
    async def scan(self, lane: str, *, since: datetime, behind: Key | None, limit: int) -> Sequence[Stored]:
        after = since if behind is None else since + timedelta(microseconds=1)
        return await super().scan(lane, since=after, behind=None, limit=limit)


def under_test(make: Callable[[memory.Clock], memory.ChangingRecords]) -> Callable[[], MakeChanges]:
    def maker() -> MakeChanges:
        clock = memory.Clock()
        places = defaultdict(lambda: make(clock))

        @asynccontextmanager
        async def open_at(place: str) -> AsyncIterator[ChangesUnderTest]:
            yield ChangesUnderTest(places[place], places[place])

        return Timed(open_at, clock.advance)

    return maker


MUTANTS: Mapping[str, Callable[[], MakeChanges]] = {
    "inserts come in order as they were inserted": under_test(WithoutFurtherIds),
    "only inserts of the table come": under_test(TellsOfReplaces),
    "a position leads behind what was taken": under_test(PositionOfTheEnd),
    "a stream just opened has a position": under_test(NoPositionUntilTaken),
    "a quiet stream keeps a position that can be used": under_test(AheadWhenQuiet),
    "streams do not take from one another": under_test(OneForAll),
    "a position that leads nowhere is lost": under_test(FromNowOn),
    "a scan goes by time then key from any place": under_test(ScansByTimeAlone),
}
