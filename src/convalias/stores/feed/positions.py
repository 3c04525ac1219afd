"""Positions of readers under a lease, written by compare-and-set on its epoch."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from attrs import evolve, frozen

from convalias.codec import CODEC, BrokenRecord, Codec, UnknownFormat
from convalias.domain.deployment.positions import Position
from convalias.ports.ambient import Clock, Incarnation
from convalias.ports.errors import Unavailable
from convalias.ports.records import Insert, Key, Records, Replace, Stored, Written
from convalias.stores.encoding import encoded

TABLE: Final = "positions"
NEWER: Final = timedelta(seconds=16)
"""How long a reader waits for a position that a newer release holds, before it looks again."""


@frozen
class Lease:
    """A position that this process holds, and the version of the record that says so."""

    position: Position
    version: str

    @property
    def cursor(self) -> str:
        """Return where to go on."""
        return self.position.cursor


@frozen(kw_only=True)
class Positions:
    """Keeps one record for each reader. Every call may be repeated. Raises `Unavailable`."""

    records: Records
    clock: Clock
    incarnation: Incarnation
    codec: Codec = CODEC

    async def acquire(self, name: str, *, lease: timedelta) -> Lease | None:
        """Acquire a position that is free, expired, or leased by a dead process; None: it is leased."""
        key = _key(name)
        stored = (await self.records.get([key])).get(key)
        standing = self._standing(name, stored)
        if not self._is_free(standing):
            return None
        until = self.clock.now() + lease
        taken = evolve(standing, epoch=standing.epoch + 1, holder=self.incarnation.name, until=until)
        body = self.codec.dump(taken)
        write = Insert(key, body) if stored is None else Replace(key, stored.version, body)
        (answer,) = await self.records.write([write])
        return Lease(taken, answer.version) if isinstance(answer, Written) else None

    async def save(self, lease: Lease, cursor: str, *, extend: timedelta) -> Lease | None:
        """Move on, and hold on; None: somebody else has taken over, and nothing was written."""
        return await self._write(lease, evolve(lease.position, cursor=cursor, until=self.clock.now() + extend))

    async def resume(self, lease: Lease) -> Lease | None:
        """The same lease, after a `save` whose answer was lost: wherever it stands now. None: somebody took over."""
        key = _key(lease.position.name)
        stored = (await self.records.get([key])).get(key)
        if stored is None:
            return None
        standing = self._standing(lease.position.name, stored)
        return Lease(standing, stored.version) if standing.epoch == lease.position.epoch else None

    async def release(self, lease: Lease) -> None:
        """Release the lease at once. A lease that is lost already is left alone."""
        await self._write(lease, evolve(lease.position, holder="", until=None))

    async def show(self, name: str) -> Position:
        """Return the position of a reader."""
        key = _key(name)
        stored = (await self.records.get([key])).get(key)
        return self._standing(name, stored)

    def _standing(self, name: str, stored: Stored | None) -> Position:
        """A damaged position is none: its reader starts over. One of a newer release is that release's to move."""
        try:
            return Position(name=name) if stored is None else self.codec.load(stored.body, Position)
        except BrokenRecord:
            return Position(name=name)
        except UnknownFormat as newer:
            raise Unavailable(f"position {name} ({newer})", retry_after=NEWER) from newer

    def _is_free(self, position: Position) -> bool:
        if position.until is None or position.until <= self.clock.now():
            return True
        return self.incarnation.is_gone(position.holder)

    async def _write(self, lease: Lease, position: Position) -> Lease | None:
        replace = Replace(_key(position.name), lease.version, self.codec.dump(position))
        (answer,) = await self.records.write([replace])
        return Lease(position, answer.version) if isinstance(answer, Written) else None


def _key(name: str) -> Key:
    return Key(TABLE, TABLE, encoded(name))
