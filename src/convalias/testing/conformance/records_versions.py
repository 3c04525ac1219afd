"""Records: versions, replacing, deleting, and what a body may hold."""

from __future__ import annotations

import asyncio
from typing import Final

from convalias.ports.records import Body, Conflict, Delete, Insert, Json, Replace, Written
from convalias.testing.conformance.check import agree, is_there, none_of, nothing, suite
from convalias.testing.conformance.records_keys import BODY, HERE, MakeRecords, found, refused, written

_OTHER: Final[Body] = {"$": "note/1", "text": "changed"}
_RICH: Final[Body] = {
    "$": "note/1",
    "text": 'Grüße, 日本語, 👋🏽, \u2028, \x00, "quoted", \\, %s, {}',
    "empty": {"text": "", "list": [], "map": {}},
    "numbers": [0, -1, 2**53 + 1, 2**63 - 1, -(2**63), 0.5, -1.25e-300],
    "others": [True, False, None, [[["deep"]]]],
}


async def a_replace_puts_a_new_body_under_the_same_keys(open_: MakeRecords) -> None:
    """Further ids stay too."""
    async with open_("a") as records:
        (first,) = await written(records, Insert(HERE, BODY, ("k:1",)))
        (second,) = await written(records, Replace(HERE, first, _OTHER))
        stored = await found(records, HERE._replace(id="k:1"))
        stored = is_there("new body, same ids", stored)
        agree("new body, same ids", stored.body, _OTHER)
        agree("new body, same ids", stored.also, ("k:1",))
        agree("the version is the one answered", stored.version, second)
        none_of("the version is new", second, (first,))


async def a_replace_of_another_version_is_a_conflict(open_: MakeRecords) -> None:
    """The body that was seen is no longer there."""
    async with open_("a") as records:
        (first,) = await written(records, Insert(HERE, BODY))
        await written(records, Replace(HERE, first, _OTHER))
        await refused(records, Replace(HERE, first, BODY))
        stored = await found(records, HERE)
        stored = is_there("the refused body is not there", stored)
        agree("the refused body is not there", stored.body, _OTHER)


async def a_delete_of_another_version_is_a_conflict(open_: MakeRecords) -> None:
    """Delete a version that the caller has not seen."""
    async with open_("a") as records:
        (first,) = await written(records, Insert(HERE, BODY))
        await written(records, Replace(HERE, first, _OTHER))
        await refused(records, Delete(HERE, first))
        is_there("the record is still there", await found(records, HERE))


async def what_is_gone_cannot_be_replaced_or_deleted(open_: MakeRecords) -> None:
    """A conflict, no error."""
    async with open_("a") as records:
        (version,) = await written(records, Insert(HERE, BODY))
        await written(records, Delete(HERE, version))
        await refused(records, Replace(HERE, version, _OTHER))
        await refused(records, Delete(HERE, version))
        agree("a replace does not create", await found(records, HERE), None)


async def a_version_never_comes_back(open_: MakeRecords) -> None:
    """Delete a record and insert it anew."""
    async with open_("a") as records:
        (first,) = await written(records, Insert(HERE, BODY))
        await written(records, Delete(HERE, first))
        await written(records, Insert(HERE, BODY))
        await refused(records, Replace(HERE, first, _OTHER))


async def of_concurrent_replaces_of_one_version_one_is_written(open_: MakeRecords) -> None:
    """Compare and set, between processes."""
    async with open_("a") as one, open_("a") as two:
        (version,) = await written(one, Insert(HERE, {"by": 0}))
        tries = [store.write([Replace(HERE, version, {"by": by})]) for by in range(1, 9) for store in (one, two)]
        answers = await asyncio.gather(*tries)
        agree("exactly one replaced it", sum(isinstance(answer[0], Written) for answer in answers), 1)


async def counting_by_compare_and_set_loses_nothing(open_: MakeRecords) -> None:
    """Two processes count to the same sum."""
    async with open_("a") as one, open_("a") as two:
        await written(one, Insert(HERE, {"count": 0}))
        done = 0
        for _ in range(200):
            seen = [(store, await found(store, HERE)) for store in (one, two)]
            writes = [
                store.write([Replace(HERE, stored.version, {"count": _count(stored.body) + 1})])
                for store, stored in seen
                if stored is not None
            ]
            answers = await asyncio.gather(*writes)
            done += sum(isinstance(answer[0], Written) for answer in answers)
            if done >= 20:  # noqa: PLR2004 - often enough
                break
        stored = await found(two, HERE)
        stored = is_there("the sum is the number of writes that were done", stored)
        agree("the sum is the number of writes that were done", _count(stored.body), done)


