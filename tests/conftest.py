"""What every test of the project stands on: the Hypothesis profiles and the corpora."""

from __future__ import annotations

import asyncio
import gc
import inspect
import os
from collections.abc import Generator
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, settings

PATIENCE = 600.0
"""Seconds that a test may wait, those of a soak aside."""

TESTS = Path(__file__).resolve().parent
IN_VIRTUAL_TIME = {"domain", "services", "stores"}
"""Rooms whose tests need neither threads nor sockets; the few that do are marked `threads`."""

CORPORA = Path(__file__).resolve().parents[2] / "shared" / "corpora"
"""Real and broken mail, kept beside the checkout: `../shared/corpora`."""

# The engines, for whoever asks for one (nothing is started before), and the summary of what did not run.
pytest_plugins = ["engines.fixtures", "examples.fixtures", "skips"]

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)

# No deadline in any: a slow machine is no finding, and what must be fast has a benchmark.
settings.register_profile("dev", max_examples=50, deadline=None)
# Of `make quick`: few examples, and the same ones while somebody changes the code.
settings.register_profile("quick", max_examples=10, deadline=None, derandomize=True)
settings.register_profile(
    "ci",
    max_examples=150,
    deadline=None,
    # The same examples in every run: a red run is red again when somebody looks.
    derandomize=True,
    # Two processes on a busy machine draw slowly, which says nothing about a strategy.
    suppress_health_check=[HealthCheck.too_slow],
)
CORPORA_DEMANDED = os.environ.get("CONVALIAS_REQUIRE_CORPORA") == "1"
"""Read once: a test of commands takes every variable of ours away."""
settings.load_profile(os.environ.get("CONVALIAS_HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "dev"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Measure coverage by the fast tests alone: in what repeats a thousand times, measuring costs more than the test.

    So each branch of what is covered wholly has a test that is fast.
    """
    for item in items:
        if any(item.get_closest_marker(name) for name in ("slow", "soak", "engine")):
            item.add_marker("no_cover")


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item) -> None:
    """Collect the sockets that pymongo left, while the warnings of pyproject.toml hold.

    Hypothesis makes every warning an error while it looks at a strategy: whichever of its tests collected one would fail.
    """
    fixtures = getattr(item, "fixturenames", ())
    if "mongodb" in fixtures or "four_engines" in fixtures or "one_away" in item.nodeid:
        gc.collect()


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a test that is `async def` in a loop of its own; a test that hangs fails."""
    test = pyfuncitem.obj
    if not inspect.iscoroutinefunction(test):
        return None
    given = {name: pyfuncitem.funcargs[name] for name in inspect.signature(test).parameters}
    patience = None if pyfuncitem.get_closest_marker("soak") else PATIENCE

    async def run() -> None:
        async with asyncio.timeout(patience):
            await test(**given)

    with asyncio.Runner(loop_factory=_virtual if _takes_no_time(pyfuncitem) else None) as runner:
        runner.run(run())
    return True


def _takes_no_time(item: pytest.Function) -> bool:
    """Whether waiting costs it nothing and work takes no time: how busy the machine is decides nothing then."""
    room = item.path.relative_to(TESTS).parts[0] if item.path.is_relative_to(TESTS) else ""
    return room in IN_VIRTUAL_TIME and not any(item.get_closest_marker(name) for name in ("threads", "engine"))


def _virtual() -> asyncio.AbstractEventLoop:
    from convalias.testing.simulator.loop import VirtualLoop  # noqa: PLC0415 - all of the simulator comes with it

    return VirtualLoop()


@pytest.fixture(scope="session")
def corpora() -> Path:
    """The folder of `../shared/corpora`; a test that asks for it is skipped where it is absent."""
    if not CORPORA.is_dir():
        pytest.skip("../shared/corpora is not beside this checkout")
    return CORPORA


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skip for want of the corpora into a failure where they are demanded."""
    return _failed_where_demanded((yield), item.nodeid)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Do the same for a whole module that skips itself."""
    return _failed_where_demanded((yield), collector.nodeid)


def _failed_where_demanded(report: Report, name: str) -> Report:
    if CORPORA_DEMANDED and report.skipped and "../shared/" in str(report.longrepr):
        report.outcome = "failed"
        report.longrepr = f"{name} was skipped for want of ../shared, which CONVALIAS_REQUIRE_CORPORA=1 demands"
    return report
