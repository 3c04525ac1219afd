"""One holder at a time, and nobody writes an old position back."""

from __future__ import annotations

from datetime import timedelta

from convalias.adapters import memory
from convalias.stores.feed.positions import Lease, Positions
from stores.interfering import Interfering

MINUTE = timedelta(minutes=1)


class Desk:
    """Two processes, one of which may be dead."""

    def __init__(self) -> None:
        self.records = Interfering()
        self.clock = memory.Clock()
        self.gone: set[str] = set()
        self.one = self.process("one")
        self.two = self.process("two")

    def process(self, name: str) -> Positions:
        who = memory.Incarnation(name, gone=self.gone)
        return Positions(records=self.records, clock=self.clock, incarnation=who)


async def held(positions: Positions) -> Lease:
    lease = await positions.acquire("feed", lease=MINUTE)
    assert lease is not None
    return lease


async def test_a_position_starts_at_the_beginning_and_is_held_by_one() -> None:
    desk = Desk()
    assert (await desk.one.show("feed")).cursor == ""
    lease = await held(desk.one)
    assert (lease.cursor, lease.position.epoch) == ("", 1)
    assert await desk.two.acquire("feed", lease=MINUTE) is None


async def test_a_position_that_ran_out_is_taken_over_where_it_stands() -> None:
    desk = Desk()
    moved = await desk.one.save(await held(desk.one), "7", extend=MINUTE)
    assert moved is not None
    assert await desk.two.acquire("feed", lease=MINUTE) is None
    await desk.clock.advance(MINUTE)
    lease = await held(desk.two)
    assert (lease.cursor, lease.position.epoch, lease.position.holder) == ("7", 2, "two")


async def test_what_a_dead_process_held_is_free_at_once() -> None:
    desk = Desk()
    await held(desk.one)
    desk.gone.add("one")
    assert (await held(desk.two)).position.epoch == 2


async def test_a_stalled_holder_writes_nothing_back() -> None:
    desk = Desk()
    stalled = await held(desk.one)
    await desk.clock.advance(MINUTE)
    assert await desk.two.save(await held(desk.two), "9", extend=MINUTE) is not None
    assert await desk.one.save(stalled, "3", extend=MINUTE) is None
    await desk.one.release(stalled)
    assert ((await desk.one.show("feed")).cursor, (await desk.one.show("feed")).holder) == ("9", "two")


async def test_what_is_released_is_free_at_once() -> None:
    desk = Desk()
    await desk.one.release(await held(desk.one))
    assert (await held(desk.two)).position.holder == "two"


async def test_of_two_that_reach_for_it_at_once_one_gets_it() -> None:
    desk = Desk()
    desk.records.meanwhile = [lambda: desk.two.acquire("feed", lease=MINUTE)]
    assert await desk.one.acquire("feed", lease=MINUTE) is None
    assert (await desk.one.show("feed")).holder == "two"


async def test_a_lease_whose_last_save_was_not_answered_is_found_again() -> None:
    desk = Desk()
    lease = await held(desk.one)
    assert await desk.one.save(lease, "7", extend=MINUTE) is not None
    found = await desk.one.resume(lease)
    assert found is not None
    assert found.cursor == "7"
    assert await desk.one.save(found, "8", extend=MINUTE) is not None


async def test_a_lease_that_somebody_took_over_is_not_found_again() -> None:
    desk = Desk()
    lease = await held(desk.one)
    await desk.clock.advance(MINUTE)
    await held(desk.two)
    assert await desk.one.resume(lease) is None
    assert await Desk().one.resume(lease) is None
