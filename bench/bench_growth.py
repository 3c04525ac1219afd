"""What grows as a deployment grows: rows, calls, writes and octets of the store, counted at two sizes; never time.

The rival of each row is the same count at the small size, so a ratio of 1 says that nothing grows. Whatever an engine
does inside a call is not seen here, except for aliases: there SQLite's own steps are counted over a million rows.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from _measure import Row, machine, row, tell
from convalias.adapters import embedded, memory
from convalias.app.facade import Convalias
from convalias.domain.conversations.participants import Participant
from convalias.domain.ids import AccountId, ConversationId, UseCase
from convalias.domain.inbound.posts import IncomingMail
from convalias.domain.migration.rollout import Stage
from convalias.ports.records import Due, Insert, Key
from convalias.stores.encoding import encoded
from convalias.stores.outbound.ledger import DUE, Ledger
from stores.counting import Counting
from stores.growing import NOON, alias_steps, given_back, passed_on

LATER: Final = "e" * 22
Count = Callable[[int], Awaitable[float]]


# --- a conversation ------------------------------------------------------------------------------------------------


def people(count: int) -> list[Participant]:
    return [Participant.of(f"p{n}", name=f"Person {n}", addresses=[f"p{n}@home.example"]) for n in range(count)]


async def opened(counting: Counting, *, participants: int = 2, conversations: int = 1) -> tuple[Convalias, list[str]]:
    """A deployment on memory; the alias of each conversation's first participant."""
    cv = Convalias.in_memory(alias_domain="reply.example", legacy_domain="relay.example", records=counting)
    await cv.__aenter__()
    await cv.rollout.set(UseCase("hiring"), stage=Stage.NATIVE, basis_points=10_000)
    aliases = []
    for number in range(conversations):
        given = await cv.open_conversation(f"c{number}", use_case="hiring", participants=people(participants))
        aliases.append(str(given[AccountId("p0")]))
    await cv.run_until_idle()
    return cv, aliases


async def said(cv: Convalias, key: str) -> None:
    """One chat message, of which nobody was told yet."""
    await cv.messaging.send("c0", f"A message about {key}.", author="p0", key=key)


async def lengthened(counting: Counting, events: int) -> None:
    """That many further events in the conversation, of which nobody is to be told: copies of an alias being issued."""
    last = await counting.latest("events", "c0")
    (issued,) = await counting.range("events", "c0", after="000000000001", limit=1)
    assert last is not None  # noqa: S101 - a conversation begins with an event
    seq = int(last.key.id)
    for start in range(0, events, 1_000):
        numbers = range(seq + start + 1, seq + min(start + 1_000, events) + 1)
        await counting.write([copied(issued.body, number) for number in numbers])


def copied(body: Mapping[str, Any], seq: int) -> Insert:
    identity, dedup = f"{LATER}{seq:x}".rjust(26, "0")[-26:], f"copy-{seq}"
    return Insert(
        Key("events", "c0", f"{seq:012d}"),
        {**body, "id": identity, "seq": seq, "dedup_key": dedup},
        (f"k:{dedup}", f"e:{identity}"),
    )


async def told(events: int, *, joined: bool) -> float:
    """Rows read to tell of one message in a conversation of that many events."""
    counting = Counting(memory.Records())
    cv, _ = await opened(counting)
    await said(cv, "first")
    await cv.run_until_idle()
    await lengthened(counting, events)
    await said(cv, "second")  # whoever meets them first folds them, once
    await cv.run_until_idle()
    await said(cv, "third")
    if joined:
        await cv.messaging.add_participant("c0", people(3)[2])
    counting.forget()
    await cv.run_until_idle("feed", "outbound")
    return counting.rows.total()


async def backlog(events: int) -> float:
    """Rows read for each of that many messages of one conversation, of which nobody was told."""
    counting = Counting(memory.Records())
    cv, _ = await opened(counting)
    for number in range(events):
        await said(cv, f"number {number}")
    counting.forget()
    await cv.run_until_idle("feed", "outbound")
    return counting.rows.total() / events


async def participants(count: int) -> float:
    """Writes to tell that many people of one message."""
    counting = Counting(memory.Records())
    cv, _ = await opened(counting, participants=count)
    await said(cv, "all")
    counting.forget()
    await cv.run_until_idle("feed", "outbound")
    return counting.writes.total()


async def recipients(count: int, measured: Callable[[Counting], float]) -> float:
    """What the relay of one mail to that many conversations asks, for each of them."""
    counting = Counting(memory.Records())
    cv, aliases = await opened(counting, conversations=count)
    raw = (
        f"From: Person 1 <p1@home.example>\nTo: {', '.join(aliases)}\nSubject: To all\nMessage-ID: <all@home.example>\n"
        "Date: Sun, 01 Mar 2026 11:59:00 +0000\nContent-Type: text/plain\n\nHello to all of you.\n"
    ).encode()
    await cv.receiver.accept(IncomingMail(raw, recipients=aliases, sender="p1@home.example"))
    counting.forget()
    await cv.run_until_idle("inbound")
    return measured(counting) / count


