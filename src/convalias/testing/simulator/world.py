"""The world of one run: what all processes share, the processes, and the time in which they live."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping, Sequence
from contextlib import suppress
from contextvars import copy_context
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from attrs import define, evolve, frozen

from convalias.adapters import memory, mime
from convalias.app import Convalias
from convalias.app.ports import Ports
from convalias.app.services import Wiring, audience
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations.events import ConversationEvent
from convalias.domain.deployment.domains_and_policy import Deployment
from convalias.domain.deployment.keyring import Keyring, RootKey
from convalias.domain.ids import ConversationId, EventId
from convalias.domain.inbound.posts import RecordKey
from convalias.domain.routing.policy import RoutingPolicy
from convalias.domain.routing.rulebook import RuleBook
from convalias.domain.routing.rules import RULES
from convalias.ports.errors import PortError
from convalias.ports.mail import guarantee_of
from convalias.stores.inbound.mails import InboundRecords
from convalias.stores.outbound.ledger import REST, UNSURE
from convalias.testing.simulator import engines, host_port, mail_port, neighbours, ports
from convalias.testing.simulator.draws import Draws, Stream
from convalias.testing.simulator.gate import Gate
from convalias.testing.simulator.journal import Journal
from convalias.testing.simulator.platform import Platform
from convalias.testing.simulator.process import POLLS, Polls, Process
from convalias.testing.simulator.resting import Rests
from convalias.testing.simulator.trace import Trace
from convalias.testing.simulator.weather import CALM, Fault, Weather

T = TypeVar("T")

ALIAS_DOMAIN: Final = "reply.example"
LEGACY_DOMAIN: Final = "relay.example"
_ALIAS: Final = frozenset({ALIAS_DOMAIN})
_NO_THREAD: Final = 1 << 30
"""Octets of a mail: all are read where they are, for a simulation has no thread."""
_LEGACY: Final = frozenset({LEGACY_DOMAIN})
_SEED: Final = b"convalias simulated, no secret.."
RESTART_WITHIN: Final = 60.0
"""Virtual seconds after which a process that died begins again, at the latest."""
_SELDOM: Final = 0.2
_OFTEN: Final = 0.5
"""How likely a dependency is away in a run: channels are other people's, and what waits for one is where races are."""
_DRAINED: Final = frozenset({"feed", "deliveries", "deliveries.leased"})
"""Lanes in which nothing waits once everything is done."""
_AT_REST: Final = frozenset({UNSURE, REST})
"""Lanes that nobody takes anything from: they are counted."""
_PAUSES: Final[Mapping[str, timedelta]] = {"holds": timedelta(minutes=20)}
"""Lanes in which other things wait for days (holds, until they expire): what is due so soon is a try that failed."""


class ConnectionLost(Exception):
    """The process that was asked died, or did not answer in time. Whether it was done, nobody knows."""


@frozen(kw_only=True)
class Restored:
    """The losses that came with a restored backup."""

    backed_up: float
    """The virtual second of the backup."""
    lost: float
    """That at which it was put back."""
    until: datetime
    """Mail received before that was added again without a word."""
    gone: Mapping[EventId, ConversationEvent]
    """Events that had come since."""
    aliases: frozenset[EmailAddress]
    """Addresses that were given to people since: nobody knows them any more."""
    asking: frozenset[ConversationId]
    """Conversations of the backup whose participants were yet to be asked about held mail."""
    undone: frozenset[EventId]
    """Events of the backup about which it had no decision, or one that was not at rest. At a host, which has told of its
    messages apart from us: also those that were untold when it was put back."""
    passed: frozenset[EventId] = frozenset()
    """Messages of a host that were told of since the backup: whoever has not heard of them by then never will."""


@frozen(kw_only=True)
class Shape:
    """The shape of a deployment, drawn once per seed."""

    webs: int = 1
    workers: int = 2
    hub: engines.HubKind = engines.HUBS[0]
    by_mail: bool = False
    """Whether notifications leave by a mail port of the host's own, which is of that kind, in place of a hub."""
    legacy: bool = True
    tells_deaths: bool = False
    """Whether one process can tell that another died (one machine), or only time does (several)."""
    policy: RoutingPolicy = RoutingPolicy()
    rules: RuleBook = RULES
    begun_before: bool = False
    """Whether its conversations are older than the migration: they have events and legacy aliases, and no aliases."""
    restores: bool = False
    """Whether a backup of the store is put back in its course."""
    host_restores: bool = False
    """Whether a platform puts a backup of its own messages back."""
    upgrades: bool = False
    """Whether some events are in the format of a newer release until the fleet is upgraded."""
    hosted: bool = False
    """Whether a platform keeps the conversations in tables of its own, and we have no events."""


