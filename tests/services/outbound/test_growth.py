"""What grows: rows, calls and writes at two sizes. Counts, never a clock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest

from convalias.adapters import memory
from convalias.domain.conversations import events as e
from convalias.domain.conversations.participants import Participant
from convalias.domain.ids import AccountId
from convalias.ports.records import Conflict, Key, Stored, Write, Written
from convalias.services.feed.change_feed import record
from services.outbound_world import ANN, BOB, C1, EVE, World, own


class Counting(memory.Records):
    """Counts the rows that come, and the writes, by their table."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: Counter[str] = Counter()
        self.writes: Counter[str] = Counter()
        self.conflicts = 0

    async def get(self, keys: Sequence[Key]) -> dict[Key, Stored]:  # type: ignore[override]
        found = await super().get(keys)
        self.rows.update(key.table for key in found)
        return dict(found)

    async def range(self, table: str, partition: str, *, after: str, limit: int) -> Sequence[Stored]:
        found = await super().range(table, partition, after=after, limit=limit)
        self.rows[table] += len(found)
        return found

    async def write(self, writes: Sequence[Write]) -> Sequence[Written | Conflict]:
        answers = await super().write(writes)
        self.writes.update(write.key.table for write in writes)
        self.conflicts += sum(isinstance(one, Conflict) for one in answers)
        return answers

    def clear(self) -> None:
        self.rows.clear()
        self.writes.clear()
        self.conflicts = 0


async def grown(count: int) -> tuple[World, Counting]:
    """A conversation of so many events, which somebody has read before."""
    records = Counting()
    world = World(records=records)
    await world.begin()
    for _ in range(count - 2):
        await world.happens(e.StatusNoted(ANN, "absence"))
    await own(world.conversations, records, world.clock).thread(C1)
    await world.pass_time(hours=2)
    return world, records


@pytest.mark.parametrize("count", [600, 6_000])
async def test_somebody_who_joins_between_message_and_decision_costs_at_most_300_rows(count: int) -> None:
    world, records = await grown(count)
    await world.own.thread(C1)
    event = await world.said()
    await world.happens(e.ParticipantAdded(Participant(AccountId("late"))))
    records.clear()
    await world.worker().decide([record(event)])
    assert [row.recipient for row in await world.rows(event)] == [BOB, EVE]
    assert records.rows.total() <= 300
