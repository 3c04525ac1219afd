"""The four engines of a deployment, each behind a proxy, on servers that are the test's own to kill."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import boto3
from attrs import frozen

from convalias.adapters import mongo
from engines.chaos.patience import patiently
from engines.chaos.proxy import Proxy
from engines.servers.kafka import Kafka, make_topic
from engines.servers.mongod import ReplicaSet
from engines.servers.process import ServerProcess
from engines.servers.s3 import ACCESS_KEY, SECRET_KEY, VersityGateway
from engines.servers.sqs import ElasticMQ

PARTITIONS: Final = 4
REGION: Final = "us-east-1"
ENVIRONMENT: Final = {
    "AWS_ACCESS_KEY_ID": ACCESS_KEY,
    "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
    "AWS_EC2_METADATA_DISABLED": "true",
}


@frozen(kw_only=True)
class Backend:
    """Servers and proxies. `urls` lead through the proxies, `direct` past them: except MongoDB's, whose set says where."""

    mongodb: ReplicaSet
    kafka: Kafka
    s3: VersityGateway
    sqs: ElasticMQ
    proxies: Mapping[str, tuple[Proxy, ...]]
    """By engine."""

    def process(self, engine: str) -> ServerProcess:
        """The server of an engine that has one."""
        return {"kafka": self.kafka, "s3": self.s3, "sqs": self.sqs}[engine].process

    def urls(self, name: str) -> Mapping[str, str]:
        """By setting: a database, bucket, queue and topic of that name, with time-outs that see a stopped server soon."""
        (s3,), (sqs,), (kafka,) = (self.proxies[engine] for engine in ("s3", "sqs", "kafka"))
        return self._urls(name, s3=s3.port, sqs=sqs.port, kafka=kafka.port)

    def direct(self, name: str) -> Mapping[str, str]:
        """The same past the proxies, for whoever looks at the end."""
        return self._urls(name, s3=self.s3.port, sqs=self.sqs.port, kafka=self.kafka.port)

    def _urls(self, name: str, *, s3: int, sqs: int, kafka: int) -> Mapping[str, str]:
        servers, _, options = self.mongodb.url.partition("/?")
        return {
            "store": f"{servers}/{name}?{options}&timeoutMS=8000",
            "raw": f"s3://{name}?region={REGION}&endpoint=http://127.0.0.1:{s3}&timeout=5",
            "queue": f"sqs://{REGION}/{name}?endpoint=http://127.0.0.1:{sqs}&timeout=5&poll=1",
            "events": f"kafka://127.0.0.1:{kafka}/{name}?session_timeout=6&timeout=8&release_within=8",
        }

    def furnish(self, name: str) -> None:
        """Make them."""
        keys = {"aws_access_key_id": ACCESS_KEY, "aws_secret_access_key": SECRET_KEY, "region_name": REGION}
        boto3.client("s3", endpoint_url=self.s3.url, **keys).create_bucket(Bucket=name)
        boto3.client("sqs", endpoint_url=self.sqs.url, **keys).create_queue(QueueName=name)
        make_topic(self.kafka.url, name, partitions=PARTITIONS)

        async def migrated() -> None:
            database = mongo.Database(self.urls(name)["store"])
            await database.migrate()
            await database.close()

        asyncio.run(patiently(migrated))


@contextmanager
def backend(folder: Path) -> Iterator[Backend]:
    """All of them, started, and empty. Raises `EngineMissing`."""
    with ExitStack() as stack:
        s3, sqs = VersityGateway(folder / "s3"), ElasticMQ(folder / "sqs")
        behind = {"s3": stack.enter_context(Proxy(s3.port)), "sqs": stack.enter_context(Proxy(sqs.port))}
        kafka, behind["kafka"] = _kafka(folder / "kafka", stack)
        mongodb = ReplicaSet(folder / "mongodb")
        members = tuple(stack.enter_context(Proxy(member.port)) for member in mongodb.members)
        for member, proxy in zip(mongodb.members, members, strict=True):
            member.known_at = proxy.port
        processes = (kafka.process, sqs.process, s3.process)
        stack.callback(mongodb.end)
        for process in processes:
            stack.callback(process.kill)
            process.launch()
        mongodb.start()
        for process in processes:
            process.wait()
        proxies = {engine: (proxy,) for engine, proxy in behind.items()}
        yield Backend(mongodb=mongodb, kafka=kafka, s3=s3, sqs=sqs, proxies={**proxies, "mongodb": members})


def _kafka(folder: Path, stack: ExitStack) -> tuple[Kafka, Proxy]:
    """A broker that sends its clients to the proxy before it."""
    broker = Kafka(folder)
    proxy = stack.enter_context(Proxy(broker.port))
    settings = folder / "server.properties"
    with settings.open("a", encoding="utf-8") as file:  # of one property the last line holds
        file.write(f"\nadvertised.listeners=PLAINTEXT://127.0.0.1:{proxy.port}\n")
    return broker, proxy
