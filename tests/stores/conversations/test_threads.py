"""A thread is as its last event left it; the cache only shortens the way."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from convalias.adapters import memory
from convalias.codec import CODEC, Codec, load
from convalias.domain.conversations import events as e
from convalias.domain.conversations.events import ConversationEvent, Happening, Origin
from convalias.domain.conversations.participants import Participant
from convalias.domain.conversations.projection import fold, snapshot
from convalias.domain.conversations.threads import ThreadSnapshot, ThreadState
from convalias.domain.errors import InvalidValue
from convalias.domain.ids import AccountId, ConversationId, EventId, Seq, UseCase
from convalias.ports.errors import Rejected, Unavailable
from convalias.ports.records import Conflict, Key, Replace, Write, Written
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
        self.brought += len(found) if table == "events" else 0
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


async def around(reader: Threads, seq: int) -> tuple[ThreadSnapshot, ConversationEvent] | None:
    now, found = await reader.between(C1, seq, seq)
    return None if now is None or not found else (now, found[0])


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


# --- the past -------------------------------------------------------------------------------------------------


PEOPLE = [Participant(AccountId(name)) for name in ("ann", "bob", "eve")]
STEPS = [
    e.ParticipantAdded(PEOPLE[1]),
    e.ParticipantAdded(evolve(PEOPLE[1], name="Bob B.")),
    e.ParticipantAdded(PEOPLE[2]),
    e.ParticipantRemoved(PEOPLE[0].account),
    e.ParticipantRemoved(PEOPLE[1].account),
    e.MessageRedacted(EventId("e2")),
    e.ConversationClosed(),
]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAGE", 3)
    monkeypatch.setattr(module, "CHECKPOINT_EVERY", 4)
    monkeypatch.setattr(module, "NEAR", 2)
    monkeypatch.setattr(module, "WORTH_KEEPING", 5)


@pytest.mark.usefixtures("small")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.sampled_from(STEPS), max_size=18), st.data())
def test_a_look_at_the_past_is_what_folding_makes_of_it_whatever_is_cached(
    steps: list[Happening], data: st.DataObject
) -> None:
    """By processes that have seen nothing, a part, or all; that append; and over caches of a former release."""

    async def story() -> None:
        records = memory.Records()
        store = await fill(records, 1)
        said = list(await store.after(C1, 0, limit=1))
        workers = [
            Threads(events=store, records=records, codec=codec) for codec in (CODEC, CODEC, Codec({"thread": 1}))
        ]
        for seq, step in enumerate(steps, start=2):
            said.append(event(seq, step))
            await store.append(said[-1])
            match data.draw(st.integers(0, 3)):
                case 0:
                    behind = await Threads(events=store, records=memory.Records()).as_of(said[-2])
                    data.draw(st.sampled_from(workers)).appended(said[-1], behind)
                case 1:
                    workers.append(Threads(events=store, records=records))
                case _:
                    pass
            reader = data.draw(st.sampled_from(workers))
            asked = data.draw(st.sampled_from(said))
            whole = snapshot(said)
            found = await around(reader, asked.seq)
            assert found is not None
            assert found[1] == asked
            for now in (found[0], await reader.behind(C1, asked.seq)):
                assert now is not None
                assert (now.thread, now.since <= asked.seq) == (whole.thread, True)
                assert (asked.id in now.redacted) == (asked.id in whole.redacted)
                changed = any(isinstance(one.happening, CAME_OR_LEFT) for one in said[asked.seq :])
                assert (now.people_changed > asked.seq) == changed
            assert (await reader.as_of(asked)).thread == fold(said[: asked.seq])
            assert await around(reader, len(said) + 1) is None

    asyncio.run(story())


CAME_OR_LEFT = (e.ParticipantAdded, e.ParticipantRemoved)


async def appended(records: memory.Records, count: int) -> EventStore:
    """A conversation of that many events, which one process has appended one after the other."""
    store = EventStore(records=records)
    threads = Threads(events=store, records=records)
    created = event(1, e.ConversationCreated(UseCase("apply"), None, (Participant(ANN),)))
    await store.append(created)
    threads.appended(created, None)
    for seq in range(2, count + 1):
        behind = await threads.snapshot(C1)
        one = event(seq, e.StatusNoted(ANN, "absence"))
        await store.append(one)
        threads.appended(one, behind)
    return store


@pytest.mark.parametrize("count", [600, 6_000])
async def test_a_look_at_the_past_reads_few_events_however_long_the_conversation(count: int) -> None:
    records = Counting()
    store = await appended(records, count)
    for seq in (count - 1, count // 2, 5):
        cold = Threads(events=store, records=records)
        records.brought = 0
        found = await around(cold, seq)
        assert found is not None
        assert records.brought <= 256
        records.brought = 0
        assert (await cold.as_of(found[1])).thread.seq == seq
        assert records.brought <= 256
    records.brought = 0
    assert (await Threads(events=store, records=records).thread(C1)).seq == count
    assert records.brought <= 256


@pytest.mark.parametrize("count", [600, 6_000])
async def test_a_conversation_without_checkpoints_is_read_once_and_its_past_is_bounded_from_then_on(count: int) -> None:
    records = Counting()
    store = await fill(records, count)
    await Threads(events=store, records=records).as_of(event(count, e.MessagesRead(ANN, Seq(1))))
    assert records.brought == count - 1
    records.brought = 0
    await Threads(events=store, records=records).as_of(event(count // 2, e.MessagesRead(ANN, Seq(1))))
    assert records.brought <= 256


async def test_a_long_read_that_is_broken_off_goes_on_from_where_it_was() -> None:
    class Breaking(Counting):
        pages = 0

        async def range(self, table: str, partition: str, *, after: str, limit: int) -> Sequence[object]:
            if table == "events":
                self.pages -= 1
                if not self.pages:
                    raise Unavailable("records")
            return await super().range(table, partition, after=after, limit=limit)

    records = Breaking()
    store = await fill(records, 10 * module.PAGE)
    for _ in range(3):
        records.pages = 4
        with pytest.raises(Unavailable):
            await Threads(events=store, records=records).thread(C1)
    records.pages = 4
    assert (await Threads(events=store, records=records).thread(C1)).seq == 10 * module.PAGE
    assert records.brought == 10 * module.PAGE


async def test_a_store_that_does_not_take_a_checkpoint_stops_nobody() -> None:
    class Full(memory.Records):
        async def write(self, writes: Sequence[Write]) -> Sequence[Written | Conflict]:
            if writes[0].key.table == TABLE:
                raise Rejected("records: too large")
            return await super().write(writes)

    records = Full()
    store = await fill(records, 300)
    found = await Threads(events=store, records=records).as_of(event(299, e.MessagesRead(ANN, Seq(1))))
    assert found.thread.seq == 299


async def test_a_checkpoint_that_cannot_be_read_costs_a_longer_read() -> None:
    records = memory.Records()
    store = await fill(records, 300)
    await Threads(events=store, records=records).thread(C1)
    for row in await records.range(TABLE, "c1", after="", limit=9):
        await records.write([Replace(row.key, row.version, {"$": "thread/99"})])
    found = await Threads(events=store, records=records).as_of(event(299, e.MessagesRead(ANN, Seq(1))))
    assert found.thread.seq == 299


async def test_a_cache_of_the_former_release_makes_no_checkpoint_for_it_may_lack_redactions() -> None:
    records = memory.Records()
    store = await fill(records, 250)
    await Threads(events=store, records=records, codec=Codec({"thread": 1})).thread(C1)
    for seq in range(251, 258):
        await store.append(event(seq, e.MessageRedacted(EventId("e2"))))
    later = Threads(events=store, records=records)
    assert (await later.thread(C1)).seq == 257
    assert [row.key.id for row in await records.range(TABLE, "c1", after="", limit=9)] == ["thread"]
    found = await around(later, 2)
    assert found is not None
    assert found[0].redacted == {"e2"}
    assert len(await records.range(TABLE, "c1", after="", limit=9)) == 2


async def test_an_event_that_is_not_there_has_no_past() -> None:
    records = memory.Records()
    store = await fill(records, 3)
    with pytest.raises(InvalidValue, match="without a gap"):
        await Threads(events=store, records=records).as_of(event(7, e.ConversationClosed()))
