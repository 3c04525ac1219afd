"""App writers, posters of mail and readers on a real PostgreSQL, killed at random: every message is told, no other is."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from attrs import define, field
from psycopg import sql

from hosts import postgresql as host
from hosts.people import THREADS

pytestmark = [pytest.mark.slow, pytest.mark.soak]

TESTS = Path(__file__).resolve().parents[1]
SEED = int(os.environ.get("CONVALIAS_SEED", "20260301"))
WHOLE = os.environ.get("CONVALIAS_SOAK") == "1"
MESSAGES = 10_000 if WHOLE else 400
WITHIN = 300.0
KILLS = 150 if WHOLE else 8
ROLES = ("say", "say", "say", "mail", "mail", "read", "read")


@define
class Crowd:
    """Processes by name, each started again when it was killed."""

    url: str
    schema: str
    folder: Path
    running: dict[str, subprocess.Popen[bytes]]
    modules: Mapping[str, str] = field(factory=dict[str, str])
    """By role, what runs it; others are people of the host."""

    def start(self, name: str, seed: int) -> None:
        ledger = self.folder / f"{name}.txt"
        role = name.partition("-")[0]
        command = [
            *(sys.executable, "-m", self.modules.get(role, "hosts.people"), role),
            *(self.url, self.schema, str(ledger), str(seed)),
        ]
        with (self.folder / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(command, cwd=TESTS, stderr=log)

    def kill(self, name: str) -> None:
        self.running[name].kill()
        self.running[name].wait(30)

    def fallen(self) -> dict[str, str]:
        """Those that ended by themselves, and what they said."""
        ended = [name for name, process in self.running.items() if process.poll() is not None]
        return {name: (self.folder / f"{name}.log").read_text()[-2_000:] for name in ended}

    async def until(self, what: Callable[[], object]) -> None:
        """Look from outside until it is so; whoever ends by himself ends that, too."""
        async with asyncio.timeout(WITHIN):
            while not what():
                assert self.fallen() == {}
                await asyncio.sleep(0.05)

    def noted(self, role: str) -> list[str]:
        """What all of a role noted as done."""
        ledgers = sorted(self.folder.glob(f"{role}-*.txt"))
        return [line for ledger in ledgers for line in ledger.read_text().splitlines()]


@contextmanager
def crowd(url: str, schema: str, folder: Path) -> Iterator[Crowd]:
    people = Crowd(url, schema, folder, {})
    try:
        yield people
    finally:
        for name in people.running:
            people.kill(name)


async def test_killed_writers_and_readers_lose_no_message(postgresql: str, tmp_path: Path) -> None:
    draw = random.Random(SEED)
    with host.schemas(postgresql) as place, psycopg.connect(postgresql, autocommit=True) as database:
        schema = place("a")
        messages = sql.SQL("select body from {}.messages").format(sql.Identifier(schema))
        database.execute(sql.SQL("set search_path to {}").format(sql.Identifier(schema)))
        for _ in THREADS:
            database.execute("insert into threads default values")

        def written() -> list[str]:
            return [body for (body,) in database.execute(messages)]

        with crowd(postgresql, schema, tmp_path) as people:
            for number, role in enumerate(ROLES):
                people.start(f"{role}-{number}", SEED + number)
            for kill in range(1, KILLS + 1):
                due = MESSAGES * kill // KILLS
                await people.until(lambda due=due: len(written()) >= due)
                assert people.fallen() == {}
                name = draw.choice(sorted(people.running))
                people.kill(name)
                people.start(name, draw.randrange(10**9))
            for name in [one for one in people.running if not one.startswith("read")]:
                people.kill(name)
                del people.running[name]
            looking = await host.connect(postgresql, schema)
            async with looking, asyncio.timeout(WITHIN):
                while await host.Conversations(looking).untold(limit=1) and not people.fallen():  # noqa: ASYNC110 - the same
                    await asyncio.sleep(0.05)
            assert people.fallen() == {}

        there, told = written(), people.noted("read")
        assert [text for text, count in Counter(there).items() if count > 1] == []
        assert {*people.noted("say"), *people.noted("mail")} - {*there} == set()
        assert {*there} - {*told} == set()
        assert {*told} - {*there} == set()
        assert len(there) >= MESSAGES
