"""Simulated worlds over ports that are as bare as their protocols: the laws hold, whatever else an adapter offers."""

from __future__ import annotations

import os
from functools import partial
from typing import Final

import pytest

from convalias.app.ports import Instead, Ports
from convalias.testing.simulator.run import Plan, simulate
from convalias.testing.simulator.weather import Fault, Weather
from ports.minimal.bare import PROTOCOLS, bared

SOAK: Final = os.environ.get("CONVALIAS_SOAK") == "1"
SEEDS: Final = range(7_100, 7_130) if SOAK else (7_101,)
"""That seed draws no mail on which an adapter raises, which is tried for a day: one test is about just that."""
MAILS: Final = 20
FEW: Final = 8
"""Where one port alone is bare."""
ROWS: Final = [(name,) for name in PROTOCOLS] + [tuple(PROTOCOLS)]


@pytest.mark.slow
@pytest.mark.parametrize("names", ROWS, ids=lambda names: names[0] if len(names) == 1 else "all together")
def test_the_laws_hold_over_bare_ports(names: tuple[str, ...]) -> None:
    for seed in SEEDS:
        mails = FEW if len(names) == 1 and not SOAK else MAILS
        report = simulate(Plan(seed=seed, mails=mails, ports=partial(_bared, names)))
        assert list(report.violations) == [], f"seed {seed}"
        assert report.mails > 0


@pytest.mark.slow
def test_a_mail_on_which_an_adapter_of_the_host_raises_is_given_up_before_the_laws_are_asked() -> None:
    """It is tried for a day: longer than anything else stands still that gets on. Every port is bare, the reader too."""
    weather = Weather(on=frozenset({Fault.POISON}), until=3600.0)
    report = simulate(Plan(seed=7_100, mails=FEW, weather=weather, ports=partial(_bared, tuple(PROTOCOLS))))
    assert list(report.violations) == []
    assert report.states["mail dead"] == 1


def _bared(names: tuple[str, ...], ports: Ports) -> Ports:
    return bared(ports, *names)


def test_every_port_of_the_facade_has_its_protocol() -> None:
    """Changes and a store of the host's own events are bound to records of the host's own: no simulated port has them.

    Each of `channels` is a hub.
    """
    assert {*PROTOCOLS, "changes", "conversations", "event_store", "channels"} == set(Instead.__annotations__)
