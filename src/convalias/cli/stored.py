"""Reading of everything of one kind that a data directory holds, across all conversations."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Final, Protocol, TypeVar, runtime_checkable

import click

from convalias.app.facade import Convalias
from convalias.cli.errors import Failed
from convalias.cli.exits import Exit
from convalias.codec import CodecError, load
from convalias.domain.conversations.events import ConversationEvent
from convalias.domain.outbound.legacy_calls import LegacyCall
from convalias.ports.records import Partitioned, Records, Stored

T = TypeVar("T")
PAGE: Final = 500


@runtime_checkable
class StandIn(Protocol):
    """A legacy relay that remembers what it was told: ours does."""

    async def calls(self) -> Sequence[LegacyCall]:
        """Return the calls in order."""
        ...


async def everything(records: Records, table: str, expected: type[T]) -> AsyncIterator[T]:
    """All records of a table that can be read, by partition and id. A line on stderr counts the others."""
    if not isinstance(records, Partitioned):
        raise Failed(f"{table}: this store cannot list all of them; the embedded backend can", Exit.UNAVAILABLE)
    unreadable: list[CodecError] = []
    partition = ""
    while page := await records.partitions(table, after=partition, limit=PAGE):
        for partition in page:
            async for stored in _in_partition(records, table, partition):
                try:
                    yield load(stored.body, expected)
                except CodecError as error:
                    unreadable.append(error)
    if unreadable:
        click.echo(f"convalias: {table}: {len(unreadable)} left out, such as {unreadable[0]}", err=True)


async def _in_partition(records: Records, table: str, partition: str) -> AsyncIterator[Stored]:
    after = ""
    while page := await records.range(table, partition, after=after, limit=PAGE):
        for stored in page:
            yield stored
        after = page[-1].key.id


async def all_events(cv: Convalias, conversation: str) -> Sequence[ConversationEvent]:
    """Return the events of one conversation, in order."""
    events: list[ConversationEvent] = []
    while page := await cv.messaging.events(conversation, after=len(events), limit=PAGE):  # seq has no gap
        events.extend(page)
    return events


async def legacy_calls(cv: Convalias) -> Sequence[LegacyCall]:
    """Return the calls that the stand-in legacy relay received."""
    relay = cv.ports.legacy
    if relay is None:
        return ()
    if not isinstance(relay, StandIn):
        raise Failed("this legacy relay cannot be asked what it was told; only the stand-in can", Exit.UNAVAILABLE)
    return await relay.calls()
