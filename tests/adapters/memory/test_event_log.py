"""The event log in memory is bounded like the others: what all have read can be removed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from convalias.adapters import memory
from convalias.domain.ids import ConversationId, EventId, Seq, TraceId
from convalias.ports.event_log import EventRecord, Lag, Subscription

NO_WAIT = timedelta(0)


def event(seq: int) -> EventRecord:
    return EventRecord(ConversationId("c"), EventId(f"e{seq}"), Seq(seq), "message_added", TraceId("t"))


async def take(reader: Subscription, limit: int = 10) -> list[int]:
    return [one.seq for one in await reader.take(limit=limit, wait=NO_WAIT)]


async def logged(*, keep: int, published: int = 6) -> memory.EventLog:
    log = memory.EventLog(memory.Clock(), keep=keep)
    await log.publish([event(seq) for seq in range(published)])
    return log


async def test_only_what_every_group_has_committed_is_removed() -> None:
    log = await logged(keep=1)
    assert await log.trim() == 0
    slow, fast = log.records("slow"), log.records("fast")
    assert await take(fast) == [0, 1, 2, 3, 4, 5]
    await fast.commit()
    assert await log.trim() == 0
    assert await take(slow, 2) == [0, 1]
    assert await log.trim() == 0
    await slow.commit()
    assert [await log.trim(), await log.trim()] == [2, 0]
    assert await take(slow) == [2, 3, 4, 5]


async def test_the_newest_stay_for_a_group_that_comes_later() -> None:
    log = await logged(keep=2)
    reader = log.records("g")
    await take(reader)
    await reader.commit()
    assert await log.trim() == 4
    assert await log.lag("late") == Lag(2, event(4))
    assert await take(log.records("late")) == [4, 5]


async def test_positions_go_on_behind_what_was_removed() -> None:
    log = await logged(keep=1)
    reader = log.records("g")
    await take(reader)
    await reader.commit()
    await log.trim()
    assert await log.lag("g") == Lag(0, None)
    await log.publish([event(6), event(7)])
    assert await log.lag("g") == Lag(2, event(6))
    assert await take(reader, 1) == [6]
    await reader.commit()
    assert await log.lag("g") == Lag(1, event(7))


@pytest.mark.parametrize("published", [50, 5_000])
async def test_what_stays_does_not_grow_with_what_was_published(published: int) -> None:
    log = await logged(keep=10, published=published)
    reader = log.records("g")
    while await take(reader, 1_000):
        await reader.commit()
    assert await log.trim() == published - 10
    assert await log.lag("late") == Lag(10, event(published - 10))
