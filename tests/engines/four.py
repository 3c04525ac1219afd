"""One server of each engine, the best that is there: the one given, else the built one, else what pip brings."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Final, TypeVar

import boto3
from attrs import evolve, field, frozen
from confluent_kafka import Producer

from engines.servers import kafka as kafka_servers
from engines.servers import mongod
from engines.servers import s3 as s3_servers
from engines.servers import sqs as sqs_servers
from engines.servers.given import EngineMissing, given

T = TypeVar("T")

REGION: Final = "us-east-1"
VARIABLES: Final = {
    "raw": "CONVALIAS_RAW",
    "queue": "CONVALIAS_QUEUE",
    "store": "CONVALIAS_STORE",
    "events": "CONVALIAS_EVENTS",
}


@frozen(kw_only=True)
class Server:
    """Where it listens, and what it is."""

    url: str
    what: str
    instead_of: str = ""
    """Why the better way before it is not there, with the line that mends it; empty for a server that was named."""


@frozen(kw_only=True)
class Four:
    """All of them, running."""

    s3: Server
    sqs: Server
    mongodb: Server
    kafka: Server
    access_key: str
    secret_key: str = field(repr=False)

    @property
    def servers(self) -> Mapping[str, Server]:
        """By setting."""
        return {"raw": self.s3, "queue": self.sqs, "store": self.mongodb, "events": self.kafka}

    @property
    def credentials(self) -> Mapping[str, str]:
        """For the environment, as AWS's own tools take them."""
        return {
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
        }

    def urls(self, name: str, *, poll: int = 1, session_timeout: int = 6) -> Mapping[str, str]:
        """By setting, for a bucket, queue, database and topic of that name; none of them is made."""
        server, _, options = self.mongodb.url.partition("/?")
        return {
            "raw": f"s3://{name}/mail?region={REGION}&endpoint={self.s3.url}",
            "queue": f"sqs://{REGION}/{name}?endpoint={self.sqs.url}&poll={poll}",
            "store": f"{server}/{name}?{options}",
            "events": f"kafka://{self.kafka.url}/{name}?session_timeout={session_timeout}",
        }

    def furnish(self, name: str) -> None:
        """Make the bucket, the queue and the topic; a database comes with its first use."""
        keys = {"aws_access_key_id": self.access_key, "aws_secret_access_key": self.secret_key, "region_name": REGION}
        boto3.client("s3", endpoint_url=self.s3.url, **keys).create_bucket(Bucket=name)
        attributes = {"MessageRetentionPeriod": "1209600"}
        boto3.client("sqs", endpoint_url=self.sqs.url, **keys).create_queue(QueueName=name, Attributes=attributes)
        self.make_topic(name)

    def make_topic(self, name: str, *, partitions: int = 4) -> None:
        """A mock cluster makes it when it is first asked about, with four partitions."""
        if "mock" not in self.kafka.what:
            kafka_servers.make_topic(self.kafka.url, name, partitions=partitions)
        Producer({"bootstrap.servers": self.kafka.url, "log_level": 0}).list_topics(name, timeout=30)


def fresh_name() -> str:
    """Of lower case letters and digits, as a bucket must be."""
    return f"convalias-{uuid.uuid4().hex[:12]}"


@contextmanager
def four(folder: Path, *, say: Callable[[str], None] = lambda _: None) -> Iterator[Four]:
    """Start them, end them. Raises `EngineMissing` where there is no mongod; `say` is told what is started."""
    with ExitStack() as stack:

        def first(*ways: Callable[[], AbstractContextManager[Server]]) -> Server:
            server = stack.enter_context(_first(ways))
            say(server.what)
            return server

        s3 = first(_given("S3"), lambda: _versitygw(folder / "s3"), lambda: _moto(folder / "moto-s3"))
        sqs = first(_given("SQS"), lambda: _elasticmq(folder / "sqs"), lambda: _moto(folder / "moto-sqs"))
        mongodb = first(_given("MONGODB"), lambda: _mongod(folder / "mongodb"))
        kafka = first(_given("KAFKA"), lambda: _apache(folder / "kafka"), _mock)
        yield Four(
            s3=s3,
            sqs=sqs,
            mongodb=mongodb,
            kafka=kafka,
            access_key=os.environ.get("AWS_ACCESS_KEY_ID", s3_servers.ACCESS_KEY),
            secret_key=os.environ.get("AWS_SECRET_ACCESS_KEY", s3_servers.SECRET_KEY),
        )


@contextmanager
def _first(ways: Sequence[Callable[[], AbstractContextManager[Server]]]) -> Generator[Server]:
    missing: EngineMissing | None = None
    for way in ways:
        context = way()
        try:
            server = context.__enter__()
        except EngineMissing as error:
            missing = error
            continue
        try:
            yield evolve(server, instead_of=str(missing or ""))
        finally:
            context.__exit__(None, None, None)
        return
    raise missing or EngineMissing("server", "none at all", mend="`make venv` brings one")


def _given(engine: str) -> Callable[[], AbstractContextManager[Server]]:
    @contextmanager
    def one() -> Iterator[Server]:
        url = given(engine)
        if url is None:
            raise EngineMissing(engine, f"no CONVALIAS_TEST_{engine}", mend="set it to name a server of your own")
        yield Server(url=url.removeprefix("kafka://").rstrip("/"), what=f"{engine}: the server you named")

    return one


@contextmanager
def _versitygw(folder: Path) -> Iterator[Server]:
    with s3_servers.versitygw(folder) as server:
        yield Server(url=server.url, what="S3: versitygw")


@contextmanager
def _elasticmq(folder: Path) -> Iterator[Server]:
    with sqs_servers.elasticmq(folder) as server:
        yield Server(url=server.url, what="SQS: ElasticMQ")


@contextmanager
def _moto(folder: Path) -> Iterator[Server]:
    with s3_servers.moto(folder) as server:
        yield Server(url=server.url, what=f"{folder.name.removeprefix('moto-').upper()}: moto's stand-in")


@contextmanager
def _mongod(folder: Path) -> Iterator[Server]:
    with mongod.replica_set(folder, members=1) as servers:
        yield Server(url=servers.url, what="MongoDB: mongod, a replica set of one")


@contextmanager
def _apache(folder: Path) -> Iterator[Server]:
    with kafka_servers.apache_kafka(folder) as broker:
        yield Server(url=broker.url, what="Kafka: Apache Kafka")


@contextmanager
def _mock() -> Iterator[Server]:
    with kafka_servers.mock_cluster() as bootstrap:
        yield Server(url=bootstrap, what="Kafka: librdkafka's mock cluster")