async def writes_of_one_call_are_answered_in_their_order(open_: MakeRecords) -> None:
    """A conflict in between undoes nothing. Which of two writes of one key comes first is not promised."""
    async with open_("a") as records:
        ids = ["1", "2", "2", "3"]
        answers = await records.write([Insert(HERE._replace(id=id_), BODY) for id_ in ids])
        first, *twins, last = [type(one) for one in answers]
        agree("the first and the last are done", (first, last), (Written, Written))
        agree("of the two in between one is done, the other is the conflict", {*twins}, {Written, Conflict})
        agree("three are there", len(await records.get([HERE._replace(id=id_) for id_ in ids])), 3)


async def an_empty_call_answers_nothing(open_: MakeRecords) -> None:
    """Expect no error."""
    async with open_("a") as records:
        nothing("no writes, no answers", await records.write([]))
        nothing("no keys, no records", await records.get([]))


async def a_body_comes_back_as_it_was(open_: MakeRecords) -> None:
    """Write any text, big integers, empty things, null."""
    async with open_("a") as records:
        await written(records, Insert(HERE, _RICH))
        stored = await found(records, HERE)
        stored = is_there("the body read is the body written", stored)
        agree("the body read is the body written", stored.body, _RICH)


async def a_body_is_never_shared_with_the_store(open_: MakeRecords) -> None:
    """Change the caller's object afterwards: nothing that is kept changes."""
    inner: list[Json] = ["kept"]
    async with open_("a") as records:
        await written(records, Insert(HERE, {"list": inner}))
        inner.append("slipped in")
        stored = await found(records, HERE)
        read = None if stored is None else stored.body["list"]
        agree("what was handed in is not shared", read, ["kept"])
        if isinstance(read, list):
            read.append("slipped in")
        again = await found(records, HERE)
        again = is_there("what was handed out is not shared", again)
        agree("what was handed out is not shared", again.body, {"list": ["kept"]})


async def what_was_answered_is_seen_by_every_process(open_: MakeRecords) -> None:
    """Look from another process at once, by every method."""
    async with open_("a") as one, open_("a") as two:
        for number in range(10):
            key = HERE._replace(id=f"{number:012d}")
            await written(one, Insert(key, BODY, (f"k:{number}",)))
            latest = await two.latest(HERE.table, HERE.partition)
            latest = is_there("latest sees it", latest)
            agree("latest sees it", latest.key, key)
            is_there("get sees it", await found(two, HERE._replace(id=f"k:{number}")))


async def what_was_answered_is_there_after_everybody_left(open_: MakeRecords) -> None:
    """Durable."""
    async with open_("a") as records:
        (version,) = await written(records, Insert(HERE, BODY, ("k:1",)))
    async with open_("a") as records:
        stored = await found(records, HERE)
        stored = is_there("the record and its version are there", stored)
        agree("the record and its version are there", stored.version, version)
        await refused(records, Insert(HERE._replace(id="2"), BODY, ("k:1",)))


def _count(body: Body) -> int:
    count = body["count"]
    return count if isinstance(count, int) else -1


RECORDS_VERSIONS: Final = suite(
    a_replace_puts_a_new_body_under_the_same_keys,
    a_replace_of_another_version_is_a_conflict,
    a_delete_of_another_version_is_a_conflict,
    what_is_gone_cannot_be_replaced_or_deleted,
    a_version_never_comes_back,
    of_concurrent_replaces_of_one_version_one_is_written,
    counting_by_compare_and_set_loses_nothing,
    writes_of_one_call_are_answered_in_their_order,
    an_empty_call_answers_nothing,
    a_body_comes_back_as_it_was,
    a_body_is_never_shared_with_the_store,
    what_was_answered_is_seen_by_every_process,
    what_was_answered_is_there_after_everybody_left,
)
