"""Events over `Records`: three names each, one order."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from attrs import evolve

from convalias.adapters import memory
from convalias.domain.conversations import events as e
from convalias.domain.conversations.events import ConversationEvent, Origin
from convalias.domain.conversations.participants import AccountAuthor
from convalias.domain.ids import AccountId, ConversationId, EventId, Seq, UseCase
from convalias.ports.errors import NotFound
from convalias.ports.event_store import Append
from convalias.ports.records import Replace
from convalias.stores.conversations.event_store import FEED, TABLE, EventStore
from convalias.stores.errors import Contended
from stores.interfering import Stubborn

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
C1 = ConversationId("客/1")


def event(seq: int, *, key: str | None = None, identity: str | None = None) -> ConversationEvent:
    happening = (
        e.ConversationCreated(UseCase("apply"))
        if seq == 1
        else e.MessageAdded(author=AccountAuthor(AccountId("ann")), text="hi")
    )
    return ConversationEvent(
        EventId(identity or f"e{seq}"), C1, Seq(seq), happening, key or f"k{seq}", Origin.CHAT, NOON, NOON
    )


async def test_an_event_is_found_by_seq_by_dedup_key_and_by_id() -> None:
    store = EventStore(records=memory.Records())
    assert await store.last(C1) is None
    assert [await store.append(event(seq)) for seq in (1, 2)] == [Append.APPENDED] * 2
    assert await store.last(C1) == event(2)
    assert await store.keyed(C1, key="k1") == await store.keyed(C1, key=EventId("e1")) == event(1)
    assert await store.keyed(C1, key="k9") is None
    assert await store.after(C1, 0, limit=9) == [event(1), event(2)]
    assert await store.after(C1, 1, limit=9) == [event(2)]
    assert await store.after(C1, 0, limit=1) == [event(1)]


@pytest.mark.parametrize("second", [event(1, key="x", identity="x"), event(2, key="k1"), event(2, identity="e1")])
async def test_seq_dedup_key_and_id_are_each_taken_once(second: ConversationEvent) -> None:
    store = EventStore(records=memory.Records())
    await store.append(event(1))
    assert await store.append(second) is Append.TAKEN
    assert await store.append(evolve(second, conversation=ConversationId("c2"))) is Append.APPENDED


async def test_the_order_of_seqs_holds_beyond_nine() -> None:
    store = EventStore(records=memory.Records())
    for seq in range(1, 12):
        await store.append(event(seq))
    assert [one.seq for one in await store.after(C1, 8, limit=9)] == [9, 10, 11]
    last = await store.last(C1)
    assert last is not None
    assert last.seq == 11


async def test_an_event_waits_to_be_published_from_its_append_time_on() -> None:
    records = memory.Records()
    await EventStore(records=records).append(event(1))
    (due,) = await records.due(FEED, until=NOON, limit=9)
    assert due.key.id == "000000000001"


async def test_a_redacted_event_keeps_its_names_and_its_turn() -> None:
    records = memory.Records()
    store = EventStore(records=records)
    await store.append(event(2))
    blank = evolve(event(2), happening=e.MessageAdded(author=AccountAuthor(AccountId("ann")), text=""))
    await store.redact(blank)
    assert await store.keyed(C1, key="k2") == blank
    assert len(await records.due(FEED, until=NOON, limit=9)) == 1


def test_what_is_not_there_cannot_be_redacted() -> None:
    with pytest.raises(NotFound):
        asyncio.run(EventStore(records=memory.Records()).redact(event(2)))


def test_redaction_gives_up_where_somebody_else_is_always_faster() -> None:
    async def story() -> None:
        store = EventStore(records=Stubborn(Replace, TABLE))
        await store.append(event(1))
        await store.redact(event(1))

    with pytest.raises(Contended):
        asyncio.run(story())
