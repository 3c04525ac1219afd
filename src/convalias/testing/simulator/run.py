"""A run: a seed becomes a world, a storm, a calm, and a judgement."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from datetime import timedelta
from typing import Final

from attrs import field, frozen

from convalias.app.ports import Ports
from convalias.domain.outbound.decision import FAULTY_FOR
from convalias.domain.routing.policy import RoutingPolicy
from convalias.domain.routing.rulebook import RuleBook
from convalias.domain.routing.rules import RULES
from convalias.testing.simulator.acts import Act, Script, drawn_acts
from convalias.testing.simulator.checker import glanced, judged, states
from convalias.testing.simulator.draws import Draws
from convalias.testing.simulator.findings import Violation
from convalias.testing.simulator.journal import Journal
from convalias.testing.simulator.known import decoding_once
from convalias.testing.simulator.loop import VirtualLoop
from convalias.testing.simulator.mutant import Mutant
from convalias.testing.simulator.people import People, settle
from convalias.testing.simulator.restores import HostRestore, Restore
from convalias.testing.simulator.trace import Entry
from convalias.testing.simulator.upgrades import Upgrade
from convalias.testing.simulator.weather import Fault, Weather, drawn
from convalias.testing.simulator.world import World, drawn_shape

DRAINED_WITHIN: Final = 36 * 3600.0
"""Virtual seconds after the faults have stopped: the provider's longest pause, twice the longest of a delivery, and
what is due meanwhile."""
_BOOT: Final = 2.0
_LOOK: Final = 120.0
_STUCK: Final = (FAULTY_FOR + timedelta(hours=2)).total_seconds()
"""What has not moved for so long will not move any more. A sweeper leaves six hours between two sweeps of one mail; what
an adapter of the host raises on is tried for a day, and then given up."""


@frozen(kw_only=True)
class Plan:
    """The extent of a simulation. The same plan gives the same digest in every process, on every Python."""

    seed: int
    mails: int
    mutant: Mutant | None = None
    acts: Collection[int] | None = None
    """By number; None: all of them. A shrunk story keeps a few."""
    weather: Weather | None = None
    """None: drawn from the seed."""
    policy: RoutingPolicy | None = None
    """None: the default one."""
    rules: RuleBook = RULES
    """Every process decides by these."""
    ports: Callable[[Ports], Ports] | None = None
    """Adapters of one's own: called for every process that starts, with the simulated ports, for those it shall have.
    An adapter around a simulated port meets that port's faults; one in place of it meets only those it makes itself."""
    recording: bool = False
    hosted: bool = False
    """Whether a platform keeps the conversations in tables of its own. The shape of the seed is the same otherwise."""


@frozen(kw_only=True)
class Report:
    """The result of a run."""

    plan: Plan
    mails: int
    posts: int
    virtual_seconds: float
    calls: int
    faults: Mapping[str, int]
    trace_digest: str
    violations: Sequence[Violation]
    states: Mapping[str, int]
    """How often each final state was reached: effects, deliveries."""
    acts: Sequence[Act] = field(repr=False)
    entries: Sequence[Entry] = field(default=(), repr=False)
    journal: Journal = field(factory=Journal, repr=False)


def simulate(plan: Plan) -> Report:
    """Run it. No thread, no socket, no clock: a day takes a moment."""
    loop = VirtualLoop()
    try:
        with _quiet(), decoding_once(), nullcontext() if plan.mutant is None else plan.mutant.patched():
            return loop.run_until_complete(_run(plan))
    finally:
        loop.close()


@contextmanager
def _quiet() -> Generator[None]:
    """Workers log every outage, and a simulation has thousands on purpose."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)  # it also makes loggers forget what they found enabled before
    try:
        yield
    finally:
        logging.disable(before)


async def _run(plan: Plan) -> Report:
    draws = Draws(plan.seed)
    acts = drawn_acts(draws, plan.mails, hosted=plan.hosted)
    chosen = [act for act in acts if plan.acts is None or act.number in plan.acts]
    ends = (acts[-1].at if acts else 0.0) + 60.0
    weather = drawn(draws, until=ends) if plan.weather is None else plan.weather
    shape = drawn_shape(draws, plan.policy, plan.rules, hosted=plan.hosted)
    if shape.restores:  # a mail that kills whoever reads it would end the operator's replay at every try
        weather = weather.without(Fault.POISON)
    world = World(plan.seed, weather=weather, shape=shape, recording=plan.recording)
    world.alter = _altered(plan)
    people = People()
    try:
        await _begin(world, people, draws)
        world.begin_storm()
        upgraded: set[asyncio.Task[None]] = set()
        if shape.upgrades:
            upgraded.add(world.outside(Upgrade(world, people).happen(draws.stream("upgrade"), until=ends / 2)))
        if shape.restores:
            upgraded.add(world.outside(Restore(world).happen(draws.stream("restore"), until=ends / 2)))
        if shape.host_restores and world.engines.platform is not None:
            restore = HostRestore(world, world.engines.platform)
            upgraded.add(world.outside(restore.happen(draws.stream("host restore"), until=ends / 2)))
        script = Script(world, people)
        half = len(chosen) // 2
        await script.perform(chosen[:half])
        violations = list(await glanced(world))
        await script.perform(chosen[half:])
        if upgraded:
            await asyncio.wait(upgraded)
        drained = await _drain(world, ends)
        violations += await judged(world, drained=drained)
        return Report(
            plan=plan,
            mails=len(world.journal.mails),
            posts=len(world.journal.posts),
            virtual_seconds=world.now,
            calls=world.trace.calls,
            faults=dict(sorted(world.trace.faults.items())),
            trace_digest=world.trace.digest,
            violations=tuple(dict.fromkeys(violations)),
            states=await states(world),
            acts=chosen,
            entries=tuple(world.trace.entries),
            journal=world.journal,
        )
    finally:
        await world.close()


def _altered(plan: Plan) -> Callable[[World, Ports], Ports]:
    """What the plan makes of the ports of each process: one's own adapters, and the mutant around them."""

    def alter(world: World, ports: Ports) -> Ports:
        own = ports if plan.ports is None else plan.ports(ports)
        return own if plan.mutant is None else plan.mutant.alter(world, own)

    return alter


async def _begin(world: World, people: People, draws: Draws) -> None:
    for number in range(world.shape.webs):
        world.boot(f"web-{number}")
    for number in range(world.shape.workers):
        world.boot(f"worker-{number}")
    await asyncio.sleep(_BOOT)  # nothing goes wrong yet, so they are all up by then
    await settle(world, people, draws.stream("people"))


async def _drain(world: World, ends: float) -> list[str]:
    """After the storm: what has not drained when it should have."""
    await asyncio.sleep(max(ends - world.now, 0.0))
    deadline, before, since = world.now + DRAINED_WITHIN, list[str](), world.now
    while left := await world.undrained():
        before, since = (before, since) if left == before else (left, world.now)
        if world.now >= deadline or world.now - since >= _STUCK:
            return left
        await asyncio.sleep(_LOOK)
    return []
