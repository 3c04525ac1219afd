"""Records: ranges, the latest, and what is due."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from convalias.ports.records import (
    Body,
    Delete,
    Due,
    DuePlace,
    Insert,
    Key,
    Records,
    Replace,
    Written,
    due_after,
    due_pages,
)
from convalias.testing.conformance.check import agree, at_least, at_most, is_there, suite
from convalias.testing.conformance.records_keys import BODY, HERE, MakeRecords, written

_NOON: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_ROWS: Final = 12
_SIZES: Final = (1, 2, 3, 5, _ROWS, _ROWS + 1)


def _at(id_: str) -> Key:
    return HERE._replace(id=id_)


async def _range(records: Records, *, after: str = "", limit: int = 100) -> list[str]:
    return [one.key.id for one in await records.range(HERE.table, HERE.partition, after=after, limit=limit)]


async def _due(records: Records, *, until: datetime = _NOON, limit: int = 100, lane: str = "feed") -> list[str]:
    return [one.key.id for one in await records.due(lane, until=until, limit=limit)]


async def a_range_ascends_by_the_octets_of_ids(open_: MakeRecords) -> None:
    """Compare by octets, not by a locale and not by number."""
    ids = ["10", "9", "B", "a", "b", "~", "-", "_", "A", "a-", "a0", "aa"]
    async with open_("a") as records:
        await written(records, *(Insert(_at(one), BODY) for one in ids))
        agree("ids come in the order of their octets", await _range(records), sorted(ids))


async def a_range_starts_behind_after_and_ends_at_its_limit(open_: MakeRecords) -> None:
    """Paging neither repeats nor leaves out."""
    async with open_("a") as records:
        await written(records, *(Insert(_at(one), BODY) for one in "abcde"))
        agree("two behind b", await _range(records, after="b", limit=2), ["c", "d"])
        agree("after need not be there", await _range(records, after="bb", limit=9), ["c", "d", "e"])
        agree("nothing behind the last", await _range(records, after="e"), [])


async def a_range_stays_in_its_table_and_partition(open_: MakeRecords) -> None:
    """Even when names begin alike."""
    async with open_("a") as records:
        others = [HERE._replace(partition="c10"), HERE._replace(partition="c"), HERE._replace(table="events2")]
        await written(records, *(Insert(key, BODY) for key in (*others, HERE)))
        agree("one record lies here", await _range(records), [HERE.id])


async def a_range_and_the_latest_go_by_keys_alone(open_: MakeRecords) -> None:
    """A further id is no place in the order, and no second time in it."""
    async with open_("a") as records:
        await written(records, Insert(_at("1"), BODY, ("z", "0")), Insert(_at("2"), BODY, ("1a",)))
        agree("each record once, by its key", await _range(records), ["1", "2"])
        agree("further ids are not between", await _range(records, after="1"), ["2"])
        latest = await records.latest(HERE.table, HERE.partition)
        latest = is_there("the latest is the highest key", latest)
        agree("the latest is the highest key", latest.key.id, "2")


async def the_latest_is_the_highest_key_of_the_partition(open_: MakeRecords) -> None:
    """Insert in any order; expect None in an empty partition."""
    async with open_("a") as records:
        agree("nothing is there yet", await records.latest(HERE.table, HERE.partition), None)
        versions = [(await written(records, Insert(_at(one), BODY)))[0] for one in ("2", "3", "1")]
        await written(records, Insert(Key(HERE.table, "c2", "9"), BODY))
        latest = await records.latest(HERE.table, HERE.partition)
        latest = is_there("3 is the highest", latest)
        agree("3 is the highest", latest.key.id, "3")
        await written(records, Delete(_at("3"), versions[1]))
        latest = await records.latest(HERE.table, HERE.partition)
        latest = is_there("then 2 is", latest)
        agree("then 2 is", latest.key.id, "2")


async def due_gives_what_is_due_at_or_before_until(open_: MakeRecords) -> None:
    """Compare to the microsecond."""
    async with open_("a") as records:
        times = {"before": _NOON - _MICROSECOND, "at": _NOON, "behind": _NOON + _MICROSECOND}
        await written(records, *(Insert(_at(one), BODY, (), Due("feed", at)) for one, at in times.items()))
        agree("what is due behind is not given", await _due(records), ["before", "at"])


async def due_ascends_by_time_then_key_up_to_its_limit(open_: MakeRecords) -> None:
    """Across tables and partitions."""
    rows = [
        ("t2", "p1", "a", 1),
        ("t1", "p2", "b", 1),
        ("t1", "p1", "d", 1),
        ("t1", "p1", "c", 1),
        ("t1", "p1", "e", 0),
    ]
    async with open_("a") as records:
        for table, partition, id_, minutes in rows:
            due = Due("feed", _NOON + timedelta(minutes=minutes))
            await written(records, Insert(Key(table, partition, id_), BODY, (), due))
        later = _NOON + timedelta(hours=1)
        agree("by time, then by key", await _due(records, until=later), ["e", "c", "d", "b", "a"])
        agree("the limit keeps the first", await _due(records, until=later, limit=2), ["e", "c"])


async def a_lane_read_by_pages_leaves_nothing_out(open_: MakeRecords) -> None:
    """Page through equal due times across tables and partitions, by pages of each size."""
    async with open_("a") as records, open_("a") as other:
        expected = await _lane_of_equal_times(records)
        for size in _SIZES:
            found = await _paged(other, size=size)
            at_least(f"pages of {size} leave nothing out", set(found), set(expected))
            at_most(f"pages of {size} give nothing else", set(found), set(expected))


async def a_lane_read_by_pages_repeats_nothing_and_keeps_its_order(open_: MakeRecords) -> None:
    """Expect the order of one read by (at, key), whatever the size of the pages."""
    async with open_("a") as records, open_("a") as other:
        expected = await _lane_of_equal_times(records)
        for size in _SIZES:
            agree(f"each record comes once, in order, by pages of {size}", await _paged(other, size=size), expected)


async def due_goes_on_behind_a_place_whose_record_is_gone(open_: MakeRecords) -> None:
    """Delete the record of the place, and put off the one before it."""
    async with open_("a") as records:
        keys = [_at(one) for one in "abcdef"]
        versions = await written(records, *(Insert(key, BODY, (), Due("feed", _NOON)) for key in keys))
        later, place = _NOON + _MICROSECOND, DuePlace(_NOON, keys[2])
        await written(records, Replace(keys[1], versions[1], BODY, Due("feed", later)))
        await written(records, Delete(keys[2], versions[2]))
        agree("two behind the one that is gone", await _behind(records, place, limit=2), ["d", "e"])
        agree("what was put off comes behind them", await _behind(records, place, until=later), ["d", "e", "f", "b"])


async def due_behind_a_place_ends_at_until(open_: MakeRecords) -> None:
    """Ask behind places before, at and after `until`, in this lane and in another."""
    async with open_("a") as records:
        later = _NOON + _MICROSECOND
        await written(records, *(Insert(_at(one), BODY, (), Due("feed", _NOON)) for one in "ab"))
        await written(records, Insert(_at("c"), BODY, (), Due("feed", later)))
        await written(records, Insert(_at("d"), BODY, (), Due("feed2", _NOON)))
        early = DuePlace(_NOON - _MICROSECOND, _at("z"))
        agree("all that is due by then", await _behind(records, early), ["a", "b"])
        agree("one is due behind the first", await _behind(records, DuePlace(_NOON, _at("a"))), ["b"])
        agree("nothing is due behind the last", await _behind(records, DuePlace(_NOON, _at("b"))), [])
        agree("nothing is due behind a place after `until`", await _behind(records, DuePlace(later, _at("a"))), [])
        agree("nothing in a lane that nobody named", await _behind(records, early, lane="fee"), [])


async def _lane_of_equal_times(records: Records) -> list[Key]:
    """Fill a lane, and return its keys in their order."""
    keys = [Key(f"t{n % 2}", f"p{n % 3}", f"{n:02}") for n in range(_ROWS)]
    times = [_NOON - timedelta(minutes=n // 5) for n in range(_ROWS)]
    await written(records, *(Insert(key, BODY, (), Due("feed", at)) for key, at in zip(keys, times, strict=True)))
    await written(records, Insert(_at("late"), BODY, (), Due("feed", _NOON + _MICROSECOND)))
    await written(records, Insert(_at("other"), BODY, (), Due("feed2", _NOON)))
    return [key for _, key in sorted(zip(times, keys, strict=True))]


async def _paged(records: Records, *, size: int) -> list[Key]:
    """Read a lane by pages; a store that never comes to an end is left after twice as many rows as there are."""
    found: list[Key] = []
    async for page in due_pages(records, "feed", until=_NOON, size=size):
        is_there("a page", page)
        at_most("the length of a page", len(page), size)
        found += [one.key for one in page]
        if len(found) > 2 * _ROWS:
            break
    return found


async def _behind(
    records: Records, after: DuePlace, *, until: datetime = _NOON, limit: int = 100, lane: str = "feed"
) -> list[str]:
    return [one.key.id for one in await due_after(records, lane, after=after, until=until, limit=limit)]


async def lanes_are_apart(open_: MakeRecords) -> None:
    """Expect a record without a due time in no lane."""
    async with open_("a") as records:
        await written(
            records,
            Insert(_at("1"), BODY, (), Due("feed", _NOON)),
            Insert(_at("2"), BODY, (), Due("feed2", _NOON)),
            Insert(_at("3"), BODY),
        )
        agree("one is due in this lane", await _due(records), ["1"])
        agree("none in a lane that nobody named", await _due(records, lane="fee"), [])


async def a_replace_sets_or_clears_the_due_time(open_: MakeRecords) -> None:
    """Expect the due time of the replacement."""
    async with open_("a") as records:
        versions = [(await written(records, Insert(_at(one), BODY, (), Due("feed", _NOON))))[0] for one in "123"]
        await written(records, Replace(_at("1"), versions[0], BODY))
        await written(records, Replace(_at("2"), versions[1], BODY, Due("other", _NOON)))
        await written(records, Replace(_at("3"), versions[2], BODY, Due("feed", _NOON + _MICROSECOND)))
        agree("none is due as before", await _due(records), [])
        agree("one is due later", await _due(records, until=_NOON + _MICROSECOND), ["3"])
        agree("one is due elsewhere", await _due(records, lane="other"), ["2"])


async def what_is_deleted_is_not_due(open_: MakeRecords) -> None:
    """Nor in a range."""
    async with open_("a") as records:
        (version,) = await written(records, Insert(HERE, BODY, (), Due("feed", _NOON)))
        await written(records, Delete(HERE, version))
        agree("nothing is due", await _due(records), [])
        agree("nothing is there", await _range(records), [])


async def a_due_time_comes_back_to_the_microsecond(open_: MakeRecords) -> None:
    """Aware, at the same instant."""
    due = Due("feed", datetime(2026, 10, 25, 1, 59, 59, 999_999, tzinfo=UTC))
    async with open_("a") as records:
        await written(records, Insert(HERE, BODY, (), due))
        stored = (await records.get([HERE]))[HERE]
        agree("the due time read is the one written", stored.due, due)


async def appends_at_the_latest_plus_one_leave_no_hole(open_: MakeRecords) -> None:
    """Append from two processes to one sequence, as conversations do."""
    async with open_("a") as one, open_("a") as two:
        for turn in range(20):
            key = f"k:{turn // 2}"
            await _append(one if turn % 2 else two, key)
        agree("ten keys, ten places, in a row", await _range(one), [f"{seq:012d}" for seq in range(1, 11)])


async def _append(records: Records, name: str) -> None:
    for _ in range(100):
        latest = await records.latest(HERE.table, HERE.partition)
        seq = 1 if latest is None else int(latest.key.id) + 1
        body: Body = {"seq": seq}
        (answer,) = await records.write([Insert(_at(f"{seq:012d}"), body, (name,))])
        if isinstance(answer, Written) or await records.get([_at(name)]):
            return


RECORDS_ORDER: Final = suite(
    a_range_ascends_by_the_octets_of_ids,
    a_range_starts_behind_after_and_ends_at_its_limit,
    a_range_stays_in_its_table_and_partition,
    a_range_and_the_latest_go_by_keys_alone,
    the_latest_is_the_highest_key_of_the_partition,
    due_gives_what_is_due_at_or_before_until,
    due_ascends_by_time_then_key_up_to_its_limit,
    a_lane_read_by_pages_leaves_nothing_out,
    a_lane_read_by_pages_repeats_nothing_and_keeps_its_order,
    due_goes_on_behind_a_place_whose_record_is_gone,
    due_behind_a_place_ends_at_until,
    lanes_are_apart,
    a_replace_sets_or_clears_the_due_time,
    what_is_deleted_is_not_due,
    a_due_time_comes_back_to_the_microsecond,
    appends_at_the_latest_plus_one_leave_no_hole,
)
