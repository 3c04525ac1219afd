"""Blobs in an object store: each key is created once, by the engine's own condition."""

from __future__ import annotations

import asyncio
import heapq
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Final, TypeVar
from uuid import uuid4

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import ObjectStore

from convalias.adapters.s3 import errors, examining
from convalias.adapters.s3.names import key_of, name_of, start_of
from convalias.adapters.s3.place import Credentials, Limits, Place, client, hurried, read_url
from convalias.ports.blobs import Put
from convalias.ports.examining import Observation

T = TypeVar("T")

PARTS: Final = "!parts/"
"""Where bodies in parts are gathered; no key has such a name. The lifecycle document removes what a crash left."""
_PART: Final = 8 * 2**20
_ONE_GULP: Final = 64 * 2**10
"""Octets that surely fit into the buffers of a connection."""
_PAGE: Final = 1_000
"""Names in one answer of the engine, and deletions in one request."""


class _Threads:
    """The threads of the client, which all stores of a process share: a fork copies none, and nothing begins them anew."""

    def __init__(self) -> None:
        self._pid: int | None = None

    def use(self) -> None:
        """Raise `UnusableBucketError` in the child of a process that used them: it would wait for ever."""
        if self._pid not in {None, os.getpid()}:
            raise errors.UnusableBucketError(
                "an object store was used before this process was forked, and its client cannot be used in the child;"
                " use it after the fork only"
            )
        self._pid = os.getpid()


_THREADS: Final = _Threads()


