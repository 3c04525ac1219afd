"""What a mail costs on memory: CPU of the relay and of what follows it, store calls and store writes.

Aims: the relay at most 1 ms of CPU a mail, at most 16 calls and 6.2 writes, of 1.5 recipients. The rows by which `why`
finds a mail are counted apart. Of calls and writes the rival is what they were before calls shared requests.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Final

from _measure import TURNING, Row, best, machine, row, tell, turning
from convalias.adapters import memory
from convalias.app.facade import Convalias
from convalias.domain.conversations.participants import Participant
from convalias.domain.ids import UseCase
from convalias.domain.inbound.posts import IncomingMail
from convalias.domain.migration.rollout import Stage
from stores.counting import Counting

MAILS: Final = 500
ROUNDS: Final = 4
CONVERSATIONS: Final = 100
OF_WHY: Final = frozenset({"mail_index"})
"""Tables whose rows only `why` reads."""
BEFORE_WRITES: Final = ("before requests were shared", 8.5)
BEFORE_CALLS: Final = ("before requests were shared", 27.0)


def mail(number: int, alias: str) -> bytes:
    # Words of its own: texts that differ by numbers alone are one text to the loop guard.
    own = str(number).translate(str.maketrans("0123456789", "abcdefghij"))
    text = "\n".join(f"Line {line} of an ordinary answer about {own}, as people write them." for line in range(8))
    return (
        f"From: Bob Lee <bob@corp.example>\nTo: {alias}\nSubject: Re: Message in your conversation\n"
        f"Message-ID: <{number}@corp.example>\nDate: Sun, 01 Mar 2026 11:59:00 +0000\nMIME-Version: 1.0\n"
        f"Content-Type: text/plain; charset=utf-8\n\nNumber {number}\n{text}\n"
    ).encode()


async def opened(cv: Convalias) -> list[str]:
    """Conversations of two and of three people; an alias of each."""
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
    return aliases


async def posted(cv: Convalias, aliases: Sequence[str], *, first: int) -> None:
    """As many mails as a round has, accepted and not yet worked on."""
    for number in range(first, first + MAILS):
        alias = aliases[number % CONVERSATIONS]
        await cv.receiver.accept(IncomingMail(mail(number, alias), recipients=[alias], sender="bob@corp.example"))


async def timed() -> list[Row]:
    """CPU, interleaved with a bare loop."""
    relayed, rest, bare = [], [], []
    async with Convalias.in_memory(alias_domain="reply.example", legacy_domain="relay.example") as cv:
        aliases = await opened(cv)
        for turn in range(ROUNDS):
            await posted(cv, aliases, first=turn * MAILS)
            started = time.process_time()
            await cv.run_until_idle("inbound")
            between = time.process_time()
            await cv.run_until_idle("feed", "outbound")
            relayed.append((between - started) / MAILS * 1e3)
            rest.append((time.process_time() - between) / MAILS * 1e3)
            bare.append(best(turning, rounds=1) * 1e3)
    print(f"relay on memory, {MAILS} mails to 1.5 recipients each, best of {ROUNDS} rounds, {machine()}")
    turned = (TURNING, min(bare))
    return [
        row("relay on memory", ours=min(relayed), rival=turned, unit="ms CPU a mail", aim="<= 1.0"),
        row("feed, decision and delivery on memory", ours=min(rest), rival=turned, unit="ms CPU a mail"),
    ]


async def counted() -> list[Row]:
    """Calls and writes of the store, which counting makes slower."""
    records = Counting(memory.Records())
    async with Convalias.in_memory(alias_domain="reply.example", legacy_domain="relay.example", records=records) as cv:
        aliases = await opened(cv)
        await posted(cv, aliases, first=0)
        records.forget()
        await cv.run_until_idle("inbound", "feed", "outbound")
    why = sum(count for name, count in records.writes.items() if name.partition(" ")[0] in OF_WHY) / MAILS
    print(f"  writes a mail by table, {why:.2f} of them rows of why:")
    for name, count in records.writes.most_common():
        print(f"    {name:<24}  {count / MAILS:6.2f}")
    print("  calls a mail:")
    for name, count in records.calls.most_common():
        print(f"    {name:<24}  {count / MAILS:6.2f}")
    return [
        row(
            "store writes on memory, without the rows of why",
            ours=records.writes.total() / MAILS - why,
            rival=BEFORE_WRITES,
            unit="a mail",
            aim="<= 6.2",
        ),
        row(
            "store calls on memory", ours=records.calls.total() / MAILS, rival=BEFORE_CALLS, unit="a mail", aim="<= 16"
        ),
    ]


if __name__ == "__main__":
    tell(lambda: [*asyncio.run(timed()), *asyncio.run(counted())])
