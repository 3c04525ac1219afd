"""The public face of the simulator: its names, its example, one's own policy and ports."""

import doctest
import logging

import pytest

from convalias.app.ports import Ports
from convalias.testing import simulator
from convalias.testing.simulator import CALM, Plan, simulate


def test_the_names_are_there_sorted_as_the_linter_sorts() -> None:
    assert all(hasattr(simulator, name) for name in simulator.__all__)


@pytest.mark.slow
def test_the_example_runs() -> None:
    ran = doctest.testmod(simulator)
    assert (ran.failed, ran.attempted > 5) == (0, True)


@pytest.mark.slow
def test_ports_of_ones_own_are_asked_for_once_for_every_process() -> None:
    given: list[Ports] = []

    def noted(ports: Ports) -> Ports:
        given.append(ports)
        return ports

    plain = simulate(Plan(seed=2, mails=3, weather=CALM))
    own = simulate(Plan(seed=2, mails=3, weather=CALM, ports=noted))
    assert own.trace_digest == plain.trace_digest
    names = [ports.incarnation.name for ports in given]
    assert len(names) == len(set(names)) >= 2


@pytest.mark.slow
def test_a_simulated_day_logs_nothing_and_loggers_are_as_before_it(caplog: pytest.LogCaptureFixture) -> None:
    deliveries = logging.getLogger("convalias.deliveries")
    with caplog.at_level(logging.INFO):
        deliveries.info("before")
        _ = simulate(Plan(seed=1, mails=3, weather=CALM))
        deliveries.info("after")
    assert caplog.messages == ["before", "after"]
