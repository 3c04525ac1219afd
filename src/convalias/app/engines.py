"""Engines that a setting names by URL, each loaded and opened at its first use."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import Any, Final

from attrs import evolve, frozen

from convalias import registry
from convalias.adapters import system
from convalias.app import late_ports
from convalias.app.opening import LASTING, EngineName, Late, Patience, lasting, of_a_command
from convalias.app.ports import Instead
from convalias.app.refusals import channel_problems
from convalias.domain.deployment.keyring import Keyring
from convalias.domain.outbound.delivery import Channel
from convalias.ports.engines import (
    BlobsEngine,
    ChannelAt,
    ChannelEngine,
    CheckEngine,
    EngineAt,
    EventLogEngine,
    LongPolls,
    MailEngine,
    Migrates,
    QueueEngine,
    StoreEngine,
)
from convalias.ports.errors import Unavailable
from convalias.ports.examining import Examined, Observation
from convalias.ports.hub import NotificationHub
from convalias.ports.mail import Check, OutgoingMail
from convalias.ports.queue import JobQueue
from convalias.services.inbound.several_checks import SeveralChecks
from convalias.settings import EVENTS, KEYS, MAIL, QUEUE, RAW, STORE, Settings, WrongSettings, source_variable


@frozen
class Engine:
    """An engine of a setting: the group of its entry points, its port, and how the port is opened."""

    setting: str
    variable: str
    group: str
    port: str
    opened: Callable[[EngineAt], AbstractAsyncContextManager[Instead]]
    bound: Callable[[Late, str], Instead]

    def late(self, url: str, *, patience: Patience) -> Late:
        """The engine at that URL, to be opened at its first use."""

        def opened(within: timedelta) -> AbstractAsyncContextManager[Instead]:
            return self.opened(_at(url, within))

        return Late(EngineName.of_url(self.setting, url, self.variable), opened, patience=patience)


def _at(url: str, within: timedelta, *, password: str = "") -> EngineAt:
    return EngineAt(url=url, password=password, within=within, clock=system.Clock(), incarnation=system.Incarnation())


def _registered(group: str, url: str, *needed: str) -> Any:  # noqa: ANN401 - whoever asks names the port
    return registry.load(group, url.partition("://")[0], "opened", *needed)


def _store_engine(url: str) -> StoreEngine:
    engine: StoreEngine = _registered(registry.STORES, url, "tells_changes")
    return engine


def _queue_engine(url: str) -> QueueEngine:
    engine: QueueEngine = _registered(registry.QUEUES, url)
    return engine


# Each loads its client at once, and connects when it is entered: how long Python takes to load is no sign of an engine.


def _raw(at: EngineAt) -> AbstractAsyncContextManager[Instead]:
    engine: BlobsEngine = _registered(registry.BLOBS, at.url)
    context = engine.opened(at)

    @asynccontextmanager
    async def opened() -> AsyncGenerator[Instead]:
        async with context as blobs:
            yield {"blobs": blobs}

    return opened()


def _queue(at: EngineAt) -> AbstractAsyncContextManager[Instead]:
    context = _queue_engine(at.url).opened(at)

    @asynccontextmanager
    async def opened() -> AsyncGenerator[Instead]:
        async with context as queue:
            yield {"queue": queue}

    return opened()


def _store(at: EngineAt) -> AbstractAsyncContextManager[Instead]:
    context = _store_engine(at.url).opened(at)

    @asynccontextmanager
    async def opened() -> AsyncGenerator[Instead]:
        async with context as store:
            yield {"records": store.records, "changes": store.changes} if store.changes else {"records": store.records}

    return opened()


def _events(at: EngineAt) -> AbstractAsyncContextManager[Instead]:
    engine: EventLogEngine = _registered(registry.EVENT_LOGS, at.url)
    context = engine.opened(at)

    @asynccontextmanager
    async def opened() -> AsyncGenerator[Instead]:
        async with context as events:
            yield {"events": events}

    return opened()


def _late_blobs(late: Late, _: str) -> Instead:
    return {"blobs": late_ports.Blobs(late)}


def _late_queue(late: Late, url: str) -> Instead:
    return {"queue": _polled(late, url)}


def _polled(late: Late, url: str) -> JobQueue:
    def poll() -> timedelta:
        engine = _queue_engine(url)
        return engine.poll(_at(url, LASTING)) if isinstance(engine, LongPolls) else timedelta(0)

    return late_ports.PolledJobQueue(late, poll=poll)


def _late_store(late: Late, url: str) -> Instead:
    bound: Instead = {"records": late_ports.Records(late)}
    if _store_engine(url).tells_changes:
        bound["changes"] = late_ports.Changes(late)
    return bound


def _late_events(late: Late, _: str) -> Instead:
    return {"events": late_ports.AheadEventLog(late)}


ENGINES: Final = (
    Engine("raw", RAW, registry.BLOBS, "blobs", _raw, _late_blobs),
    Engine("queue", QUEUE, registry.QUEUES, "queue", _queue, _late_queue),
    Engine("store", STORE, registry.STORES, "records", _store, _late_store),
    Engine("events", EVENTS, registry.EVENT_LOGS, "events", _events, _late_events),
)
SENDER_WITHIN: Final = timedelta(seconds=5)
"""For one look at a sender, of the ten seconds that a command has."""
MIGRATES_WITHIN: Final = timedelta(seconds=6)
"""For the first look at the store; making the indexes then takes as long as they are large."""
_BY_SETTING: Final = {engine.setting: engine for engine in ENGINES}


def named(settings: Settings) -> Mapping[str, str]:
    """The URLs that are set, by setting."""
    urls = {"raw": settings.raw, "queue": settings.queue, "store": settings.store, "events": settings.events}
    return {setting: url for setting, url in urls.items() if url is not None}


@asynccontextmanager
async def engines(
    settings: Settings,
    instead: Instead,
    *,
    patience: Patience | None = None,
) -> AsyncGenerator[Instead]:
    """Return the ports that settings bind to engines, each opened at its first use; given ones are never opened.

    What was opened is closed on the way out.
    """
    async with AsyncExitStack() as stack:
        bound: Instead = {}
        for setting, url in named(settings).items():
            engine = _BY_SETTING[setting]
            if engine.port not in instead:
                late = engine.late(url, patience=patience or lasting())
                stack.push_async_callback(late.close)
                bound.update(engine.bound(late, url))
        yield bound


@asynccontextmanager
async def sources(settings: Settings, *, patience: Patience) -> AsyncGenerator[Mapping[str, JobQueue]]:
    """Return the queues that providers fill, by door, each opened at its first use."""
    async with AsyncExitStack() as stack:
        bound: dict[str, JobQueue] = {}
        for door, url in settings.sources.items():
            late = _source(door).late(url, patience=patience)
            stack.push_async_callback(late.close)
            bound[door] = _polled(late, url)
        yield bound


def _source(door: str) -> Engine:
    """The engine of a queue that a provider fills: it goes by a name of its own where it is away."""
    return Engine(f"sources.{door}", source_variable(door), registry.QUEUES, "queue", _queue, _late_queue)


async def examine(settings: Settings) -> AsyncGenerator[tuple[str, Sequence[Observation] | Exception]]:
    """Examine all engines at once, each within a command's time: its observations, or why it is unusable."""
    urls = named(settings)
    answers = await asyncio.gather(
        *(_looked_at(_BY_SETTING[setting], url) for setting, url in urls.items()),
        *(_looked_at(_source(door), url) for door, url in settings.sources.items()),
        _sender_looked_at(settings),
        *(_detector_looked_at(settings, url) for url in settings.checks),
        return_exceptions=True,
    )
    sources_named = [f"sources.{door}" for door in settings.sources]
    checks = [f"check by {url.partition('://')[0]}" for url in settings.checks]
    for setting, answer in zip([*urls, *sources_named, "mail", *checks], answers, strict=True):
        if isinstance(answer, BaseException) and not isinstance(answer, Exception):
            raise answer
        if answer is not None:
            yield setting, answer


