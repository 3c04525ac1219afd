"""Parked conversations are listed once, from the lowest seq on; parked rows come back as they were."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from convalias.adapters import memory
from convalias.domain.ids import ConversationId
from convalias.domain.inbound.dead_letters import DeadLetter, DeadLetterId
from convalias.ports.records import Conflict, Due, Insert, Key, Records, Replace, Stored, Write, Written
from convalias.stores.conversations.parking import CONVERSATIONS, RECORDS, Parking, letter_key
from convalias.stores.conversations.threads import WORTH_KEEPING, Threads
from convalias.stores.errors import Contended, Parked
from convalias.stores.inbound.dead_letters import DeadLetters
from services.messaging_desk import ANN, C1, Desk

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ROW = Key("decisions", "c1", "e1")


async def rewrite(records: Records, key: Key, **changed: object) -> Stored:
    """Another body under that key, as another release or a damage leaves it."""
    stored = (await records.get([key]))[key]
    await records.write([Replace(key, stored.version, {**stored.body, **changed}, stored.due)])
    return (await records.get([key]))[key]


class Busy(memory.Records):
    """Somebody else is always faster."""

    async def write(self, writes: Sequence[Write]) -> Sequence[Written | Conflict]:
        for write in writes:
            if isinstance(write, Replace):
                await rewrite(super(), write.key)
        return await super().write(writes)


async def test_a_conversation_is_parked_once_and_from_its_lowest_seq_on() -> None:
    parking = Parking(records=memory.Records())
    park = {"because": "event: newer", "at": NOON}
    assert await parking.park(C1, 6, trace="t", **park)
    assert not await parking.park(C1, 7, **park)
    assert not await parking.park(C1, 4, **park)
    assert await parking.park(ConversationId("c 2"), 1, **park)
    listed = {one.conversation: one async for one in parking.list()}
    assert {one: there.seq for one, there in listed.items()} == {"c1": 4, "c 2": 1}
    assert (listed[C1].because, listed[C1].since, listed[C1].letter.trace) == ("event: newer", NOON, "t")
    letters = DeadLetters(records=parking.records)
    assert await letters.drop(listed[C1].letter)
    assert not await letters.drop(listed[C1].letter)
    assert [one.conversation async for one in parking.list()] == ["c 2"]
    assert await parking.of(C1) is None


async def test_a_letter_that_was_lowered_meanwhile_is_not_dropped() -> None:
    parking = Parking(records=memory.Records())
    await parking.park(C1, 6, because="event: newer", at=NOON)
    higher = await parking.of(C1)
    assert higher is not None
    await parking.park(C1, 4, because="event: newer", at=NOON)
    assert not await DeadLetters(records=parking.records).drop(higher.letter)
    lower = await parking.of(C1)
    assert lower is not None
    assert lower.seq == 4


async def test_a_letter_that_others_change_at_every_try_is_contended() -> None:
    records = Busy()
    parking = Parking(records=records)
    await parking.park(C1, 6, because="newer", at=NOON)
    with pytest.raises(Contended):
        await parking.park(C1, 5, because="newer", at=NOON)
    await records.write([Insert(ROW, {"$": "x/1"}, due=Due("deliveries.parked", NOON))])
    letter = await DeadLetters(records=records).get(CONVERSATIONS, DeadLetterId(letter_key(C1).id))
    assert letter is not None
    aside = await set_aside(Parking(records=records), (await records.get([ROW]))[ROW])
    with pytest.raises(Contended):
        await Parking(records=records).put_back(aside)


async def test_two_that_park_at_once_leave_one_letter() -> None:
    class Second(memory.Records):
        """The first insert of this process comes behind somebody else's."""

        early = True

        async def write(self, writes: Sequence[Write]) -> Sequence[Written | Conflict]:
            if self.early and isinstance(writes[0], Insert):
                self.early = False
                await Parking(records=self).park(C1, 3, because="newer", at=NOON)
            return await super().write(writes)

    parking = Parking(records=Second())
    assert not await parking.park(C1, 5, because="newer", at=NOON)
    assert [one.seq async for one in parking.list()] == [3]


