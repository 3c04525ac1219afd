"""Records: writes in order, in one call where the store can do that."""

from __future__ import annotations

import asyncio
from typing import Final

from convalias.ports.records import Conflict, Delete, Insert, Key, Records, Replace, Write, Written, write_in_order
from convalias.testing.conformance.check import expect, suite
from convalias.testing.conformance.records_keys import BODY, HERE, MakeRecords, found, written

_CHAINS: Final = 12
_LINKS: Final = 4


def _at(id_: str, partition: str = HERE.partition) -> Key:
    return Key(HERE.table, partition, id_)


async def _ids(records: Records, partition: str = HERE.partition) -> list[str]:
    return [one.key.id for one in await records.range(HERE.table, partition, after="", limit=100)]


async def writes_in_order_see_those_before_them(open_: MakeRecords) -> None:
    """Insert, replace and delete; the last takes an id that the delete before it made free."""
    async with open_("a") as records, open_("a") as other:
        old, gone = await written(records, Insert(_at("old"), BODY), Insert(_at("gone"), BODY, ("k:1",)))
        answers = await write_in_order(
            records,
            [
                Insert(_at("1"), BODY),
                Replace(_at("old"), old, {"text": "changed"}),
                Delete(_at("gone"), gone),
                Insert(_at("2"), BODY, ("k:1",)),
                Insert(_at("3"), BODY),
            ],
        )
        expect([type(one) for one in answers] == [Written] * 5, "each write is done, one after the other")
        expect(await _ids(other) == ["1", "2", "3", "old"], "another process sees all of them")
        stored = await found(other, _at("old"))
        expect(stored is not None and answers[1] == Written(stored.version), "the answer has the version that stands")
        stored = await found(other, _at("k:1"))
        expect(stored is not None and answers[3] == Written(stored.version), "an insert is answered by its version")


async def of_two_writes_of_one_id_in_order_the_first_is_done(open_: MakeRecords) -> None:
    """Otherwise than in `write`, the order of the call is that of the writes."""
    async with open_("a") as records:
        writes = [Insert(_at("9"), BODY, ("k:1",)), Insert(_at("1"), BODY, ("k:1",))]
        answers = await write_in_order(records, writes)
        expect([type(one) for one in answers] == [Written, Conflict], "the second is the conflict")
        expect(await _ids(records) == ["9"], "the first is there")


async def writes_in_order_stop_at_the_first_conflict(open_: MakeRecords) -> None:
    """A taken key, a taken further id, a version that is gone: nothing behind the conflict is tried."""
    async with open_("a") as records:
        (version,) = await written(records, Insert(_at("there"), BODY, ("k:1",)))
        in_the_way: list[Write] = [
            Insert(_at("there"), {"text": "other"}),
            Insert(_at("new"), {"text": "other"}, ("k:1",)),
            Replace(_at("there"), f"{version}x", {"text": "other"}),
            Delete(_at("there"), f"{version}x"),
        ]
        for number, wrong in enumerate(in_the_way):
            before, behind = _at(f"{number} before"), _at(f"{number} behind")
            answers = await write_in_order(records, [Insert(before, BODY), wrong, Insert(behind, BODY)])
            expect([type(one) for one in answers] == [Written, Conflict], "the conflict is the last answer")
            expect(set(await records.get([before, behind])) == {before}, "those before it are done, and none behind")
        stored = await found(records, _at("there"))
        expect(stored is not None and stored.version == version, "what stood in the way stays as it was")


async def writes_in_order_are_done_once(open_: MakeRecords) -> None:
    """Repeat a whole call, as after an answer that was lost: its first write is the conflict."""
    async with open_("a") as records:
        writes = [Insert(_at(one), BODY) for one in "abc"]
        await write_in_order(records, writes)
        first = await records.get([one.key for one in writes])
        expect(list(await write_in_order(records, writes)) == [Conflict()], "the first is a conflict, and no more")
        expect(await records.get([one.key for one in writes]) == first, "nothing has changed")


async def writes_in_order_of_several_callers_stay_apart(open_: MakeRecords) -> None:
    """Make many calls at once, some with a conflict. Each is answered about its own writes, and stops by itself."""
    async with open_("a") as one, open_("a") as two:
        for number in range(_CHAINS):
            if number % 2:
                await written(one, Insert(_at(f"{number % _LINKS}", f"p{number}"), {"text": "taken"}))
        chains = [[Insert(_at(f"{link}", f"p{number}"), BODY) for link in range(_LINKS)] for number in range(_CHAINS)]
        answers = await asyncio.gather(
            *(write_in_order((one, two)[number // 4 % 2], chain) for number, chain in enumerate(chains))
        )
        for number, answered in enumerate(answers):
            broken = number % _LINKS if number % 2 else None
            expected = [Written] * _LINKS if broken is None else [*[Written] * broken, Conflict]
            expect([type(answer) for answer in answered] == expected, f"chain {number} is answered about itself")
            links = range(_LINKS if broken is None else broken + 1)
            expect(await _ids(two, f"p{number}") == [f"{link}" for link in links], f"chain {number} stopped by itself")


async def no_writes_in_order_answer_nothing(open_: MakeRecords) -> None:
    """Expect no error."""
    async with open_("a") as records:
        expect(not await write_in_order(records, []), "no writes, no answers")


RECORDS_IN_ORDER: Final = suite(
    writes_in_order_see_those_before_them,
    of_two_writes_of_one_id_in_order_the_first_is_done,
    writes_in_order_stop_at_the_first_conflict,
    writes_in_order_are_done_once,
    writes_in_order_of_several_callers_stay_apart,
    no_writes_in_order_answer_nothing,
)
