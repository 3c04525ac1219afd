"""The demo's story on the four engines: `make demo-engines`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import boto3
import click
from confluent_kafka import Consumer, TopicPartition
from pymongo import MongoClient

from engines.four import REGION, VARIABLES, Four, four, fresh_name
from engines.servers.given import EngineMissing

KEYS = "0:" + "A" * 43 + "="
TABLES = ("events", "decisions", "aliases", "accounts", "outcomes")


def main() -> int:
    """Start the servers, tell the story, show what lies where, end them."""
    folder = Path(tempfile.mkdtemp(prefix="convalias-engines-"))
    click.echo("Starting one server of each engine:")
    try:
        with four(folder / "servers", say=lambda what: click.echo(f"   {what}")) as engines:
            return show(engines, folder / "demo", click.echo)
    except EngineMissing as missing:
        click.echo(str(missing), err=True)
        return 69


def show(engines: Four, folder: Path, say: Callable[[str], None]) -> int:
    """The story, in a process of its own, and what the engines hold then; the story's exit status."""
    name = fresh_name()
    engines.furnish(name)
    urls = engines.urls(name)
    folder.mkdir(parents=True)
    environment = {
        **os.environ,
        **engines.credentials,
        **{VARIABLES[setting]: url for setting, url in urls.items()},
        "CONVALIAS_KEYS": KEYS,
    }
    for command in ("migrate", "--data", str(folder / "data")), ("demo", "--folder", str(folder)):
        say(f"\n$ convalias {' '.join(command)}")
        done = subprocess.run([sys.executable, "-m", "convalias.cli", *command], env=environment, check=False)
        if done.returncode:
            return done.returncode
    say("\nWhat lies in the engines now:")
    for line in (
        *_in_s3(engines, name),
        *_in_sqs(engines, name),
        *_in_mongodb(urls["store"]),
        *_in_kafka(engines, name),
    ):
        say(f"   {line}")
    say("\nThe servers end here. Your own: docs/how-to/from-one-machine-to-four-engines.md")
    return 0


def _aws(engines: Four, service: str, url: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=url,
        aws_access_key_id=engines.access_key,
        aws_secret_access_key=engines.secret_key,
        region_name=REGION,
    )


def _in_s3(engines: Four, name: str) -> Sequence[str]:
    found = _aws(engines, "s3", engines.s3.url).list_objects_v2(Bucket=name)["Contents"]
    raw = [one["Key"] for one in found if "/raw/" in one["Key"]]
    return [
        f"S3       {len(raw)} mails as they came, such as {raw[0][:44]}...",
        f"         {len(found)} objects in all",
    ]


def _in_sqs(engines: Four, name: str) -> Sequence[str]:
    client = _aws(engines, "sqs", engines.sqs.url)
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    address = client.get_queue_url(QueueName=name)["QueueUrl"]
    found: Mapping[str, str] = client.get_queue_attributes(QueueUrl=address, AttributeNames=names)["Attributes"]
    return [f"SQS      {sum(int(found[one]) for one in names)} jobs: all are done"]


def _in_mongodb(url: str) -> Sequence[str]:
    with MongoClient[dict[str, Any]](url) as client:
        records = client.get_default_database()["records"]
        counts = {table: records.count_documents({"_id.table": table}) for table in TABLES}
        event = records.find_one({"_id.table": "events", "body.happening.is": "message_added"})
    text = json.dumps(event, indent=2, default=str)
    counted = ", ".join(f"{count} {table}" for table, count in counts.items())
    return [
        f"MongoDB  {counted}; one of them, as an operator reads it:",
        *(f"         {line}" for line in text.splitlines()),
    ]


def _in_kafka(engines: Four, name: str) -> Sequence[str]:
    consumer = Consumer({"bootstrap.servers": engines.kafka.url, "group.id": "demo-looks", "log_level": 0})
    try:
        partitions = consumer.list_topics(name, timeout=30).topics[name].partitions
        ends = [consumer.get_watermark_offsets(TopicPartition(name, one), timeout=30)[1] for one in sorted(partitions)]
    finally:
        consumer.close()
    return [f"Kafka    {sum(ends)} events published, over {len(ends)} partitions by conversation: {ends}"]


if __name__ == "__main__":
    sys.exit(main())