async def set_aside(parking: Parking, stored: Stored) -> DeadLetter:
    await parking.aside(stored, because="decision: newer", at=NOON)
    (letter,) = [one async for one in DeadLetters(records=parking.records).list(RECORDS)]
    return letter


@pytest.mark.parametrize("due", [Due("deliveries", NOON), None])
async def test_a_row_is_put_aside_as_it_is_and_back_where_it_was(due: Due | None) -> None:
    records = memory.Records()
    parking = Parking(records=records)
    await records.write([Insert(ROW, {"$": "decision/9", "more": 1}, due=due)])
    letter = await set_aside(parking, (await records.get([ROW]))[ROW])
    assert (letter.subject, letter.reason) == ("decisions c1 e1", "decision: newer")
    assert await records.due("deliveries", until=NOON, limit=9) == []
    assert await parking.put_back(letter) is (due is not None)
    there = (await records.get([ROW]))[ROW]
    assert (there.body, there.due) == ({"$": "decision/9", "more": 1}, due)
    assert [one async for one in DeadLetters(records=records).list(RECORDS)] == []
    assert not await parking.put_back(letter)


async def test_a_letter_that_cannot_be_read_parks_and_is_listed_all_the_same() -> None:
    desk = Desk(mints=False)
    await desk.conversation()
    parking = Parking(records=desk.records)
    await parking.park(C1, 6, because="newer", at=NOON)
    await rewrite(desk.records, letter_key(C1), **{"$": "dead_letter/9"})
    (one,) = [one async for one in parking.list()]
    assert (one.seq, one.letter.id) == (0, letter_key(C1).id)
    with pytest.raises(Parked, match="found format dead_letter/9"):
        await Threads(events=desk.store, records=desk.records).thread(C1)
    assert not await parking.park(C1, 5, because="newer", at=NOON)


async def test_who_reads_a_parked_conversation_anew_is_told_and_a_redrive_is_not() -> None:
    desk = Desk(mints=False)
    await desk.conversation()
    await Parking(records=desk.records).park(C1, 2, because="event: newer", at=NOON)
    threads = Threads(events=desk.store, records=desk.records)
    with pytest.raises(Parked) as parked:
        await threads.thread(C1)
    assert (parked.value.conversation, parked.value.seq) == (C1, 2)
    assert "event: newer" in str(parked.value)
    assert "convalias replay --dead" in str(parked.value)
    redrive = Threads(events=desk.store, records=desk.records, minds_parking=False)
    assert await redrive.thread(C1) is not None


async def test_an_event_that_cannot_be_read_is_never_skipped() -> None:
    desk = Desk(mints=False)
    messaging = await desk.conversation()
    said = await messaging.send(C1, "hello", author=ANN, key="1")
    await rewrite(desk.records, Key("events", "c1", f"{2:012d}"), **{"$": "event/9"})
    for read in (
        desk.store.after(C1, 0, limit=10),
        desk.store.last(C1),
        desk.store.keyed(C1, key=said.dedup_key),
        desk.store.keyed(C1, key=said.id),
        Desk(desk.records).messaging.send(C1, "more", author=ANN, key="2"),
    ):
        with pytest.raises(Parked) as parked:
            await read
        assert (parked.value.conversation, parked.value.seq) == (C1, 2)
    assert len(await desk.records.range("events", "c1", after="", limit=9)) == 2


@pytest.mark.parametrize(("broken", "is_replaced"), [({"$": "thread/9"}, False), ({"thread": 1}, True)])
async def test_a_cached_thread_that_cannot_be_read_is_folded_anew(
    broken: dict[str, object], *, is_replaced: bool
) -> None:
    desk = Desk(mints=False)
    messaging = await desk.conversation()
    for number in range(WORTH_KEEPING):
        await messaging.send(C1, "hello", author=ANN, key=f"{number}")
    expected = await Threads(events=desk.store, records=desk.records).thread(C1)
    key = Key("threads", "c1", "thread")
    await rewrite(desk.records, key, **broken)
    assert await Threads(events=desk.store, records=desk.records).thread(C1) == expected
    standing = (await desk.records.get([key]))[key].body
    assert all(standing[name] == value for name, value in broken.items()) is not is_replaced
