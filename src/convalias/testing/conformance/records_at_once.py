"""Records: calls that are under way at once are each answered about their own, however a store joins them."""

from __future__ import annotations

import asyncio
from typing import Final

from convalias.ports.records import Conflict, Insert, Key, Replace, Stored, Written
from convalias.testing.conformance.check import agree, one_of, suite
from convalias.testing.conformance.records_keys import BODY, HERE, MakeRecords, written

_CALLS: Final = 40
_STALE: Final = 7
_LONG: Final = 130


def _at(number: int, partition: str = HERE.partition) -> Key:
    return Key(HERE.table, partition, f"{number:012d}")


async def of_replaces_at_once_only_those_of_another_version_are_conflicts(open_: MakeRecords) -> None:
    """Make many calls at once and one call of many. Among them are stale versions, and some whose record is gone."""
    async with open_("a") as records:
        keys = [_at(number) for number in range(_CALLS)]
        versions = await written(records, *(Insert(key, {"by": 0}) for key in keys))
        for by in (1, 2):
            stale = {number for number in range(_CALLS) if number % _STALE == by}
            writes = [
                Replace(key, f"{version}x" if number in stale else version, {"by": by})
                for number, (key, version) in enumerate(zip(keys, versions, strict=True))
            ]
            writes += [Replace(_at(_CALLS + by), "gone", {"by": by})]
            if by == 1:
                answers = [one for (one,) in await asyncio.gather(*(records.write([write]) for write in writes))]
            else:
                answers = list(await records.write(writes))
            conflicts = {number for number, one in enumerate(answers) if one == Conflict()}
            agree("each call is answered about its own version", conflicts, stale | {_CALLS})
            found = await records.get(keys)
            for number, (key, answer) in enumerate(zip(keys, answers, strict=False)):
                stands = found[key]
                one_of("the answer is what stands", answer, (Conflict(), Written(stands.version)))
                agree("only what was current is replaced", stands.body == {"by": by}, number not in stale)
            versions = [found[key].version for key in keys]


async def of_inserts_at_once_only_those_of_a_taken_id_are_conflicts(open_: MakeRecords) -> None:
    """Key or further id: the neighbours of a conflict are written."""
    async with open_("a") as records:
        await written(records, Insert(_at(0), BODY, ("k:3",)))
        writes = [Insert(_at(number), {"by": number}, (f"k:{number}",)) for number in range(_CALLS)]
        answers = await asyncio.gather(*(records.write([write]) for write in writes))
        conflicts = [number for number, (one,) in enumerate(answers) if one == Conflict()]
        agree("each call is answered about its own ids", conflicts, [0, 3])
        found = await records.get([write.key for write in writes])
        agree("all others are there", len(found), _CALLS - 1)
        stand = [(one, found[write.key]) for write, (one,) in zip(writes, answers, strict=True) if one != Conflict()]
        versions = [Written(stored.version) for _, stored in stand]
        agree("each has the version that was answered", [one for one, _ in stand], versions)


async def of_two_replaces_of_one_version_at_once_one_is_written(open_: MakeRecords) -> None:
    """Replace each of several records twice, by calls that are all under way at once."""
    async with open_("a") as records:
        keys = [_at(number) for number in range(_CALLS // 2)]
        versions = await written(records, *(Insert(key, {"by": 0}) for key in keys))
        tries = [
            records.write([Replace(key, version, {"by": by})])
            for by in (1, 2)
            for key, version in zip(keys, versions, strict=True)
        ]
        answers = [one for (one,) in await asyncio.gather(*tries)]
        found = await records.get(keys)
        for first, second, key in zip(answers, answers[len(keys) :], keys, strict=False):
            agree("one is done, the other is the conflict", {type(first), type(second)}, {Written, Conflict})
            done = first if isinstance(first, Written) else second
            agree("the one that is done is the one that stands", done, Written(found[key].version))


async def reads_at_once_are_answered_each_about_its_own(open_: MakeRecords) -> None:
    """Ask for records, ranges and the latest of several partitions, some of them long, all at once."""
    async with open_("a") as records:
        partitions = {f"p{number}": 3 if number % 4 else _LONG for number in range(12)}
        for partition, count in partitions.items():
            await written(records, *(Insert(_at(number, partition), {"in": partition}) for number in range(count)))
        ranges = [
            (partition, after, limit)
            for partition in [*partitions, "nothing"]
            for after, limit in (("", 2), ("", _LONG), (_at(0).id, _LONG + 1), (_at(0).id, 1))
        ]
        found, latest, gotten = await asyncio.gather(
            asyncio.gather(*(records.range(HERE.table, one, after=after, limit=limit) for one, after, limit in ranges)),
            asyncio.gather(*(records.latest(HERE.table, one) for one in [*partitions, "nothing"])),
            asyncio.gather(*(records.get([_at(1, one), _at(_LONG + 1, one)]) for one in [*partitions, "nothing"])),
        )
        for (partition, after, limit), rows in zip(ranges, found, strict=True):
            all_there = [_at(number, partition) for number in range(partitions.get(partition, 0))]
            expected = [key for key in all_there if key.id > after][:limit]
            agree(f"a range of {limit} behind {after!r} has its own rows", [row.key for row in rows], expected)
        for partition, last, some in zip([*partitions, "nothing"], latest, gotten, strict=True):
            count = partitions.get(partition, 0)
            agree("the latest is its own", _key(last), _at(count - 1, partition) if count else None)
            agree("a get has its own records", list(some), [_at(1, partition)] if count else [])


async def one_record_read_at_once_is_shared_with_nobody(open_: MakeRecords) -> None:
    """Change what one caller was given: the others have what was stored."""
    async with open_("a") as records:
        await written(records, Insert(HERE, {"list": ["kept"]}))
        reads = [records.get([HERE]) for _ in range(_CALLS)]
        reached = [one[HERE] for one in await asyncio.gather(*reads)]
        ranges = [records.range(HERE.table, HERE.partition, after="", limit=1) for _ in range(_CALLS)]
        reached += [one for (one,) in await asyncio.gather(*ranges)]
        for stored in reached:
            agree("what a neighbour does with its own changes nothing here", stored.body, {"list": ["kept"]})
            inner = stored.body["list"]
            if isinstance(inner, list):
                inner.append("slipped in")


def _key(stored: Stored | None) -> Key | None:
    return None if stored is None else stored.key


RECORDS_AT_ONCE: Final = suite(
    of_replaces_at_once_only_those_of_another_version_are_conflicts,
    of_inserts_at_once_only_those_of_a_taken_id_are_conflicts,
    of_two_replaces_of_one_version_at_once_one_is_written,
    reads_at_once_are_answered_each_about_its_own,
    one_record_read_at_once_is_shared_with_nobody,
)
