"""Workers of convalias over a host on PostgreSQL, with its app writing beside, all killed at random: each told once."""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from email import message_from_bytes
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from engines.test_postgresql_killed import crowd
from hosts import postgresql as host
from hosts import workers
from hosts.people import THREADS

pytestmark = [pytest.mark.slow, pytest.mark.soak]

SEED = int(os.environ.get("CONVALIAS_SEED", "20260301"))
WHOLE = os.environ.get("CONVALIAS_SOAK") == "1"
MESSAGES = 1_100 if WHOLE else 60
"""Two people are told of each: Cid, and Ann or Bob."""
KILLS = 40 if WHOLE else 4
ROLES = {"say": "hosts.people", "write": "hosts.workers", "work": "hosts.workers"}
CROWD = ("say", "say", "say", "write", "work", "work")


def mails(folder: Path) -> list[Path]:
    return [*(folder / "data" / "outbox").glob("*.eml")]


def notified(folder: Path) -> Counter[tuple[str, str]]:
    """How often each person was told of each text."""
    found: Counter[tuple[str, str]] = Counter()
    for path in mails(folder):
        mail = message_from_bytes(path.read_bytes())
        (text,) = [
            part.get_payload(decode=True).decode()  # type: ignore[union-attr]
            for part in mail.walk()
            if part.get_content_type() == "text/plain"
        ]
        lines = [line.strip() for line in text.splitlines()]
        to = str(mail["To"]).strip("<>").partition("@")[0]
        found.update((to, line) for line in lines if line.startswith(("say-", "write-")))
    return found


async def test_each_message_of_a_host_is_told_once_whoever_dies(postgresql: str, tmp_path: Path) -> None:
    draw = random.Random(SEED)
    (tmp_path / "convalias.toml").write_text(workers.SETTINGS)
    with host.schemas(postgresql) as place, psycopg.connect(postgresql, autocommit=True) as database:
        schema = place("a")
        database.execute(sql.SQL("set search_path to {}").format(sql.Identifier(schema)))
        for _ in THREADS:
            database.execute("insert into threads default values")
        database.execute(
            "insert into members select id, person from threads, unnest(array['ann', 'bob', 'cid']) as person"
        )

        def written() -> dict[str, str]:
            rows = database.execute("select body, author from messages where body like '%-%'")
            return {body.strip(): author for body, author in rows}

        with crowd(postgresql, schema, tmp_path) as people:
            people.modules = ROLES
            people.start("work-9", SEED)  # it has begun before the first message is written
            database.execute("insert into messages (thread, author, body) values (1, 'ann', 'Is anybody there?')")
            await people.until(lambda: database.execute("select 1 from messages where told").fetchone())
            for number, role in enumerate(CROWD):
                people.start(f"{role}-{number}", SEED + number)
            for kill in range(1, KILLS + 1):
                due = MESSAGES * kill // KILLS
                await people.until(lambda due=due: len(written()) >= due)
                name = draw.choice(sorted(people.running))
                people.kill(name)
                people.start(name, draw.randrange(10**9))
            for name in [one for one in people.running if not one.startswith("work")]:
                people.kill(name)
                del people.running[name]
            accepted = {*people.noted("write")}
            await people.until(lambda: accepted <= written().keys())
            await people.until(lambda: len(mails(tmp_path)) >= 2 * len(written()))
            await asyncio.sleep(5)  # for what would come twice

        there = written()
        assert {*people.noted("say")} - there.keys() == set()
        expected = {(to, text) for text, author in there.items() for to in ("ann", "bob", "cid") if to != author}
        told = notified(tmp_path)
        assert told.keys() == expected
        assert {pair: times for pair, times in told.items() if times > 1} == {}
        assert len(told) >= 2 * MESSAGES
