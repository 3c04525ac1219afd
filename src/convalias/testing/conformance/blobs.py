"""Blobs: conditional creates, whole objects, names in order."""

from __future__ import annotations

import asyncio
from typing import Final, TypeAlias

from convalias.ports.blobs import Blobs, Put
from convalias.testing.conformance.check import Open, agree, is_there, nothing, suite

MakeBlobs: TypeAlias = Open[Blobs]
"""Opens blobs at a place. The same place opened twice is one store, seen by two processes."""

_KEY: Final = "raw/2026/03/01/" + "ab" * 32
_BODY: Final = bytes(range(256)) * 64


async def _stored(blobs: Blobs, *keys: str) -> None:
    for key in keys:
        agree(f"{key!r} is new", await blobs.put(key, key.encode()), Put.NEW)


async def a_put_object_comes_back_octet_by_octet(open_: MakeBlobs) -> None:
    """Put any octets, none at all, and many."""
    async with open_("a") as blobs:
        for key, body in ((_KEY, _BODY), ("empty", b""), ("big", _BODY * 128)):
            agree("it is new", await blobs.put(key, body), Put.NEW)
            agree(f"{key} comes back as it was", await blobs.get(key), body)


async def what_is_not_there_is_none(open_: MakeBlobs) -> None:
    """No error; and the beginning of a key is no key."""
    async with open_("a") as blobs:
        await _stored(blobs, _KEY)
        agree("a folder is no object", await blobs.get("raw/2026"), None)
        agree("nothing is below an object", await blobs.get(_KEY + "/further"), None)


async def a_second_put_leaves_what_is_there(open_: MakeBlobs) -> None:
    """Put other octets under the same key."""
    async with open_("a") as blobs:
        await blobs.put(_KEY, b"first")
        agree("the key is taken", await blobs.put(_KEY, b"second"), Put.THERE)
        agree("the first object stays", await blobs.get(_KEY), b"first")


async def of_concurrent_puts_of_one_key_one_is_new(open_: MakeBlobs) -> None:
    """Two processes; what is there is the body of the one."""
    async with open_("a") as one, open_("a") as two:
        bodies = [(store, bytes([65 + number]) * 10_000) for number in range(8) for store in (one, two)]
        answers = await asyncio.gather(*(store.put(_KEY, body) for store, body in bodies))
        agree("exactly one is new", answers.count(Put.NEW), 1)
        agree("and it is the one that is there", await one.get(_KEY), bodies[answers.index(Put.NEW)][1])


async def a_deleted_object_is_gone_and_its_key_free(open_: MakeBlobs) -> None:
    """Several at once; none is missed that was not there."""
    async with open_("a") as blobs:
        await _stored(blobs, "x/1", "x/2", "x/3")
        await blobs.delete(["x/1", "never/there", "x/3"])
        await blobs.delete(["x/1"])
        agree("a deleted object is gone", await blobs.get("x/1"), None)
        agree("its name too", list(await blobs.names("x/", after="", limit=9)), ["x/2"])
        agree("its key is free", await blobs.put("x/1", b"again"), Put.NEW)


async def names_ascend_by_octets_behind_after_up_to_the_limit(open_: MakeBlobs) -> None:
    """Paging neither repeats nor leaves out; `-` sorts before `/`, `/` before `0`."""
    keys = ["a", "a-b", "a/b", "a/b/c", "a/b-c", "a0", "A", "b/1", "b/10", "b/2", "b.x", "b"]
    async with open_("a") as blobs:
        await _stored(blobs, *keys)
        agree("all of them, in order", list(await blobs.names("", after="", limit=99)), sorted(keys))
        paged: list[str] = []
        while page := await blobs.names("", after=paged[-1] if paged else "", limit=2):
            paged += page
        agree("page by page they are the same", paged, sorted(keys))


async def names_are_those_that_start_with_the_prefix(open_: MakeBlobs) -> None:
    """A prefix may end within a name."""
    async with open_("a") as blobs:
        await _stored(blobs, "raw/2026/03/01/x", "raw/2026/03/02/x", "raw/2025/12/31/x", "envelopes/2026/03/01/x", "ra")
        agree("two in that year", len(await blobs.names("raw/2026/", after="", limit=9)), 2)
        agree("cut", list(await blobs.names("raw/2026/03/0", after="raw/2026/03/01/x", limit=9)), ["raw/2026/03/02/x"])
        agree("four begin so", len(await blobs.names("ra", after="", limit=9)), 4)
        nothing("none there", await blobs.names("raw/2027/", after="", limit=9))


async def keys_of_any_characters_and_length_stay_apart(open_: MakeBlobs) -> None:
    """Capitals, dots, spaces, percent signs, 400 octets, a name that is also a folder."""
    keys = ["a", "a/b", "A", "a/B", "x y", "x%20y", "x+y", "q?r#s&t", "c:\\d", "<e>|*", ".hidden", "a/.b", "'\"`$~!"]
    keys += [
        "l/" + "x" * 397 + "y",
        "l/" + "x" * 397 + "z",
        "l/" + "%" * 300,
        "L/" + "X" * 398,
        "l/" + "x" * 200 + "/y",
    ]
    async with open_("a") as blobs:
        await _stored(blobs, *keys)
        for key in keys:
            agree(f"{key[:20]!r} has its own object", await blobs.get(key), key.encode())
        agree("and its own name", list(await blobs.names("", after="", limit=99)), sorted(keys))


async def what_was_answered_is_seen_by_every_process(open_: MakeBlobs) -> None:
    """Look from another process at once, by every method."""
    async with open_("a") as one, open_("a") as two:
        await _stored(one, _KEY)
        is_there("get sees it", await two.get(_KEY))
        agree("names see it", list(await two.names("", after="", limit=9)), [_KEY])
        agree("put sees it", await two.put(_KEY, b"other"), Put.THERE)


async def what_was_answered_is_there_after_everybody_left(open_: MakeBlobs) -> None:
    """Durable."""
    async with open_("a") as blobs:
        await _stored(blobs, _KEY)
    async with open_("a") as blobs:
        agree("the object is there", await blobs.get(_KEY), _KEY.encode())


BLOBS: Final = suite(
    a_put_object_comes_back_octet_by_octet,
    what_is_not_there_is_none,
    a_second_put_leaves_what_is_there,
    of_concurrent_puts_of_one_key_one_is_new,
    a_deleted_object_is_gone_and_its_key_free,
    names_ascend_by_octets_behind_after_up_to_the_limit,
    names_are_those_that_start_with_the_prefix,
    keys_of_any_characters_and_length_stay_apart,
    what_was_answered_is_seen_by_every_process,
    what_was_answered_is_there_after_everybody_left,
)
"""Promises of `Blobs`."""
