"""Conversations by use case: listed when they are created, and found where an older release created them."""

from __future__ import annotations

from datetime import UTC, datetime

from convalias.adapters import memory
from convalias.adapters.memory import faulty
from convalias.domain.conversations import events as e
from convalias.domain.conversations.events import ConversationEvent, Happening, Origin
from convalias.domain.conversations.listing import ListedConversation
from convalias.domain.ids import ConversationId, EventId, Seq, UseCase
from convalias.ports.records import Insert, Key
from convalias.stores.conversations.event_store import TABLE as EVENTS
from convalias.stores.conversations.event_store import EventStore
from convalias.stores.conversations.listing import PAGE, Listing

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
APPLY, OTHER = UseCase("apply"), UseCase("other case")


def named(number: int) -> ConversationId:
    return ConversationId(f"c {number:04d}")


async def created(records: memory.Records, conversation: ConversationId, use_case: UseCase = APPLY) -> None:
    """As a release did that listed nothing."""
    await happens(records, conversation, e.ConversationCreated(use_case, None, ()))


async def happens(records: memory.Records, conversation: ConversationId, happening: Happening) -> None:
    event = ConversationEvent(EventId("e1"), conversation, Seq(1), happening, "k1", Origin.CHAT, NOON, NOON)
    await EventStore(records=records).append(event)


async def listed(listing: Listing, use_case: UseCase = APPLY) -> list[ConversationId]:
    return [one async for page in listing.pages(use_case) for one in page]


async def older(listing: Listing, *, keep: bool = True) -> list[ListedConversation]:
    return [one async for page in listing.older(keep=keep) for one in page]


async def test_conversations_are_listed_once_by_use_case() -> None:
    listing = Listing(records=memory.Records())
    for number in [*range(PAGE + 3), 0]:
        await listing.add(APPLY, named(number))
    await listing.add(OTHER, named(7))
    assert await listed(listing) == [named(number) for number in range(PAGE + 3)]
    assert await listed(listing, OTHER) == [named(7)]
    assert await listing.use_cases() == sorted([APPLY, OTHER])


async def test_those_of_an_older_release_are_found_once() -> None:
    records = memory.Records()
    listing = Listing(records=records)
    for number in range(PAGE + 5):
        await created(records, named(number), OTHER if number == 3 else APPLY)
    await listing.add(APPLY, named(1))
    assert not await listing.is_searched()
    found = await older(listing, keep=False)
    assert len(found) == PAGE + 4, "the listed one is known"
    assert await listed(listing) == [named(1)], "nothing was kept"
    assert await older(listing) == found
    assert await listing.is_searched()
    assert len(await listed(listing)) == PAGE + 4
    assert await listed(listing, OTHER) == [named(3)]
    assert await older(listing) == []


async def test_a_search_that_was_stopped_goes_on_where_it_was() -> None:
    records = memory.Records()
    for number in range(2 * PAGE):
        await created(records, named(number))
    pages = Listing(records=records).older(keep=True)
    await anext(pages)
    await anext(pages)  # the first page is kept once the second is asked for
    again = await older(Listing(records=records))
    assert [one.conversation for one in again] == [], "both were kept"
    assert len(await listed(Listing(records=records))) == 2 * PAGE


async def test_what_cannot_be_read_stops_nobody() -> None:
    records = memory.Records()
    await records.write([Insert(Key(EVENTS, "broken", f"{1:012d}"), {"$": "event/99"})])
    await happens(records, ConversationId("odd"), e.ConversationClosed())
    await created(records, named(1))
    assert [one.conversation for one in await older(Listing(records=records))] == [named(1)]


async def test_a_store_that_cannot_name_its_conversations_lists_those_that_list_themselves() -> None:
    inner = memory.Records()
    listing = Listing(records=faulty.Records(inner, memory.Faults()))
    await created(inner, named(1))
    await listing.add(APPLY, named(2))
    assert await older(listing) == []
    assert await listing.use_cases() == []
    assert await listed(listing) == [named(2)]
