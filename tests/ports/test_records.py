"""Writes in order over any records: in one call where they can do that, in a call each where they cannot."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import define, field

from convalias.adapters import memory
from convalias.ports.records import Conflict, Insert, Key, Ordered, Write, Written, write_in_order
from ports.minimal import storing


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
