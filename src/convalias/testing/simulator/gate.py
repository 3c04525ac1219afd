"""The boundary that every port call of a simulated process crosses: delay, fault, effect, trace."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, NoReturn, Protocol, TypeVar

from attrs import frozen

from convalias.ports.errors import Unavailable
from convalias.testing.simulator.draws import Draws
from convalias.testing.simulator.loop import pause
from convalias.testing.simulator.process import Process
from convalias.testing.simulator.trace import Trace
from convalias.testing.simulator.weather import Fault, Weather

T = TypeVar("T")

_FAILURES: Final = frozenset({Fault.BEFORE, Fault.HANGS_BEFORE, Fault.LATE, Fault.CRASH_BEFORE, Fault.PARTIAL})
"""Those in which the effect does not happen, or not now."""
_WRITES: Final = frozenset({"records.write", "records.write_in_order", "blobs.put", "queue.put", "log.publish"})
_BROKEN_OFF: Final = frozenset({Fault.PARTIAL, Fault.LATE, Fault.CRASH_BEFORE})
"""Those after which a part of some writes in order may be done."""
_HANG: Final = 150.0
"""Longer than anybody waits for one call."""
_SLOW: Final = 15.0
_FARTHER: Final = {"hub": 20}
"""The way there takes so much longer that workers die, or are called off, in mid-call."""
_LATE: Final = 30.0


class Surroundings(Protocol):
    """The part of its world that a gate needs."""

    draws: Draws
    weather: Weather
    trace: Trace

    def is_away(self, dependency: str) -> bool:
        """Whether it answers nobody now."""
        ...

    def is_full(self, dependency: str) -> bool:
        """Whether it takes nothing new now."""
        ...

    def crash(self, process: Process) -> None:
        """Let that process die now."""
        ...

    def is_cut(self, process: Process) -> bool:
        """Whether the store was put back since that process began: nothing of it arrives there any more."""
        ...

    def later(self, seconds: float, effect: Callable[[], Awaitable[object]]) -> None:
        """Let the call take effect then, whoever still waits for it."""
        ...


@frozen
class Gate:
    """Port calls of one process. Every draw hangs on who calls what about what for the how-manieth time."""

    world: Surroundings
    process: Process

    async def call(
        self,
        call: str,
        about: str,
        effect: Callable[[], Awaitable[T]],
        *,
        part: Callable[[], Awaitable[object]] | None = None,
        prefix: Callable[[float], Awaitable[object]] | None = None,
        rival: Callable[[], Awaitable[object]] | None = None,
        surely: bool = False,
    ) -> T:
        """Do it, as the weather has it.

        `part`: what a batch that fails in its middle comes to. `prefix`: the same of writes in order, given the share
        of them; it stands also when the caller dies, or before the late rest. `rival`: what somebody faster does just
        before.
        `surely`: this port's `Unavailable` promises that nothing was done, so a lost answer is another error.
        """
        process, world = self.process, self.world
        loop = asyncio.get_running_loop()
        if not process.alive or loop.time() < process.stopped_until:
            await process.goes_on()
        first, second = world.draws.units(process.numbered(f"{call}\0{about}"))
        fault = world.weather.at(first, loop.time())
        dependency = call.partition(".")[0]
        latency = world.weather.latency * _FARTHER.get(dependency, 1)
        try:
            await pause(loop, latency * (0.2 + 1.6 * second) + (_SLOW * second if fault is Fault.DELAY else 0.0))
        except asyncio.CancelledError:
            self._called_off(second, call, effect)
            raise
        if not process.alive:
            self._called_off(second, call, effect)
            await process.never()
        if world.is_away(dependency) or (call in _WRITES and world.is_full(dependency)):
            fault = Fault.BEFORE
        if fault in _FAILURES:
            if prefix is not None and fault in _BROKEN_OFF:
                await prefix(second * 7919 % 1)
            await self._fails(fault, call, about, effect, draw=second, part=part, surely=surely)
        if fault is Fault.CONFLICT and rival is not None:
            await rival()
        result = await effect()
        world.trace.note(loop.time(), process.name, call, about, "" if fault is None else fault.value)
        if fault is not None:
            await self._answer(fault, dependency, surely=surely)
        elif second < 0.2 or loop.time() < process.stopped_until:  # noqa: PLR2004 - one in five takes a way of its own back
            await self._wait(latency * second)
        return result

    async def _answer(self, fault: Fault, dependency: str, *, surely: bool) -> None:
        """The way back of what was done: the answer may be lost on it, or find nobody."""
        process, world = self.process, self.world
        world.trace.faults[fault.value] += 1
        match fault:
            case Fault.CRASH_AFTER:
                world.crash(process)
                await process.never()
            case Fault.HANGS_AFTER:
                await self._wait(_HANG)
                raise TimeoutError
            case Fault.AFTER:
                await self._wait(world.weather.latency)
                raise ConnectionError(dependency) if surely else Unavailable(dependency)
            case _:
                """A delay, or a conflict: the answer comes."""

    def _called_off(self, draw: float, call: str, effect: Callable[[], Awaitable[object]]) -> None:
        """Whoever is called off on the way, or dies, may have the effect all the same."""
        world = self.world
        if not self.process.over and Fault.LATE in world.weather.on and draw * 7919 % 1 < 0.5:  # noqa: PLR2004 - half of them
            self._later(_LATE * draw, call, effect)

    def _later(self, seconds: float, call: str, effect: Callable[[], Awaitable[object]]) -> None:
        async def late() -> None:
            if not (call.startswith("records.") and self.world.is_cut(self.process)):
                await effect()

        self.world.later(seconds, late)

    async def _fails(
        self,
        fault: Fault | None,
        call: str,
        about: str,
        effect: Callable[[], Awaitable[object]],
        *,
        draw: float,
        part: Callable[[], Awaitable[object]] | None,
        surely: bool,
    ) -> NoReturn:
        """The caller is told of a failure, if it still lives."""
        process, world = self.process, self.world
        dependency = call.partition(".")[0]
        kind = Fault.BEFORE if fault is None else fault
        if kind is Fault.PARTIAL and part is not None:
            await part()
        world.trace.note(asyncio.get_running_loop().time(), process.name, call, about, kind.value)
        world.trace.faults[kind.value] += 1
        match kind:
            case Fault.CRASH_BEFORE:
                world.crash(process)
                await process.never()
            case Fault.HANGS_BEFORE:
                await self._wait(_HANG)
                raise TimeoutError
            case Fault.LATE:
                self._later(_LATE * draw, call, effect)
                raise ConnectionError(dependency) if surely else Unavailable(dependency)
            case _:
                raise Unavailable(dependency)

    async def _wait(self, seconds: float) -> None:
        await pause(asyncio.get_running_loop(), seconds)
        await self.process.goes_on()
