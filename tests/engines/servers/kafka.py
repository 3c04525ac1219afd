"""Kafka: Apache Kafka on the Java of the machine, or the mock cluster inside librdkafka."""

from __future__ import annotations

import base64
import subprocess
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from engines.servers import cache
from engines.servers.process import ServerFailed, ServerProcess, free_port, listens

NAME: Final = "kafka-4.1.0"
COORDINATES: Final = (
    "org.apache.kafka:kafka_2.13:4.1.0",
    "org.apache.logging.log4j:log4j-slf4j-impl:2.25.1",
)
_PROPERTIES: Final = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
log.dirs={data}
num.partitions=4
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
log.cleaner.dedupe.buffer.size=16000000
"""
_MEMORY: Final = ("-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
_LOGGING: Final = """
rootLogger.level=WARN
rootLogger.appenderRef.out.ref=out
appender.out.type=Console
appender.out.name=out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=%d{ISO8601} %p %c{1} %m%n
"""


def build() -> bool:
    """Into the cache; False when it is there. Raises `BuildFailed`."""
    return cache.build(NAME, lambda place: cache.maven(place, *COORDINATES))


class Kafka:
    """One broker that is its own controller. What was acknowledged is there after `kill()` and `start()`."""

    def __init__(self, folder: Path, *, properties: str = "") -> None:
        """Formats its folder; `properties` stand over the usual ones. Raises `EngineMissing`."""
        self.port = free_port()
        jars, settings, logging = cache.built(NAME), folder / "server.properties", folder / "log4j2.properties"
        folder.mkdir(parents=True, exist_ok=True)
        usual = _PROPERTIES.format(port=self.port, controller=free_port(), data=folder / "data")
        settings.write_text(usual + properties, encoding="utf-8")
        logging.write_text(_LOGGING, encoding="utf-8")
        java = [cache.java(NAME), *_MEMORY, f"-Dlog4j2.configurationFile={logging}", "-cp", f"{jars}/*"]
        _format(java, settings)
        self.process = ServerProcess(
            f"Kafka on {self.port}", [*java, "kafka.Kafka", settings], folder=folder, ready=lambda: _answers(self.url)
        )

    @property
    def url(self) -> str:
        """Bootstrap address, as librdkafka takes it."""
        return f"127.0.0.1:{self.port}"


def _format(java: list[str], settings: Path) -> None:
    cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "A")
    command = [*java, "kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(settings)]
    done = subprocess.run(command, capture_output=True, check=False, text=True)
    if done.returncode:
        raise ServerFailed(f"Kafka's folder cannot be formatted: {done.stdout}{done.stderr}")


def _answers(bootstrap: str) -> bool:
    if not listens(int(bootstrap.rpartition(":")[2])):
        return False
    try:
        return bool(Producer({"bootstrap.servers": bootstrap, "log_level": 0}).list_topics(timeout=1).brokers)
    except Exception:  # noqa: BLE001 - whatever it is, it is not ready
        return False


def make_topic(bootstrap: str, name: str, *, partitions: int, config: Mapping[str, str] | None = None) -> None:
    """On a broker; when it returns, each partition has its leader. Raises `ServerFailed`."""
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})  # named, for it must outlive its answer
    admin.create_topics([NewTopic(name, num_partitions=partitions, config=dict(config or {}))])[name].result(60)
    await_partitions(admin, name, partitions)


def await_partitions(admin: AdminClient, topic: str, partitions: int) -> None:
    """Until the broker shows them, each with a leader. Raises `ServerFailed`.

    The controller answers an admin request when the change is in its log; the broker applies it a moment later.
    """
    for _ in range(300):
        found = admin.list_topics(topic, timeout=10).topics[topic]
        if found.error is None and sum(one.leader >= 0 for one in found.partitions.values()) == partitions:
            return
        time.sleep(0.1)
    raise ServerFailed(f"{topic} never had {partitions} partitions with a leader: {found.error} {found.partitions}")


@contextmanager
def apache_kafka(folder: Path, *, properties: str = "") -> Iterator[Kafka]:
    """A broker of the test's own. Raises `EngineMissing`."""
    broker = Kafka(folder, properties=properties)
    try:
        broker.process.start()
        yield broker
    finally:
        broker.process.kill()


@contextmanager
def mock_cluster(*, brokers: int = 3) -> Iterator[str]:
    """The cluster inside librdkafka, in this process: its bootstrap address. It keeps nothing on disk.

    It knows no admin requests: a topic comes with its first use, with four partitions.
    """
    owner = Producer({"test.mock.num.brokers": brokers, "log_level": 0})
    found = sorted(f"{one.host}:{one.port}" for one in owner.list_topics(timeout=10).brokers.values())
    yield ",".join(found)
    owner.flush(1)
    del owner
