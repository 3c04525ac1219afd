"""A shared store belongs with one data directory: the first claims it, another one is refused, a claim can be taken over."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest

from convalias.adapters import memory
from convalias.domain.deployment.data_places import DataPlace, DirectoryClaim
from convalias.ports.records import Conflict, Write, Written
from convalias.services.conversations.errors import PlaceRefused
from convalias.services.operations.data_places import HOLDS_FOR, PlaceGuard
from convalias.stores.deployment.data_places import DirectoryClaims
from convalias.stores.errors import Contended

CLOCK = memory.Clock()


def guard(claims: DirectoryClaims, name: str, clock: memory.Clock = CLOCK) -> PlaceGuard:
    place = DataPlace(directory=name, path=f"/{name}", settings=("CONVALIAS_RAW", "CONVALIAS_EVENTS"))
    return PlaceGuard(claims=claims, place=lambda: place, clock=clock)


@pytest.mark.threads
async def test_the_first_directory_claims_the_store_and_another_is_refused_with_the_settings_to_set() -> None:
    claims = DirectoryClaims(records=memory.Records())
    await guard(claims, "one").check()
    await guard(claims, "one").check()
    with pytest.raises(PlaceRefused) as refused:
        await guard(claims, "two").check()
    said = str(refused.value)
    assert "set CONVALIAS_RAW, CONVALIAS_EVENTS, so that all machines share them" in said
    assert "migrate --take-over" in said
    assert "\n" not in said


@pytest.mark.threads
async def test_who_was_taken_over_is_refused_within_a_minute() -> None:
    clock, claims = memory.Clock(), DirectoryClaims(records=memory.Records())
    first, second = guard(claims, "one", clock), guard(claims, "two", clock)
    await first.check()
    place = await second.take_over()
    assert place is not None
    assert place.path == "/two"
    await second.check()
    await first.check()  # for as long as an answer holds
    await clock.advance(HOLDS_FOR)
    with pytest.raises(PlaceRefused):
        await first.check()
    await second.take_over()
    await clock.advance(timedelta(minutes=2))
    await second.check()


async def test_where_every_engine_is_shared_nothing_is_asked() -> None:
    records = memory.Records()
    free = PlaceGuard(claims=DirectoryClaims(records=records), place=None, clock=CLOCK)
    await free.check()
    assert await free.take_over() is None
    assert records.tables() == set()


class Racing(memory.Records):
    """Somebody else is always faster."""

    def __init__(self, races: int) -> None:
        super().__init__()
        self.races = races

    async def write(self, writes: Sequence[Write]) -> Sequence[Written | Conflict]:
        if self.races:
            self.races -= 1
            return [Conflict() for _ in writes]
        return await super().write(writes)


async def test_of_two_that_come_first_at_once_one_claims_it() -> None:
    mine = DirectoryClaim(directory="one", since=CLOCK.now())
    assert await DirectoryClaims(records=Racing(3)).claim(mine) == mine
    with pytest.raises(Contended):
        await DirectoryClaims(records=Racing(99)).claim(mine)
