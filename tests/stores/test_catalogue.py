"""No table without an entry: found in the code of the stores, and in what a whole path writes."""

from __future__ import annotations

import ast
import asyncio
from datetime import timedelta
from pathlib import Path

from convalias import stores
from convalias.adapters import memory
from convalias.app import Convalias
from convalias.domain.conversations.participants import Participant
from convalias.domain.inbound.posts import IncomingMail
from convalias.domain.routing.policy import LoopGuard, RoutingPolicy
from convalias.stores.catalogue import CATALOGUE, NAMES

SOURCES = sorted(Path(stores.__path__[0]).rglob("*.py"))


def tables_of(source: Path) -> set[str]:
    """What stands first in each `Key(...)`: a text, or a constant of that module."""
    tree = ast.parse(source.read_text())
    constants = {
        node.target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.AnnAssign)
        and isinstance(node.target, ast.Name)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    }
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    keys = [one.args[0] for one in calls if isinstance(one.func, ast.Name) and one.func.id == "Key" and one.args]
    named = {constants[one.id] for one in keys if isinstance(one, ast.Name) and one.id in constants}
    return named | {one.value for one in keys if isinstance(one, ast.Constant) and isinstance(one.value, str)}


def test_every_table_that_the_stores_name_is_listed() -> None:
    found = set[str]().union(*map(tables_of, SOURCES))
    assert len(found) > 20
    assert found - NAMES == set()


def test_each_table_is_listed_once_and_says_how_long() -> None:
    assert len(NAMES) == len(CATALOGUE)
    assert all(table.kept and (table.erased or not table.personal) for table in CATALOGUE)


def test_what_a_whole_path_writes_is_listed() -> None:
    async def story() -> set[str]:
        people = [
            Participant.of("ann", name="Ann Ray", addresses=["ann@home.example"]),
            Participant.of("bob", name="Bob Lee", addresses=["bob@corp.example"]),
        ]
        policy = RoutingPolicy(loop_guard=LoopGuard(mails_an_hour=9))
        async with Convalias.in_memory(alias_domain="reply.example", policy=policy) as cv:
            aliases = await cv.open_conversation("c1", use_case="hiring", participants=people)
            alias = aliases[people[0].account]
            for sender in ("bob@corp.example", "eve@evil.example"):
                raw = f"From: {sender}\nTo: {alias}\nMessage-ID: <1@{sender}>\n\n{'Hello ' * 9}\n".encode()
                await cv.receiver.accept(IncomingMail(raw, recipients=[str(alias)]))
            await cv.messaging.send("c1", "Hi", author="ann", key="k")
            clock, records = cv.ports.clock, cv.ports.records
            assert isinstance(clock, memory.Clock)
            assert isinstance(records, memory.Records)
            for _ in range(3):
                await cv.run_until_idle()
                await clock.advance(timedelta(minutes=20))
            return records.tables()

    written = asyncio.run(story())
    assert {"events", "claims", "outcomes", "texts", "traffic", "holds", "decisions", "alias_keys"} <= written
    assert written - NAMES == set()
