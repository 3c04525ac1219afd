"""A process of a host on PostgreSQL, to be killed: an app writer, one that posts mail, or one that reads and tells.

`python -m hosts.people ROLE URL SCHEMA LEDGER SEED` from the folder of the tests. The ledger has a line for each thing
that was done, written when the host had answered; a writer that is started again goes on behind its last line.
"""

from __future__ import annotations

import asyncio
import random
import sys
from datetime import UTC, datetime
from pathlib import Path

from convalias.ports import NewMessage, PostDeclined
from hosts.postgresql import Connection, Conversations, World, connect

THREADS = ("1", "2", "3")


class Person:
    """What it did before is in its ledger."""

    def __init__(self, ledger: Path, seed: str) -> None:
        self.name = ledger.stem
        self.ledger = ledger
        self.draw = random.Random(seed)

    def done(self) -> list[str]:
        return self.ledger.read_text().splitlines() if self.ledger.exists() else []

    def note(self, line: str) -> None:
        with self.ledger.open("a") as ledger:
            ledger.write(f"{line}\n")

    async def say(self, database: Connection) -> None:
        """Statements of the app alone; some transactions stay open while others commit."""
        world = World(Conversations(database), database, database)
        number = len(self.done())
        while True:
            number += 1
            text = f"{self.name} {number}.{self.draw.randrange(1_000_000)}"
            async with database.transaction():
                await world.said(database, self.draw.choice(THREADS), "ann", text)
                await asyncio.sleep(self.draw.choice((0, 0.002, 0.02, 0.1)))
            self.note(text)

    async def mail(self, database: Connection) -> None:
        """Post each mail until it is answered, after a death once more under its key."""
        host, number = Conversations(database), len(self.done())
        while True:
            number += 1
            text = f"{self.name} {number}"
            key = f"m-{self.name}-{number:0>33}"
            thread = THREADS[number % len(THREADS)]
            message = NewMessage(
                thread=thread, key=key, author="ann", author_name="Ann", text=text, at=datetime.now(UTC)
            )
            for _ in range(self.draw.choice((1, 1, 2))):
                assert not isinstance(await host.post(message), PostDeclined)
            self.note(text)

    async def read(self, database: Connection) -> None:
        """Note what it found, then tell: a death in between tells of it once more."""
        host = Conversations(database)
        while True:
            refs = await host.untold(limit=self.draw.choice((1, 7, 50)))
            for ref in refs:
                found = await host.find(ref.thread, message=ref.message)
                assert found is not None, ref
                self.note(found.text)
            await host.told(refs)
            if not refs:
                await asyncio.sleep(0.005)


async def main(role: str, url: str, schema: str, ledger: str, seed: str) -> None:
    person = Person(Path(ledger), seed)
    database = await connect(url, schema)
    await {"say": person.say, "mail": person.mail, "read": person.read}[role](database)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
