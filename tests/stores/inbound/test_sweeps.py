"""A mail is queued again by one, at most once in a while."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from convalias.adapters import memory
from convalias.domain.inbound.posts import RecordKey
from convalias.stores.inbound.sweeps import Sweeps

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
RECORD = RecordKey("envelopes/2026/03/01/ab.json")
EVERY = timedelta(hours=6)


async def test_one_takes_it_and_not_again_for_a_while() -> None:
    sweeps = Sweeps(records=memory.Records())
    assert await sweeps.take(RECORD, now=NOON, every=EVERY)
    assert not await sweeps.take(RECORD, now=NOON + EVERY - timedelta(seconds=1), every=EVERY)
    assert await sweeps.take(RECORD, now=NOON + EVERY, every=EVERY)
    assert not await sweeps.take(RECORD, now=NOON + EVERY, every=EVERY)


class Slow(memory.Records):
    """Everybody reads before anybody writes."""

    async def get(self, keys: object) -> dict[object, object]:
        await asyncio.sleep(0)
        return {}


async def test_of_several_at_once_one_takes_it() -> None:
    sweeps = Sweeps(records=Slow())
    taken = await asyncio.gather(*(sweeps.take(RECORD, now=NOON, every=EVERY) for _ in range(5)))
    assert sum(taken) == 1


async def test_a_day_is_through_when_it_was_said_so() -> None:
    sweeps = Sweeps(records=memory.Records())
    assert not await sweeps.is_through("2026/03/01")
    for _ in range(2):
        await sweeps.through("2026/03/01", now=NOON)
    assert await sweeps.is_through("2026/03/01")
    assert not await sweeps.is_through("2026/03/02")


async def test_what_was_done_once_and_for_all_is_known() -> None:
    sweeps = Sweeps(records=memory.Records())
    assert not await sweeps.is_done("one")
    for _ in range(2):
        await sweeps.done("one", now=NOON)
    assert await sweeps.is_done("one")
    assert not await sweeps.is_done("other")
