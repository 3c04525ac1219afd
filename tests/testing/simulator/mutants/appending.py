"""Slips around the event log of a conversation: its seq, its keys, its clock, its checks."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import count
from typing import Final

from attrs import evolve, field, frozen

from convalias.app.ports import Ports
from convalias.codec import dumps
from convalias.domain.conversations import timeline
from convalias.domain.conversations.events import ConversationEvent, MessageAdded, NewEvent
from convalias.domain.conversations.long_texts import cut, is_long, texts_of
from convalias.domain.conversations.threads import ConversationThread, ThreadSnapshot
from convalias.domain.conversations.timeline import TimelineItem
from convalias.domain.conversations.visibility import Sight
from convalias.domain.ids import AccountId, ConversationId, Seq
from convalias.ports.errors import Unavailable
from convalias.ports.event_store import Append
from convalias.ports.records import Conflict, Due, Insert, Key, Records, Replace, Stored, Write, Written
from convalias.services.conversations import messaging
from convalias.services.conversations.messaging import Messaging
from convalias.stores.conversations import appending
from convalias.stores.conversations import event_store as conversations
from convalias.stores.conversations.event_store import EventStore
from convalias.stores.conversations.long_texts import LongTexts, text_key
from convalias.stores.encoding import encoded
from convalias.testing.simulator.mutant import Mutant
from convalias.testing.simulator.world import World

from .patching import Method, around, instead, step_by_step, together

_IN_THE_BACKGROUND: Final = timedelta(seconds=5)
_SEEN_FOR: Final = 10.0
"""How long a member of a replica set shows a write that its majority never took."""


@frozen
class _Through:
    """Records as they are: what a slip changes of them, a subclass says."""

    records: Records

    async def get(self, keys: Sequence[Key]) -> Mapping[Key, Stored]:
        """As the port."""
        return await self.records.get(keys)

    async def write(self, writes: Sequence[Write]) -> Sequence[Written | Conflict]:
        """As the port."""
        return await self.records.write(writes)

    async def range(self, table: str, partition: str, *, after: str, limit: int) -> Sequence[Stored]:
        """As the port."""
        return await self.records.range(table, partition, after=after, limit=limit)

    async def latest(self, table: str, partition: str) -> Stored | None:
        """As the port."""
        return await self.records.latest(table, partition)

    async def due(self, lane: str, *, until: datetime, limit: int) -> Sequence[Stored]:
        """As the port."""
        return await self.records.due(lane, until=until, limit=limit)


@frozen
class _NoUniqueIndex(_Through):
    """A store whose index on the dedup key is not unique, or was never made."""

    async def write(self, writes: Sequence[Write]) -> Sequence[Written | Conflict]:
        """Everything but what is unique by nature: the key itself, and the event's id."""
        return await self.records.write([_without_dedup_key(one) for one in writes])


def _without_dedup_key(write: Write) -> Write:
    if isinstance(write, Insert) and write.key.table == conversations.TABLE:
        return evolve(write, also=tuple(name for name in write.also if not name.startswith("k:")))
    return write


@frozen
class _LastWriterWins(_Through):
    """A store that replaces whatever version is there."""

    async def write(self, writes: Sequence[Write]) -> Sequence[Written | Conflict]:
        """The version is looked up, not compared."""
        there = await self.records.get([one.key for one in writes if isinstance(one, Replace)])
        return await self.records.write(
            [
                evolve(one, version=there[one.key].version) if isinstance(one, Replace) and one.key in there else one
                for one in writes
            ]
        )


@frozen
class _LocalReads(_Through):
    """Reads from a member that shows what the majority never took, and has not rolled it back yet."""

    _dirty: dict[Key, tuple[float, Stored]] = field(factory=dict[Key, tuple[float, Stored]], init=False)

    async def write(self, writes: Sequence[Write]) -> Sequence[Written | Conflict]:
        """What could not be written is there for a moment all the same."""
        try:
            return await self.records.write(writes)
        except Unavailable:
            until = asyncio.get_running_loop().time() + _SEEN_FOR
            for one in writes:
                if isinstance(one, Insert) and one.key.table == conversations.TABLE:
                    self._dirty[one.key] = (until, Stored(one.key, one.also, one.body, "dirty", one.due))
            raise

    async def range(self, table: str, partition: str, *, after: str, limit: int) -> Sequence[Stored]:
        """With what is dirty."""
        found = {one.key: one for one in await self.records.range(table, partition, after=after, limit=limit)}
        now = asyncio.get_running_loop().time()
        for key, (until, stored) in self._dirty.items():
            if key[:2] == (table, partition) and key.id > after and until > now:
                found.setdefault(key, stored)
        return [found[key] for key in sorted(found)][:limit]


def _no_unique_index(world: World, ports: Ports) -> Ports:
    del world
    return ports.but(records=_NoUniqueIndex(ports.records))


