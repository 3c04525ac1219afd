"""A broken `Blobs` for each check."""

import asyncio
from collections.abc import Callable, Mapping, Sequence

from convalias.adapters import memory
from convalias.ports.blobs import Put
from convalias.testing.conformance import MakeBlobs
from testing.conformance.broken.places import private, shared


class CutsAtAMegabyte(memory.Blobs):
    async def get(self, key: str) -> bytes | None:
        body = await super().get(key)
        return body and body[: 2**20]


class FindsByPrefix(memory.Blobs):
    async def get(self, key: str) -> bytes | None:
        return next((body for name, body in self._bodies.items() if name.startswith(key)), None)


class Overwrites(memory.Blobs):
    async def put(self, key: str, body: bytes) -> Put:
        answer = await super().put(key, body)
        self._bodies[key] = body
        return answer


class ChecksThenPuts(memory.Blobs):
    async def put(self, key: str, body: bytes) -> Put:
        if key in self._bodies:
            return Put.THERE
        await asyncio.sleep(0)
        self._bodies[key] = body
        return Put.NEW


class RemembersTheDeleted(memory.Blobs):
    def __init__(self) -> None:
        super().__init__()
        self._tombs: set[str] = set()

    async def put(self, key: str, body: bytes) -> Put:
        return Put.THERE if key in self._tombs else await super().put(key, body)

    async def delete(self, keys: Sequence[str]) -> None:
        self._tombs.update(keys)
        await super().delete(keys)


class SortsByFolder(memory.Blobs):
    async def names(self, prefix: str, *, after: str, limit: int) -> Sequence[str]:
        keys = [key for key in self._keys if key.startswith(prefix) and key.split("/") > after.split("/")]
        return sorted(keys, key=lambda key: key.split("/"))[:limit]


class PrefixIsAFolder(memory.Blobs):
    async def names(self, prefix: str, *, after: str, limit: int) -> Sequence[str]:
        return await super().names(prefix.rpartition("/")[0], after=after, limit=limit)


class IgnoresCase(memory.Blobs):
    async def put(self, key: str, body: bytes) -> Put:
        return await super().put(key.lower(), body)


def _shared(broken: Callable[[], memory.Blobs]) -> Callable[[], MakeBlobs]:
    return lambda: shared(broken)


def _private() -> MakeBlobs:
    return private(memory.Blobs)


MUTANTS: Mapping[str, Callable[[], MakeBlobs]] = {
    "a put object comes back octet by octet": _shared(CutsAtAMegabyte),
    "what is not there is none": _shared(FindsByPrefix),
    "a second put leaves what is there": _shared(Overwrites),
    "of concurrent puts of one key one is new": _shared(ChecksThenPuts),
    "a deleted object is gone and its key free": _shared(RemembersTheDeleted),
    "names ascend by octets behind after up to the limit": _shared(SortsByFolder),
    "names are those that start with the prefix": _shared(PrefixIsAFolder),
    "keys of any characters and length stay apart": _shared(IgnoresCase),
    "what was answered is seen by every process": _private,
    "what was answered is there after everybody left": _private,
}
