"""A broken `EventLog` for each check."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

from attrs import evolve, frozen

from convalias.adapters import memory
from convalias.domain.ids import TraceId
from convalias.ports.event_log import EventLog, EventRecord, Subscription
from convalias.testing.conformance import MakeEventLog, Timed
from testing.conformance.broken.places import private, shared


@frozen
class Reader:
    """A subscription as it should be; the broken ones differ in one method."""

    log: memory.EventLog
    group: str
    port: Subscription

    async def take(self, *, limit: int, wait: timedelta) -> Sequence[EventRecord]:
        return await self.port.take(limit=limit, wait=wait)

    async def commit(self) -> None:
        await self.port.commit()

    async def close(self) -> None:
        await self.port.close()

    def skip_to_the_end(self) -> None:
        self.log._groups[self.group].position = self.log._kept.end


class DropsTraces(memory.EventLog):
    async def publish(self, records: Sequence[EventRecord]) -> None:
        await super().publish([evolve(record, trace=TraceId("")) for record in records])


class Reverses(Reader):
    async def take(self, *, limit: int, wait: timedelta) -> Sequence[EventRecord]:
        return [*reversed(await super().take(limit=limit, wait=wait))]


class StartsAtTheEnd(memory.EventLog):
    def records(self, group: str) -> Subscription:
        is_new = group not in self._groups
        port = super().records(group)
        if is_new:
            self._groups[group].position = self._kept.end
        return port


class Repeats(Reader):
    async def take(self, *, limit: int, wait: timedelta) -> Sequence[EventRecord]:
        await super().close()
        return await super().take(limit=limit, wait=wait)


class IgnoresTheLimit(Reader):
    async def take(self, *, limit: int, wait: timedelta) -> Sequence[EventRecord]:
        return await super().take(limit=limit + 1, wait=wait)


class CommitsNothing(Reader):
    async def commit(self) -> None:
        """Nothing."""


class CommitsByItself(Reader):
    async def take(self, *, limit: int, wait: timedelta) -> Sequence[EventRecord]:
        records = await super().take(limit=limit, wait=wait)
        await super().commit()
        return records


class CommitsTheFuture(Reader):
    async def commit(self) -> None:
        await super().commit()
        self.skip_to_the_end()


class SkipsWhenLeaving(Reader):
    async def close(self) -> None:
        await super().close()
        self.skip_to_the_end()


class NeverWaits(Reader):
    async def take(self, *, limit: int, wait: timedelta) -> Sequence[EventRecord]:
        return await super().take(limit=limit, wait=timedelta(0))


def _log(broken: Callable[[memory.Clock], EventLog]) -> Callable[[], MakeEventLog]:
    def make() -> MakeEventLog:
        clock = memory.Clock()
        return Timed(shared(lambda: broken(clock)), clock.advance)

    return make


def _reader(broken: type[Reader]) -> Callable[[], MakeEventLog]:
    class Log(memory.EventLog):
        def records(self, group: str) -> Subscription:
            return broken(self, group, super().records(group))

    return _log(Log)


def _private() -> MakeEventLog:
    clock = memory.Clock()
    return Timed(private(lambda: memory.EventLog(clock)), clock.advance)


MUTANTS: Mapping[str, Callable[[], MakeEventLog]] = {
    "what is published is read as it was": _log(DropsTraces),
    "a conversation is read in the order published": _reader(Reverses),
    "a new group starts at the beginning": _log(StartsAtTheEnd),
    "a reader does not repeat itself": _reader(Repeats),
    "a take gives at most its limit": _reader(IgnoresTheLimit),
    "what was committed does not come again": _reader(CommitsNothing),
    "what was not committed comes again": _reader(CommitsByItself),
    "a commit covers what was taken and no more": _reader(CommitsTheFuture),
    "two readers of a group keep order and leave nothing out": _reader(SkipsWhenLeaving),
    "a take waits for an event": _reader(NeverWaits),
    "what was answered is there after everybody left": _private,
}
