"""Engines that a setting names by URL, each loaded and opened only where it is named."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import Protocol, runtime_checkable

from convalias.adapters import system
from convalias.app.ports import Instead
from convalias.domain.keyring import Keyring
from convalias.settings import KEYS, STORE, Settings, WrongSettings


class Shortcoming(Protocol):
    """What is wrong with an engine's own settings, and what mends it."""

    @property
    def found(self) -> str:
        """What was found, to follow the engine's name."""
        ...

    @property
    def mend(self) -> str:
        """What would be right."""
        ...


@runtime_checkable
class Examined(Protocol):
    """An adapter whose engine has settings of its own that may be wrong, though it answers."""

    async def shortcomings(self) -> Sequence[Shortcoming]:
        """All that there are."""
        ...


@asynccontextmanager
async def engines(settings: Settings, instead: Instead) -> AsyncGenerator[Instead]:
    """The ports that the settings bind to engines; a port that was given is not opened here."""
    async with AsyncExitStack() as stack:
        bound: Instead = {}
        if settings.raw is not None and "blobs" not in instead:
            with brought_by("s3"):
                from convalias.adapters import s3  # noqa: PLC0415 - obstore loads where it is used
            raw = s3.Blobs(settings.raw)
            await raw.open()
            bound["blobs"] = raw
        if settings.queue is not None and "queue" not in instead:
            with brought_by("sqs"):
                from convalias.adapters import sqs  # noqa: PLC0415 - botocore loads where it is used
            bound["queue"] = await stack.enter_async_context(sqs.JobQueue(settings.queue, clock=system.Clock()))
        if settings.store is not None and "records" not in instead:
            from convalias.adapters import mongo  # noqa: PLC0415 - pymongo loads where it is used

            database = await stack.enter_async_context(mongo.Database(settings.store))
            bound["records"] = mongo.Records(database)
            bound["changes"] = mongo.Changes(database)
        if settings.events is not None and "events" not in instead:
            with brought_by("kafka"):
                from convalias.adapters import kafka  # noqa: PLC0415 - librdkafka loads where it is used
            bound["events"] = await stack.enter_async_context(kafka.EventLog(settings.events))
        yield bound


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
