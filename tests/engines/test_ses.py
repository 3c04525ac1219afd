"""SES's mail from a real bucket, told of by a real queue: the settings, the way of a mail, what doctor says."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from pathlib import Path

import pytest

from adapters.s3.buckets import Bucket
from adapters.ses.posting import KEY, TOPIC, received
from adapters.sqs.queues import Queue
from convalias import Convalias, Participant
from convalias.adapters import memory
from convalias.adapters.ses import MailObjects
from convalias.adapters.ses.objects import NotOurs
from convalias.adapters.ses.place import buckets_in
from convalias.cli import main
from convalias.ports.errors import Unavailable
from convalias.services.inbound import filled_queues
from engines.fixtures import AwsServer

pytestmark = pytest.mark.engine

PATIENCE = 60.0
"""Seconds, for what takes a few."""


def bucket_url(bucket: Bucket) -> str:
    return f"s3://{bucket.name}?region={bucket.server.region}&endpoint={bucket.server.url}"


@pytest.fixture
def objects(s3: AwsServer, monkeypatch: pytest.MonkeyPatch) -> tuple[Bucket, MailObjects]:
    """A bucket of its own, and what fetches mail from it."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", s3.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", s3.secret_key)
    bucket = Bucket.made(s3)
    return bucket, MailObjects(buckets_in(f"{bucket_url(bucket)},{bucket_url(Bucket(s3, 'convalias-nowhere'))}"))


async def test_mail_is_fetched_whole_or_its_beginning_and_only_from_buckets_that_are_set(
    objects: tuple[Bucket, MailObjects],
) -> None:
    bucket, fetches = objects
    client = bucket.plainly()
    client.put_object(Bucket=bucket.name, Key=KEY, Body=b"x" * 1_000)
    client.put_object(Bucket=bucket.name, Key="empty", Body=b"")
    for key, most, octets, is_whole in (
        (KEY, 1_000, b"x" * 1_000, True),
        (KEY, 999, b"x" * 10, False),
        ("empty", 999, b"", True),
    ):
        found = await fetches.get(bucket.name, key, most=most, kept=10)
        assert found is not None
        assert (found.octets, found.is_whole) == (octets, is_whole)
    assert await fetches.get(bucket.name, "in/nowhere", most=10, kept=10) is None
    with pytest.raises(NotOurs):
        await fetches.get("of-somebody", KEY, most=10, kept=10)
    with pytest.raises(Unavailable, match="convalias-nowhere"):
        await fetches.get("convalias-nowhere", KEY, most=10, kept=10)


async def test_mail_in_a_bucket_comes_in_by_a_queue_when_it_is_there_and_once(
    objects: tuple[Bucket, MailObjects], sqs: AwsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket, _ = objects
    queue = Queue.made(sqs)
    monkeypatch.setattr(filled_queues, "FIRST_PAUSE", timedelta(seconds=2))  # ten are as good, and longer
    config = tmp_path / "convalias.toml"
    config.write_text(
        f'data = "{tmp_path / "data"}"\nalias_domains = ["reply.example"]\n[sources]\nses = "{queue.url("&poll=1")}"\n'
    )
    environ = {"CONVALIAS_SES_TOPICS": TOPIC, "CONVALIAS_SES_BUCKETS": bucket_url(bucket)}
    async with Convalias.from_toml(config, environ=environ, mail=memory.Outbox()) as cv:
        people = [Participant.of(name, addresses=[f"{name}@home.example"]) for name in ("ann", "bob")]
        alias = str((await cv.open_conversation("c1", use_case="hiring", participants=people))["ann"])
        told = received({"bucketName": bucket.name}, recipients=[alias], mail={"source": "bob@home.example"})
        enveloped = json.dumps({"Type": "Notification", "TopicArn": TOPIC, "Message": told})
        for body in (told, enveloped):
            queue.client.send_message(QueueUrl=queue.address, MessageBody=body)
        async with asyncio.timeout(PATIENCE), cv.running():
            await asyncio.sleep(0.5)  # told of before it is there
            raw = f"From: bob@home.example\nTo: {alias}\nMessage-ID: <1@h>\n\nHello Ann!\n".encode()
            bucket.plainly().put_object(Bucket=bucket.name, Key=KEY, Body=raw)
            while not cv.mailbox("ann@home.example") or await waiting(cv):  # noqa: ASYNC110 - workers run by themselves
                await asyncio.sleep(0.1)
        assert len(cv.mailbox("ann@home.example")) == 1


async def waiting(cv: Convalias) -> int:
    depth = await cv.ports.sources["ses"].depth()
    return depth.ready + depth.in_flight


def test_doctor_looks_at_the_queue_of_a_provider(
    sqs: AwsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", sqs.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", sqs.secret_key)
    config = tmp_path / "convalias.toml"
    there, missing = Queue.made(sqs), Queue.named(sqs, "convalias-nowhere")
    for queue, health in ((there, "good"), (missing, "misconfigured")):
        config.write_text(
            f'data = "{tmp_path / "data"}"\nalias_domains = ["reply.example"]\n[sources]\nses = "{queue.url()}"\n'
        )
        main(["doctor", "--config", str(config), "--json"])
        found = {row["check"]: row for row in json.loads(capsys.readouterr().out)}
        assert found["sources.ses engine"]["health"] == health
        assert (found["topics of ses"]["health"], found["topics of ses"]["found"]) == ("warning", "none")
