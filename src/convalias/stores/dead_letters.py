"""Dead letters as records, so that listing, `why` and redrive work on every engine."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

from attrs import frozen

from convalias.codec import dump, load
from convalias.domain.dead_letters import DeadLetter, DeadLetterId
from convalias.ports.records import Conflict, Delete, Insert, Key, Records

PAGE: Final = 200


@frozen(kw_only=True)
class DeadLetters:
    """What was given up, until somebody redrives it. Every call may be repeated. Raises `Unavailable`."""

    records: Records

    async def put(self, letter: DeadLetter) -> None:
        """Keep it; one that is there under the same id stays."""
        await self.records.write([Insert(_key(letter.lane, letter.id), dump(letter))])

    async def list(self, lane: str) -> AsyncIterator[DeadLetter]:
        """All of one lane, by id."""
        after = ""
        while page := await self.records.range("dead_letters", lane, after=after, limit=PAGE):
            for stored in page:
                yield load(stored.body, DeadLetter)
            after = page[-1].key.id

    async def get(self, lane: str, letter: DeadLetterId) -> DeadLetter | None:
        """That one, or None."""
        stored = (await self.records.get([_key(lane, letter)])).get(_key(lane, letter))
        return None if stored is None else load(stored.body, DeadLetter)

    async def drop(self, letter: DeadLetter) -> bool:
        """It was redriven: gone. False when somebody else was faster."""
        key = _key(letter.lane, letter.id)
        stored = (await self.records.get([key])).get(key)
        if stored is None:
            return False
        (answer,) = await self.records.write([Delete(key, stored.version)])
        return not isinstance(answer, Conflict)


def _key(lane: str, letter: DeadLetterId) -> Key:
    return Key("dead_letters", lane, letter)
