"""Blobs in memory."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Sequence
from itertools import islice, takewhile

from convalias.ports.blobs import Put


class Blobs:
    """`ports.Blobs`."""

    def __init__(self) -> None:
        """Empty."""
        self._bodies: dict[str, bytes] = {}
        self._keys: list[str] = []

    async def put(self, key: str, body: bytes) -> Put:
        """Create if absent."""
        if key in self._bodies:
            return Put.THERE
        self._bodies[key] = bytes(body)
        insort(self._keys, key)
        return Put.NEW

    async def get(self, key: str) -> bytes | None:
        """The whole, or None."""
        return self._bodies.get(key)

    async def delete(self, keys: Sequence[str]) -> None:
        """Gone afterwards."""
        for key in keys:
            if self._bodies.pop(key, None) is not None:
                del self._keys[bisect_left(self._keys, key)]

    async def names(self, prefix: str, *, after: str, limit: int) -> Sequence[str]:
        """Ascending, behind `after`."""
        start = max(bisect_left(self._keys, prefix), bisect_right(self._keys, after))
        behind = islice(self._keys, start, start + limit)
        return list(takewhile(lambda key: key.startswith(prefix), behind))