async def _looked_at(engine: Engine, url: str) -> Sequence[Observation]:
    late = engine.late(url, patience=of_a_command())

    async def look(ports: Instead) -> Sequence[Observation]:
        return [seen for port in ports.values() if isinstance(port, Examined) for seen in await port.examine()]

    try:
        return await late.call(look)
    finally:
        await late.close()


async def _sender_looked_at(settings: Settings) -> Sequence[Observation] | None:
    """None: no sender is set, or the one that is has nothing to say of itself, as a folder."""
    async with sender(settings) as outgoing:
        if not isinstance(outgoing, Examined):
            return None
        try:
            async with asyncio.timeout(SENDER_WITHIN.total_seconds()):
                return await outgoing.examine()
        except TimeoutError as error:
            raise EngineName.of_url("mail", settings.mail or "", MAIL).away(error) from error


async def _detector_looked_at(settings: Settings, url: str) -> Sequence[Observation] | None:
    """None: it has nothing to say of itself."""
    async with detectors(evolve(settings, checks=(url,))) as (found,):
        if not isinstance(found, Examined):
            return None
        try:
            async with asyncio.timeout(SENDER_WITHIN.total_seconds()):
                return await found.examine()
        except TimeoutError as error:
            raise EngineName.of_url("check", url, "checks").away(error) from error


