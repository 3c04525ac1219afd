"""Decided and numbered on one read: whoever is overtaken reads and decides again."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest

from convalias.adapters import memory
from convalias.domain.conversations import events as e
from convalias.domain.conversations.events import ConversationEvent, NewEvent, Origin
from convalias.domain.conversations.threads import ThreadState
from convalias.domain.ids import EventId
from convalias.ports.errors import Unavailable
from convalias.ports.event_store import Append
from convalias.ports.records import Conflict, Stored, Write, Written
from convalias.services.conversations.errors import Refused
from convalias.stores.conversations.appending import TRIES, Addition, Appender
from convalias.stores.conversations.event_store import EventStore
from convalias.stores.conversations.threads import CHECKPOINT_EVERY
from services.messaging_desk import ANN, BOB, C1, NOON, Desk
from stores.interfering import Interfering


def reading(key: str, identity: str = "") -> NewEvent:
    return NewEvent(EventId(identity or f"id-{key}"), C1, e.ConversationClosed(), key, Origin.CHAT, NOON)


class Taken(EventStore):
    """Every seq is taken by somebody else, always."""

    tried = 0

    async def append(self, event: ConversationEvent) -> Append:
        type(self).tried += 1
        return Append.TAKEN


class Slow(memory.Records):
    """Never answers."""

    async def range(self, *_: object, **__: object) -> Sequence[object]:
        await asyncio.Event().wait()
        return ()


class Forgetful(memory.Records):
    """Writes, and says that it did not."""

    async def write(self, writes: Sequence[Write]) -> Sequence[Written | Conflict]:
        await super().write(writes)
        return [Conflict()]


async def test_an_event_never_goes_before_one_that_was_appended_by_a_faster_clock() -> None:
    desk, ahead = Desk(), Desk()
    await desk.conversation()
    ahead = Desk(desk.records)
    ahead.clock.step(timedelta(seconds=3))
    await ahead.messaging.send(C1, "from the future", author=ANN, key="1")
    await desk.messaging.send(C1, "now", author=ANN, key="2")
    times = [event.appended_at - NOON for event in await desk.events()]
    assert times == [timedelta(0), timedelta(seconds=3), timedelta(seconds=3)]


async def test_who_is_overtaken_decides_again_on_what_is_there_then() -> None:
    records = Interfering()
    desk = Desk(records)
    await desk.conversation()
    other = Desk(records).messaging
    records.meanwhile = [lambda: other.close(C1)]
    with pytest.raises(Refused, match="closed"):
        await desk.messaging.send(C1, "too late", author=ANN, key="1")
    assert await desk.kinds() == ["ConversationCreated", "ConversationClosed"]


async def test_who_is_overtaken_by_an_unrelated_event_comes_after_it() -> None:
    records = Interfering()
    desk = Desk(records)
    await desk.conversation()
    other = Desk(records).messaging
    records.meanwhile = [lambda: other.send(C1, "first", author=BOB, key="1")]
    event = await desk.messaging.send(C1, "second", author=ANN, key="2")
    assert event.seq == 3


async def test_an_event_under_the_key_is_success() -> None:
    desk = Desk()
    await desk.conversation()
    first = await desk.conversations.append(C1, lambda _: reading("k"))
    again = await desk.conversations.append(C1, lambda _: reading("k", "other"))
    assert first is not None
    assert again == Addition(first.event, added=False)


async def test_ones_own_event_is_recognised_where_the_store_answers_taken() -> None:
    desk = Desk()
    await desk.conversation()
    lying = Forgetful()
    lying.__dict__.update(desk.records.__dict__)
    addition = await Desk(lying).conversations.append(C1, lambda _: reading("k"))
    assert addition is not None
    assert addition.added


async def test_a_flood_of_others_is_unavailability() -> None:
    desk = Desk()
    await desk.conversation()
    store = Taken(records=desk.records)
    appender = Appender(events=store, threads=desk.conversations.folded, clock=desk.clock)
    with pytest.raises(Unavailable, match="conversations"):
        await appender.append(C1, lambda _: reading("k"))
    assert store.tried == 1 + TRIES  # the first behind the thread that memory has


async def test_a_store_that_never_answers_is_unavailable() -> None:
    desk = Desk(Slow())
    hasty = Appender(events=desk.store, threads=desk.conversations.folded, clock=desk.clock, within=timedelta(0))
    with pytest.raises(Unavailable) as caught:
        await hasty.append(C1, lambda _: reading("k"))
    assert caught.value.retry_after == timedelta(0)


async def test_nothing_to_add_adds_nothing() -> None:
    desk = Desk()
    await desk.conversation()
    assert await desk.conversations.append(C1, lambda _: None) is None
    assert await desk.kinds() == ["ConversationCreated"]


async def test_the_history_of_a_conversation_of_our_own_is_its_last_events() -> None:
    desk = Desk()
    messaging = await desk.conversation()
    for number in range(3):
        await messaging.send(C1, f"{number}", author=ANN, key=f"{number}")
    found = await desk.conversations.history(C1, limit=2)
    assert found is not None
    assert list(found) == (await desk.events())[-2:]


class Counted(memory.Records):
    """Counts its reads of events, and what it was asked to insert among them."""

    def __init__(self) -> None:
        super().__init__()
        self.reads = self.inserts = 0

    async def range(self, table: str, partition: str, *, after: str, limit: int) -> Sequence[Stored]:
        self.reads += table == "events"
        return await super().range(table, partition, after=after, limit=limit)

    async def write(self, writes: Sequence[Write]) -> Sequence[Written | Conflict]:
        self.inserts += sum(one.key.table == "events" for one in writes)
        return await super().write(writes)

    def spent(self) -> tuple[int, int]:
        """How many reads and inserts since it was asked last."""
        found, self.reads, self.inserts = (self.reads, self.inserts), 0, 0
        return found


async def test_behind_a_thread_that_memory_has_an_append_reads_nothing() -> None:
    records = Counted()
    desk = Desk(records)
    messaging = await desk.conversation()
    records.spent()
    for number in range(3):
        await messaging.send(C1, f"{number}", author=ANN, key=f"{number}")
    assert records.spent() == (0, 3)


async def test_who_remembers_an_older_thread_reads_once_and_appends_behind_what_is_there() -> None:
    records = Counted()
    desk, other = Desk(records), Desk(records)
    await desk.conversation()
    await other.messaging.send(C1, "first", author=BOB, key="1")
    records.spent()
    assert (await desk.messaging.send(C1, "second", author=ANN, key="2")).seq == 3
    assert records.spent() == (1, 2)


async def test_a_refusal_on_an_older_thread_is_decided_again_on_what_is_there() -> None:
    desk = Desk()
    await desk.conversation()
    await desk.messaging.close(C1)
    await Desk(desk.records).messaging.reopen(C1)
    assert (await desk.messaging.send(C1, "open again", author=ANN, key="1")).seq == 4


async def test_nothing_to_add_to_an_older_thread_is_decided_again_on_what_is_there() -> None:
    desk = Desk()
    await desk.conversation()
    await desk.messaging.close(C1)
    await Desk(desk.records).messaging.reopen(C1)
    await desk.messaging.close(C1)
    assert await desk.kinds() == [
        "ConversationCreated",
        "ConversationClosed",
        "ConversationReopened",
        "ConversationClosed",
    ]


async def test_a_change_under_the_key_of_an_older_seq_is_no_proof_that_it_still_holds() -> None:
    """The key of a change names the seq that it was decided on, and that seq may be long past."""
    desk = Desk()
    await desk.conversation()
    other = Desk(desk.records)
    await other.messaging.close(C1)  # under the key that desk, which remembers seq 1, would give its own
    await other.messaging.reopen(C1)
    assert (await desk.messaging.close(C1)).state is ThreadState.CLOSED
    assert len(await desk.kinds()) == 4


async def test_who_appends_behind_memory_alone_stores_each_checkpoint_that_he_passes() -> None:
    desk = Desk()
    messaging = await desk.conversation()
    for number in range(2 * CHECKPOINT_EVERY):
        await messaging.send(C1, f"{number}", author=ANN, key=f"{number}")
    kept = [row.key.id for row in await desk.records.range("threads", C1, after="at:", limit=9)]
    assert len([name for name in kept if name.startswith("at:")]) == 2
