"""Records: writes in order, in one call where the store can do that."""

from __future__ import annotations

import asyncio
from typing import Final

from convalias.ports.records import Conflict, Delete, Insert, Key, Records, Replace, Write, Written, write_in_order
from convalias.testing.conformance.check import agree, is_there, nothing, suite
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
        agree("each write is done, one after the other", [type(one) for one in answers], [Written] * 5)
        agree("another process sees all of them", await _ids(other), ["1", "2", "3", "old"])
        stored = await found(other, _at("old"))
        stored = is_there("the answer has the version that stands", stored)
        agree("the answer has the version that stands", answers[1], Written(stored.version))
        stored = await found(other, _at("k:1"))
        stored = is_there("an insert is answered by its version", stored)
        agree("an insert is answered by its version", answers[3], Written(stored.version))


async def of_two_writes_of_one_id_in_order_the_first_is_done(open_: MakeRecords) -> None:
    """Otherwise than in `write`, the order of the call is that of the writes."""
    async with open_("a") as records:
        writes = [Insert(_at("9"), BODY, ("k:1",)), Insert(_at("1"), BODY, ("k:1",))]
        answers = await write_in_order(records, writes)
        agree("the second is the conflict", [type(one) for one in answers], [Written, Conflict])
        agree("the first is there", await _ids(records), ["9"])


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
            agree("the conflict is the last answer", [type(one) for one in answers], [Written, Conflict])
            agree("those before it are done, and none behind", set(await records.get([before, behind])), {before})
        stored = await found(records, _at("there"))
        stored = is_there("what stood in the way stays as it was", stored)
        agree("what stood in the way stays as it was", stored.version, version)


async def writes_in_order_are_done_once(open_: MakeRecords) -> None:
    """Repeat a whole call, as after an answer that was lost: its first write is the conflict."""
    async with open_("a") as records:
        writes = [Insert(_at(one), BODY) for one in "abc"]
        await write_in_order(records, writes)
        first = await records.get([one.key for one in writes])
        agree("the first is a conflict, and no more", list(await write_in_order(records, writes)), [Conflict()])
        agree("nothing has changed", await records.get([one.key for one in writes]), first)


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
            agree(f"chain {number} is answered about itself", [type(answer) for answer in answered], expected)
            links = range(_LINKS if broken is None else broken + 1)
            agree(f"chain {number} stopped by itself", await _ids(two, f"p{number}"), [f"{link}" for link in links])


async def no_writes_in_order_answer_nothing(open_: MakeRecords) -> None:
    """Expect no error."""
    async with open_("a") as records:
        nothing("no writes, no answers", await write_in_order(records, []))


RECORDS_IN_ORDER: Final = suite(
    writes_in_order_see_those_before_them,
    of_two_writes_of_one_id_in_order_the_first_is_done,
    writes_in_order_stop_at_the_first_conflict,
    writes_in_order_are_done_once,
    writes_in_order_of_several_callers_stay_apart,
    no_writes_in_order_answer_nothing,
)
