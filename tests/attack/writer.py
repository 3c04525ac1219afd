"""One writer of the attack: claims mails and appends events under a clock that is wrong, until it is killed.

Run as a process of its own: `python writer.py DIRECTORY JOURNAL --start N --skew SECONDS --seed N [--without-floor]`.
Each answer it gets is a line of its journal: a line that is there was answered.
"""

import argparse
import asyncio
import os
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

from attrs import frozen

from convalias.adapters import system
from convalias.adapters.embedded import DataDirectory
from convalias.domain.conversations.events import ConversationEvent, MessageAdded, Origin
from convalias.domain.conversations.participants import AccountAuthor
from convalias.domain.ids import AccountId, ConversationId, EventId, Seq
from convalias.ports.event_store import Append
from convalias.ports.records import Insert, Key, Records
from convalias.stores.conversations.event_store import EventStore

CONVERSATIONS = 3
PATHS = ("relay", "legacy")
WINDOW = 8
"""How far apart the mails of writers may be, so that several of them carry the same one at once."""


@frozen(kw_only=True)
class Writer:
    records: Records
    journal: int
    skew: timedelta
    floor: bool
    random: random.Random

    async def carry(self, mail: int) -> None:
        """Claim a mail, and append its event if the claim says so."""
        path = await self.claim(mail)
        self.note("claim", mail, path)
        if path == "relay":
            self.note("event", mail, await self.append(mail))

    async def claim(self, mail: int) -> str:
        key = claim_key(mail)
        await self.records.write([Insert(key, {"path": self.random.choice(PATHS)})])
        return str((await self.records.get([key]))[key].body["path"])

    async def append(self, mail: int) -> int:
        store = EventStore(records=self.records)
        conversation = conversation_of(mail)
        while True:
            if (there := await store.keyed(conversation, key=dedup_key(mail))) is not None:
                return there.seq
            last = await store.last(conversation)
            now = datetime.now(UTC) + self.skew
            at = max(now, last.appended_at) if last is not None and self.floor else now
            event = ConversationEvent(
                id=EventId(f"{mail}-{self.random.randrange(10**9)}"),
                conversation=conversation,
                seq=Seq(1 if last is None else last.seq + 1),
                happening=MessageAdded(author=AccountAuthor(AccountId("a")), text="hello"),
                dedup_key=dedup_key(mail),
                origin=Origin.ALIAS_MAIL,
                occurred_at=now,
                appended_at=at,
            )
            if await store.append(event) is Append.APPENDED:
                return event.seq

    def note(self, what: str, mail: int, answer: object) -> None:
        os.write(self.journal, f"{what} {mail} {answer}\n".encode())


def claim_key(mail: int) -> Key:
    return Key("claims", f"mail-{mail}", conversation_of(mail))


def conversation_of(mail: int) -> ConversationId:
    return ConversationId(f"c{mail % CONVERSATIONS}")


def dedup_key(mail: int) -> str:
    return f"mail-{mail}"


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("directory", type=Path)
    parser.add_argument("journal", type=Path)
    parser.add_argument("--start", type=int, required=True)
    parser.add_argument("--skew", type=float, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--without-floor", action="store_true")
    asked = parser.parse_args()
    journal = os.open(asked.journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    draw = random.Random(asked.seed)
    directory = DataDirectory(asked.directory, clock=system.Clock(), incarnation=system.Incarnation())
    async with directory:
        writer = Writer(
            records=directory.records,
            journal=journal,
            skew=timedelta(seconds=asked.skew),
            floor=not asked.without_floor,
            random=draw,
        )
        mail = asked.start
        while not (asked.directory / "stop").exists():
            await writer.carry(mail + draw.randrange(WINDOW))
            mail += 1


if __name__ == "__main__":
    asyncio.run(main())
