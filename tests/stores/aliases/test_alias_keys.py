"""One record per key that made aliases; of two that write one at once the first stands."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from convalias.adapters import memory
from convalias.domain.deployment.keyring import KeyUse
from convalias.ports.records import Conflict, Write, Written
from convalias.stores.aliases.alias_keys import KeyUses, NotedKeys
from convalias.stores.errors import Contended

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
FIRST, SECOND = KeyUse(0, "aa", NOON), KeyUse(0, "bb", NOON)


class Refusing(memory.Records):
    """Every key is taken, and gone when it is looked at."""

    async def write(self, writes: Sequence[Write]) -> Sequence[Written | Conflict]:
        return [Conflict() for _ in writes]


async def test_the_first_note_stands() -> None:
    uses = KeyUses(records=memory.Records())
    assert await uses.note(FIRST) == FIRST
    assert await uses.note(SECOND) == FIRST
    assert await uses.noted() == NotedKeys(uses=[FIRST])


async def test_a_note_is_settled_unless_another_stands() -> None:
    uses = KeyUses(records=memory.Records())
    await uses.settle(FIRST, SECOND)
    await uses.note(FIRST)
    await uses.settle(SECOND, None)
    assert (await uses.noted()).uses == [FIRST]
    await uses.settle(FIRST, SECOND)
    assert (await uses.noted()).uses == [SECOND]
    await uses.settle(SECOND, None)
    assert (await uses.noted()).uses == []


async def test_that_old_aliases_were_looked_at_is_remembered() -> None:
    uses = KeyUses(records=memory.Records())
    assert not (await uses.noted()).surveyed
    await uses.note(KeyUse(31, "", NOON))
    await uses.surveyed(at=NOON)
    await uses.surveyed(at=NOON)
    assert await uses.noted() == NotedKeys(uses=[KeyUse(31, "", NOON)], surveyed=True)


async def test_a_note_that_never_gets_through_is_told() -> None:
    with pytest.raises(Contended):
        await KeyUses(records=Refusing()).note(FIRST)