def drawn_shape(
    draws: Draws, policy: RoutingPolicy | None = None, rules: RuleBook = RULES, *, hosted: bool = False
) -> Shape:
    """The shape of a seed. Hosted: not upgraded, which is about events of ours."""
    stream = draws.stream("shape")
    shape = Shape(
        webs=1 + stream.below(2),
        workers=1 + stream.below(3),
        hub=stream.choice(engines.HUBS),
        legacy=stream.chance(0.8),
        tells_deaths=stream.chance(0.5),
        by_mail=stream.chance(0.5),
        policy=RoutingPolicy() if policy is None else policy,
        rules=rules,
        upgrades=draws.stream("upgrades").chance(0.25),
    )
    shape = evolve(shape, restores=not shape.upgrades and draws.stream("restores").chance(0.15))
    shape = evolve(shape, begun_before=shape.legacy and stream.chance(0.4))
    return _hosted(shape, draws) if hosted else shape


def _hosted(shape: Shape, draws: Draws) -> Shape:
    """The same shape over a platform. One of both sides is restored, not both."""
    host_restores = not shape.restores and draws.stream("host restores").chance(0.15)
    return evolve(shape, hosted=True, upgrades=False, host_restores=host_restores)


@frozen
class Engines:
    """The engines, which outlive every process."""

    records: engines.Records
    blobs: memory.Blobs
    queue: engines.Queue
    log: engines.Log
    hub: engines.Hub
    directory: engines.Directory
    flags: engines.Flags
    legacy: engines.LegacyRelay
    legacy_box: memory.Outbox
    system_box: engines.MailBox
    platform: Platform | None = None
    """None: conversations are events in `records`."""


@define
class Host:
    """A process that is up, and the deployment that runs in it."""

    process: Process
    cv: Convalias


Alter = Callable[["World", Ports], Ports]
"""Puts other ports in the place of a process's own."""


def _as_they_are(world: World, ports: Ports) -> Ports:
    del world
    return ports


