"""The engines as fixtures: each is started when the first test asks for it, once for all tests that do.

Every engine has tiers: what the environment names (CONVALIAS_TEST_...) or, without that, what `make engines-build` built;
beside it what pip brings. A test that asks for `mongodb`, `kafka`, `s3`, `sqs` or `postgresql` runs once for each tier. Where a tier
is missing it skips with the line that mends it, and CONVALIAS_REQUIRE_ENGINES=1 makes the skip a failure.

Two processes of pytest-xdist share the engines out, not the tests of one: all tests of one engine run in one process
(`--dist loadgroup`), because two Kafkas and six mongods would fight for two cores. Under another distribution all still
holds, with a server for each process that needs one. Tests keep apart by names: each takes a database, topic, bucket
or queue of its own, so that a server which somebody gave may hold other things too.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Final, Protocol, TypeVar

import pytest
from attrs import frozen

from engines.four import Four, four
from engines.servers import kafka as kafka_servers
from engines.servers import mongod, process
from engines.servers import postgresql as postgresql_servers
from engines.servers import s3 as s3_servers
from engines.servers import sqs as sqs_servers
from engines.servers.given import MISSING, EngineMissing, given

T = TypeVar("T")
Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)

ENGINES: Final = ("mongodb", "kafka", "s3", "sqs", "postgresql", "four_engines")
"""Names of the fixtures."""
DEMANDED: Final = os.environ.get("CONVALIAS_REQUIRE_ENGINES") == "1"
"""Read once: a test of commands takes every variable of ours away."""


class Listening(Protocol):
    """A server that says where it is."""

    @property
    def url(self) -> str:
        """Its endpoint."""
        ...


@frozen
class KafkaServer:
    """Where a Kafka listens, in librdkafka's words, and which of the tiers it is."""

    bootstrap: str
    tier: str

    @property
    def is_mock(self) -> bool:
        """It has no disk, and knows no admin requests."""
        return self.tier == "mock"

    def make_topic(self, *, partitions: int = 4, config: Mapping[str, str] | None = None) -> str:
        """A topic of a name of its own; four partitions in the mock cluster, whatever is asked for."""
        topic = f"convalias-{uuid.uuid4().hex}"
        if not self.is_mock:
            kafka_servers.make_topic(self.bootstrap, topic, partitions=partitions, config=config)
        return topic


@frozen
class AwsServer:
    """Where an S3 or SQS listens, with which keys, and which of the tiers it is."""

    url: str
    tier: str
    access_key: str = s3_servers.ACCESS_KEY
    secret_key: str = s3_servers.SECRET_KEY
    region: str = "us-east-1"

    @staticmethod
    def given(url: str, *, tier: str) -> AwsServer:
        """The keys of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, where they are set."""
        found = os.environ.get
        return AwsServer(
            url.rstrip("/"),
            tier=tier,
            access_key=found("AWS_ACCESS_KEY_ID", s3_servers.ACCESS_KEY),
            secret_key=found("AWS_SECRET_ACCESS_KEY", s3_servers.SECRET_KEY),
            region=found("AWS_REGION", "us-east-1"),
        )


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


of_a_broker: Final = pytest.mark.parametrize("kafka", _tiers("KAFKA", "apache"), indirect=True, scope="session")
"""For a test of what the mock cluster does not do: it asks for `kafka`, and runs on brokers alone."""


@pytest.fixture(scope="session", params=_tiers("KAFKA", "apache", always=["mock"]))
def kafka(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaServer]:
    """A Kafka: Apache's, or librdkafka's mock cluster (`is_mock`)."""
    tier: str = request.param
    if tier == "mock":
        with kafka_servers.mock_cluster() as bootstrap:
            yield KafkaServer(bootstrap, tier=tier)
    elif url := given("KAFKA"):
        yield KafkaServer(url.removeprefix("kafka://"), tier=tier)
    else:
        with or_skip(kafka_servers.apache_kafka(tmp_path_factory.mktemp("kafka"))) as broker:
            yield KafkaServer(broker.url, tier=tier)


S3_TIERS: Final = _tiers("S3", "versitygw", always=["moto"])


@pytest.fixture(scope="session", params=S3_TIERS)
def s3(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AwsServer]:
    """An S3: the one given, versitygw, moto. Its keys are those that the server was started with."""
    tier: str = request.param
    start: dict[str, Callable[[Path], AbstractContextManager[Listening]]] = {
        "moto": s3_servers.moto,
        "versitygw": s3_servers.versitygw,
    }
    if tier == "given":
        yield AwsServer.given(given("S3") or "", tier=tier)
        return
    with or_skip(start[tier](tmp_path_factory.mktemp(f"s3-{tier}"))) as server:
        yield AwsServer(server.url, tier=tier)


@pytest.fixture(scope="session", params=_tiers("SQS", "elasticmq", always=["moto"]))
def sqs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AwsServer]:
    """An SQS: the one given, ElasticMQ, moto."""
    tier: str = request.param
    start: dict[str, Callable[[Path], AbstractContextManager[Listening]]] = {
        "moto": sqs_servers.moto,
        "elasticmq": sqs_servers.elasticmq,
    }
    if tier == "given":
        yield AwsServer.given(given("SQS") or "", tier=tier)
        return
    with or_skip(start[tier](tmp_path_factory.mktemp(f"sqs-{tier}"))) as server:
        yield AwsServer(server.url, tier=tier)


@pytest.fixture(scope="session", params=_tiers("POSTGRESQL", "wheel"))
def postgresql() -> Iterator[str]:
    """URL of a database in which a test makes schemas of its own."""
    if url := given("POSTGRESQL"):
        yield url
        return
    with or_skip(postgresql_servers.running()) as server:
        yield server.url


@pytest.fixture(scope="session")
def four_engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Four]:
    """One of each, the best that is there: for what a whole deployment on them does."""
    with or_skip(four(tmp_path_factory.mktemp("four"))) as servers:
        yield servers


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
    if DEMANDED and report.skipped and MISSING in str(report.longrepr):
        report.outcome = "failed"
        report.longrepr = f"{name} was skipped, which CONVALIAS_REQUIRE_ENGINES=1 forbids: {report.longrepr}"
    return report
