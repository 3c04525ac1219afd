"""Worlds with events of a newer release: nobody else waits for them, and after the upgrade all is told once."""

from __future__ import annotations

import pytest

from convalias.testing.simulator.draws import Draws
from convalias.testing.simulator.run import Plan, simulate
from convalias.testing.simulator.world import drawn_shape
from testing.simulator.pinned import expect_seen

pytestmark = pytest.mark.no_cover

SEEDS = [seed for seed in range(30) if drawn_shape(Draws(seed)).upgrades]


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS[:3])
def test_every_law_holds_over_an_upgrade(seed: int) -> None:
    report = simulate(Plan(seed=seed, mails=30))
    assert report.violations == ()
    assert report.virtual_seconds > 0


@pytest.mark.slow
def test_a_mail_that_arrives_late_is_read_beside_an_event_of_a_newer_release() -> None:
    assert simulate(Plan(seed=95, mails=60)).violations == ()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["one-unreadable-stops-all", "unreadable-left-out"])
def test_a_slip_over_an_upgrade_is_seen(name: str) -> None:
    expect_seen(name)