class World:
    """The whole world of one run. Made inside the virtual loop; nothing of it is shared with another run."""

    def __init__(self, seed: int, *, weather: Weather, shape: Shape, recording: bool = False) -> None:
        """Nothing runs yet."""
        self.seed = seed
        self.draws = Draws(seed)
        self.weather = CALM
        """Until everything stands."""
        self.storm = weather
        self.shape = shape
        self.answers = shape.hub.answers
        """Whether the channel states that it can be asked, in every process."""
        self.keyring = Keyring((RootKey(0, _SEED),))
        """What a process is told when it starts."""
        self.rotating = False
        self.trace = Trace(recording=recording)
        self.journal = Journal()
        self.hosts: dict[str, list[Host]] = {"web": [], "worker": []}
        self.dead: set[str] = set()
        self.all: list[Process] = []
        self.alter: Alter = _as_they_are
        """What a mutant makes of the ports of each process."""
        self.rests = Rests(self.draws)
        self._outside: set[asyncio.Task[Any]] = set()
        self._away: dict[str, Sequence[tuple[float, float]]] = {}
        self.held_up: list[str] = []
        """Events that were not published while another conversation's could not be read."""
        self.failures: list[str] = []
        """What raised where nothing may raise: outside tasks, loops that ended."""
        self.epoch = 0
        """How often the store was put back."""
        self.restored: Restored | None = None
        self._working = asyncio.Event()
        self._working.set()
        self.engines = self._engines()

    # --- what gates ask --------------------------------------------------------------------------------

    def is_away(self, dependency: str) -> bool:
        """Whether it answers nobody now."""
        return Fault.AWAY in self.weather.on and self._within(f"away {dependency}", Fault.AWAY)

    def is_full(self, dependency: str) -> bool:
        """Whether it takes nothing new now."""
        return Fault.FULL in self.weather.on and self._within(f"full {dependency}", Fault.FULL)

    def crash(self, process: Process) -> None:
        """Let the process die now, and begin another run of its role a while later."""
        if not process.alive:
            return
        self.trace.note(self.now, process.name, "crash", "", "")
        process.crash()
        self.dead.add(process.name)
        kind = process.role.partition("-")[0]
        self.hosts[kind] = [host for host in self.hosts[kind] if host.process is not process]
        self.rests.wake_all()
        number = int(process.name.partition("#")[2]) + 1
        pause = RESTART_WITHIN * self.draws.units(f"restart {process.name}")[0]
        asyncio.get_running_loop().call_later(pause, self._boot_again, process.role, number)

    @property
    def is_halted(self) -> bool:
        """Whether the workers stand still, and only the operator who halted them has one do anything."""
        return not self._working.is_set()

    def halt(self) -> None:
        """Every process ends. Those that begin take mail in, and work on nothing before `go_on`."""
        self._working.clear()
        for host in [host for kind in sorted(self.hosts) for host in self.hosts[kind]]:
            self.crash(host.process)

    def go_on(self) -> None:
        """The workers begin."""
        self._working.set()

    def put_back(self, backup: engines.Backup) -> None:
        """The store is as it was then. What is on its way there from processes of before never arrives."""
        self.epoch += 1
        self.engines.records.put_back(backup)

    def is_cut(self, process: Process) -> bool:
        """Whether the store was put back since that process began."""
        return process.epoch != self.epoch

    def stop(self, process: Process, seconds: float) -> None:
        """Let the process stand still for so long."""
        if process.alive:
            self.trace.note(self.now, process.name, "stopped", "", "")
            self.trace.faults[Fault.STOPPED.value] += 1
            process.stopped_until = max(process.stopped_until, self.now + seconds)

    def wake(self, draws: Stream) -> None:
        """Tell one process that a message of the platform was committed."""
        if self.hosts["worker"]:
            draws.choice(self.hosts["worker"]).cv.wake()

    def later(self, seconds: float, effect: Callable[[], Awaitable[object]]) -> None:
        """Let the call take effect then, if it can: its caller was told that it failed."""

        async def late() -> None:
            await asyncio.sleep(seconds)
            with suppress(PortError):
                await effect()

        _ = self.outside(late())

    def _boot_again(self, role: str, number: int) -> None:
        self.boot(role, number)

    # --- time --------------------------------------------------------------------------------------------

    @property
    def now(self) -> float:
        """Virtual seconds."""
        return asyncio.get_running_loop().time()

    async def rest(self, process: Process, on: Collection[str]) -> None:
        """Until a look at one of these may find something."""
        await self.rests.rest(on, lambda resource: self._next(process, resource))

    def _next(self, process: Process, resource: str) -> float | None:
        if resource == ports.QUEUE:
            return self.engines.queue.next_at()
        if resource == ports.LOG:
            return self.now + engines.TURN if self.engines.log.lag("outbound") else None
        if resource == ports.HOST:
            platform = self.engines.platform
            return self.now if platform is not None and platform.untold() else None
        due = self.engines.records.next_due(resource.removeprefix("lane "))
        return None if due is None else (due - ports.EPOCH).total_seconds() - process.skew

    # --- processes ---------------------------------------------------------------------------------------

    def boot(self, role: str, number: int = 1) -> Process:
        """Start a run of that role."""
        process = Process(role, number, self.draws)
        process.epoch = self.epoch
        self.all.append(process)
        if self.storm.has(Fault.CLOCK, self.now) or self.now == 0:
            stepped = Fault.CLOCK in self.storm.on
            process.skew = (self.draws.units(f"skew {process.name}")[0] - 0.5) * 20 if stepped else 0.0
        _ = process.start(self._main(process))
        return process

    def ports_of(self, process: Process) -> Ports:
        """Return the ports of that process, each through its gate."""
        gate, shared = Gate(self, process), self.engines
        rings = ports.Rings(self.rests.ring, self.rest)
        own = Ports(
            records=ports.Records(gate, shared.records, rings),
            blobs=ports.Blobs(gate, shared.blobs),
            queue=ports.JobQueue(gate, shared.queue, rings, lambda: not self.storm.has(Fault.DUPLICATE, self.now)),
            events=ports.EventLog(gate, shared.log, rings),
            clock=ports.Clock(process, rings),
            telemetry=memory.NoTelemetry(),
            incarnation=neighbours.Incarnation(process, lambda name: self.shape.tells_deaths and name in self.dead),
            conversations=None if shared.platform is None else self._host(gate, shared.platform, rings),
            mail=mail_port.by_mail(gate, shared.hub, shared.records, shared.platform),
            system_mail=neighbours.OutgoingMail(gate, shared.system_box),
            identity=neighbours.IdentityDirectory(gate, shared.directory),
            legacy=neighbours.LegacyRelay(gate, shared.legacy) if self.shape.legacy else None,
            hub=None if self.shape.by_mail else neighbours.NotificationHub(gate, shared.hub),
            reader=neighbours.MailReader(
                gate, mime.Reader(alias_domains=_ALIAS, legacy_domains=_LEGACY, inline_below=_NO_THREAD)
            ),
            flags=neighbours.Flags(gate, shared.flags, lambda: self.storm.has(Fault.STALE, self.now)),
        )
        given = self.alter(self, own)
        self.answers &= given.hub is not None or guarantee_of(given.mail).ask is not None
        return given

    def _host(self, gate: Gate, platform: Platform, rings: ports.Rings) -> host_port.Conversations:
        port = host_port.ReadBack if platform.can_be_read_back else host_port.Conversations
        return port(
            gate,
            platform,
            rings,
            self.draws,
            lambda: self.storm.has(Fault.STALE, self.now),
            self.engines.records.has_mail,
        )

    async def _main(self, process: Process) -> None:
        clock = ports.Clock(process, ports.Rings(self.rests.ring, self.rest))
        while True:
            cv = Convalias.over(self.ports_of(process), self.wiring())
            try:
                await cv.__aenter__()
                break
            except Exception:  # noqa: BLE001 - a dependency is away while it starts: its supervisor tries again
                await clock.sleep(timedelta(seconds=1))
        await process.goes_on()  # entering is bounded in time, so it also ends in a process that died on its way
        kind = process.role.partition("-")[0]
        self.hosts[kind].append(Host(process, cv))
        if kind == "worker":
            stopping = asyncio.Event()
            await self._working.wait()
            await process.goes_on()
            for loop in cv.loops():
                watched = evolve(loop, telemetry=_Broken(self.failures, process.name))
                self._start_loop(process, watched.run(stopping), loop.worker)

    def _start_loop(self, process: Process, run: Coroutine[Any, Any, None], worker: str) -> None:
        """In a context of its own, so that each loop knows what it has looked at."""
        context = copy_context()
        context.run(POLLS.set, Polls())
        task = context.run(process.start, run)

        def ended(task: asyncio.Task[Any]) -> None:
            error = "cancelled" if task.cancelled() else repr(task.exception())
            if not process.over:
                self.failures.append(f"loop {worker} of {process.name} ended: {error}")

        task.add_done_callback(ended)

    def wiring(self) -> Wiring:
        """Return the wiring of every run of every process."""
        return Wiring(
            keyring=self.keyring,
            base_url=f"https://{ALIAS_DOMAIN}",
            inbound_batches=2,
            deployment=Deployment(
                alias_domains=(ALIAS_DOMAIN,), legacy_domains=(LEGACY_DOMAIN,) if self.shape.legacy else ()
            ),
            policy=self.shape.policy,
            rules=self.shape.rules,
        )

    async def ask(
        self,
        kind: str,
        number: int,
        work: Callable[[Convalias], Awaitable[T]],
        *,
        within: float = 60.0,
        while_halted: bool = False,
    ) -> T:
        """Have one process of that kind do it. `ConnectionLost`: it died, or was too slow, or none is up."""
        hosts = self.hosts[kind]
        if not hosts or (kind == "worker" and self.is_halted and not while_halted):
            raise ConnectionLost
        host = hosts[number % len(hosts)]

        answer: list[T] = []

        async def working() -> None:
            answer.append(await work(host.cv))

        task = host.process.start(working())
        task.add_done_callback(_seen)
        await asyncio.wait({task, host.process.died}, timeout=within, return_when=asyncio.FIRST_COMPLETED)
        if not task.done() or not host.process.alive:
            raise ConnectionLost
        task.result()  # raises what it raised
        return answer[0]

    # --- outside -----------------------------------------------------------------------------------------

    def outside(self, work: Coroutine[Any, Any, object]) -> asyncio.Task[Any]:
        """Start a task that no crash ends: people, the provider, a late effect."""
        task = asyncio.get_running_loop().create_task(work)
        self._outside.add(task)

        def ended(task: asyncio.Task[Any]) -> None:
            self._outside.discard(task)
            if not task.cancelled() and (error := task.exception()) is not None:
                self.failures.append(f"outside: {error!r}")

        task.add_done_callback(ended)
        return task

    @property
    def is_busy(self) -> bool:
        """Whether somebody outside has not come to his end."""
        return bool(self._outside)

    def begin_storm(self) -> None:
        """Let things go wrong from now on, until they stop."""
        self.weather = self.storm
        self._away = {}
        for name in ("records", "blobs", "queue", "log", "hub", "legacy", "directory", "flags", "outgoing", "host"):
            for kind in ("away", "full"):
                if windows := self._windows(f"{kind} {name}", likely=_OFTEN if name == "hub" else _SELDOM):
                    self._away[f"{kind} {name}"] = windows

    async def undrained(self) -> list[str]:
        """Return what still waits somewhere."""
        left = [f"queue: {len(self.engines.queue.entries)} jobs"] if self.engines.queue.entries else []
        if lag := self.engines.log.lag("outbound"):
            left.append(f"event log: {lag} records not committed")
        if self.engines.platform is not None and (untold := self.engines.platform.untold()):
            left.append(f"platform: {len(untold)} messages not told")
        for lane in sorted({*self.engines.records.lanes()} - _AT_REST):
            due = self.engines.records.next_due(lane)
            if due is not None and (lane in _DRAINED or self._is_past(due - _PAUSES.get(lane, timedelta(0)))):
                left.append(f"lane {lane}: something due")
        if self.is_busy:
            left.append(f"outside: {len(self._outside)} under way")
        return left or await self._lost()

    async def _lost(self) -> list[str]:
        """Mail that no job tells of any more, until it is swept up."""
        if not self.engines.queue.lost:
            return []
        stored = InboundRecords(records=self.engines.records)
        waiting = [record for record in self.engines.queue.lost if await stored.outcome(RecordKey(record)) is None]
        return [f"envelope records: {len(waiting)} whose jobs were lost"] if waiting else []

    async def close(self) -> None:
        """The run is over: end all tasks."""
        for task in list(self._outside):
            task.cancel()
        for process in self.all:
            await process.clear_away()

    def _is_past(self, due: datetime) -> bool:
        return due <= ports.EPOCH + timedelta(seconds=self.now)

    def _within(self, name: str, fault: Fault) -> bool:
        windows = self._away.get(name)
        if windows is None or not self.weather.has(fault, now := self.now):
            return False
        return any(start <= now < end for start, end in windows)

    def _windows(self, name: str, *, likely: float) -> Sequence[tuple[float, float]]:
        """At most two, of up to ten minutes."""
        stream = self.draws.stream(name)
        if not stream.chance(likely):
            return ()
        windows: list[tuple[float, float]] = []
        for _ in range(1 + stream.below(2)):
            start = stream.between(0.0, max(self.storm.until, 1.0))
            windows.append((start, start + stream.choice((20.0, 120.0, 600.0))))
        return windows

    def _engines(self) -> Engines:
        records, blobs = engines.Records(), memory.Blobs()
        on = self.storm.on
        queue = engines.Queue(
            self.draws.stream("queue"), reorders=Fault.REORDER in on, duplicates=Fault.DUPLICATE in on
        )
        process = Process("engines", 1, self.draws)
        clock = ports.Clock(process, ports.Rings(self.rests.ring, self.rest))
        directory, legacy_box = engines.Directory(()), memory.Outbox()
        platform = Platform(self.draws, frees_keys=not on & {Fault.STOPPED, Fault.LATE}) if self.shape.hosted else None
        host = None if platform is None else host_port.Tables(platform)
        listeners = audience(records, blobs, clock, directory, host)
        relay = engines.LegacyRelay(
            outgoing=legacy_box, audience=evolve(listeners, reader=mime.Reader(inline_below=_NO_THREAD)), clock=clock
        )
        return Engines(
            records=records,
            blobs=blobs,
            queue=queue,
            log=engines.Log(),
            hub=engines.Hub(self.shape.hub, forgets=Fault.FORGET in on),
            directory=directory,
            flags=engines.Flags(),
            legacy=relay,
            legacy_box=legacy_box,
            system_box=engines.MailBox(),
            platform=platform,
        )


class _Broken(memory.NoTelemetry):
    """Writes down which loop cannot go on: it no longer ends of it."""

    def __init__(self, failures: list[str], process: str) -> None:
        super().__init__()
        self._failures = failures
        self._process = process

    def measure(self, name: str, value: float, **tags: str) -> None:
        """Of all figures this one."""
        super().measure(name, value, **tags)
        if name == "convalias.worker.broken":
            self._failures.append(f"loop {tags['worker']} of {self._process} cannot go on: {tags['error']}")


def _seen(task: asyncio.Task[Any]) -> None:
    """Whoever asked may have gone: then nobody else looks at what it came to."""
    if not task.cancelled():
        task.exception()
