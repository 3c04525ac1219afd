"""What any records can do by a function: writes in order and lanes by pages, with the capability or without it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from attrs import define, evolve, field

from convalias.adapters import memory
from convalias.ports.records import (
    Conflict,
    Due,
    DuePlace,
    Insert,
    Key,
    Ordered,
    Paged,
    Stored,
    Write,
    Written,
    due_after,
    due_pages,
    write_in_order,
)
from ports.minimal import storing

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def at(id_: str) -> Key:
    return Key("notes", "c1", id_)


class Counted(storing.Records):
    """Records that write in any order, with the writes of each call."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[list[str]] = []

    async def write(self, writes: Sequence[Write]) -> Sequence[Written | Conflict]:
        self.calls.append([one.key.id for one in writes])
        return await super().write(writes)


@define
class Both(memory.Records):
    """Records that write in order, and count how they are asked."""

    asked: list[str] = field(factory=list[str])

    def __attrs_pre_init__(self) -> None:
        memory.Records.__init__(self)

    async def write(self, writes: Sequence[Write]) -> Sequence[Written | Conflict]:
        self.asked.append("write")
        return await super().write(writes)

    async def write_in_order(self, writes: Sequence[Write]) -> Sequence[Written | Conflict]:
        self.asked.append("write_in_order")
        return await super().write_in_order(writes)


async def test_records_that_write_in_order_are_asked_once() -> None:
    records = Both()
    answers = await write_in_order(records, [Insert(at(one), {}) for one in ("1", "2", "2", "3")])
    assert records.asked == ["write_in_order"]
    assert [type(one) for one in answers] == [Written, Written, Conflict]


async def test_records_without_that_are_asked_for_each_write_as_far_as_the_conflict() -> None:
    records = Counted()
    assert not isinstance(records, Ordered)
    answers = await write_in_order(records, [Insert(at(one), {}) for one in ("1", "2", "2", "3")])
    assert records.calls == [["1"], ["2"], ["2"]]
    assert [type(one) for one in answers] == [Written, Written, Conflict]
    assert {*records.rows} == {at("1"), at("2")}


async def test_no_writes_ask_nobody() -> None:
    records = Counted()
    assert await write_in_order(records, []) == []
    assert records.calls == []


class Plain(storing.Records):
    """Records that begin every read of a lane at its beginning, with the limits they were asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.limits: list[int] = []

    async def due(self, lane: str, *, until: datetime, limit: int) -> Sequence[Stored]:
        self.limits.append(limit)
        return await super().due(lane, until=until, limit=limit)


async def filled(records: memory.Records | storing.Records, count: int) -> None:
    await records.write([Insert(at(f"{n:03}"), {}, due=Due("lane", NOON + timedelta(n // 4))) for n in range(count)])


async def pages_of(records: memory.Records | storing.Records, *, size: int) -> list[list[str]]:
    until = NOON + timedelta(days=365)
    return [[one.key.id for one in page] async for page in due_pages(records, "lane", until=until, size=size)]


@pytest.mark.parametrize("size", [1, 3, 4, 10, 11])
async def test_pages_of_any_records_hold_each_row_of_a_lane_once(size: int) -> None:
    paged, plain = memory.Records(), Plain()
    assert isinstance(paged, Paged)
    assert not isinstance(plain, Paged)
    for records in (paged, plain):
        await filled(records, 10)
        pages = await pages_of(records, size=size)
        assert [len(page) for page in pages] == [len(range(10)[n : n + size]) for n in range(0, 10, size)]
        assert [one for page in pages for one in page] == [f"{n:03}" for n in range(10)]


async def test_an_empty_lane_has_no_page() -> None:
    assert await pages_of(memory.Records(), size=3) == await pages_of(Plain(), size=3) == []


async def test_records_that_only_begin_anew_are_asked_for_the_whole_lane_and_not_for_each_page() -> None:
    plain = Plain()
    await filled(plain, 10)
    await pages_of(plain, size=2)
    assert plain.limits == [2, 4, 8, 16]


async def test_records_that_only_begin_anew_are_asked_for_more_until_there_is_enough_behind_a_place() -> None:
    plain, place = Plain(), DuePlace(NOON + timedelta(1), at("005"))
    await filled(plain, 10)
    found = await due_after(plain, "lane", after=place, until=NOON + timedelta(9), limit=3)
    assert [one.key.id for one in found] == ["006", "007", "008"]
    found = await due_after(plain, "lane", after=place, until=NOON + timedelta(1), limit=3)
    assert [one.key.id for one in found] == ["006", "007"]
    assert plain.limits == [6, 12, 6, 12]


class Undated(memory.Records):
    """Gives rows of a lane without their due time."""

    async def due(self, lane: str, *, until: datetime, limit: int) -> Sequence[Stored]:
        return [evolve(one, due=None) for one in await super().due(lane, until=until, limit=limit)]


async def test_a_row_of_a_lane_without_a_due_time_is_no_place_to_go_on_from() -> None:
    records = Undated()
    await filled(records, 3)
    with pytest.raises(ValueError, match="gave a record of notes that is due nowhere, expected its due time"):
        await pages_of(records, size=2)
