"""Nothing that was not decided is ever committed, whatever fails in between."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest
from tests.services.outbound_world import World

from convalias.adapters.memory import before
from convalias.ports.errors import Unavailable
from convalias.ports.event_log import EventRecord
from convalias.services.feed.change_feed import record
from convalias.services.outbound.notifier import OutboundWorker


class Log:
    """Commits all that one subscription has taken, and no less; what was not committed comes to the next one."""

    def __init__(self, records: Sequence[EventRecord]) -> None:
        self.records_ = list(records)
        self.committed = 0
        self.open = self.most = 0
        self.closing: Callable[[], object] = lambda: None
        self.commits: list[Exception] = []
        self.caught_up = 0

    async def publish(self, records: Sequence[EventRecord]) -> None:
        self.records_.extend(records)

    def records(self, group: str) -> Taking:
        assert group == "outbound"
        self.open += 1
        self.most = max(self.most, self.open)
        return Taking(self)


class Taking:
    def __init__(self, log: Log) -> None:
        self.log = log
        self.taken = log.committed

    async def take(self, *, limit: int, wait: timedelta) -> Sequence[EventRecord]:
        del wait
        found = self.log.records_[self.taken : self.taken + limit]
        self.taken += len(found)
        return found

    async def commit(self) -> None:
        if self.log.commits:
            raise self.log.commits.pop()
        self.log.committed = self.taken

    async def close(self) -> None:
        self.log.open -= 1
        self.log.closing()

    async def catch_up(self) -> None:
        self.log.caught_up += 1


class Failing:
    """Decides, but for what fails; remembers what it decided."""

    def __init__(self, *failures: BaseException) -> None:
        self.failures = list(failures)
        self.decided: list[str] = []
        self.at_once = self.most = 0

    async def decide(self, records: Sequence[EventRecord]) -> None:
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        try:
            await asyncio.sleep(0)
            if self.failures:
                raise self.failures.pop()
            self.decided.extend(one.event for one in records)
        finally:
            self.at_once -= 1

    async def take_up_undecided(self) -> int:
        return 0

    async def sent(self) -> bool:
        return False

    async def finish(self, *, within: timedelta) -> None:
        del within

    async def deliver_due(self, *, limit: int) -> int:
        del limit
        return 0


def worked(
    notifier: Any,
    log: Log,
    **bounds: Any,
) -> OutboundWorker:
    return OutboundWorker(log=log, notifier=notifier, batch=2, **bounds)


async def published(number: int) -> list[EventRecord]:
    world = World()
    await world.begin()
    return [record(await world.said()) for _ in range(number)]


@pytest.mark.parametrize(
    "failure", [Unavailable("records"), ZeroDivisionError(), asyncio.CancelledError()], ids=["outage", "bug", "cancel"]
)
async def test_what_was_not_decided_comes_again_before_anything_behind_it_is_committed(failure: BaseException) -> None:
    said = await published(5)
    log, notifier = Log(said), Failing(failure)
    worker = worked(notifier, log)
    with pytest.raises(type(failure)):
        await worker.step()
    assert (log.committed, log.open) == (0, 0)
    assert await worker.drain() == 5
    assert notifier.decided == [one.event for one in said]
    assert (log.committed, log.most, log.open) == (5, 1, 0)


async def test_a_commit_that_fails_brings_what_is_decided_again_and_harms_nobody() -> None:
    world = World()
    await world.begin()
    said = [await world.said() for _ in range(3)]
    log = Log([record(one) for one in said])
    log.commits = [Unavailable("event log")]
    worker = worked(world.worker(), log)
    with pytest.raises(Unavailable):
        await worker.decide()
    while await worker.decide():
        pass
    assert [await world.states(one) for one in said] == [["planned", "planned"]] * 3
    assert log.committed == 3


async def test_one_batch_is_decided_at_a_time() -> None:
    """Two tasks with one subscription: the commit of one would commit what the other has not decided."""
    log, notifier = Log(await published(6)), Failing()
    worker = worked(notifier, log)
    assert sum(await asyncio.gather(*(worker.decide() for _ in range(4)))) == 6
    assert (notifier.most, log.most) == (1, 1)
    await worker.close()
    await worker.close()
    assert log.open == 0


@pytest.mark.parametrize("hangs", [False, True])
async def test_a_subscription_that_cannot_be_closed_hides_no_failure_and_holds_nobody_up(*, hangs: bool) -> None:
    log, notifier = Log(await published(1)), Failing(ZeroDivisionError())

    def closing() -> None:
        raise OSError("the broker is gone")

    class Hanging(Taking):
        async def close(self) -> None:
            await asyncio.get_running_loop().create_future()

    class HangingLog(Log):
        def records(self, group: str) -> Taking:
            del group
            return Hanging(self)

    log.closing = closing
    taken = HangingLog(log.records_) if hangs else log
    worker = worked(notifier, taken, close_within=timedelta(0))
    with pytest.raises(ZeroDivisionError):
        await worker.decide()
    assert await worker.decide() == 1


async def test_who_reads_ahead_is_waited_for() -> None:
    log = Log(await published(1))
    worker = worked(Failing(), log)
    assert not await worker.catch_up()
    await worker.decide()
    assert await worker.catch_up()
    assert log.caught_up == 1


async def test_the_notifier_may_be_replaced_between_two_steps() -> None:
    log, first, second = Log(await published(3)), Failing(), Failing()
    worker = worked(first, log)
    await worker.decide()
    worker.notifier = second  # type: ignore[assignment] # as much of one as the worker needs
    await worker.decide()
    assert (len(first.decided), len(second.decided), log.most) == (2, 1, 1)


async def test_over_the_whole_outbound_side_no_message_is_passed_over() -> None:
    world = World()
    await world.begin()
    said = [await world.said() for _ in range(4)]
    worker = OutboundWorker(log=world.log, notifier=world.worker(), batch=2)
    await world.log.publish([record(one) for one in said])
    world.faults.fail("records.write", before("records"), times=1)
    with pytest.raises(Unavailable):
        await worker.step()
    await worker.drain()
    assert [await world.states(one) for one in said] == [["sent", "sent"]] * 4
