"""Blobs: conditional creates, whole objects, names in order."""

from __future__ import annotations

import asyncio
from typing import Final, TypeAlias

from convalias.ports.blobs import Blobs, Put
from convalias.testing.conformance.check import Open, expect, suite

MakeBlobs: TypeAlias = Open[Blobs]
"""Opens blobs at a place. The same place opened twice is one store, seen by two processes."""

_KEY: Final = "raw/2026/03/01/" + "ab" * 32
_BODY: Final = bytes(range(256)) * 64


async def _stored(blobs: Blobs, *keys: str) -> None:
    for key in keys:
        expect(await blobs.put(key, key.encode()) is Put.NEW, f"{key!r} is new")


async def a_put_object_comes_back_octet_by_octet(open_: MakeBlobs) -> None:
    """Put any octets, none at all, and many."""
    async with open_("a") as blobs:
        for key, body in ((_KEY, _BODY), ("empty", b""), ("big", _BODY * 128)):
            expect(await blobs.put(key, body) is Put.NEW, "it is new")
            expect(await blobs.get(key) == body, f"{key} comes back as it was")


async def what_is_not_there_is_none(open_: MakeBlobs) -> None:
    """No error; and the beginning of a key is no key."""
    async with open_("a") as blobs:
        await _stored(blobs, _KEY)
        expect(await blobs.get("raw/2026") is None, "a folder is no object")
        expect(await blobs.get(_KEY + "/further") is None, "nothing is below an object")


async def a_second_put_leaves_what_is_there(open_: MakeBlobs) -> None:
    """Put other octets under the same key."""
    async with open_("a") as blobs:
        await blobs.put(_KEY, b"first")
        expect(await blobs.put(_KEY, b"second") is Put.THERE, "the key is taken")
        expect(await blobs.get(_KEY) == b"first", "the first object stays")


async def of_concurrent_puts_of_one_key_one_is_new(open_: MakeBlobs) -> None:
    """Two processes; what is there is the body of the one."""
    async with open_("a") as one, open_("a") as two:
        bodies = [(store, bytes([65 + number]) * 10_000) for number in range(8) for store in (one, two)]
        answers = await asyncio.gather(*(store.put(_KEY, body) for store, body in bodies))
        expect(answers.count(Put.NEW) == 1, "exactly one is new")
        expect(await one.get(_KEY) == bodies[answers.index(Put.NEW)][1], "and it is the one that is there")


async def a_deleted_object_is_gone_and_its_key_free(open_: MakeBlobs) -> None:
    """Several at once; none is missed that was not there."""
    async with open_("a") as blobs:
        await _stored(blobs, "x/1", "x/2", "x/3")
        await blobs.delete(["x/1", "never/there", "x/3"])
        await blobs.delete(["x/1"])
        expect(await blobs.get("x/1") is None, "a deleted object is gone")
        expect(list(await blobs.names("x/", after="", limit=9)) == ["x/2"], "its name too")
        expect(await blobs.put("x/1", b"again") is Put.NEW, "its key is free")


async def names_ascend_by_octets_behind_after_up_to_the_limit(open_: MakeBlobs) -> None:
    """Paging neither repeats nor leaves out; `-` sorts before `/`, `/` before `0`."""
    keys = ["a", "a-b", "a/b", "a/b/c", "a/b-c", "a0", "A", "b/1", "b/10", "b/2", "b.x", "b"]
    async with open_("a") as blobs:
        await _stored(blobs, *keys)
        expect(list(await blobs.names("", after="", limit=99)) == sorted(keys), "all of them, in order")
        paged: list[str] = []
        while page := await blobs.names("", after=paged[-1] if paged else "", limit=2):
            paged += page
        expect(paged == sorted(keys), "page by page they are the same")


async def names_are_those_that_start_with_the_prefix(open_: MakeBlobs) -> None:
    """A prefix may end within a name."""
    async with open_("a") as blobs:
        await _stored(blobs, "raw/2026/03/01/x", "raw/2026/03/02/x", "raw/2025/12/31/x", "envelopes/2026/03/01/x", "ra")
        expect(len(await blobs.names("raw/2026/", after="", limit=9)) == 2, "two in that year")  # noqa: PLR2004
        expect(
            list(await blobs.names("raw/2026/03/0", after="raw/2026/03/01/x", limit=9)) == ["raw/2026/03/02/x"], "cut"
        )
        expect(len(await blobs.names("ra", after="", limit=9)) == 4, "four begin so")  # noqa: PLR2004
        expect(not await blobs.names("raw/2027/", after="", limit=9), "none there")


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
            expect(await blobs.get(key) == key.encode(), f"{key[:20]!r} has its own object")
        expect(list(await blobs.names("", after="", limit=99)) == sorted(keys), "and its own name")


async def what_was_answered_is_seen_by_every_process(open_: MakeBlobs) -> None:
    """Look from another process at once, by every method."""
    async with open_("a") as one, open_("a") as two:
        await _stored(one, _KEY)
        expect(await two.get(_KEY) is not None, "get sees it")
        expect(list(await two.names("", after="", limit=9)) == [_KEY], "names see it")
        expect(await two.put(_KEY, b"other") is Put.THERE, "put sees it")


async def what_was_answered_is_there_after_everybody_left(open_: MakeBlobs) -> None:
    """Durable."""
    async with open_("a") as blobs:
        await _stored(blobs, _KEY)
    async with open_("a") as blobs:
        expect(await blobs.get(_KEY) == _KEY.encode(), "the object is there")


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
