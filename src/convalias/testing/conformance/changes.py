"""Changes: every insert, in order, from a position that can be kept."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, TypeAlias

from attrs import frozen

from convalias.ports.changes import Changes, ChangeStream, PositionLost
from convalias.ports.records import Delete, Due, Insert, Key, Records, Replace, Stored
from convalias.testing.conformance.check import Timed, agree, is_there, nothing, raised, suite
from convalias.testing.conformance.records_keys import BODY, HERE, written

_NOON: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
_TURNS: Final = 400
_QUIET_TURNS: Final = 5


@frozen
class ChangesUnderTest:
    """A store and its changes."""

    records: Records
    changes: Changes


MakeChanges: TypeAlias = Timed[ChangesUnderTest]
"""Opens the changes at a place, and lets time pass for them."""


def _at(id_: int | str) -> Key:
    return HERE._replace(id=str(id_))


async def _taken(make: MakeChanges, stream: ChangeStream, limit: int = 100) -> Sequence[Stored]:
    taking = asyncio.create_task(stream.take(limit=limit, wait=timedelta(seconds=0.1)))
    await asyncio.sleep(0)
    while not taking.done():
        await make.pass_time(timedelta(seconds=0.05))
    return await taking


async def _read(make: MakeChanges, stream: ChangeStream, count: int) -> list[str]:
    """Ids of at least `count` inserts, or of what came in good time; then of what comes although nothing should."""
    found: list[Stored] = []
    for _ in range(_TURNS):
        if len(found) >= count:
            break
        found += await _taken(make, stream)
    for _ in range(_QUIET_TURNS):
        found += await _taken(make, stream)
    return [one.key.id for one in found]


async def inserts_come_in_order_as_they_were_inserted(make: MakeChanges) -> None:
    """Read from the moment that the stream was opened; what was there before does not come."""
    async with make.open("a") as store:
        await written(store.records, Insert(_at("before"), BODY))
        stream = await store.changes.since("", table=HERE.table)
        due = Due("feed", _NOON)
        (version,) = await written(store.records, Insert(_at(2), BODY, ("k:2",), due))
        found: list[Stored] = []
        for _ in range(_TURNS):
            if found := list(await _taken(make, stream)):
                break
        agree("the insert comes whole", found, [Stored(_at(2), ("k:2",), BODY, version, due)])
        for number in (1, 3, 0):
            await written(store.records, Insert(_at(number), BODY))
        agree("in the order of inserts, not of keys", await _read(make, stream, 3), ["1", "3", "0"])
        await stream.close()


async def only_inserts_of_the_table_come(make: MakeChanges) -> None:
    """No replaces, no deletes, no other table."""
    async with make.open("a") as store:
        stream = await store.changes.since("", table=HERE.table)
        first, second = await written(store.records, Insert(_at(1), BODY), Insert(_at(2), BODY))
        await written(
            store.records, Insert(HERE._replace(table="events2"), BODY), Insert(Key("other", "c1", "1"), BODY)
        )
        await written(store.records, Replace(_at(1), first, {"text": "new"}), Delete(_at(2), second))
        await written(store.records, Insert(_at(3), BODY))
        agree("three inserts come", sorted(await _read(make, stream, 3)), ["1", "2", "3"])
        await stream.close()


async def a_position_leads_behind_what_was_taken(make: MakeChanges) -> None:
    """Also when only a part of what is there was taken; in another process."""
    async with make.open("a") as store:
        stream = await store.changes.since("", table=HERE.table)
        for number in range(5):
            await written(store.records, Insert(_at(number), BODY))
        taken: list[Stored] = []
        for _ in range(_TURNS):
            if len(taken) == 2:  # noqa: PLR2004 - a part of five
                break
            taken += await _taken(make, stream, 2 - len(taken))
        position = stream.position
        await stream.close()
    async with make.open("a") as store:
        stream = await store.changes.since(position, table=HERE.table)
        agree("nothing twice, nothing left out", await _read(make, stream, 3), ["2", "3", "4"])
        await stream.close()


async def a_stream_just_opened_has_a_position(make: MakeChanges) -> None:
    """Kept before anything else is done, it leads to all that is inserted from then on."""
    async with make.open("a") as store:
        stream = await store.changes.since("", table=HERE.table)
        position = stream.position
        await stream.close()
        position = is_there("a position is there at once", position)
        await written(store.records, Insert(_at(1), BODY))
        again = await store.changes.since(position, table=HERE.table)
        is_there("a stream opened by a position has one too", again.position)
        agree("what was inserted while no stream was open comes", await _read(make, again, 1), ["1"])
        await again.close()


async def a_quiet_stream_keeps_a_position_that_can_be_used(make: MakeChanges) -> None:
    """Write to other tables only."""
    async with make.open("a") as store:
        stream = await store.changes.since("", table=HERE.table)
        for number in range(20):
            await written(store.records, Insert(Key("other", "c1", str(number)), BODY))
            nothing("nothing of ours", await _taken(make, stream))
        position = stream.position
        await stream.close()
        await written(store.records, Insert(_at(1), BODY))
        again = await store.changes.since(position, table=HERE.table)
        agree("what comes then is not left out", await _read(make, again, 1), ["1"])
        await again.close()


async def streams_do_not_take_from_one_another(make: MakeChanges) -> None:
    """Each has everything, in every process."""
    async with make.open("a") as one, make.open("a") as two:
        streams = [await store.changes.since("", table=HERE.table) for store in (one, two, two)]
        await written(one.records, Insert(_at(1), BODY))
        await written(two.records, Insert(_at(2), BODY))
        for stream in streams:
            agree("both inserts come", await _read(make, stream, 2), ["1", "2"])
            await stream.close()


async def a_position_that_leads_nowhere_is_lost(make: MakeChanges) -> None:
    """Never "from now on"."""
    async with make.open("a") as store:
        try:
            stream = await store.changes.since("no position", table=HERE.table)
            await _read(make, stream, 1)
        except PositionLost:
            return
        raised("a position that leads nowhere", "no error", "PositionLost")


async def a_scan_goes_by_time_then_key_from_any_place(make: MakeChanges) -> None:
    """Paging neither repeats nor leaves out."""
    rows = [(2, "a2"), (1, "b"), (1, "a1"), (1, "c"), (0, "z"), (3, "0")]
    async with make.open("a") as store:
        for minutes, id_ in rows:
            due = Due("feed", _NOON + timedelta(minutes=minutes))
            await written(store.records, Insert(_at(id_), BODY, (), due))
        await written(store.records, Insert(_at("other"), BODY, (), Due("feed2", _NOON)), Insert(_at("none"), BODY))
        found: list[str] = []
        since, behind = _NOON + timedelta(minutes=1), None
        while page := await store.changes.scan("feed", since=since, behind=behind, limit=2):
            found += [one.key.id for one in page]
            last = page[-1]
            is_there("it is due", last.due)
            since, behind = (last.due.at if last.due else since), last.key
        agree("what is due from that minute on, in order, once", found, ["a1", "b", "c", "a2", "0"])


CHANGES: Final = suite(
    inserts_come_in_order_as_they_were_inserted,
    only_inserts_of_the_table_come,
    a_position_leads_behind_what_was_taken,
    a_stream_just_opened_has_a_position,
    a_quiet_stream_keeps_a_position_that_can_be_used,
    streams_do_not_take_from_one_another,
    a_position_that_leads_nowhere_is_lost,
    a_scan_goes_by_time_then_key_from_any_place,
)
"""Promises of `Changes`."""
