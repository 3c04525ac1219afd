"""A thread is as its last event left it; the cache only shortens the way."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from convalias.adapters import memory
from convalias.codec import load
from convalias.domain.conversations import events as e
from convalias.domain.conversations.events import ConversationEvent, Happening, Origin
from convalias.domain.conversations.participants import Participant
from convalias.domain.conversations.threads import ThreadSnapshot, ThreadState
from convalias.domain.ids import AccountId, ConversationId, EventId, Seq, UseCase
from convalias.ports.records import Key, Replace
from convalias.stores.conversations import threads as module
from convalias.stores.conversations.event_store import EventStore
from convalias.stores.conversations.threads import TABLE, WORTH_KEEPING, Threads

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
C1, C2 = ConversationId("c1"), ConversationId("c2")
ANN = AccountId("ann")


class Counting(memory.Records):
    """Counts what a range brought."""

    brought = 0

    async def range(self, table: str, partition: str, *, after: str, limit: int) -> Sequence[object]:
        found = await super().range(table, partition, after=after, limit=limit)
        self.brought += len(found)
        return found


def event(seq: int, happening: Happening, conversation: ConversationId = C1) -> ConversationEvent:
    return ConversationEvent(EventId(f"e{seq}"), conversation, Seq(seq), happening, f"k{seq}", Origin.CHAT, NOON, NOON)


async def fill(records: memory.Records, count: int, conversation: ConversationId = C1) -> EventStore:
    store = EventStore(records=records)
    created = e.ConversationCreated(UseCase("apply"), None, (Participant(ANN),))
    await store.append(event(1, created, conversation))
    for seq in range(2, count + 1):
        await store.append(event(seq, e.MessagesRead(ANN, Seq(seq - 1)), conversation))
    return store


async def test_a_conversation_that_is_not_there_has_no_thread() -> None:
    records = memory.Records()
    threads = Threads(events=EventStore(records=records), records=records)
    assert await threads.thread(C1) is None
    assert await threads.threads([C1, C2]) == {}


async def test_every_answer_stands_for_the_last_event() -> None:
    records = Counting()
    store = await fill(records, 3)
    threads = Threads(events=store, records=records)
    assert (await threads.threads([C1, C2]))[C1].seq == 3
    await store.append(event(4, e.ConversationClosed()))
    records.brought = 0
    thread = await threads.thread(C1)
    assert thread is not None
    assert (thread.seq, thread.state) == (4, ThreadState.CLOSED)
    assert records.brought == 1


async def test_a_long_thread_is_read_in_pages_and_kept() -> None:
    records = Counting()
    store = await fill(records, module.PAGE + 3)
    assert (await Threads(events=store, records=records).thread(C1)).seq == module.PAGE + 3
    records.brought = 0
    assert (await Threads(events=store, records=records).thread(C1)).seq == module.PAGE + 3
    assert records.brought == 0


@pytest.mark.parametrize("more", [WORTH_KEEPING, 1])
async def test_the_kept_thread_is_brought_forward_when_that_is_worth_a_write(more: int) -> None:
    records = memory.Records()
    store = await fill(records, WORTH_KEEPING)
    await Threads(events=store, records=records).thread(C1)
    for seq in range(WORTH_KEEPING + 1, WORTH_KEEPING + more + 1):
        await store.append(event(seq, e.MessagesRead(ANN, Seq(1))))
    thread = await Threads(events=store, records=records).thread(C1)
    assert thread is not None
    assert thread.seq == WORTH_KEEPING + more
    key = Key(TABLE, "c1", "thread")
    kept = load((await records.get([key]))[key].body, ThreadSnapshot)
    assert kept.thread.seq == (WORTH_KEEPING + more if more > 1 else WORTH_KEEPING)


async def test_a_newer_cache_of_somebody_else_is_left_alone() -> None:
    records = memory.Records()
    store = await fill(records, WORTH_KEEPING)
    slow = Threads(events=store, records=records)
    now = await slow.snapshot(C1)
    key = Key(TABLE, "c1", "thread")
    stored = (await records.get([key]))[key]
    await store.append(event(WORTH_KEEPING + 1, e.ConversationClosed()))
    ahead = await Threads(events=store, records=records).snapshot(C1)
    await records.write([Replace(key, stored.version, slow.codec.dump(ahead))])
    await slow._keep(now)
    assert load((await records.get([key]))[key].body, ThreadSnapshot) == ahead


async def test_only_so_many_threads_stay_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEPT", 1)

    records = Counting()
    await fill(records, 2, C2)
    store = await fill(records, 3)
    threads = Threads(events=store, records=records)
    for one in (C1, C2, C1):
        await threads.thread(one)
    assert records.brought == 3 + 2 + 3


def test_conversations_are_read_in_one_order_whatever_order_they_are_asked_in() -> None:
    class Noting(Counting):
        def __init__(self) -> None:
            super().__init__()
            self.read: list[str] = []

        async def range(self, table: str, partition: str, *, after: str, limit: int) -> Sequence[object]:
            self.read.append(partition)
            return await super().range(table, partition, after=after, limit=limit)

    async def story(*asked: ConversationId) -> list[str]:
        records = Noting()
        await fill(records, 1, C2)
        store = await fill(records, 1)
        records.read.clear()
        await Threads(events=store, records=records).threads(asked)
        return records.read

    assert asyncio.run(story(C1, C2)) == asyncio.run(story(C2, C1)) == ["c1", "c2"]
