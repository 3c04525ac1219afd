"""Writes in order of a simulated process: whatever becomes of the call, a prefix stands, and the rest may come late."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

import pytest
from attrs import evolve

from convalias.adapters import memory
from convalias.ports.errors import Unavailable
from convalias.ports.records import Conflict, Due, Insert, Key, Replace, Written
from convalias.testing.simulator.draws import Draws
from convalias.testing.simulator.gate import Gate
from convalias.testing.simulator.ports import EPOCH, Records, Rings, lane
from convalias.testing.simulator.process import Process
from convalias.testing.simulator.weather import Fault
from testing.simulator.test_gate import Surroundings, run

NAMES: Final = ("1", "2", "3")
PREFIXES: Final = {"", "1", "12"}
"""What a call that ends in its middle may have done; all of it is `Fault.AFTER`."""


def at(id_: str) -> Key:
    return Key("notes", "c1", id_)


class Store:
    """Records that one process writes in a world with one kind of fault."""

    def __init__(self, process: Process, *faults: Fault) -> None:
        self.world, self.process, self.engine = Surroundings(*faults), process, memory.Records()
        self.rung: list[str] = []
        self.first_is_written = asyncio.Event()
        self.records = Records(Gate(self.world, process), self.engine, Rings(self._ring, _never))

    def _ring(self, lane: str) -> None:
        self.rung.append(lane)
        self.first_is_written.set()

    async def write(self) -> Sequence[Written | Conflict]:
        first, *rest = [Insert(at(name), {}) for name in NAMES]
        return await self.records.write_in_order([evolve(first, due=Due("feed", EPOCH)), *rest])

    async def there(self) -> str:
        return "".join(one.key.id for one in await self.engine.range("notes", "c1", after="", limit=9))


async def in_its_middle(process: Process) -> tuple[Store, asyncio.Task[Sequence[Written | Conflict]]]:
    """A call that has written the first, of those that let others in."""
    for _ in range(60):
        store = Store(process)
        call = asyncio.create_task(store.write())
        await store.first_is_written.wait()
        if await store.there() == "1":
            return store, call
        await call
    raise AssertionError("no call of sixty let others in")


async def _never(process: Process, on: object) -> None:
    raise AssertionError(f"{process} rests on {on}")


def test_writes_in_order_stop_at_a_conflict_and_ring_for_what_is_due() -> None:
    async def story(process: Process) -> None:
        store = Store(process)
        await store.engine.write([Insert(at("3"), {})])
        writes = [Insert(at("1"), {}, due=Due("feed", EPOCH)), *(Insert(at(name), {}) for name in "234")]
        answers = await store.records.write_in_order(writes)
        assert [type(one) for one in answers] == [Written, Written, Conflict]
        assert (await store.there(), store.rung) == ("123", [lane("feed")])

    run(story)


def test_a_call_that_fails_in_its_middle_has_done_each_prefix_in_some_run() -> None:
    async def story(process: Process) -> None:
        found = set[str]()
        for _ in range(60):
            store = Store(process, Fault.PARTIAL)
            with pytest.raises(Unavailable):
                await store.write()
            found.add(await store.there())
        assert found == PREFIXES

    run(story)


def test_a_process_that_dies_in_its_middle_leaves_each_prefix_in_some_run() -> None:
    async def story(process: Process) -> None:
        del process
        found = set[str]()
        for number in range(60):
            mortal = Process(f"worker-{number}", 1, Draws(1))
            store = Store(mortal, Fault.CRASH_BEFORE)
            call = asyncio.create_task(store.write())
            await mortal.died
            found.add(await store.there())
            call.cancel()
        assert found == PREFIXES

    run(story)


def test_what_is_late_is_the_rest_of_what_stands() -> None:
    async def story(process: Process) -> None:
        found = set[str]()
        for _ in range(60):
            store = Store(process, Fault.LATE)
            with pytest.raises(Unavailable):
                await store.write()
            found.add(await store.there())
            await asyncio.gather(*store.world.late)
            assert await store.there() == "123"
        assert found == PREFIXES

    run(story)


def test_a_late_rest_stops_where_somebody_else_was_faster() -> None:
    async def story(process: Process) -> None:
        store = Store(process, Fault.LATE)
        while await store.there() != "1":
            store = Store(process, Fault.LATE)
            with pytest.raises(Unavailable):
                await store.write()
        await store.engine.write([Insert(at("2"), {"by": "another"})])
        await asyncio.gather(*store.world.late)
        assert await store.there() == "12"

    run(story)


def test_others_get_in_between_two_writes() -> None:
    async def story(process: Process) -> None:
        store, call = await in_its_middle(process)
        await store.engine.write([Insert(at("2"), {})])
        assert [type(one) for one in await call] == [Written, Conflict]

    run(story)


def test_what_a_restore_has_cut_off_writes_no_more() -> None:
    async def story(process: Process) -> None:
        store, call = await in_its_middle(process)
        process.epoch += 1
        with pytest.raises(Unavailable):
            await call
        assert await store.there() == "1"

    run(story)


def test_somebody_may_replace_first_what_is_to_be_replaced_in_order() -> None:
    async def story(process: Process) -> None:
        store = Store(process, Fault.CONFLICT)
        (there,) = await store.engine.write([Insert(at("2"), {})])
        assert isinstance(there, Written)
        writes = [Insert(at("1"), {}), Replace(at("2"), there.version, {"by": "us"}), Insert(at("3"), {})]
        assert [type(one) for one in await store.records.write_in_order(writes)] == [Written, Conflict]
        assert await store.there() == "12"

    run(story)