async def migrate(settings: Settings, *, keep_first: bool = False) -> dict[str, list[str]]:
    """Make what the engines lack; by setting, the names of what was made. May be repeated."""
    if settings.store is None:
        return {}
    engine = _store_engine(settings.store)
    if not isinstance(engine, Migrates):
        return {}
    try:
        return {"store": [*await engine.migrate(_at(settings.store, MIGRATES_WITHIN), keep_first=keep_first)]}
    except Unavailable as error:
        raise EngineName.of_url("store", settings.store, STORE).away(error) from error


@asynccontextmanager
async def sender(settings: Settings) -> AsyncGenerator[OutgoingMail | None]:
    """Open the sender that the setting `mail` names. None: it is not set."""
    if settings.mail is None:
        yield None
        return
    engine: MailEngine = _registered(registry.MAIL, settings.mail)
    async with engine.opened(_at(settings.mail, LASTING, password=settings.mail_password)) as outgoing:
        yield outgoing


@asynccontextmanager
async def detectors(settings: Settings) -> AsyncGenerator[Sequence[Check]]:
    """Open the detectors that the setting `checks` names, in its order."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(_check_engine(url).opened(_at(url, LASTING))) for url in settings.checks]


@asynccontextmanager
async def detector(settings: Settings) -> AsyncGenerator[Check | None]:
    """Open the one check that stands for all of them. None: none is set."""
    async with detectors(settings) as found:
        yield SeveralChecks(found) if found else None


def _check_engine(url: str) -> CheckEngine:
    engine: CheckEngine = _registered(registry.CHECKS, url)
    return engine


@asynccontextmanager
async def channel_hubs(
    settings: Settings, given: Collection[Channel]
) -> AsyncGenerator[Mapping[Channel, NotificationHub]]:
    """Open the hubs that the setting `channels` names, but for given ones. Raises `WrongSettings` for a wrong hub."""
    async with AsyncExitStack() as stack:
        hubs: dict[Channel, NotificationHub] = {}
        for channel, url in settings.channels.items():
            if channel in given:
                continue
            at = _at(url, LASTING)
            engine: ChannelEngine = _registered(registry.CHANNELS, url)
            hub = await stack.enter_async_context(
                engine.opened(
                    ChannelAt(url=at.url, within=at.within, clock=at.clock, incarnation=at.incarnation, channel=channel)
                )
            )
            if problems := dict(channel_problems(channel, hub)):
                raise WrongSettings(problems)
            hubs[channel] = hub
        yield hubs


def shared_keyring(settings: Settings) -> Keyring | None:
    """The keys that were set. A store that several machines share has no key file: each would make its own."""
    if settings.store is not None and settings.keyring is None:
        raise WrongSettings(
            {KEYS: f"not set, expected keys that all processes on {STORE} share; see convalias keys new"}
        )
    return settings.keyring
