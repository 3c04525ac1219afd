from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from convalias.adapters import memory
from convalias.domain.conversations.host_feed import HostMessage
from convalias.ports import MessageRef, Unavailable
from convalias.ports.records import Delete, Insert, Key, Replace
from convalias.stores.feed.host_feed import KEPT, MESSAGES, PLACE, HostFeeds, Place
from convalias.stores.operations.endings import Endings
from stores.interfering import Interfering, Stubborn

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
WINDOW = timedelta(minutes=10)
REFS = [MessageRef("t", str(number)) for number in range(3)]


def seen(refs: Sequence[MessageRef], at: datetime = NOON) -> list[HostMessage]:
    return [HostMessage(ref.thread, ref.message, at) for ref in refs]


async def begun(records: memory.Records) -> tuple[HostFeeds, Place]:
    store = HostFeeds(records=records)
    await store.begin("1", NOON)
    place = await store.place()
    assert place is not None
    return store, place


async def cursor(store: HostFeeds) -> tuple[str, int]:
    place = await store.place()
    assert place is not None
    return place.feed.head.cursor, place.feed.late


async def test_the_first_who_begins_has_begun() -> None:
    store = HostFeeds(records=memory.Records())
    assert await store.place() is None
    await store.begin("1", NOON)
    await store.begin("2", NOON)
    assert await cursor(store) == ("1", 0)


async def test_a_message_is_untold_from_when_it_was_seen_until_it_is_told() -> None:
    store = HostFeeds(records=memory.Records())
    assert await store.note([]) == []
    assert await store.note(seen(REFS[:2])) == [True, True]
    assert await store.note(seen(REFS)) == [False, False, True]
    assert await store.known([*REFS, MessageRef("u", "0")]) == [True, True, True, False]
    assert await store.untold(limit=2) == REFS[:2]
    await store.tell([REFS[1], MessageRef("u", "0")], NOON)
    await store.tell([REFS[1]], NOON)
    assert await store.untold(limit=9) == [REFS[0], REFS[2]]
    assert await store.known(REFS) == [True, True, True]


async def test_what_was_told_is_known_for_a_week_and_what_was_not_for_ever() -> None:
    records = memory.Records()
    store = HostFeeds(records=records)
    await store.note(seen(REFS))
    await store.tell(REFS[:1], NOON)
    await Endings(records=records).end_due(now=NOON + KEPT - timedelta(seconds=1))
    assert await store.known(REFS) == [True, True, True]
    await Endings(records=records).end_due(now=NOON + KEPT)
    assert await store.known(REFS) == [False, True, True]


async def test_of_two_readers_who_move_at_once_one_moves_and_both_count() -> None:
    records = Interfering()
    store, place = await begun(records)
    other = HostFeeds(records=records)

    async def moves() -> None:
        await other.move(place, place.feed.counted(1, NOON).moved("5", NOON, window=WINDOW))

    records.meanwhile = [moves]
    await store.move(place, place.feed.counted(2, NOON).moved("4", NOON, window=WINDOW))
    assert await cursor(store) == ("5", 3)


async def test_who_found_nothing_late_leaves_a_place_that_was_moved_alone() -> None:
    records = Interfering()
    store, place = await begun(records)
    await store.move(place, place.feed.moved("5", NOON, window=WINDOW))
    await store.move(place, place.feed.moved("4", NOON, window=WINDOW))
    assert await cursor(store) == ("5", 0)


async def test_a_place_that_was_taken_away_stays_away() -> None:
    records = memory.Records()
    store, place = await begun(records)
    await records.write([Delete(Key(PLACE, PLACE, PLACE), place.version)])
    await store.move(place, place.feed.counted(1, NOON))
    assert await store.place() is None


async def test_who_is_never_the_fastest_gives_up_for_now() -> None:
    records = Stubborn(Replace, PLACE)
    store, place = await begun(records)
    with pytest.raises(Unavailable):
        await store.move(place, place.feed.counted(1, NOON))


async def test_what_was_told_before_anybody_saw_it_is_not_new() -> None:
    store = HostFeeds(records=memory.Records())
    await store.tell([], NOON)
    await store.tell(REFS[:1], NOON)
    assert await store.note(seen(REFS)) == [False, True, True]
    assert await store.untold(limit=9) == REFS[1:]


async def test_what_another_reader_sees_in_this_moment_is_told_all_the_same() -> None:
    records = Interfering()
    store, other = HostFeeds(records=records), HostFeeds(records=records)
    records.meanwhile = [lambda: other.note(seen(REFS))]
    await store.tell(REFS[:1], NOON)
    assert await store.untold(limit=9) == REFS[1:]


async def test_who_is_never_the_fastest_to_tell_gives_up_for_now() -> None:
    with pytest.raises(Unavailable):
        await HostFeeds(records=Stubborn(Insert, MESSAGES)).tell(REFS, NOON)


async def test_ids_of_any_text_are_apart() -> None:
    store = HostFeeds(records=memory.Records())
    refs = [MessageRef("a/b", "1"), MessageRef("a", "b/1"), MessageRef("ä" * 200, "x" * 300)]
    assert await store.note(seen(refs)) == [True, True, True]
    assert sorted(await store.untold(limit=9), key=str) == sorted(refs, key=str)
