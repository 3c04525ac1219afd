"""Marks of the sweeper: when each mail was queued again, and what needs no more looking at."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from attrs import frozen

from convalias.codec import CodecError, dump, load
from convalias.domain.inbound.outcomes import Mark
from convalias.domain.inbound.posts import RecordKey
from convalias.ports.records import Insert, Key, Records, Replace, Stored, Written
from convalias.stores.inbound.mails import day_of, name_of

TABLE: Final = "sweeps"
DAYS: Final = "swept_days"
TURNS: Final = "sweep_turns"
CHORES: Final = "chores_done"


@frozen(kw_only=True)
class Sweeps:
    """Every call may be repeated. Raises `Unavailable`."""

    records: Records

    async def turn(self, *, now: datetime, every: timedelta) -> bool:
        """Whether this caller is to sweep: one in `every`, however many workers there are."""
        return await self.turn_of(TURNS, now=now, every=every)

    async def turn_of(self, chore: str, *, now: datetime, every: timedelta) -> bool:
        """The same, of another chore."""
        return await self._take(Key(TURNS, TURNS, chore), RecordKey(""), now=now, every=every)

    async def take(self, record: RecordKey, *, now: datetime, every: timedelta) -> bool:
        """Whether this caller may queue it again: at most once in `every`, whoever asks."""
        return await self._take(Key(TABLE, day_of(record), name_of(record)), record, now=now, every=every)

    async def _take(self, key: Key, record: RecordKey, *, now: datetime, every: timedelta) -> bool:
        stored = (await self.records.get([key])).get(key)
        if stored is not None and _at(stored) > now - every:
            return False
        body = dump(Mark(record, now))
        write = Insert(key, body) if stored is None else Replace(key, stored.version, body)
        (answer,) = await self.records.write([write])
        return isinstance(answer, Written)

    async def is_through(self, day: str) -> bool:
        """Whether all mail of that day has come to an end."""
        key = _day_key(day)
        return key in await self.records.get([key])

    async def through(self, day: str, *, now: datetime) -> None:
        """All mail of that day has come to an end, and no more will come."""
        await self.records.write([Insert(_day_key(day), dump(Mark(RecordKey(f"envelopes/{day}/"), now)))])

    async def is_done(self, chore: str) -> bool:
        """Whether that was done, once and for all."""
        key = _chore_key(chore)
        return key in await self.records.get([key])

    async def done(self, chore: str, *, now: datetime) -> None:
        """Mark a chore as done for good."""
        await self.records.write([Insert(_chore_key(chore), dump(Mark(RecordKey(""), now)))])


def _at(stored: Stored) -> datetime:
    """When it was done last. A mark that cannot be read says nothing: it is done again, and the mark replaced."""
    try:
        return load(stored.body, Mark).at
    except CodecError:
        return datetime.min.replace(tzinfo=UTC)


def _chore_key(chore: str) -> Key:
    return Key(CHORES, CHORES, chore)


def _day_key(day: str) -> Key:
    return Key(DAYS, day[:4], day)
