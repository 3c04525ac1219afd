"""A process of convalias over a host on PostgreSQL, to be killed: its workers, or one that takes Bob's mail in.

`python -m hosts.workers ROLE URL SCHEMA LEDGER SEED` from the folder of the tests. The data directory lies beside the
ledger, and all processes share it.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from attrs import frozen

from convalias import Convalias, IncomingMail
from convalias.ports import AlreadyPosted, Message, MessageRef, NewMessage, PostDeclined, Posted, Thread
from hosts.directory import People
from hosts.people import THREADS, Person
from hosts.postgresql import Conversations, connect

SETTINGS: Final = """
alias_domains = ["reply.example"]
messages_an_hour = 100000
"""


@frozen
class Talks:
    """The host's five calls, each on a connection of its own: tasks that share one would share its transactions."""

    url: str
    schema: str

    async def thread(self, id: str) -> Thread | None:  # noqa: A002 - as in the port
        async with await connect(self.url, self.schema) as database:
            return await Conversations(database).thread(id)

    async def post(self, message: NewMessage) -> Posted | AlreadyPosted | PostDeclined:
        async with await connect(self.url, self.schema) as database:
            return await Conversations(database).post(message)

    async def find(self, thread: str, *, message: str | None = None, key: str | None = None) -> Message | None:
        async with await connect(self.url, self.schema) as database:
            return await Conversations(database).find(thread, message=message, key=key)

    async def untold(self, *, limit: int) -> Sequence[MessageRef]:
        async with await connect(self.url, self.schema) as database:
            return await Conversations(database).untold(limit=limit)

    async def told(self, messages: Sequence[MessageRef]) -> None:
        async with await connect(self.url, self.schema) as database:
            await Conversations(database).told(messages)


def opened(url: str, schema: str, folder: Path) -> Convalias:
    return Convalias.from_toml(
        folder / "convalias.toml",
        data=folder / "data",
        environ={},
        conversations=Talks(url, schema),
        identity=People(),
    )


async def write(cv: Convalias, person: Person) -> None:
    """Bob's mail, each until it was taken in; after a death once more under its Message-ID."""
    number = len(person.done())
    aliases = {thread: await cv.alias(thread, for_="ann") for thread in THREADS}
    while True:
        number += 1
        text = f"{person.name} {number}"
        alias = aliases[THREADS[number % len(THREADS)]]
        raw = f"From: bob@home.example\nTo: {alias}\nMessage-ID: <{person.name}.{number}@home.example>\n\n{text}\n"
        for _ in range(person.draw.choice((1, 1, 2))):
            await cv.receiver.accept(IncomingMail(raw.encode(), recipients=[alias], sender="bob@home.example"))
        person.note(text)
        await asyncio.sleep(person.draw.choice((0.02, 0.05, 0.2)))


async def main(role: str, url: str, schema: str, ledger: str, seed: str) -> None:
    person = Person(Path(ledger), seed)
    async with opened(url, schema, Path(ledger).parent) as cv:
        if role == "write":
            await write(cv, person)
        async with cv.running():
            await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
