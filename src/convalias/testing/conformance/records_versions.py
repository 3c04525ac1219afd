"""Records: versions, replacing, deleting, and what a body may hold."""

from __future__ import annotations

import asyncio
from typing import Final

from convalias.ports.records import Body, Conflict, Delete, Insert, Json, Replace, Written
from convalias.testing.conformance.check import expect, suite
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
        expect(stored is not None and stored.body == _OTHER and stored.also == ("k:1",), "new body, same ids")
        expect(stored is not None and stored.version == second != first, "the version is the one answered, and new")


async def a_replace_of_another_version_is_a_conflict(open_: MakeRecords) -> None:
    """The body that was seen is no longer there."""
    async with open_("a") as records:
        (first,) = await written(records, Insert(HERE, BODY))
        await written(records, Replace(HERE, first, _OTHER))
        await refused(records, Replace(HERE, first, BODY))
        stored = await found(records, HERE)
        expect(stored is not None and stored.body == _OTHER, "the refused body is not there")


async def a_delete_of_another_version_is_a_conflict(open_: MakeRecords) -> None:
    """Delete a version that the caller has not seen."""
    async with open_("a") as records:
        (first,) = await written(records, Insert(HERE, BODY))
        await written(records, Replace(HERE, first, _OTHER))
        await refused(records, Delete(HERE, first))
        expect(await found(records, HERE) is not None, "the record is still there")


async def what_is_gone_cannot_be_replaced_or_deleted(open_: MakeRecords) -> None:
    """A conflict, no error."""
    async with open_("a") as records:
        (version,) = await written(records, Insert(HERE, BODY))
        await written(records, Delete(HERE, version))
        await refused(records, Replace(HERE, version, _OTHER))
        await refused(records, Delete(HERE, version))
        expect(await found(records, HERE) is None, "a replace does not create")


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
        expect(sum(isinstance(answer[0], Written) for answer in answers) == 1, "exactly one replaced it")


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
        expect(stored is not None and _count(stored.body) == done, "the sum is the number of writes that were done")


async def writes_of_one_call_are_answered_in_their_order(open_: MakeRecords) -> None:
    """A conflict in between undoes nothing. Which of two writes of one key comes first is not promised."""
    async with open_("a") as records:
        ids = ["1", "2", "2", "3"]
        answers = await records.write([Insert(HERE._replace(id=id_), BODY) for id_ in ids])
        first, *twins, last = [type(one) for one in answers]
        expect((first, last) == (Written, Written), "the first and the last are done")
        expect({*twins} == {Written, Conflict}, "of the two in between one is done, the other is the conflict")
        expect(len(await records.get([HERE._replace(id=id_) for id_ in ids])) == 3, "three are there")  # noqa: PLR2004


async def an_empty_call_answers_nothing(open_: MakeRecords) -> None:
    """Expect no error."""
    async with open_("a") as records:
        expect(not await records.write([]), "no writes, no answers")
        expect(not await records.get([]), "no keys, no records")


async def a_body_comes_back_as_it_was(open_: MakeRecords) -> None:
    """Write any text, big integers, empty things, null."""
    async with open_("a") as records:
        await written(records, Insert(HERE, _RICH))
        stored = await found(records, HERE)
        expect(stored is not None and stored.body == _RICH, "the body read is the body written")


async def a_body_is_never_shared_with_the_store(open_: MakeRecords) -> None:
    """Change the caller's object afterwards: nothing that is kept changes."""
    inner: list[Json] = ["kept"]
    async with open_("a") as records:
        await written(records, Insert(HERE, {"list": inner}))
        inner.append("slipped in")
        stored = await found(records, HERE)
        read = None if stored is None else stored.body["list"]
        expect(read == ["kept"], "what was handed in is not shared")
        if isinstance(read, list):
            read.append("slipped in")
        again = await found(records, HERE)
        expect(again is not None and again.body == {"list": ["kept"]}, "what was handed out is not shared")


async def what_was_answered_is_seen_by_every_process(open_: MakeRecords) -> None:
    """Look from another process at once, by every method."""
    async with open_("a") as one, open_("a") as two:
        for number in range(10):
            key = HERE._replace(id=f"{number:012d}")
            await written(one, Insert(key, BODY, (f"k:{number}",)))
            latest = await two.latest(HERE.table, HERE.partition)
            expect(latest is not None and latest.key == key, "latest sees it")
            expect(await found(two, HERE._replace(id=f"k:{number}")) is not None, "get sees it")


async def what_was_answered_is_there_after_everybody_left(open_: MakeRecords) -> None:
    """Durable."""
    async with open_("a") as records:
        (version,) = await written(records, Insert(HERE, BODY, ("k:1",)))
    async with open_("a") as records:
        stored = await found(records, HERE)
        expect(stored is not None and stored.version == version, "the record and its version are there")
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
