"""The attack on `Records`: writers with wrong clocks, killed at random, while the feed is read.

By hand: `PYTHONPATH=tests python -m attack.records_attack --kills 60 --seed 1`.
"""

import argparse
import asyncio
import random
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

from attrs import define, field, frozen

from attack import writer
from convalias.adapters import system
from convalias.adapters.embedded import DataDirectory
from convalias.domain.conversations.events import ConversationEvent
from convalias.ports.records import Records, Replace
from convalias.stores.conversations.event_store import FEED, EventStore

WRITERS = 4
APART = 3.0
"""Seconds between the clock that is most ahead and the one most behind."""
PAUSE = timedelta(milliseconds=2)
BATCH = 20


@frozen(kw_only=True)
class Findings:
    """What an attack came to. The first three must be empty, and no jump seen."""

    holes: Sequence[str]
    lost: Sequence[str]
    torn_claims: Sequence[str]
    jumps: int
    events: int
    published: int
    claims: int
    kills: int
    seconds: float


@define
class Feed:
    """Reads what is due as a pump does, and notices when a conversation's seq jumps."""

    records: Records
    seen: defaultdict[str, int] = field(factory=lambda: defaultdict(int))
    published: int = 0
    jumps: int = 0

    async def pass_once(self, *, until: datetime) -> int:
        due = await self.records.due(FEED, until=until, limit=BATCH)
        for stored in due:
            conversation, seq = stored.key.partition, int(stored.key.id)
            self.jumps += seq != self.seen[conversation] + 1
            self.seen[conversation] = max(seq, self.seen[conversation])
            self.published += 1
            await self.records.write([Replace(stored.key, stored.version, stored.body)])
        return len(due)


@frozen
class Fleet:
    """The writers: started, killed, started again under another wrong clock."""

    directory: Path
    draw: random.Random
    floor: bool
    running: dict[int, subprocess.Popen[bytes]] = field(factory=dict)

    def start(self, number: int) -> None:
        skew = self.draw.uniform(-APART / 2, APART / 2) if number > 1 else (-APART / 2, APART / 2)[number]
        command = [sys.executable, writer.__file__, str(self.directory), str(self.journal(number))]
        command += [f"--start={self.events()}", f"--skew={skew}", f"--seed={self.draw.randrange(10**9)}"]
        self.running[number] = subprocess.Popen(command if self.floor else [*command, "--without-floor"])

    def kill(self) -> None:
        number = self.draw.choice(list(self.running))
        self.running[number].kill()
        self.running[number].wait()
        self.start(number)

    def stop(self) -> None:
        (self.directory / "stop").touch()
        for process in self.running.values():
            process.wait(timeout=60)

    def end(self) -> None:
        for process in self.running.values():
            process.kill()
            process.wait()

    def journal(self, number: int) -> Path:
        return self.directory / f"journal-{number}"

    def lines(self) -> list[tuple[str, int, str]]:
        found: list[tuple[str, int, str]] = []
        for path in self.directory.glob("journal-*"):
            for line in path.read_text().splitlines():
                what, mail, answer = line.split()
                found.append((what, int(mail), answer))
        return found

    def events(self) -> int:
        return len({mail for what, mail, _ in self.lines() if what == "event"})


async def attack(directory: Path, *, kills: int, seed: int, floor: bool = True) -> Findings:
    """Run it: a kill each time that some more events were written."""
    started = time.monotonic()
    draw = random.Random(seed)
    fleet = Fleet(directory, draw, floor)
    async with DataDirectory(directory, clock=system.Clock(), incarnation=system.Incarnation()) as store:
        feed = Feed(store.records)
        try:
            for number in range(WRITERS):
                fleet.start(number)
            await _kill_by_and_by(fleet, feed, kills, draw)
            fleet.stop()
        finally:
            fleet.end()
        while await feed.pass_once(until=datetime.now(UTC) + timedelta(seconds=APART)):
            pass
        return await _findings(fleet, feed, kills, started)


async def _kill_by_and_by(fleet: Fleet, feed: Feed, kills: int, draw: random.Random) -> None:
    async with asyncio.timeout(60 + 10 * kills):
        for _ in range(kills):
            enough = feed.published + draw.randrange(4, 24)
            while feed.published < enough:
                if not await feed.pass_once(until=datetime.now(UTC)):
                    await asyncio.sleep(PAUSE.total_seconds())
            fleet.kill()


async def _findings(fleet: Fleet, feed: Feed, kills: int, started: float) -> Findings:
    store = EventStore(records=feed.records)
    holes: list[str] = []
    where: dict[str, int] = {}
    for conversation in sorted({writer.conversation_of(mail) for mail in range(writer.CONVERSATIONS)}):
        events = await store.after(conversation, 0, limit=1_000_000)
        holes += _holes(events, floor=fleet.floor)
        holes += [f"{one.dedup_key} is there twice" for one in events if one.dedup_key in where]
        where.update({one.dedup_key: one.seq for one in events})
    lines = fleet.lines()
    answered = [(mail, int(answer)) for what, mail, answer in lines if what == "event"]
    lost = [f"mail {mail} was at {seq}" for mail, seq in answered if where.get(writer.dedup_key(mail)) != seq]
    claims = {(mail, path) for what, mail, path in lines if what == "claim"}
    return Findings(
        holes=holes,
        lost=lost,
        torn_claims=await _torn(feed.records, claims, where),
        jumps=feed.jumps,
        events=len(where),
        published=feed.published,
        claims=len(claims),
        kills=kills,
        seconds=time.monotonic() - started,
    )


def _holes(events: Sequence[ConversationEvent], *, floor: bool) -> list[str]:
    found = [f"seq {one.seq} at place {place}" for place, one in enumerate(events, 1) if one.seq != place]
    pairs = pairwise(events) if floor else ()
    return found + [f"time runs back at {two.seq}" for one, two in pairs if two.appended_at < one.appended_at]


async def _torn(records: Records, claims: set[tuple[int, str]], events: dict[str, int]) -> list[str]:
    """Claims that were answered in two ways, or not as they stand; events of mails that legacy has."""
    keys = {mail: writer.claim_key(mail) for mail, _ in claims}
    stored = await records.get(list(keys.values()))
    standing = {mail: stored[key].body["path"] for mail, key in keys.items()}
    torn = [f"claim {mail} was {path}" for mail, path in claims if standing[mail] != path]
    return torn + [
        f"mail {mail} is legacy's, and here"
        for mail, path in claims
        if path == "legacy" and writer.dedup_key(mail) in events
    ]


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--without-floor", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = attack(Path(folder) / "data", kills=asked.kills, seed=asked.seed, floor=not asked.without_floor)
        print(asyncio.run(work))  # noqa: T201 - what a script is run for
