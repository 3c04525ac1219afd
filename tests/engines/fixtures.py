"""The engines as fixtures: each is started when the first test asks for it, once for all tests that do.

Every engine has tiers: what the environment names (CONVALIAS_TEST_...) or, without that, what `make engines-build` built;
beside it what pip brings. A test that asks for `mongodb`, `kafka`, `s3` or `sqs` runs once for each tier. Where a tier
is missing it skips with the line that mends it, and CONVALIAS_REQUIRE_ENGINES=1 makes the skip a failure.

Two processes of pytest-xdist share the engines out, not the tests of one: all tests of one engine run in one process
(`--dist loadgroup`), because two Kafkas and six mongods would fight for two cores. Under another distribution all still
holds, with a server for each process that needs one. Tests keep apart by names: each takes a database, topic, bucket
or queue of its own, so that a server which somebody gave may hold other things too.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Final, TypeVar

import pytest

from engines.servers import mongod, process
from engines.servers.given import MISSING, EngineMissing, given

T = TypeVar("T")
Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)

ENGINES: Final = ("mongodb", "kafka", "s3", "sqs")
"""Names of the fixtures."""


def _tiers(engine: str, *without_url: str, always: Sequence[str] = ()) -> list[str]:
    return ["given", *always] if given(engine) else [*without_url, *always]


@contextmanager
def or_skip(server: AbstractContextManager[T]) -> Iterator[T]:
    """Enter it; a server that cannot be had skips the test, or fails it under CONVALIAS_REQUIRE_ENGINES=1."""
    try:
        entered = server.__enter__()
    except EngineMissing as missing:
        pytest.skip(str(missing))
    try:
        yield entered
    finally:
        server.__exit__(None, None, None)


@pytest.fixture(scope="session", params=_tiers("MONGODB", "mongod"))
def mongodb(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a replica set."""
    if url := given("MONGODB"):
        yield url
        return
    with or_skip(mongod.replica_set(tmp_path_factory.mktemp("mongodb"))) as servers:
        yield servers.url


@pytest.hookimpl(tryfirst=True)  # before `-m engine` chooses
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs an engine, and keep all of one engine in one process."""
    for item in items:
        names = getattr(item, "fixturenames", ())
        needed = [engine for engine in ENGINES if engine in names]
        if needed:
            item.add_marker(pytest.mark.engine)
            item.add_marker(pytest.mark.xdist_group("+".join(needed)))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the logs of the servers with a failed test; make a skip for want of one a failure where they are demanded."""
    report = _failed_where_demanded((yield), item.nodeid)
    if report.failed and item.get_closest_marker("engine"):
        report.sections += [(f"log of {server.name}", server.tail()) for server in process.running]
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Do the same for a whole module that skips itself."""
    return _failed_where_demanded((yield), collector.nodeid)


def _failed_where_demanded(report: Report, name: str) -> Report:
    demanded = os.environ.get("CONVALIAS_REQUIRE_ENGINES") == "1"
    if demanded and report.skipped and MISSING in str(report.longrepr):
        report.outcome = "failed"
        report.longrepr = f"{name} was skipped, which CONVALIAS_REQUIRE_ENGINES=1 forbids: {report.longrepr}"
    return report
