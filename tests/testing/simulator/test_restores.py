"""Worlds in which a backup of the store is put back: afterwards nobody is told twice, and every mail is where it belongs."""

from __future__ import annotations

import pytest

from convalias.testing.simulator.draws import Draws
from convalias.testing.simulator.run import Plan, simulate
from convalias.testing.simulator.world import drawn_shape
from testing.simulator.mutants.restoring import MUTANTS as SLIPS
from testing.simulator.pinned import expect_seen

pytestmark = pytest.mark.no_cover

SEEDS = [seed for seed in range(100) if drawn_shape(Draws(seed)).restores]


def test_they_are_rare() -> None:
    assert 5 <= len(SEEDS) <= 20


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS[:4])
def test_every_law_holds_after_a_restore(seed: int) -> None:
    report = simulate(Plan(seed=seed, mails=40, recording=True))
    assert report.violations == ()
    assert [one.call for one in report.entries if one.call == "restore"] == ["restore"]


@pytest.mark.slow
@pytest.mark.parametrize("name", [slip.name for slip in SLIPS])
def test_a_slip_after_a_restore_is_seen(name: str) -> None:
    expect_seen(name)
