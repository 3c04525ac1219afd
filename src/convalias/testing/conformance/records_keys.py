"""Records: keys, further ids, and who may have them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from convalias.ports.records import Body, Conflict, Delete, Insert, Key, Records, Stored, Write, Written
from convalias.testing.conformance.check import Open, agree, is_there, nothing, suite

MakeRecords: TypeAlias = Open[Records]
"""Opens records at a place. The same place opened twice is one store, seen by two processes."""

BODY: Final[Body] = {"$": "note/1", "text": "hello"}
HERE: Final = Key("events", "c1", "000000000001")


async def written(records: Records, *writes: Write) -> list[str]:
    """Write, expecting that each is done; their versions."""
    answers = await records.write(writes)
    agree("there is one answer for each write", len(answers), len(writes))
    nothing(f"conflicts of {len(writes)} writes", [one for one in answers if not isinstance(one, Written)])
    return [one.version for one in answers if isinstance(one, Written)]


async def refused(records: Records, write: Write) -> None:
    """Write, expecting a conflict."""
    agree(f"{type(write).__name__} is a conflict", list(await records.write([write])), [Conflict()])


async def found(records: Records, key: Key) -> Stored | None:
    """Return the one record of that key."""
    return (await records.get([key])).get(key)


async def an_insert_is_found_by_its_key(open_: MakeRecords) -> None:
    """Expect all that was written, and a version."""
    async with open_("a") as records:
        (version,) = await written(records, Insert(HERE, BODY, ("k:1",)))
        agree("what was written is read", await found(records, HERE), Stored(HERE, ("k:1",), BODY, version, None))


async def an_insert_is_found_by_any_further_id_under_the_key_asked(open_: MakeRecords) -> None:
    """The answer's own `key` is the record's."""
    async with open_("a") as records:
        await written(records, Insert(HERE, BODY, ("k:1", "e:1")))
        for name in ("k:1", "e:1"):
            stored = await found(records, HERE._replace(id=name))
            stored = is_there(f"{name} leads to the record", stored)
            agree(f"{name} leads to the record", stored.key, HERE)


async def what_is_not_there_is_missing_from_the_answer(open_: MakeRecords) -> None:
    """No key with an empty value."""
    async with open_("a") as records:
        await written(records, Insert(HERE, BODY))
        answer: Mapping[Key, Stored] = await records.get([HERE, HERE._replace(id="other")])
        agree("only what is there is in the answer", set(answer), {HERE})


async def a_taken_key_is_a_conflict_and_stays_as_it_is(open_: MakeRecords) -> None:
    """Also when the very same is written again."""
    async with open_("a") as records:
        await written(records, Insert(HERE, BODY))
        await refused(records, Insert(HERE, {"text": "other"}))
        await refused(records, Insert(HERE, BODY))
        stored = await found(records, HERE)
        stored = is_there("the first body stays", stored)
        agree("the first body stays", stored.body, BODY)


async def a_taken_further_id_is_a_conflict(open_: MakeRecords) -> None:
    """Whichever of them it is."""
    async with open_("a") as records:
        await written(records, Insert(HERE, BODY, ("k:1", "e:1")))
        await refused(records, Insert(HERE._replace(id="2"), BODY, ("k:2", "e:1")))


async def keys_and_further_ids_share_one_name_space(open_: MakeRecords) -> None:
    """An id is taken, however it was taken."""
    async with open_("a") as records:
        await written(records, Insert(HERE, BODY, ("k:1",)))
        await refused(records, Insert(HERE._replace(id="k:1"), BODY))
        await refused(records, Insert(HERE._replace(id="2"), BODY, (HERE.id,)))


async def further_ids_are_unique_within_their_partition_only(open_: MakeRecords) -> None:
    """Insert in another partition: a store can be split by partition."""
    async with open_("a") as records:
        others = (HERE, HERE._replace(partition="c2"), HERE._replace(table="holds"))
        for key in others:
            await written(records, Insert(key, {"text": key.partition}, ("k:1",)))
        for key in others:
            stored = await found(records, key._replace(id="k:1"))
            stored = is_there("each partition has its own k:1", stored)
            agree("each partition has its own k:1", stored.key, key)


async def a_conflicting_insert_takes_none_of_its_ids(open_: MakeRecords) -> None:
    """Atomic: all of it or nothing."""
    async with open_("a") as records:
        await written(records, Insert(HERE, BODY, ("k:1",)))
        await refused(records, Insert(HERE._replace(id="2"), BODY, ("k:2", "k:1")))
        await written(records, Insert(HERE._replace(id="3"), BODY, ("k:2",)))
        agree("the refused record is not there", await found(records, HERE._replace(id="2")), None)


async def a_delete_frees_the_key_and_all_further_ids(open_: MakeRecords) -> None:
    """Expect that nothing of the record remains."""
    async with open_("a") as records:
        (version,) = await written(records, Insert(HERE, BODY, ("k:1", "e:1")))
        await written(records, Delete(HERE, version))
        nothing("a record that was deleted", await records.get([HERE, HERE._replace(id="k:1")]))
        await written(records, Insert(HERE._replace(id="e:1"), BODY, ("k:1", HERE.id)))


async def keys_with_odd_characters_stay_apart(open_: MakeRecords) -> None:
    """However an adapter joins the parts of a key."""
    parts = ("a/b", "a", "b/c", "c", "a:b", "b:c", "a|b", "b|c", "a%2Fb", "a b", "A", "a\\b", "'", '"', "*", "~", "$a")
    keys = [Key("events", partition, one) for partition in parts for one in parts]
    keys += [Key("events:a", "b", "c"), Key("events", "a:b", "c~"), Key("events", "a", "b:c~")]
    async with open_("a") as records:
        await written(records, *(Insert(key, {"at": list(key)}) for key in keys))
        answer = await records.get(keys)
        agree("each key has its own record", [answer[key].body for key in keys], [{"at": list(key)} for key in keys])


async def many_keys_and_writes_fit_in_one_call(open_: MakeRecords) -> None:
    """No engine's limit shows."""
    keys = [HERE._replace(id=f"{number:012d}") for number in range(1_500)]
    async with open_("a") as records:
        await written(records, *(Insert(key, BODY, (f"k:{key.id}",)) for key in keys))
        agree("the keys of all that are asked for at once", set(await records.get(keys)), set(keys))


async def of_concurrent_inserts_of_one_id_one_is_written(open_: MakeRecords) -> None:
    """Two processes, many tasks; key and further id."""
    async with open_("a") as one, open_("a") as two:
        tries = [
            store.write([Insert(HERE._replace(id=f"{number}{name}"), BODY, ("k:1",))])
            for number in range(8)
            for name, store in (("a", one), ("b", two))
        ]
        answers: Sequence[Sequence[Written | Conflict]] = await asyncio.gather(*tries)
        agree("exactly one has the id", sum(isinstance(answer[0], Written) for answer in answers), 1)


RECORDS_KEYS: Final = suite(
    an_insert_is_found_by_its_key,
    an_insert_is_found_by_any_further_id_under_the_key_asked,
    what_is_not_there_is_missing_from_the_answer,
    a_taken_key_is_a_conflict_and_stays_as_it_is,
    a_taken_further_id_is_a_conflict,
    keys_and_further_ids_share_one_name_space,
    further_ids_are_unique_within_their_partition_only,
    a_conflicting_insert_takes_none_of_its_ids,
    a_delete_frees_the_key_and_all_further_ids,
    keys_with_odd_characters_stay_apart,
    many_keys_and_writes_fit_in_one_call,
    of_concurrent_inserts_of_one_id_one_is_written,
)
