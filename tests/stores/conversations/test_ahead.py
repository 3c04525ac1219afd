"""Events that a batch has read together: the same scenes as events read one by one, but for what a look cannot miss."""

from __future__ import annotations

import asyncio

import pytest
from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from convalias.adapters import memory
from convalias.domain.conversations import events as e
from convalias.domain.conversations.events import Happening
from convalias.domain.conversations.threads import ThreadState
from convalias.domain.ids import EventId, Seq
from convalias.domain.outbound.scene import Scene
from convalias.ports.event_log import UNPLACED
from convalias.stores.conversations import access, own, threads
from convalias.stores.conversations.access import NOTHING_AHEAD, EventGone, events_before
from convalias.stores.conversations.event_store import EventStore
from convalias.stores.conversations.own import SHORT, OwnConversations
from convalias.stores.conversations.threads import Threads
from stores import counting
from stores.conversations.test_threads import ANN, C1, NOON, STEPS, Counting, event, fill


def access_to(store: EventStore, records: memory.Records) -> OwnConversations:
    return OwnConversations(events=store, folded=Threads(events=store, records=records), clock=memory.Clock(NOON))


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "PAGE", 5)
    monkeypatch.setattr(threads, "NEAR", 3)
    monkeypatch.setattr(own, "GAP", 3)
    monkeypatch.setattr(own, "SHORT", 2)
    for module in (access, own):
        monkeypatch.setattr(module, "FIRST", 4)
        monkeypatch.setattr(module, "LAST", 3)


@pytest.mark.usefixtures("small")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.sampled_from(STEPS), max_size=30), st.lists(st.sampled_from(STEPS), max_size=3), st.data())
def test_a_scene_from_what_was_read_ahead_is_the_scene(
    steps: list[Happening], later: list[Happening], data: st.DataObject
) -> None:
    async def story() -> None:
        records = memory.Records()
        store = await fill(records, 1)
        for seq, step in enumerate(steps, start=2):
            await store.append(event(seq, step))
        count = len(steps) + 1
        some = data.draw(st.lists(st.integers(1, count), max_size=8))
        reader = access_to(store, records)
        if data.draw(st.booleans()):
            await reader.thread(C1)
        ahead = await reader.ahead(C1, [Seq(one) for one in some], for_sends=data.draw(st.booleans()))
        for seq, step in enumerate(later, start=count + 1):
            await store.append(event(seq, step))
        for seq in some:
            found = await reader.scene(C1, EventId(f"e{seq}"), Seq(seq), ahead)
            anew = access_to(store, records)
            alone = await anew.scene(C1, EventId(f"e{seq}"), Seq(seq))
            assert evolve(found, before=()) == evolve(alone, before=())
            if alone.before:
                assert tuple(alone.before) == tuple(await events_before(anew, alone.event))
            if found.before:
                assert tuple(found.before) == tuple(await events_before(anew, found.event))

    asyncio.run(story())


async def of_event(reader: OwnConversations, seq: int, ahead: access.Ahead) -> Scene:
    return await reader.scene(C1, EventId(f"e{seq}"), Seq(seq), ahead)


@pytest.mark.parametrize("count", [150, 1_500])
async def test_what_comes_before_each_of_a_batch_is_read_once(count: int) -> None:
    records = Counting()
    store = await fill(records, count)
    reader = access_to(store, records)
    await reader.thread(C1)
    records.brought = 0
    seqs = [Seq(one) for one in range(count - 99, count + 1)]
    ahead = await reader.ahead(C1, seqs, for_sends=True)
    assert records.brought <= 100 + access.FIRST + access.LAST
    records.brought = 0
    for seq in seqs:
        found = await of_event(reader, seq, ahead)
        assert tuple(found.before) == tuple(await events_before(access_to(store, memory.Records()), found.event))
        records.brought = 0
        assert await of_event(reader, seq, ahead) == found
        assert records.brought == 0


@pytest.mark.parametrize(
    ("then", "shown"),
    [
        (e.MessageRedacted(EventId("e3")), lambda scene: scene.is_redacted),
        (e.ConversationErased(), lambda scene: scene.thread.state is ThreadState.ERASED),
        (e.ParticipantRemoved(ANN), lambda scene: scene.people_changed and not scene.thread.takes_part(ANN)),
    ],
)
async def test_what_happens_after_the_batch_was_read_is_seen(then: Happening, shown: object) -> None:
    records = memory.Records()
    store = await fill(records, 4)
    reader = access_to(store, records)
    ahead = await reader.ahead(C1, [Seq(3), Seq(4)])
    await store.append(event(5, then))
    assert shown(await of_event(reader, 3, ahead))  # type: ignore[operator]


async def test_once_something_is_redacted_what_was_read_ahead_is_read_anew() -> None:
    records = memory.Records()
    store = await fill(records, 4)
    reader = access_to(store, records)
    ahead = await reader.ahead(C1, [Seq(3), Seq(4)], for_sends=True)
    without = evolve((await store.after(C1, 1, limit=1))[0], happening=e.StatusNoted(ANN, "gone"))
    await store.append(event(5, e.MessageRedacted(EventId("e2"))))
    await store.redact(without)
    found = await of_event(reader, 4, ahead)
    assert tuple(found.before) == tuple(await events_before(reader, found.event))
    assert without in found.before


@pytest.mark.parametrize(("seq", "calls"), [(1, 1), (2, 1), (SHORT, 1), (SHORT + 1, 2)])
async def test_what_comes_before_an_event_is_read_with_it_while_that_is_short(seq: int, calls: int) -> None:
    records = counting.Counting(memory.Records())
    store = await fill(records, SHORT + 1)
    reader = access_to(store, records)
    await reader.thread(C1)
    records.forget()
    found = await reader.scene(C1, EventId(f"e{seq}"), Seq(seq))
    before = found.before or await events_before(reader, found.event)
    assert [one.seq for one in before] == [*range(1, seq)]
    assert records.calls == {"range events": calls}


async def test_one_event_and_those_without_a_number_are_not_read_ahead() -> None:
    records = memory.Records()
    store = await fill(records, 4)
    reader = access_to(store, records)
    for seqs in ([], [Seq(3)], [UNPLACED, UNPLACED, Seq(2)]):
        assert await reader.ahead(C1, seqs, for_sends=True) == NOTHING_AHEAD


async def test_an_event_that_is_another_than_the_record_says_is_looked_up() -> None:
    records = memory.Records()
    store = await fill(records, 4)
    reader = access_to(store, records)
    ahead = await reader.ahead(C1, [Seq(2), Seq(3)])
    assert (await reader.scene(C1, EventId("e4"), Seq(3), ahead)).event.seq == 4
    with pytest.raises(EventGone):
        await reader.scene(C1, EventId("e9"), Seq(3), ahead)


async def test_of_a_conversation_that_is_gone_nothing_is_read_ahead() -> None:
    records = memory.Records()
    reader = access_to(EventStore(records=records), records)
    assert not (await reader.ahead(C1, [Seq(2), Seq(3)])).events