def _last_writer_wins(world: World, ports: Ports) -> Ports:
    del world
    return ports.but(records=_LastWriterWins(ports.records))


def _local_reads(world: World, ports: Ports) -> Ports:
    del world
    return ports.but(records=_LocalReads(ports.records))


def _counted(kept: Method) -> Method:
    counters: dict[ConversationId, count[int]] = {}

    async def append(self: EventStore, event: ConversationEvent) -> Append:
        counter = counters.setdefault(event.conversation, count(event.seq))
        answer: Append = await kept(self, evolve(event, seq=Seq(next(counter))))
        return answer

    return append


def _at_own_time(kept: Method) -> Method:
    def place(new: NewEvent, behind: ThreadSnapshot | None, *, now: datetime) -> ConversationEvent:
        placed: ConversationEvent = kept(new, behind, now=now)
        return evolve(placed, appended_at=now)

    return place


def _unchecked(thread: ConversationThread) -> None:
    del thread


def _key_by_try(kept: Method) -> Method:
    async def send(self: Messaging, *given: object, key: str, **rest: object) -> object:
        return await kept(self, *given, key=f"{key} {self.clock.new_id()}", **rest)

    return send


def _overwritten(kept: Method) -> Method:
    """Upserts by (conversation, seq): who comes second wins, and the first event is gone."""

    async def append(self: EventStore, event: ConversationEvent) -> Append:
        answer: Append = await kept(self, event)
        if answer is Append.APPENDED or await self.keyed(event.conversation, key=event.dedup_key) is not None:
            return answer
        key = Key(conversations.TABLE, encoded(event.conversation), f"{event.seq:012d}")
        there = (await self.records.get([key])).get(key)
        if there is None:
            return answer
        due = Due(conversations.FEED, event.appended_at)
        await self.records.write([Replace(key, there.version, self.codec.dump(event), due)])
        return Append.APPENDED

    return append


def _wherever_it_stands(item: TimelineItem) -> int:
    del item
    return 0


def _everything(events: Sequence[ConversationEvent], account: AccountId) -> Sight:
    del account
    return Sight(events[-1].seq)


def _text_behind_its_event(_: Method) -> Method:
    begun = set[asyncio.Task[None]]()

    async def kept(self: LongTexts, new: NewEvent) -> NewEvent:
        message = new.happening
        if not isinstance(message, MessageAdded) or not is_long(message):
            return new

        async def written() -> None:
            await self.clock.sleep(_IN_THE_BACKGROUND)
            await self.blobs.put(text_key(new.id), dumps(texts_of(message)))

        begun.add(asyncio.create_task(written()))
        return evolve(new, happening=cut(message, text_key(new.id)))

    return kept


MUTANTS: Final[Sequence[Mutant]] = (
    Mutant(
        name="text-behind-its-event",
        slip="A long text is written in the background, while its event is appended.",
        breaks="I3",
        patched=around(LongTexts, "kept", _text_behind_its_event),
    ),
    Mutant(
        name="no-unique-index",
        slip="The dedup key is written, and its index is not unique.",
        breaks="I8",
        alter=_no_unique_index,
    ),
    Mutant(
        name="no-compare-and-set",
        slip="A record is replaced whatever version is there: the last writer wins.",
        breaks="I2",
        alter=_last_writer_wins,
    ),
    Mutant(
        name="local-reads",
        slip="The seq is read off a member that shows what its majority never took.",
        breaks="I3",
        alter=_local_reads,
    ),
    Mutant(
        name="counted-seq",
        slip="Seq comes from a counter that was raised before the insert.",
        breaks="I3",
        patched=together(around(EventStore, "append", _counted), step_by_step()),
    ),
    Mutant(
        name="seq-overwritten",
        slip="An event whose seq is taken takes its place.",
        breaks="I1",
        patched=together(around(EventStore, "append", _overwritten), step_by_step()),
    ),
    Mutant(
        name="append-time-of-ones-own",
        slip="An event's append time is its writer's clock, also where its predecessor's is later.",
        breaks="I3",
        patched=around(appending, "place", _at_own_time),
    ),
    Mutant(
        name="closed-takes-messages",
        slip="Whether the conversation is open is looked at before the append, and not again.",
        breaks="I3",
        patched=instead(messaging, "is_open", _unchecked),
    ),
    Mutant(
        name="chat-key-by-try",
        slip="A chat client's key is told apart by try.",
        breaks="I2",
        patched=around(Messaging, "send", _key_by_try),
    ),
    Mutant(
        name="shown-by-arrival",
        slip="A timeline shows messages in the order in which they were appended.",
        breaks="I3",
        patched=instead(timeline, "_position", _wherever_it_stands),
    ),
    Mutant(
        name="shown-to-anybody",
        slip="A timeline shows everything to who has left, and to who never took part.",
        breaks="I3",
        patched=instead(timeline, "sight", _everything),
    ),
)
