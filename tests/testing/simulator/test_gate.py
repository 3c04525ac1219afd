"""Each fault does what it says, and a crash fences an incarnation for ever."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest

from convalias.ports.errors import Unavailable
from convalias.testing.simulator.draws import Draws
from convalias.testing.simulator.gate import Gate
from convalias.testing.simulator.loop import VirtualLoop
from convalias.testing.simulator.process import Process
from convalias.testing.simulator.trace import Trace
from convalias.testing.simulator.weather import CALM, Fault, Weather


class Surroundings:
    """A world with one kind of fault, which every call meets."""

    def __init__(self, *faults: Fault) -> None:
        self.draws = Draws(1)
        self.weather = Weather(on=frozenset(faults), rate=1.0, until=10.0**9) if faults else CALM
        self.trace = Trace(recording=True)
        self.away: set[str] = set()
        self.full: set[str] = set()
        self.late: list[asyncio.Task[None]] = []
        self.done: list[str] = []

    def is_away(self, dependency: str) -> bool:
        return dependency in self.away

    def is_full(self, dependency: str) -> bool:
        return dependency in self.full

    def crash(self, process: Process) -> None:
        process.crash()

    def is_cut(self, process: Process) -> bool:
        return process.epoch > 0

    def later(self, seconds: float, effect: Callable[[], Awaitable[object]]) -> None:
        async def late() -> None:
            await asyncio.sleep(seconds)
            await effect()

        self.late.append(asyncio.get_running_loop().create_task(late()))

    async def effect(self) -> str:
        self.done.append("effect")
        return "answer"

    async def part(self) -> None:
        self.done.append("part")

    async def rival(self) -> None:
        self.done.append("rival")

    async def call(self, process: Process, name: str = "records.write", *, surely: bool = False) -> str:
        gate = Gate(self, process)
        return await gate.call(name, "about", self.effect, part=self.part, rival=self.rival, surely=surely)


def run(story: Callable[[Process], Coroutine[Any, Any, None]]) -> None:
    loop = VirtualLoop()

    async def whole() -> None:
        process = Process("web-0", 1, Draws(1))
        try:
            await story(process)
        finally:
            await process.clear_away()
            late = asyncio.all_tasks() - {asyncio.current_task()}
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    try:
        loop.run_until_complete(whole())
    finally:
        loop.close()


@pytest.mark.parametrize(
    ("fault", "raised", "done"),
    [
        (Fault.BEFORE, Unavailable, []),
        (Fault.AFTER, Unavailable, ["effect"]),
        (Fault.HANGS_BEFORE, TimeoutError, []),
        (Fault.HANGS_AFTER, TimeoutError, ["effect"]),
        (Fault.PARTIAL, Unavailable, ["part"]),
        (Fault.LATE, Unavailable, []),
    ],
)
def test_the_caller_is_told_of_a_failure_whatever_was_done(
    fault: Fault, raised: type[Exception], done: list[str]
) -> None:
    async def story(process: Process) -> None:
        world = Surroundings(fault)
        with pytest.raises(raised):
            await world.call(process)
        assert world.done == done
        assert [entry.came_to for entry in world.trace.entries] == [fault.value]
        assert world.trace.faults == {fault.value: 1}

    run(story)


@pytest.mark.parametrize(("fault", "done"), [(Fault.DELAY, ["effect"]), (Fault.CONFLICT, ["rival", "effect"])])
def test_other_faults_leave_the_call_its_answer(fault: Fault, done: list[str]) -> None:
    async def story(process: Process) -> None:
        world = Surroundings(fault)
        assert await world.call(process) == "answer"
        assert world.done == done

    run(story)


def test_what_is_late_is_done_after_its_caller_was_told_that_it_failed() -> None:
    async def story(process: Process) -> None:
        world = Surroundings(Fault.LATE)
        with pytest.raises(Unavailable):
            await world.call(process)
        assert world.done == []
        await asyncio.gather(*world.late)
        assert world.done == ["effect"]

    run(story)


def test_who_gives_up_waiting_has_not_called_it_off() -> None:
    async def story(process: Process) -> None:
        world = Surroundings(Fault.HANGS_AFTER)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(30):
                await world.call(process)
        assert world.done == ["effect"]

    run(story)


@pytest.mark.parametrize("fault", [Fault.AFTER, Fault.LATE])
def test_a_port_whose_outage_promises_that_nothing_was_done_raises_another_error_for_a_lost_answer(
    fault: Fault,
) -> None:
    async def story(process: Process) -> None:
        with pytest.raises(ConnectionError):
            await Surroundings(fault).call(process, "hub.send", surely=True)

    run(story)


@pytest.mark.parametrize(("fault", "done"), [(Fault.CRASH_BEFORE, []), (Fault.CRASH_AFTER, ["effect"])])
def test_a_crash_never_returns_and_no_finally_has_an_effect(fault: Fault, done: list[str]) -> None:
    async def story(process: Process) -> None:
        world, finished = Surroundings(fault), list[str]()

        async def work() -> None:
            try:
                await world.call(process)
            finally:
                finished.append("finally")
                await world.call(process, "records.delete")

        task = process.start(work())
        await asyncio.sleep(86_400)
        assert not task.done()
        assert (world.done, finished, process.alive) == (done, [], False)
        await process.clear_away()
        assert world.done == done, "what runs when the simulation is cleared away has no effect either"

    run(story)


def test_other_tasks_of_a_dead_process_stop_at_their_next_call() -> None:
    async def story(process: Process) -> None:
        calm = Surroundings()

        async def work() -> None:
            while True:
                await calm.call(process)

        task = process.start(work())
        await asyncio.sleep(1)
        done = len(calm.done)
        assert done > 1
        process.crash()
        await asyncio.sleep(3600)
        assert (len(calm.done), task.done()) == (done, False)
        assert process.died.done()

    run(story)


def test_a_dependency_that_is_away_answers_nobody_and_a_full_one_only_reads() -> None:
    async def story(process: Process) -> None:
        world = Surroundings()
        world.full.add("records")
        assert await world.call(process, "records.get") == "answer"
        with pytest.raises(Unavailable):
            await world.call(process, "records.write")
        world.away.add("records")
        with pytest.raises(Unavailable):
            await world.call(process, "records.get")
        assert await world.call(process, "queue.put") == "answer"

    run(story)


def test_delay_and_fault_hang_on_who_calls_what_for_the_how_manieth_time_not_on_when() -> None:
    async def times(process: Process, world: Surroundings, *, others: bool) -> list[float]:
        found = list[float]()
        for _ in range(20):
            if others:
                await asyncio.sleep(7)
                await world.call(process, "queue.put")
            begun = asyncio.get_running_loop().time()
            await world.call(process, "records.get")
            found.append(round(asyncio.get_running_loop().time() - begun, 9))
        return found

    async def story(process: Process) -> None:
        again = Process("web-0", 1, Draws(1))
        alone = await times(process, Surroundings(), others=False)
        assert alone == await times(again, Surroundings(), others=True)
        assert len(set(alone)) == 20
        await again.clear_away()

    run(story)
