"""Dead letters as records, so that listing, `why` and redrive work on every engine."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from attrs import frozen

from convalias.codec import CodecError, dump, load
from convalias.domain.inbound.dead_letters import DeadLetter, DeadLetterId
from convalias.ports.records import Conflict, Delete, Insert, Key, Records, Stored

TABLE: Final = "dead_letters"
PAGE: Final = 200
_LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)


@frozen(kw_only=True)
class DeadLetters:
    """Keeps dead letters until they are redriven. Every call may be repeated. Raises `Unavailable`."""

    records: Records

    async def put(self, letter: DeadLetter) -> None:
        """Keep it; one that is there under the same id stays."""
        await self.records.write([Insert(_key(letter.lane, letter.id), dump(letter))])

    async def list(self, lane: str) -> AsyncIterator[DeadLetter]:
        """All of one lane, by id. A letter that cannot be read is listed too, with the reason."""
        after = ""
        while page := await self.records.range(TABLE, lane, after=after, limit=PAGE):
            for stored in page:
                yield read_letter(stored)
            after = page[-1].key.id

    async def get(self, lane: str, letter: DeadLetterId) -> DeadLetter | None:
        """Return a letter, or None."""
        stored = (await self.records.get([_key(lane, letter)])).get(_key(lane, letter))
        return None if stored is None else read_letter(stored)

    async def several(self, lane: str, letters: Sequence[DeadLetterId]) -> Mapping[DeadLetterId, DeadLetter]:
        """Return the letters that exist. One read."""
        found = await self.records.get([_key(lane, letter) for letter in letters])
        return {letter: read_letter(found[_key(lane, letter)]) for letter in letters if _key(lane, letter) in found}

    async def drop(self, letter: DeadLetter) -> bool:
        """Drop a letter that was redriven or discarded. False if it is gone, or says something else by now."""
        key = _key(letter.lane, letter.id)
        stored = (await self.records.get([key])).get(key)
        if stored is None or read_letter(stored) != letter:
            return False
        (answer,) = await self.records.write([Delete(key, stored.version)])
        return not isinstance(answer, Conflict)


def read_letter(stored: Stored) -> DeadLetter:
    """The letter in a record. One that cannot be read names nothing but its key and the reason."""
    try:
        return load(stored.body, DeadLetter)
    except CodecError as unreadable:
        return DeadLetter(
            id=DeadLetterId(stored.key.id),
            lane=stored.key.partition,
            subject="",
            reason=str(unreadable),
            tries=0,
            at=_LONG_AGO,
        )


def _key(lane: str, letter: DeadLetterId) -> Key:
    return Key(TABLE, lane, letter)
