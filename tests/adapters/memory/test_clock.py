import asyncio
from datetime import UTC, datetime, timedelta

from convalias.adapters.memory import Clock

SECOND = timedelta(seconds=1)


async def test_sleepers_wake_in_the_order_of_their_deadlines_each_at_its_time() -> None:
    clock = Clock(datetime(2026, 3, 1, tzinfo=UTC))
    woken: list[tuple[str, datetime]] = []

    async def sleeper(name: str, seconds: int) -> None:
        await clock.sleep(seconds * SECOND)
        woken.append((name, clock.now()))
        await clock.sleep(SECOND)
        woken.append((name, clock.now()))

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(sleeper("late", 3))
        tasks.create_task(sleeper("early", 1))
        await clock.advance(10 * SECOND)
    start = datetime(2026, 3, 1, tzinfo=UTC)
    assert woken == [(name, start + n * SECOND) for name, n in (("early", 1), ("early", 2), ("late", 3), ("late", 4))]
    assert clock.now() == start + 10 * SECOND


def test_a_step_of_the_wall_clock_wakes_nobody() -> None:
    clock = Clock()

    async def run() -> bool:
        sleeping = asyncio.create_task(clock.sleep(SECOND))
        await asyncio.sleep(0)
        before = clock.now()
        clock.step(-10 * SECOND)
        assert clock.now() == before - 10 * SECOND
        await clock.advance(SECOND / 2)
        still = not sleeping.done()
        await clock.advance(SECOND / 2)
        return still and sleeping.done()

    assert asyncio.run(run())


async def test_a_cancelled_sleeper_is_passed_over() -> None:
    clock = Clock()

    sleeping = asyncio.create_task(clock.sleep(SECOND))
    await asyncio.sleep(0)
    sleeping.cancel()
    await clock.advance(2 * SECOND)


def test_ids_are_unique_sort_by_time_and_follow_from_the_run() -> None:
    async def ids(clock: Clock) -> list[str]:
        found = [clock.new_id(), clock.new_id()]
        await clock.advance(SECOND)
        return [*found, clock.new_id()]

    first, second = asyncio.run(ids(Clock())), asyncio.run(ids(Clock()))
    assert first == second == sorted(set(first))
    assert all(len(one) == 26 and one.isalnum() and one == one.lower() for one in first)


def test_entropy_follows_from_the_seed() -> None:
    assert Clock(seed=1).entropy(8) == Clock(seed=1).entropy(8) != Clock(seed=2).entropy(8)
