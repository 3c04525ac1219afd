"""`Convalias`: the parts, wired. Inert until it is entered; everything is given, nothing is global."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import datetime, timedelta
from enum import Enum
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self, TypeVar, Unpack

from attrs import evolve

from convalias.app.chores import Chores
from convalias.app.guarded_rules import guard_policy, guard_rules, refuse_wishes
from convalias.app.guards import AdapterFaults, guard_ports
from convalias.app.handlers import Handlers
from convalias.app.health import WorkersHealth
from convalias.app.late_ports import OpensLate
from convalias.app.opening import Patience, lasting, of_a_command
from convalias.app.own_loops import InboundLoop, OutboundLoop
from convalias.app.ports import Instead, Mailboxes, Opener, Ports, with_system_mail
from convalias.app.providers import Providers, message_door
from convalias.app.services import Services, Wiring, assemble
from convalias.app.signs import giving_signs, leave_faults
from convalias.app.waking import Wakes, waking
from convalias.app.workers import (
    ALL_WORKERS,
    AWAY,
    IDLE,
    LONGEST_AWAY,
    SELDOM,
    UNHURRIED,
    WORKERS,
    Ambience,
    Batches,
    Idle,
    Loop,
    Polled,
    Step,
    Work,
    Worker,
    drain,
    kept_running,
    log,
    loops_of,
)
from convalias.codec import CodecError
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations import storable
from convalias.domain.conversations.events import Happening
from convalias.domain.conversations.participants import Participant
from convalias.domain.deployment.domains_and_policy import Deployment
from convalias.domain.deployment.keyring import Keyring
from convalias.domain.errors import InvalidValue
from convalias.domain.ids import AccountId
from convalias.domain.inbound.posts import IncomingMail
from convalias.domain.routing.policy import RoutingPolicy
from convalias.domain.routing.rulebook import RuleBook
from convalias.ports.errors import PortError, Unavailable
from convalias.ports.examining import Examined, Grade, Probed
from convalias.ports.people import IdentityDirectory
from convalias.services.approvals.approvals import Approvals
from convalias.services.conversations.messaging import Messaging, introduce
from convalias.services.feed.handlers import Handle
from convalias.services.inbound.filled_queues import FilledQueue
from convalias.services.inbound.receiver import Receipt, Receiver
from convalias.services.inbound.worker import InboundWorker
from convalias.services.migration.rollout import RolloutControl
from convalias.services.operations.operations import Operations
from convalias.services.operations.replay import Replay
from convalias.services.outbound.attachment_links import AttachmentLinks
from convalias.services.outbound.notifier import OutboundNotifier, OutboundWorker
from convalias.services.outbound.slots import SendingSlots
from convalias.services.outbound.suppressing import Suppressing
from convalias.services.outbound.unsubscribing import Unsubscribing
from convalias.services.running.log_lines import LogLines
from convalias.services.running.reason_labels import ReasonLabels
from convalias.stores.deployment.deployments import Deployments
from convalias.stores.deployment.last_seen import LastSeen

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from convalias.settings import Settings


STOP_WITHIN: Final = timedelta(seconds=25)
KEYS_WITHIN: Final = timedelta(seconds=5)
"""How long what can begin without the store waits for it, to be told that its keys are wrong."""
_WITH_KEYS: Final = frozenset[Worker]({"inbound", "outbound"})
REFRESH: Final = timedelta(seconds=1)
"""How long a deployment told by another process may go unseen."""
BATCH: Final = 100
ENTER_WITHIN: Final = timedelta(seconds=3)
"""How long entering waits for engines to answer; what is not open by then opens at its first use."""
OWN_TASKS_WITHIN: Final = 1.0
"""Seconds for what is being written down when the end comes."""


HandleT = TypeVar("HandleT", bound=Handle)


class Entry(Enum):
    """The ports that entering opens, and the errors that make entering fail."""

    HOST = "host"
    """All engines are tried. One that is away is left for its first use; one that must be mended fails the entry."""
    RECEIVER = "receiver"
    """As a host, but only raw store and queue can fail the entry: mail is taken in whatever the others say."""
    KEEPING = "keeping"
    """Nothing is opened and nothing is read: for a command that only keeps and queues mail."""
    COMMAND = "command"
    """The store alone is opened, for what it says of the deployment; all else when the command uses it."""


_BRIEF: Final = frozenset({Entry.COMMAND, Entry.KEEPING})
"""Of these an end is waited for at a keyboard, or by a mail server."""


class NotOpen(PortError):
    """`Convalias` was used before `async with`, or after it."""


class AlreadyOpen(PortError):
    """`Convalias` was entered again before it was left."""


class Convalias:
    """A bridge for the conversations of one deployment.

    `async with` opens what it made itself (never what it was given) and on the way out stops its workers and closes.
    One instance serves one event loop and any number of tasks.
    """

    def __init__(self, opener: Opener, wiring: Wiring, *, entry: Entry = Entry.HOST) -> None:
        """Name the parts; nothing is opened. Use `in_memory`, `from_toml` or `over`."""
        self._opener = opener
        self._entry = entry
        self._wiring = wiring
        self._handlers = Handlers()
        self._providers: Callable[[], Providers] = Providers
        self._sources: Callable[[], Providers] = Providers
        self._make: Callable[[], Convalias] = partial(type(self), opener, wiring, entry=entry)
        self._settings: Settings | None = None
        self._stack: AsyncExitStack | None = None
        self._is_entered = False
        self._ports: Ports | None = None
        self._services: Services | None = None
        self._deployment: Deployment | None = None
        self._looked: datetime | None = None
        self._chores = Chores()
        self._stopping = asyncio.Event()
        self._running: set[asyncio.Task[None]] = set()
        self._outbound: OutboundWorker | None = None
        self._health = WorkersHealth()
        self._lines: LogLines | None = None
        self._faults: AdapterFaults | None = None
        self._batches, self._wakes, self._slots = Batches(), Wakes(), SendingSlots()
        self._labels = ReasonLabels()
        self._looking: asyncio.Task[None] | None = None
        self._remembering: asyncio.Task[None] | None = None
        self._remembered: Deployment | None = None
        self._has_seen_host = False
        self._draining = 0
        """How many run until nothing is due."""

    # --- making one ----------------------------------------------------------------------------------

    @classmethod
    def over(cls, ports: Ports, wiring: Wiring) -> Self:
        """Make a façade over ports of one's own. They are never closed: who opened them closes them.

        Raises `WrongSettings` for what cannot work.
        """
        from convalias.app.refusals import refuse_ports  # noqa: PLC0415 - loads the settings

        refuse_ports(ports)

        @asynccontextmanager
        async def given() -> AsyncGenerator[Ports]:
            yield ports

        return cls(given, wiring)

    @classmethod
    def in_memory(
        cls,
        *,
        alias_domain: str,
        legacy_domain: str | None = None,
        policy: RoutingPolicy | None = None,
        rules: RuleBook | None = None,
        **instead: Unpack[Instead],
    ) -> Self:
        """Make a façade in this process alone, under virtual time: for tests and for trying things out.

        `policy`, `rules`: admissions and rules of one's own; None: the stored policy, the rules of the library.
        Raises `WrongSettings` for what cannot work.
        """
        from convalias.app.memory import memory_ports, memory_wiring  # noqa: PLC0415 - adapters load when used
        from convalias.app.refusals import refuse  # noqa: PLC0415

        refuse(instead)
        refuse_wishes(policy, rules)
        wiring = memory_wiring(alias_domain, legacy_domain, policy, rules)
        return cls.over(
            memory_ports(
                legacy=legacy_domain is not None, clock=instead.get("clock"), host=instead.get("conversations")
            ).but(**with_system_mail(instead)),
            wiring,
        )

    @classmethod
    def from_toml(
        cls,
        path: str | Path | None = None,
        *,
        data: str | Path | None = None,
        environ: Mapping[str, str] | None = None,
        policy: RoutingPolicy | None = None,
        rules: RuleBook | None = None,
        **instead: Unpack[Instead],
    ) -> Self:
        """The embedded backend under a data directory, by settings. Opens nothing. Raises `WrongSettings`.

        `policy`: in the place of the stored one; what the settings say of it lies over both. `rules`: a book with
        rules of one's own.
        """
        from convalias.app.refusals import refuse, refuse_unreached  # noqa: PLC0415
        from convalias.settings import read_settings  # noqa: PLC0415

        refuse(instead)
        refuse_wishes(policy, rules)
        settings = read_settings(path, data=data, environ=environ)
        refuse_unreached(settings.channels, instead)
        return cls._by(settings, instead, policy, rules)

    @classmethod
    def by_settings(cls, settings: Settings) -> Self:
        """Make a façade by settings alone, as commands do where no program of a host is named. Opens nothing.

        Channels that nobody would ever hear by are not refused: only who notifies needs them.
        """
        return cls._by(settings, {})

    @classmethod
    def _by(
        cls,
        settings: Settings,
        instead: Instead,
        policy: RoutingPolicy | None = None,
        rules: RuleBook | None = None,
    ) -> Self:
        from convalias.app.embedded import embedded  # noqa: PLC0415 - adapters load when used

        def patience() -> Patience:  # when it is opened: a command may have said meanwhile what it opens
            return of_a_command() if made._entry in _BRIEF else lasting()

        opener, wiring = embedded(settings, with_system_mail(instead), patience=patience)
        made = cls(opener, evolve(wiring, policy=policy, rules=rules or wiring.rules))
        made._settings = settings
        made._providers = partial(Providers.of, settings)
        made._sources = partial(Providers.of_sources, settings)
        made._make = partial(cls._by, settings, instead, policy, rules)
        return made

    def opening(self, entry: Entry) -> Self:
        """Let entering open what `entry` says, and no more; return this. Raises `AlreadyOpen`.

        For commands, which need less than a host and must end within ten seconds if an engine is away.
        """
        if self._is_entered:
            raise AlreadyOpen("Convalias is open already: say before entering it what is to be opened")
        self._entry = entry
        return self

    @property
    def settings(self) -> Settings | None:
        """The settings it was made by. None: it was given all its ports, or is in memory."""
        return self._settings

    def anew(self) -> Convalias:
        """Make another one by the same settings, adapters and functions of the host, which is not open.

        In the child of a fork: nothing is shared with this one but what was given to it.
        """
        made = self._make()
        made._handlers = self._handlers.copy()  # noqa: SLF001 - another of this class
        return made

    # --- life ----------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        """Open what answers. An engine that is away is opened at its first use, which raises `EngineAway` until then.

        Raises what must be mended before an engine can be used: a store without its indexes, refused credentials; and
        `AlreadyOpen`, for whoever left first would close it under the other.
        """
        if self._is_entered:
            raise AlreadyOpen("Convalias is open already: enter it once, and use it in any number of tasks")
        self._is_entered, self._has_seen_host = True, False
        stack = AsyncExitStack()
        try:
            ports = await stack.enter_async_context(self._opener())
            self._stopping = asyncio.Event()
            self._batches, self._wakes, self._slots = Batches(), Wakes(), SendingSlots()
            self._health = WorkersHealth()
            self._lines = LogLines(log, ports.clock)
            self._faults = AdapterFaults(ports.clock, self._lines)
            self._ports = guard_ports(ports, self._faults)
            await self._begin(self._ports)
        except BaseException:
            self._is_entered = False
            await self._end_own_tasks()
            self._ports = self._services = self._deployment = self._looked = None
            await stack.aclose()
            raise
        self._stack = stack
        return self

    async def _begin(self, ports: Ports) -> None:
        """Open as `entry` says, and learn what the store says of the deployment."""
        if self._entry is Entry.COMMAND:
            await self.refresh()
            return
        if self._entry is Entry.HOST or self._entry is Entry.RECEIVER:
            await self._open(ports)
        if self._services is None:
            self._wire(ports, self._wiring.deployment)

    async def _open(self, ports: Ports) -> None:
        """All side by side and within a bound. What has not answered by then is not waited for here."""
        is_host = self._entry is Entry.HOST
        steps = {
            asyncio.ensure_future(_open_now(ports.blobs)): True,
            asyncio.ensure_future(_open_now(ports.queue)): True,
            asyncio.ensure_future(self.refresh()): is_host,
        }
        if is_host:
            steps[asyncio.ensure_future(_open_now(ports.events))] = True
        try:
            await asyncio.wait(steps, timeout=ENTER_WITHIN.total_seconds())
        finally:
            for step in steps:
                step.cancel()
            answers = await asyncio.gather(*steps, return_exceptions=True)
        for must, answer in zip(steps.values(), answers, strict=True):
            if isinstance(answer, Exception):
                if must and not isinstance(answer, Unavailable):
                    raise answer
                log.warning("%s; it is opened when it is used", answer if isinstance(answer, PortError) else "a store")
        if self._looked is None:
            await self._go_by_last_seen(ports)

    async def _go_by_last_seen(self, ports: Ports) -> None:
        """The store is away: go by the domains that a process saw last, and go on looking."""
        fixed, seen = self._wiring.deployment, None
        with suppress(PortError, TimeoutError):
            async with asyncio.timeout(ENTER_WITHIN.total_seconds()):
                seen = await LastSeen(blobs=ports.blobs).get()
        told = fixed if seen is None else _beside(fixed, seen)
        log.warning("the store has not answered: mail is taken in, and all else waits for it")
        self._wire(ports, told)
        self._looking = asyncio.create_task(self._look(ports), name="convalias looks for its store")

    async def _look(self, ports: Ports) -> None:
        """Until the store has told of the deployment: whoever uses no worker would never hear of it."""
        pause = AWAY
        while self._looked is None:
            await ports.clock.sleep(pause)
            pause = min(2 * pause, LONGEST_AWAY)
            with suppress(PortError, CodecError, TimeoutError):
                await self.refresh()
        log.info("the store answers: alias domains %s", ", ".join(self.deployment.alias_domains) or "none")

    def _remember(self, ports: Ports, stored: Deployment, now: datetime) -> None:
        """Write down beside the mail what the store says, rarely, and without anybody waiting for it."""
        is_lasting = self._entry is Entry.HOST or self._entry is Entry.RECEIVER
        if not is_lasting or stored in {self._remembered, Deployment()}:
            return
        if self._remembering is None or self._remembering.done():
            self._remembering = asyncio.create_task(self._write_down(ports, stored, now))

    async def _write_down(self, ports: Ports, stored: Deployment, now: datetime) -> None:
        with suppress(PortError, TimeoutError):
            await LastSeen(blobs=ports.blobs).keep(stored, now=now)
            self._remembered = stored
            return
        await ports.clock.sleep(LONGEST_AWAY)  # no next try before

    async def _end_own_tasks(self) -> None:
        own = [task for task in (self._looking, self._remembering) if task is not None]
        self._looking = self._remembering = None
        if own:
            await asyncio.wait(own, timeout=0 if all(task.done() for task in own) else OWN_TASKS_WITHIN)
        for task in own:
            task.cancel()
        await asyncio.gather(*own, return_exceptions=True)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the workers, give back what they held, close."""
        stack, self._stack = self._stack, None
        try:
            await self._end_own_tasks()
            await self.stop()
            if self._outbound is not None:
                await self._outbound.close()
                self._outbound = None
            await self._handlers.close()
            if self._services is not None:
                await self._services.feed.close()
        finally:
            if self._lines is not None:
                self._lines.flush()
            self._lines = None
            self._ports = self._services = self._deployment = self._looked = None
            self._is_entered = False
            if stack is not None:
                await stack.aclose()

    @property
    def is_open(self) -> bool:
        """Whether it can be used now."""
        return self._services is not None

    @property
    def services(self) -> Services:
        """All services. Raises `NotOpen`."""
        if self._services is None:
            raise NotOpen("Convalias is not open: use it inside `async with`")
        return self._services

    @property
    def ports(self) -> Ports:
        """The ports it stands on, those of the host's own each behind its guard. Raises `NotOpen`."""
        if self._ports is None:
            raise NotOpen("Convalias is not open: use it inside `async with`")
        return self._ports

    @property
    def deployment(self) -> Deployment:
        """Domains and policy as they stood at the last look."""
        return self._deployment or self._wiring.deployment

    @property
    def keyring(self) -> Keyring:
        """The root secrets of this deployment."""
        return self._wiring.keyring

    @property
    def receiver(self) -> Receiver:
        """Takes mail in."""
        return self.services.receiver

    @property
    def messaging(self) -> Messaging:
        """Conversations. Raises `Unavailable` while nobody knows an alias domain, as the store has not answered yet."""
        if self.is_open and not self.knows_deployment and not self.deployment.alias_domains:
            raise Unavailable("the store, which knows the alias domains,")
        return self.services.messaging

    @property
    def knows_deployment(self) -> bool:
        """Whether the store has told of domains and policy; until then those of the settings, or last seen, hold."""
        return self._looked is not None

    @property
    def approvals(self) -> Approvals:
        """Held mail, and the answers to it."""
        return self.services.approvals

    @property
    def unsubscribing(self) -> Unsubscribing:
        """Mutes by the link in a mail."""
        return self.services.unsubscribing

    @property
    def attachment_links(self) -> AttachmentLinks:
        """Opens attached files by the link in a mail."""
        return self.services.attachment_links

    @property
    def suppressing(self) -> Suppressing:
        """Return what lists, adds and lifts suppressions."""
        return self.services.suppressing

    @property
    def inbound(self) -> InboundLoop:
        """Mail, for a host that has a loop of its own: `process(jobs, within=seconds)`. Raises `NotOpen`."""
        _ = self.services
        return InboundLoop(prepare=self._inbound_of_now)

    async def _inbound_of_now(self) -> InboundWorker:
        await self._prepare()
        self._needs_domain()
        return self.services.inbound

    @property
    def outbound(self) -> OutboundLoop:
        """Decisions and deliveries, for a host that has a loop of its own: `decide(records)`. Raises `NotOpen`."""
        _ = self.services
        return OutboundLoop(prepare=self._outbound_of_now, notifier=lambda: self.services.outbound)

    async def _outbound_of_now(self) -> OutboundNotifier:
        await self._prepare()
        return self.services.outbound

    async def _prepare(self) -> None:
        """Look at all that `run` looks at when it begins and before each step; the host's conversations once."""
        await self.refresh()
        if not self._has_seen_host:
            await self._see_host()
        await self.services.place.check()
        await self.services.keys.check()

    def _needs_domain(self) -> None:
        """Without a domain every mail would be "not ours": it is not lost that way, but it would be silent."""
        if not self.deployment.alias_domains:
            raise Unavailable("alias domains: none is configured or loaded", retry_after=REFRESH)

    @property
    def outbound_worker(self) -> OutboundWorker:
        """Return the outbound worker, for a host that steps it itself. Raises `NotOpen`."""
        if self._outbound is None:
            raise NotOpen("Convalias is not open: use it inside `async with`")
        return self._outbound

    @property
    def lines(self) -> LogLines:
        """The log lines of this process about what is away or fails again and again. Raises `NotOpen`."""
        if self._lines is None:
            raise NotOpen("Convalias is not open: use it inside `async with`")
        return self._lines

    @property
    def faults(self) -> AdapterFaults:
        """Return the faults of the host's adapters: exceptions that their ports do not name. Raises `NotOpen`."""
        if self._faults is None:
            raise NotOpen("Convalias is not open: use it inside `async with`")
        return self._faults

    @property
    def operations(self) -> Operations:
        """Return the operations: why, dead letters, replay."""
        return self.services.operations

    @property
    def replay(self) -> Replay:
        """Deciding anew."""
        return self.services.replay

    @property
    def rollout(self) -> RolloutControl:
        """Stages per use case: set, shown, counted, prepared."""
        return self.services.rollout

    async def refresh(self) -> None:
        """Look whether another process told the deployment something new; at most once a second."""
        ports = self.ports
        now = ports.clock.now()
        if self._looked is not None and abs(now - self._looked) < REFRESH and self._services is not None:
            return
        try:
            stored = await Deployments(records=ports.records).get()
        except CodecError as unreadable:
            if self._looked is None:
                raise
            # A newer release has told the deployment something: what stands goes on, and says so at every look.
            ports.telemetry.measure("convalias.deployment.unreadable", 1, error=type(unreadable).__name__)
            self._looked = now
            return
        told = _beside(self._wiring.deployment, stored)
        self._looked = now
        self._remember(ports, stored, now)
        if self._services is None or told != self._deployment:
            self._wire(ports, told)

    def _wire(self, ports: Ports, told: Deployment) -> None:
        self._deployment = told
        policy, rules = self._wiring.overlay.over(self._wiring.policy or told.policy), self._wiring.rules
        if self._faults is not None:
            policy, rules = guard_policy(policy, self._faults), guard_rules(rules, self._faults)
        assembled = assemble(
            waking(ports, self._wakes),
            deployment=told,
            policy=policy,
            rules=rules,
            wiring=self._wiring,
            lines=self._lines,
            slots=self._slots,
            labels=self._labels,
        )
        # The feed knows no deployment, and holds a lease: it goes on as it is.
        standing = self._services
        self._services = assembled if standing is None else evolve(assembled, feed=standing.feed)
        # So does the place in the event log.
        if self._outbound is None:
            self._handlers.begin(ports, assembled.stores.conversations)
            self._outbound = OutboundWorker(
                log=ports.events, notifier=assembled.outbound, batch=BATCH, prepare=self._prepare
            )
        self._outbound.notifier = assembled.outbound

    async def check_keys(self, *, within: timedelta | None = None) -> None:
        """Refuse keys that would make aliases in use forged ones. Raises `KeysRefused`, `Unavailable`.

        Workers and minting do so by themselves, what touches no alias never does. `within`: a store that does not
        answer in that time is passed over, for whoever can begin without it.
        """
        await _passing_over(self.services.keys.check, within)

    async def check_place(self, *, within: timedelta | None = None) -> None:
        """Refuse a second data directory beside a shared store. Raises `PlaceRefused`, `Unavailable`.

        Workers do so by themselves. `within`: a store that does not answer in that time is passed over.
        """
        await _passing_over(self.services.place.check, within)

    async def check_host(self, *, within: timedelta | None = None) -> None:
        """Refuse to work without the conversations of a host that keeps its own. Raises `HostMissing`, `Unavailable`.

        `within`: a store that does not answer in that time is passed over.
        """
        await _passing_over(self._see_host, within)

    async def _see_host(self) -> None:
        await self.services.host.check()
        self._has_seen_host = True

    async def open_conversation(
        self, conversation: str, *, use_case: str, participants: Iterable[Participant]
    ) -> Mapping[str, EmailAddress]:
        """Create it, and make its participants known by the addresses they bring: the alias of each, by account.

        May be repeated. Raises what `messaging.create` raises. With an identity directory of one's own, that knows
        the addresses, and nothing is written about them here: an account that brings addresses and that the directory
        does not know is refused (`InvalidValue`), for nobody would ever reach it.
        """
        messaging, participants = self.messaging, tuple(participants)
        storable.conversation_id(conversation)
        storable.use_case(use_case)
        storable.participants(participants)  # before the first of them is introduced
        identity = self.ports.identity
        if identity is None:
            for one in participants:
                await introduce(self.services.stores.directory, one)
        else:
            await self._known(identity, [one.account for one in participants if one.addresses])
        thread = await messaging.create(use_case, participants, conversation=conversation)
        aliases = await messaging.aliasing.issue_all(thread)
        return {alias.stands_for: alias.address for alias in aliases}

    async def _known(self, identity: IdentityDirectory, accounts: Sequence[AccountId]) -> None:
        known = frozenset(await identity.get(accounts)) if accounts else frozenset[AccountId]()
        for account in accounts:
            if account not in known:
                raise InvalidValue(
                    "participants",
                    found=f"account {account} with addresses",
                    expected="accounts that identity= knows: it alone says where they are reached",
                )

    async def alias(self, conversation: str, *, for_: str) -> EmailAddress:
        """Return the alias of that participant, issued if there is none. Raises what `messaging.aliasing.issue` raises."""
        return (await self.messaging.aliasing.issue(conversation, account=for_)).address

    # --- inside a web service ------------------------------------------------------------------------

    @asynccontextmanager
    async def lifespan(self, app: object = None, /) -> AsyncGenerator[None]:
        """Open, run all workers beside the body, stop them and close: `FastAPI(lifespan=cv.lifespan)`.

        Raises what entering raises, and what `run` refuses at once. `app` is not looked at.
        """
        del app
        async with self, self.running():
            yield

    def asgi(self, providers: Providers | None = None, *, lines: LogLines | None = None) -> ASGIApp:
        """Return the HTTP doors as an ASGI app, to be mounted or served: webhooks, pages behind links, health.

        It may be made before this is open; while it is not, all but `/healthz` answers 503. The app opens nothing and
        runs no worker: `lifespan` does. `providers`: whose posts are taken in; None: those of the settings, or nobody's
        where there are no settings. `lines`: where answers 5xx and 401 are told; None: in the log `convalias.http`.
        Raises `WrongSettings` for a door without a key.
        """
        from convalias.app.web import web_app  # noqa: PLC0415 - starlette loads when used

        return web_app(self, providers or self._providers(), checks=self._checks, lines=lines)

    # --- work ----------------------------------------------------------------------------------------

    def wake(self) -> None:
        """Look at once for new messages of the host: it has just committed one. Without it they are found within 0.5 s."""
        self._wakes.appended.set()

    def on(self, *kinds: type[Happening], group: str) -> Callable[[HandleT], HandleT]:
        """Return a decorator: its function is called for each event of these kinds; none named: of all.

        The function gets the event as it reads at that moment; `event.id` is the same when it comes again. It is called
        at least once for each, in the order of its conversation, by the worker `handlers`, which `run` and `lifespan`
        run. What it raises is tried again, and what is behind it waits; after a few times `/readyz` says so.

        `group`: the name under which its place in the event log is kept. A new name starts at what the log still has,
        and in a data directory a name that nobody reads any more keeps the log from being trimmed. Raises `InvalidValue`
        for a name that is taken or cannot be kept, and for what is no kind of event; `AlreadyOpen` once this is open.
        """

        def given(handle: HandleT) -> HandleT:
            if self._is_entered:
                raise AlreadyOpen("Convalias is open already: use `on` before it is entered")
            self._handlers.give(handle, kinds, group)
            return handle

        return given

    async def run(self, *workers: Worker) -> None:
        """Work until `stop` or cancelled. Takes no signal: they are the host's. No name: all of them.

        No worker ends it, or another worker: one that cannot go on is tried again, and `checks` tells. After `stop`
        it returns at once, until `Convalias` is entered anew. Raises `KeysRefused` at once where the keys are not
        those of the aliases in use, `PlaceRefused` where another data directory keeps what lies beside the store, and
        `HostMissing` where the platform keeps the conversations and this process was given none.
        """
        await kept_running(await self._begun(workers), self._stopping, self._running)

    async def _begun(self, workers: Sequence[Worker]) -> Sequence[Loop]:
        """The loops of these workers; what they could never do is refused before they begin."""
        loops = self.loops(*workers)
        await self.check_place(within=KEYS_WITHIN)
        await self.check_host(within=KEYS_WITHIN)
        if set(workers or WORKERS) & _WITH_KEYS:
            await self.check_keys(within=KEYS_WITHIN)
        return loops

    def loops(self, *workers: Worker) -> Sequence[Loop]:
        """The loops that `run` runs, for a host that runs each of them in its own way. No name: all of them.

        `checks` knows each of them from now on. Raises `InvalidValue` for a worker that there is not.
        """
        for worker in workers:
            if worker not in ALL_WORKERS:
                raise InvalidValue("worker", found=worker, expected=" or ".join(ALL_WORKERS))
        ambience = Ambience(
            clock=self.ports.clock, telemetry=self.ports.telemetry, health=self._health, lines=self.lines
        )
        wait = queue.poll if isinstance(queue := self.ports.queue, Polled) else timedelta(0)
        return [
            loop
            for worker in workers or self._all
            for loop in loops_of(
                worker,
                giving_signs(worker, self._works(worker, wait=wait, polls=True), self.ports, self.faults),
                ambience,
            )
        ]

    @property
    def _all(self) -> Sequence[Worker]:
        return ALL_WORKERS if self._handlers.open else WORKERS

    async def stop(self, *, within: timedelta = STOP_WITHIN) -> None:
        """Take no more work and finish what was taken; work that is not finished in time is released."""
        self._stopping.set()
        running = set(self._running)
        if running:
            _, late = await asyncio.wait(running, timeout=within.total_seconds())
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    @asynccontextmanager
    async def running(self, *workers: Worker) -> AsyncGenerator[None]:
        """`run` beside the body; `stop` at its end.

        The body is never cancelled because of a worker: one that cannot go on is tried again, and `checks` tells.
        """
        if self._stopping.is_set():
            self._stopping = asyncio.Event()
        loops = await self._begun(workers)
        working = asyncio.create_task(kept_running(loops, self._stopping, self._running), name="convalias")
        try:
            yield
        finally:
            await self.stop()
            await asyncio.gather(working, return_exceptions=True)

    async def run_until_idle(self, *workers: Worker, within: timedelta | None = None) -> Idle:
        """Do all that is due now, and what follows from it, then return: for a cron job or a task. Any number at once.

        `within`: no step begins after that time. One that is under way then has `STOP_WITHIN` more, as with `stop`, and
        is then cancelled and released; `in_time` is False where more is due. None: as long as it takes. At its end
        the lease of the feed is released. Where a part of the work raises, the others are done, and then that is
        raised. Raises `HostMissing` too.
        """
        steps = {
            f"{worker}{number or ''}": work.step
            for worker in workers or self._all
            for number, work in enumerate(self._works(worker))
        }
        done, in_time = Counter[str](), False
        loop = asyncio.get_running_loop()
        until = None if within is None else loop.time() + within.total_seconds()
        last = None if until is None else until + STOP_WITHIN.total_seconds()
        limit = asyncio.timeout_at(last)
        self._draining += 1
        try:
            async with limit:
                await self.check_host(within=KEYS_WITHIN)
                in_time = await drain(
                    steps,
                    catch_up=self.outbound_worker.catch_up,
                    is_over=lambda: until is not None and loop.time() >= until,
                    done=done,
                )
                await self.outbound_worker.notifier.sent()
        except TimeoutError:
            if not limit.expired():
                raise
        finally:
            self._draining -= 1
            await leave_faults(workers or self._all, self.ports, self.faults)
            if not (self._running or self._draining):
                await self.services.feed.close()  # its lease: the next run may be another process's
        depth = await self.ports.queue.depth()
        counted: dict[str, int] = {
            worker: sum(done[name] for name in steps if name.startswith(worker)) for worker in self._all
        }
        dead = len(await self.operations.dead())
        return Idle(
            {name: count for name, count in counted.items() if count}, depth.ready + depth.in_flight, dead, in_time
        )

    def _works(self, worker: Worker, *, wait: timedelta = timedelta(0), polls: bool = False) -> Sequence[Work]:
        """The loops on a mail's way are woken by this process, and look for other processes' work every 50 ms.

        Not latency-critical are the others: they look every 500 ms.
        """
        wakes = self._wakes
        match worker:
            case "inbound":
                step = self._keyed(partial(self._inbound, wait))
                more = Work(step=step, idle=UNHURRIED, woken=self._batches.found)
                beside = (self._notices, self._approvals, self._asking, self._retention)
                return (
                    Work(step=step, woken=wakes.jobs),
                    *self._source_works(polls=polls),
                    *(Work(step=self._keyed(one), idle=UNHURRIED) for one in beside),
                    *([more] * (self._wiring.inbound_batches - 1)),
                )
            case "feed":
                step = self._refreshed(self._feed)
                own = self.services.stores.conversations.keeps_events
                return (Work(step=step, idle=IDLE if own else UNHURRIED, woken=wakes.appended),)
            case "outbound":
                outbound = self.outbound_worker
                deliver = Work(step=outbound.deliver, idle=UNHURRIED, woken=wakes.decided)
                late = Work(step=outbound.take_up, idle=SELDOM)
                return (Work(step=outbound.decide, woken=wakes.published), deliver, late)
            case "handlers":
                return [Work(step=self._refreshed(one.step), idle=UNHURRIED) for one in self._handlers.open]

    def _source_works(self, *, polls: bool) -> Sequence[Work]:
        """Read the queues that providers fill. They need no store: while it is away, mail is taken in all the same."""
        ports = self.ports
        if not ports.sources:
            return ()
        providers = self._sources()
        works: list[Work] = []
        for name, queue in ports.sources.items():
            filled = FilledQueue(
                name=name,
                queue=queue,
                door=message_door(name, providers, accept=self._accept, clock=ports.clock),
                accept=self._accept,
                clock=ports.clock,
                lines=self.lines,
            )
            wait = queue.poll if polls and isinstance(queue, Polled) else timedelta(0)
            works.append(Work(step=partial(filled.step, wait=wait), idle=IDLE if wait else UNHURRIED))
        return works

    async def _accept(self, mail: IncomingMail) -> Receipt:
        return await self.services.receiver.accept(mail)  # the one of now: a refresh wires a new one

    def _refreshed(self, step: Step) -> Step:
        async def refreshed() -> int:
            await self.refresh()
            await self.services.place.check()
            return await step()

        return refreshed

    def _keyed(self, step: Step) -> Step:
        """What reads or makes tokens: not with keys that are not those of the aliases in use."""

        async def keyed() -> int:
            await self.services.keys.check()
            return await step()

        return self._refreshed(keyed)

    async def _inbound(self, wait: timedelta) -> int:
        self._needs_domain()
        await self._chores.sweep(self.services, self.ports)
        return await self._batches.step(self.services.inbound, wait=wait, stopping=self._stopping)

    async def _notices(self) -> int:
        return await self.services.system_outbox.send_due()

    async def _approvals(self) -> int:
        await self._chores.mend(self.services, self.ports)
        return await self.services.approvals.carry_due()

    async def _asking(self) -> int:
        return await self.services.approval_mails.enter_due()

    async def _retention(self) -> int:
        """Nobody waits for what ends: it counts as nothing done."""
        await self._chores.retain(self.services, self.ports)
        return 0

    async def _feed(self) -> int:
        await self._chores.trim(self.ports)
        return await self.services.feed.step()

    def mailbox(self, address: str) -> Sequence[bytes]:
        """Return the mail sent to an address, in order: for a deployment in memory, whose outbox can be read.

        Raises `TypeError` when notifications leave by something else.
        """
        outbox = self.ports.mail
        if not isinstance(outbox, Mailboxes):
            raise TypeError("mailbox() needs an outbox in memory; here mail leaves by something else")
        return [mail.raw for mail in outbox.mailbox(EmailAddress.parse(address))]

    async def checks(self) -> Mapping[str, Callable[[], Awaitable[object]]]:
        """Return the checks of `/readyz`: raw store and queue, as the receiver needs, and the workers of this process.

        Each returns what is to be shown besides (nothing: "ok"), or raises. Workers raise `NotReady` when one of them
        cannot go on, or has ended and was not stopped. Workers that only wait for what is away are told, and ready.
        On files a write is tried. What conversations of the host say of themselves is shown.
        """
        return self._checks()

    def _checks(self) -> Mapping[str, Callable[[], Awaitable[object]]]:
        ports = self.ports

        async def raw() -> object:
            if isinstance(ports.blobs, Probed):
                await ports.blobs.probe()
                return None
            return await ports.blobs.names("envelopes/", after="", limit=1)

        queue = ports.queue
        place: dict[str, Callable[[], Awaitable[object]]] = {}
        if self._wiring.place is not None:
            place["place"] = partial(self.check_place, within=ENTER_WITHIN)
        if isinstance(ports.conversations, Examined):
            place["conversations"] = partial(_examined, ports.conversations)
        return {
            "raw": raw,
            "queue": queue.probe if isinstance(queue, Probed) else queue.depth,
            "workers": self._health.check,
            "adapters": self.faults.check,
        } | place


async def _passing_over(check: Callable[[], Awaitable[object]], within: timedelta | None) -> None:
    """Check it; a store that does not answer in that time is passed over. None: it is waited for."""
    if within is None:
        await check()
        return
    with suppress(Unavailable, TimeoutError):
        async with asyncio.timeout(within.total_seconds()):
            await check()


async def _examined(port: Examined) -> str:
    """What is worth a look; empty if all is well."""
    return "; ".join(f"{one.about}: {one.found}" for one in await port.examine() if one.grade is not Grade.GOOD)


async def _open_now(port: object) -> None:
    if isinstance(port, OpensLate):
        await port.open_now()


def _beside(fixed: Deployment, stored: Deployment) -> Deployment:
    """What the store says, behind the domains of the settings."""
    return stored.at(
        alias=(*fixed.alias_domains, *stored.alias_domains), legacy=(*fixed.legacy_domains, *stored.legacy_domains)
    )
