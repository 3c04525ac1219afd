"""Dead letters stay until somebody drops them."""

from __future__ import annotations

from datetime import UTC, datetime

from attrs import evolve

from convalias.adapters import memory
from convalias.domain.inbound.dead_letters import DeadLetter, DeadLetterId
from convalias.stores.inbound.dead_letters import PAGE, DeadLetters

LETTER = DeadLetter(
    id=DeadLetterId("1"),
    lane="inbound",
    subject="envelopes/2026/03/01/ab.json",
    reason="Broken",
    tries=3,
    at=datetime(2026, 3, 1, tzinfo=UTC),
)


async def test_a_letter_is_kept_once_and_dropped_once() -> None:
    store = DeadLetters(records=memory.Records())
    assert await store.get("inbound", LETTER.id) is None
    await store.put(LETTER)
    await store.put(evolve(LETTER, reason="Other"))
    assert await store.get("inbound", LETTER.id) == LETTER
    assert await store.get("deliveries", LETTER.id) is None
    assert [await store.drop(LETTER), await store.drop(LETTER)] == [True, False]


async def test_all_letters_of_a_lane_are_listed() -> None:
    store = DeadLetters(records=memory.Records())
    letters = [evolve(LETTER, id=DeadLetterId(f"{number:04d}")) for number in range(PAGE + 2)]
    for letter in [*letters, evolve(LETTER, lane="deliveries")]:
        await store.put(letter)
    assert [letter async for letter in store.list("inbound")] == letters