class Blobs:
    """`ports.Blobs` in S3, Google Cloud Storage, Azure or a folder. Inert until `open()`.

    A body is created by one conditional request (`If-None-Match: *`), whole or not at all. One of `multipart_from`
    octets or more is gathered in parts under a name of its own and then copied into place on the same condition, so
    what is promised of a put holds for it too.
    """

    def __init__(
        self,
        url: str,
        *,
        credentials: Credentials | None = None,
        limits: Limits | None = None,
        open_within: timedelta | None = None,
    ) -> None:
        """Read the URL. Raises `UnusableBucketError`; no request is made.

        `open_within`: how long `open` may take; None: as long as the URL allows a request.
        """
        self._place: Place = read_url(url, limits=limits)
        self._client: ObjectStore = client(self._place, credentials)
        # A request of its own client ends by itself: one that is called off runs on, and meets an interpreter that ended.
        hasty = None if open_within is None else hurried(self._place, open_within)
        self._opening = self._client if hasty is None else client(hasty, credentials)
        self._turn = asyncio.Semaphore(self._place.limits.in_flight)

    async def open(self) -> None:
        """Look into the bucket once. Raises `UnusableBucketError` for what must be mended, else `Unavailable`."""
        _THREADS.use()
        try:
            async for _ in _chunks(self._opening, None, None):
                break
        except (BaseError, OSError) as error:
            wrong: Exception = errors.unusable(error) or errors.unavailable(error)
        else:
            return
        raise wrong

    async def put(self, key: str, body: bytes) -> Put:
        """Create if absent."""
        name = name_of(key)
        create = self._in_parts if len(body) >= self._place.limits.multipart_from else self._at_once
        return await self._do(lambda: create(name, body))

    async def get(self, key: str) -> bytes | None:
        """The whole, or None."""
        name = name_of(key)

        async def read() -> bytes | None:
            try:
                found = await obstore.get_async(self._client, name)
                return (await found.bytes_async()).to_bytes()
            except FileNotFoundError as error:
                if errors.no_bucket(error):  # a mail is not lost because a bucket is
                    raise
                return None

        return await self._do(read)

    async def delete(self, keys: Sequence[str]) -> None:
        """Gone afterwards: a thousand in a request where the engine can do that."""
        names = [name_of(key) for key in keys]
        for batch in (names[at : at + _PAGE] for at in range(0, len(names), _PAGE)):
            await self._do(partial(self._remove, batch))

    async def names(self, prefix: str, *, after: str, limit: int) -> Sequence[str]:
        """Ascending, behind `after`. Azure and folders list in no order: there all below the prefix are looked at."""

        async def read() -> list[str]:
            found = self._keys(prefix, after)
            if self._place.is_ordered:
                return [key async for key in _first(found, limit)]
            return await _least(found, limit)

        return await self._do(read) if limit > 0 else []

    async def examine(self) -> Sequence[Observation]:
        """Permissions, the condition of a create, and the clock, by an object that is made and removed."""
        return await examining.examine(self._client, below=PARTS)

    async def _at_once(self, name: str, body: bytes) -> Put:
        try:
            await obstore.put_async(self._client, name, body, mode="create", use_multipart=False)
        except AlreadyExistsError:
            return await self._there(name)
        except BaseError:
            # An engine that refuses before it has read a large body closes the connection, and its answer is lost.
            if len(body) > _ONE_GULP:
                with suppress(BaseError, OSError):
                    return await self._there(name)
            raise
        return Put.NEW

    async def _in_parts(self, name: str, body: bytes) -> Put:
        with suppress(FileNotFoundError):
            return await self._there(name)  # a repeated post sends none of it again
        gathered = PARTS + uuid4().hex
        await obstore.put_async(self._client, gathered, body, use_multipart=True, chunk_size=_PART)
        try:
            await obstore.copy_async(self._client, gathered, name, overwrite=False)
        except AlreadyExistsError:
            return await self._there(name)
        finally:
            await self._remove([gathered])
        return Put.NEW

    async def _there(self, name: str) -> Put:
        """THERE is an answer on which a mail is let go, so look: an engine also refuses for other conflicts.

        S3 answers 409 to one of two uploads at once, of which the other may still fail. Raises `FileNotFoundError`.
        """
        await obstore.head_async(self._client, name)
        return Put.THERE

    async def _remove(self, names: Sequence[str]) -> None:
        try:
            await obstore.delete_async(self._client, names)
        except FileNotFoundError as error:
            if errors.no_bucket(error):
                raise
            for name in names if len(names) > 1 else ():  # an engine that stops at one that was not there
                await self._remove([name])

    async def _keys(self, prefix: str, after: str) -> AsyncIterator[str]:
        start = start_of(prefix)
        folder = start.rpartition("/")[0] or None
        async for names in _chunks(self._client, folder, _before(max(start, start_of(after)))):
            for key in (found for name in names if (found := key_of(name)) is not None):
                if key.startswith(prefix) and key > after:
                    yield key
                elif self._place.is_ordered and key > prefix and not key.startswith(prefix):
                    return

    async def _do(self, work: Callable[[], Awaitable[T]]) -> T:
        try:
            async with self._turn:
                return await work()
        except (BaseError, OSError) as error:  # what is not there is an OSError to this client
            wrong = errors.unavailable(error)
        raise wrong


async def _chunks(store: ObjectStore, folder: str | None, behind: str | None) -> AsyncIterator[Iterator[str]]:
    try:
        # An overload that is not used answers in a type of a package that is not installed.
        async for chunk in obstore.list(store, folder, offset=behind, chunk_size=_PAGE):  # pyright: ignore[reportUnknownMemberType]
            yield (one["path"] for one in chunk)
    except FileNotFoundError as error:
        if errors.no_bucket(error):
            raise  # else a folder that is not there: nothing is in it


def _before(name: str) -> str | None:
    """A name to list behind that the client takes: it knows no empty folder and no `..`, so cut there."""
    kept: list[str] = []
    for one in name.split("/"):
        if one in {"", ".", ".."}:
            break
        kept.append(one)
    return "/".join(kept) or None


async def _first(found: AsyncIterator[str], limit: int) -> AsyncIterator[str]:
    async for key in found:
        yield key
        limit -= 1
        if limit == 0:
            return


async def _least(found: AsyncIterator[str], limit: int) -> list[str]:
    """The first `limit` by order, holding no more than twice as many."""
    kept: list[str] = []
    async for key in found:
        kept.append(key)
        if len(kept) >= 2 * limit:
            kept = heapq.nsmallest(limit, kept)
    return heapq.nsmallest(limit, kept)
