"""Engines that a setting names by URL, each loaded and opened only where it is named."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, contextmanager
from typing import Final, TypeAlias

from attrs import frozen

from convalias.adapters import system
from convalias.app.ports import Instead
from convalias.domain.keyring import Keyring
from convalias.ports.examining import Examined, Observation
from convalias.settings import KEYS, STORE, Settings, WrongSettings

_Opener: TypeAlias = Callable[[str], AbstractAsyncContextManager[Instead]]


@frozen
class Engine:
    """One setting's engine: the ports that it stands for, and how it is opened by its URL."""

    setting: str
    ports: tuple[str, ...]
    opened: _Opener


@asynccontextmanager
async def _raw(url: str) -> AsyncGenerator[Instead]:
    with brought_by("s3"):
        from convalias.adapters import s3  # noqa: PLC0415 - obstore loads where it is used
    blobs = s3.Blobs(url)
    await blobs.open()
    yield {"blobs": blobs}


@asynccontextmanager
async def _queue(url: str) -> AsyncGenerator[Instead]:
    with brought_by("sqs"):
        from convalias.adapters import sqs  # noqa: PLC0415 - botocore loads where it is used
    async with sqs.JobQueue(url, clock=system.Clock()) as queue:
        yield {"queue": queue}


@asynccontextmanager
async def _store(url: str) -> AsyncGenerator[Instead]:
    with brought_by("mongo"):
        from convalias.adapters import mongo  # noqa: PLC0415 - pymongo loads where it is used
    async with mongo.Database(url) as database:
        yield {"records": mongo.Records(database), "changes": mongo.Changes(database)}


@asynccontextmanager
async def _events(url: str) -> AsyncGenerator[Instead]:
    with brought_by("kafka"):
        from convalias.adapters import kafka  # noqa: PLC0415 - librdkafka loads where it is used
    async with kafka.EventLog(url) as events:
        yield {"events": events}


ENGINES: Final = (
    Engine("raw", ("blobs",), _raw),
    Engine("queue", ("queue",), _queue),
    Engine("store", ("records", "changes"), _store),
    Engine("events", ("events",), _events),
)
_BY_SETTING: Final = {engine.setting: engine for engine in ENGINES}


def named(settings: Settings) -> Mapping[str, str]:
    """The URLs that are set, by setting."""
    urls = {"raw": settings.raw, "queue": settings.queue, "store": settings.store, "events": settings.events}
    return {setting: url for setting, url in urls.items() if url is not None}


@asynccontextmanager
async def engines(settings: Settings, instead: Instead) -> AsyncGenerator[Instead]:
    """The ports that the settings bind to engines; a port that was given is not opened here."""
    async with AsyncExitStack() as stack:
        bound: Instead = {}
        for setting, url in named(settings).items():
            engine = _BY_SETTING[setting]
            if engine.ports[0] not in instead:
                bound.update(await stack.enter_async_context(engine.opened(url)))
        yield bound


async def examine(settings: Settings) -> AsyncGenerator[tuple[str, Sequence[Observation] | Exception]]:
    """Open each engine by itself and look at it: by setting, what it says, or why it cannot be used."""
    urls = named(settings)
    answers = await asyncio.gather(
        *(_looked_at(_BY_SETTING[setting], url) for setting, url in urls.items()), return_exceptions=True
    )
    for setting, answer in zip(urls, answers, strict=True):
        if isinstance(answer, BaseException) and not isinstance(answer, Exception):
            raise answer
        yield setting, answer


async def _looked_at(engine: Engine, url: str) -> Sequence[Observation]:
    async with engine.opened(url) as ports:
        return [seen for port in ports.values() if isinstance(port, Examined) for seen in await port.examine()]


@contextmanager
def brought_by(extra: str) -> Generator[None]:
    """Around an adapter's import: a missing package is told with the line that brings it."""
    try:
        yield
    except ModuleNotFoundError as error:
        mend = f"{error.name} is not installed; pip install 'convalias[{extra}]' brings it"
        raise ModuleNotFoundError(mend, name=error.name) from error


async def migrate(settings: Settings) -> dict[str, list[str]]:
    """Make what the engines lack; by setting, the names of what was made. May be repeated."""
    if settings.store is None:
        return {}
    with brought_by("mongo"):
        from convalias.adapters import mongo  # noqa: PLC0415 - pymongo loads where it is used
    database = mongo.Database(settings.store)
    try:
        return {"store": await database.migrate()}
    finally:
        await database.close()


def shared_keyring(settings: Settings) -> Keyring | None:
    """The keys that were set. A store that several machines share has no key file: each would make its own."""
    if settings.store is not None and settings.keyring is None:
        raise WrongSettings(
            {KEYS: f"not set, expected keys that all processes on {STORE} share; see convalias keys new"}
        )
    return settings.keyring
