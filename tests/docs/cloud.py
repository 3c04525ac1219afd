"""Stands for `aws` and `kafka-topics.sh` on a machine that has neither: the same commands, by boto3 and librdkafka."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence

import boto3
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic


def aws(service: str, operation: str, *options: str) -> None:
    """`--some-name VALUE` becomes the parameter SomeName; `K=V,K=V` a table."""
    client = boto3.client(
        service.removesuffix("api"), endpoint_url=os.environ[f"TEST_{service[:3].rstrip('a').upper()}"]
    )
    given = {name.title().replace("-", "").removeprefix("--"): value for name, value in pairs(options)}
    parameters = {name: table(value) if name == "Attributes" else value for name, value in given.items()}
    getattr(client, operation.replace("-", "_"))(**parameters)


def table(text: str) -> dict[str, str]:
    return dict(one.split("=", 1) for one in text.split(","))


def pairs(options: Sequence[str]) -> list[tuple[str, str]]:
    return list(zip(options[::2], options[1::2], strict=True))


def kafka_topics(*options: str) -> None:
    """As many replicas as were asked for, as far as there are brokers."""
    given = dict(re.findall(r"--([a-z-]+) ([^ -][^ ]*)", " ".join(options)))
    client = {"bootstrap.servers": os.environ["TEST_KAFKA"], "log_level": 0}
    brokers = len(Producer(client).list_topics(timeout=30).brokers)
    name, partitions = given["topic"], int(given["partitions"])
    replicas = min(brokers, int(given["replication-factor"]))
    settings = {"min.insync.replicas": str(min(replicas, 2))} if replicas > 1 else {}
    admin = AdminClient(client)
    topic = NewTopic(name, num_partitions=partitions, replication_factor=replicas, config=settings)
    try:
        admin.create_topics([topic])[name].result(20)
    except Exception as error:  # noqa: BLE001 - a mock cluster makes topics when they are asked about
        sys.stderr.write(f"{error}\n")
    Producer(client).list_topics(name, timeout=30)


if __name__ == "__main__":
    tool, *arguments = sys.argv[1:]
    {"aws": aws, "kafka-topics.sh": kafka_topics}[tool](*arguments)
