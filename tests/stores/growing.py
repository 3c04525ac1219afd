"""What grows, for the tests and for the bench: aliases, events of a log, deliveries that are due."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from attrs import evolve

from convalias.adapters import embedded, memory
from convalias.app.facade import Convalias
from convalias.codec import CODEC
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.aliases.alias import AliasKey, AliasKeys
from convalias.domain.aliases.minting import mint
from convalias.domain.conversations.participants import Participant
from convalias.domain.ids import AccountId, AliasId, ConversationId, EventId, Seq, TraceId, UseCase
from convalias.domain.migration.rollout import Stage
from convalias.domain.outbound.delivery import DeliveryDecision, DeliveryState
from convalias.ports.event_log import EventLog, EventRecord
from convalias.ports.records import Due, Insert, Key, Records
from convalias.stores.aliases.aliases import Aliases, NewAlias
from convalias.stores.encoding import encoded
from convalias.stores.outbound.ledger import DUE, GivenBack
from stores.counting import Counting

NOON: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEYS: Final = AliasKeys((AliasKey(0, b"s" * 32),))
OTHERS: Final = """
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
    INSERT INTO records
    SELECT 'alias_handles', lower(hex(randomblob(1))), lower(hex(randomblob(20))), '[]', '{}', 'v', NULL, NULL FROM n
    UNION ALL SELECT 'aliases', 'other' || i / 4, printf('%024x:000001', i), '[]', '{}', 'v', NULL, NULL FROM n
"""
"""Rows of other aliases, as many as there are to be, written by the engine itself; a conversation has four."""


class Steps:
    """The steps that SQLite takes: a look at every row would be seen here, however fast it is."""

    def __init__(self) -> None:
        self.taken = 0

    def count(self, connection: sqlite3.Connection) -> None:
        """Count what that connection does from now on."""
        connection.set_progress_handler(self._step, 1)

    def _step(self) -> int:
        self.taken += 1
        return 0


async def alias_steps(folder: Path, others: int, *, patience: float = 30.0) -> tuple[int, int]:
    """Steps to find an alias and to mint one, beside that many others. `patience`: seconds that filling may take."""
    async with embedded.Database(folder, patience=patience) as database:
        aliases, steps = Aliases(records=embedded.Records(database)), Steps()
        await database.write(lambda connection: connection.execute(OTHERS, (others,)))
        entropy = memory.Clock(seed=7).entropy

        def draw() -> EmailAddress | None:
            return mint("Ann Ray", domain="reply.example", random=entropy(16), keys=KEYS)

        known = await aliases.issue(_wanted(0), draw)
        await database.write(steps.count)
        await database.read(steps.count)
        assert await aliases.at(known.address) == known
        finding, steps.taken = steps.taken, 0
        await aliases.issue(_wanted(1), draw)
        return finding, steps.taken


def _wanted(number: int) -> NewAlias:
    conversation = ConversationId(f"c{number}")
    return NewAlias(id=AliasId(f"a{number}"), conversation=conversation, stands_for=AccountId("ann"), created_at=NOON)


async def passed_on(log: EventLog, count: int) -> None:
    """Publish that many events, and have one group read all of them."""
    await log.publish(
        [
            EventRecord(ConversationId("c"), EventId(f"e{seq}"), Seq(seq), "message_added", TraceId("t"))
            for seq in range(count)
        ]
    )
    reader = log.records("group")
    while await reader.take(limit=1_000, wait=timedelta(0)):
        await reader.commit()


async def given_back(records: Records, count: int) -> GivenBack:
    """Leave that many deliveries due, move their use case to the legacy relay, and give them back.

    Equal due times stand a thousand together. If the records count, only the giving back is counted.
    """
    async with Convalias.in_memory(alias_domain="reply.example", legacy_domain="relay.example", records=records) as cv:
        hiring = UseCase("hiring")
        await cv.rollout.set(hiring, stage=Stage.NATIVE, basis_points=10_000)
        people = [Participant.of(name, name=name, addresses=[f"{name}@home.example"]) for name in ("ann", "bob")]
        await cv.open_conversation("c1", use_case="hiring", participants=people)
        await cv.messaging.send("c1", "Hello.", author="ann", key="one")
        await cv.run_until_idle()
        (decision,) = await records.range("decisions", "c1", after="", limit=9)
        standing = CODEC.load(decision.body, DeliveryDecision)
        for first in range(0, count, 1_000):
            due_at, numbers = NOON + timedelta(seconds=first), range(first, min(first + 1_000, count))
            await records.write([_due_again(standing, EventId(f"{number:026}"), due_at=due_at) for number in numbers])
        await cv.rollout.set(hiring, stage=Stage.LEGACY, basis_points=10_000)
        if isinstance(records, Counting):
            records.forget()
        return await cv.outbound.give_back(hiring)


def _due_again(decision: DeliveryDecision, event: EventId, *, due_at: datetime) -> Insert:
    """The same decision about another event, as it stood before it was sent."""
    deliveries = tuple(evolve(row, state=DeliveryState.PLANNED, next_at=due_at) for row in decision.deliveries)
    again = evolve(decision, event=event, tried=None, deliveries=deliveries)
    key = Key("decisions", encoded(decision.conversation), encoded(event))
    return Insert(key, CODEC.dump(again), due=Due(DUE, due_at))
