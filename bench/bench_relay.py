"""What a mail costs on memory: CPU of the relay, CPU of the whole way to the notification, and store writes.

Aim: the relay at most 1 ms of CPU a mail. The budget of store writes per mail with 1.5 recipients is about 6.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from _measure import machine
from convalias.adapters import memory
from convalias.app.facade import Convalias
from convalias.domain.conversations.participants import Participant
from convalias.domain.ids import UseCase
from convalias.domain.inbound.posts import IncomingMail
from convalias.domain.migration.rollout import Stage
from convalias.ports.records import Conflict, Insert, Key, Stored, Write, Written

MAILS: Final = 1_000
CONVERSATIONS: Final = 100


class CountingRecords:
    """`ports.Records`, counting writes by table."""

    def __init__(self) -> None:
        self._records = memory.Records()
        self.writes: Counter[str] = Counter()

    async def get(self, keys: Sequence[Key]) -> Mapping[Key, Stored]:
        return await self._records.get(keys)

    async def write(self, writes: Sequence[Write]) -> Sequence[Written | Conflict]:
        for write in writes:
            self.writes[f"{write.key.table} {'insert' if isinstance(write, Insert) else 'update'}"] += 1
        return await self._records.write(writes)

    async def range(self, table: str, partition: str, *, after: str, limit: int) -> Sequence[Stored]:
        return await self._records.range(table, partition, after=after, limit=limit)

    async def latest(self, table: str, partition: str) -> Stored | None:
        return await self._records.latest(table, partition)

    async def due(self, lane: str, *, until: datetime, limit: int) -> Sequence[Stored]:
        return await self._records.due(lane, until=until, limit=limit)


def mail(number: int, alias: str) -> bytes:
    # Words of its own: texts that differ by numbers alone are one text to the loop guard.
    own = str(number).translate(str.maketrans("0123456789", "abcdefghij"))
    text = "\n".join(f"Line {line} of an ordinary answer about {own}, as people write them." for line in range(8))
    return (
        f"From: Bob Lee <bob@corp.example>\nTo: {alias}\nSubject: Re: Message in your conversation\n"
        f"Message-ID: <{number}@corp.example>\nDate: Sun, 01 Mar 2026 11:59:00 +0000\nMIME-Version: 1.0\n"
        f"Content-Type: text/plain; charset=utf-8\n\nNumber {number}\n{text}\n"
    ).encode()


async def measure() -> None:
    records = CountingRecords()
    async with Convalias.in_memory(alias_domain="reply.example", legacy_domain="relay.example", records=records) as cv:
        await cv.rollout.set(UseCase("hiring"), stage=Stage.PARALLEL, basis_points=10_000)
        people = [
            Participant.of("ann", name="Ann Ray", addresses=["ann@home.example"]),
            Participant.of("bob", name="Bob Lee", addresses=["bob@corp.example"]),
            Participant.of("cid", name="Cid Fox", addresses=["cid@else.example"]),
        ]
        aliases: list[str] = []
        for number in range(CONVERSATIONS):
            pair = people[:2] if number % 2 else people
            given = await cv.open_conversation(f"c{number}", use_case="hiring", participants=pair)
            aliases.append(str(given[people[0].account]))
        await cv.run_until_idle()
        for number in range(MAILS):
            alias = aliases[number % CONVERSATIONS]
            await cv.receiver.accept(IncomingMail(mail(number, alias), recipients=[alias], sender="bob@corp.example"))
        records.writes.clear()
        started = time.process_time()
        await cv.run_until_idle("inbound")
        relayed = time.process_time()
        await cv.run_until_idle("feed", "outbound")
        done = time.process_time()
    print(f"relay on memory, {MAILS} mails to 1.5 recipients each, {machine()}")
    print(f"  relay                       {(relayed - started) / MAILS * 1e3:6.2f} ms CPU a mail   (aim: <= 1)")
    print(f"  feed, decision, delivery    {(done - relayed) / MAILS * 1e3:6.2f} ms CPU a mail")
    print(f"  store writes                {records.writes.total() / MAILS:6.2f} a mail          (budget: about 6)")
    for name, count in records.writes.most_common():
        print(f"    {name:<24}  {count / MAILS:6.2f}")


if __name__ == "__main__":
    asyncio.run(measure())
