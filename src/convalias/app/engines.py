"""Engines that a setting names by URL, each loaded and opened at its first use."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from attrs import frozen

from convalias.adapters import system
from convalias.app import late_ports
from convalias.app.opening import EngineName, Late, Patience, lasting, of_a_command
from convalias.app.ports import Instead
from convalias.domain.deployment.keyring import Keyring
from convalias.ports.errors import Unavailable
from convalias.ports.examining import Examined, Observation
from convalias.settings import EVENTS, KEYS, QUEUE, RAW, STORE, Settings, WrongSettings

if TYPE_CHECKING:  # botocore loads where it is used
    from convalias.adapters import sqs


@frozen
class Engine:
    """An engine of a setting: its ports, how to open it by URL, and what its ports can do."""

    setting: str
    variable: str
    ports: tuple[str, ...]
    opened: Callable[[str, timedelta], AbstractAsyncContextManager[Instead]]
    bound: Callable[[Late, str], Instead]

    def late(self, url: str, *, patience: Patience) -> Late:
        """The engine at that URL, to be opened at its first use."""

        def opened(within: timedelta) -> AbstractAsyncContextManager[Instead]:
            return self.opened(url, within)

        return Late(EngineName.of_url(self.setting, url, self.variable), opened, patience=patience)


# Each loads its client at once, and connects when it is entered: how long Python takes to load is no sign of an engine.


def _raw(url: str, within: timedelta) -> AbstractAsyncContextManager[Instead]:
    from convalias.adapters import s3  # noqa: PLC0415 - obstore loads where it is used

    blobs = s3.Blobs(url, open_within=within)

    @asynccontextmanager
    async def opened() -> AsyncGenerator[Instead]:
        await blobs.open()
        yield {"blobs": blobs}

    return opened()


def _queue_at(url: str) -> sqs.JobQueue:
    from convalias.adapters import sqs  # noqa: PLC0415 - botocore loads where it is used

    return sqs.JobQueue(url, clock=system.Clock())


def _queue(url: str, _: timedelta) -> AbstractAsyncContextManager[Instead]:
    queue = _queue_at(url)

    @asynccontextmanager
    async def opened() -> AsyncGenerator[Instead]:
        async with queue:
            yield {"queue": queue}

    return opened()


def _store(url: str, within: timedelta) -> AbstractAsyncContextManager[Instead]:
    from convalias.adapters import mongo  # noqa: PLC0415 - pymongo loads where it is used

    # Before its time is up, so that it can say which member is away.
    database = mongo.Database(url, open_within=0.8 * within)

    @asynccontextmanager
    async def opened() -> AsyncGenerator[Instead]:
        async with database:
            yield {"records": mongo.Records(database), "changes": mongo.Changes(database)}

    return opened()


def _events(url: str, _: timedelta) -> AbstractAsyncContextManager[Instead]:
    from convalias.adapters import kafka  # noqa: PLC0415 - librdkafka loads where it is used

    events = kafka.EventLog(url)

    @asynccontextmanager
    async def opened() -> AsyncGenerator[Instead]:
        async with events:
            yield {"events": events}

    return opened()


def _late_blobs(late: Late, _: str) -> Instead:
    return {"blobs": late_ports.Blobs(late)}


def _late_queue(late: Late, url: str) -> Instead:
    return {"queue": late_ports.PolledJobQueue(late, poll=lambda: _queue_at(url).poll)}


def _late_store(late: Late, _: str) -> Instead:
    return {"records": late_ports.Records(late), "changes": late_ports.Changes(late)}


def _late_events(late: Late, _: str) -> Instead:
    return {"events": late_ports.AheadEventLog(late)}


ENGINES: Final = (
    Engine("raw", RAW, ("blobs",), _raw, _late_blobs),
    Engine("queue", QUEUE, ("queue",), _queue, _late_queue),
    Engine("store", STORE, ("records", "changes"), _store, _late_store),
    Engine("events", EVENTS, ("events",), _events, _late_events),
)
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
            if engine.ports[0] not in instead:
                late = engine.late(url, patience=patience or lasting())
                stack.push_async_callback(late.close)
                bound.update(engine.bound(late, url))
        yield bound


async def examine(settings: Settings) -> AsyncGenerator[tuple[str, Sequence[Observation] | Exception]]:
    """Examine all engines at once, each within a command's time: its observations, or why it is unusable."""
    urls = named(settings)
    answers = await asyncio.gather(
        *(_looked_at(_BY_SETTING[setting], url) for setting, url in urls.items()), return_exceptions=True
    )
    for setting, answer in zip(urls, answers, strict=True):
        if isinstance(answer, BaseException) and not isinstance(answer, Exception):
            raise answer
        yield setting, answer


async def _looked_at(engine: Engine, url: str) -> Sequence[Observation]:
    late = engine.late(url, patience=of_a_command())

    async def look(ports: Instead) -> Sequence[Observation]:
        return [seen for port in ports.values() if isinstance(port, Examined) for seen in await port.examine()]

    try:
        return await late.call(look)
    finally:
        await late.close()


async def migrate(settings: Settings, *, keep_first: bool = False) -> dict[str, list[str]]:
    """Make what the engines lack; by setting, the names of what was made. May be repeated."""
    if settings.store is None:
        return {}
    from convalias.adapters import mongo  # noqa: PLC0415 - pymongo loads where it is used

    name = EngineName.of_url("store", settings.store, STORE)
    database = mongo.Database(settings.store, open_within=MIGRATES_WITHIN)
    try:
        return {"store": await database.migrate(keep_first=keep_first)}
    except Unavailable as error:
        raise name.away(error) from error
    finally:
        await database.close()


def shared_keyring(settings: Settings) -> Keyring | None:
    """The keys that were set. A store that several machines share has no key file: each would make its own."""
    if settings.store is not None and settings.keyring is None:
        raise WrongSettings(
            {KEYS: f"not set, expected keys that all processes on {STORE} share; see convalias keys new"}
        )
    return settings.keyring