async def texts(octets: int) -> float:
    """Octets of records that are written and read for one message of that length, from the door to the hub."""
    counting = Counting(memory.Records(), with_octets=True)
    cv, aliases = await opened(counting)
    body = ("A line of text that goes on and on, word after word.\n" * (octets // 53 + 1))[:octets]
    raw = (
        f"From: Person 1 <p1@home.example>\nTo: {aliases[0]}\nSubject: Long\nMessage-ID: <long@home.example>\n"
        f"Date: Sun, 01 Mar 2026 11:59:00 +0000\nContent-Type: text/plain\n\n{body}\n"
    ).encode()
    await cv.receiver.accept(IncomingMail(raw, recipients=[aliases[0]], sender="p1@home.example"))
    counting.forget()
    await cv.run_until_idle("inbound", "feed", "outbound")
    return (counting.octets_read + counting.octets_written) / 1_000


# --- tables --------------------------------------------------------------------------------------------------------

FILLING: Final = 600.0
"""Seconds in which a million rows are there, on a busy machine too."""


async def aliases(count: int, *, minting: bool) -> float:
    """Steps that SQLite takes to mint one alias, or to find one, beside that many others."""
    with tempfile.TemporaryDirectory() as folder:
        return (await alias_steps(Path(folder), count, patience=FILLING))[minting]


async def due(count: int) -> float:
    """Rows read to take a hundred of that many deliveries that are due."""
    counting = Counting(memory.Records())
    cv, _ = await opened(counting)
    await said(cv, "one")
    await cv.run_until_idle()
    (decision,) = await counting.range("decisions", "c0", after="", limit=1)
    rows = [
        Insert(Key("decisions", encoded(ConversationId(f"d{n}")), decision.key.id), decision.body, due=Due(DUE, NOON))
        for n in range(count)
    ]
    await counting.write(rows)
    counting.forget()
    ledger = Ledger(records=counting, incarnation=memory.Incarnation("1", gone=set()))
    await ledger.due(now=NOON + timedelta(days=1), limit=100)
    return counting.rows.total()


async def returning(count: int) -> float:
    """Rows of the largest answer while that many deliveries that are due are given back."""
    counting = Counting(memory.Records())
    await given_back(counting, count)
    return counting.most_rows


async def kept(count: int) -> float:
    """Records that an event log still holds when all of that many were read, and it was trimmed to a hundred."""
    with tempfile.TemporaryDirectory() as folder:
        async with embedded.Database(Path(folder)) as database:
            log = embedded.EventLog(database, clock=memory.Clock(), incarnation=memory.Incarnation("1"), keep=100)
            await passed_on(log, count)
            await log.trim()
            (held,) = await database.read(
                lambda connection: connection.execute("SELECT count(*) FROM event_log").fetchone()
            )
            return float(held)


GROWING: Final[tuple[tuple[str, Count, int, int, str, str | None], ...]] = (
    ("telling of a message, events before it", lambda n: told(n, joined=False), 10, 100_000, "rows", "<= 300"),
    ("telling when somebody joined since, events before it", lambda n: told(n, joined=True), 10, 100_000, "rows", "<= 300"),
    ("telling of a backlog of one conversation, events", backlog, 1, 1_000, "rows an event", "<= 10"),
    ("telling of a message, participants", participants, 2, 1_000, "writes", "<= 20"),
    ("relaying, recipients of a mail", lambda n: recipients(n, lambda of: of.rows.total()), 1, 100, "rows each", "<= 20"),
    ("relaying, recipients of a mail", lambda n: recipients(n, lambda of: of.writes.total()), 1, 100, "writes each", "<= 10"),
    ("relaying and telling, octets of a text", texts, 1_000, 10_000_000, "kB of records", "<= 1000"),
    ("finding an alias, aliases beside it", lambda n: aliases(n, minting=False), 10, 1_000_000, "steps of SQLite", "ratio >= 0.8"),
    ("minting an alias, aliases beside it", lambda n: aliases(n, minting=True), 10, 1_000_000, "steps of SQLite", "ratio >= 0.8"),
    ("taking deliveries, those that are due", due, 1_000, 100_000, "rows", "<= 1100"),
    ("giving deliveries back, those that are due", returning, 1_000, 100_000, "rows at once", "<= 500"),
    ("trimming the event log, records", kept, 1_000, 50_000, "records left", "<= 100"),
)  # fmt: skip
"""What is done and what grows; the count; small size, large size; unit, and the aim at the large size."""


async def measure() -> list[Row]:
    print(f"counts at two sizes, {machine()}")
    rows: list[Row] = []
    for what, count, small, large, unit, aim in GROWING:
        before, after = await count(small), await count(large)
        print(f"  {what}: {before:g} {unit} at {small:,}, {after:g} at {large:,}", flush=True)
        rows.append(row(f"{what}: {large:,}", ours=after, rival=(f"at {small:,}", before), unit=unit, aim=aim))
    return rows


if __name__ == "__main__":
    tell(lambda: asyncio.run(measure()))
