"""A deployment whose jobs are in an SQS by URL, and the rest embedded: the settings, the way of a mail, the commands."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from adapters.sqs.queues import Queue
from convalias import Convalias, IncomingMail
from convalias.adapters import memory
from convalias.cli import main
from convalias.domain.conversations.participants import Participant
from convalias.ports.queue import Job
from engines.fixtures import AwsServer

pytestmark = pytest.mark.engine

PATIENCE = 120.0
"""Seconds, for what takes a few."""
ENOUGH = 3
"""Looks into the queue: each but the last is over."""


@pytest.fixture
def server(sqs: AwsServer, monkeypatch: pytest.MonkeyPatch) -> AwsServer:
    """One that the settings may name: its keys are in the environment, as AWS's own tools take them."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", sqs.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", sqs.secret_key)
    return sqs


def deployment(tmp_path: Path, queue: str) -> str:
    config = tmp_path / "convalias.toml"
    config.write_text(f'data = "{tmp_path / "data"}"\nqueue = "{queue}"\nalias_domains = ["reply.example"]\n')
    return str(config)


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    capsys.readouterr()
    status = main(list(arguments))
    said = capsys.readouterr()
    return status, said.out, said.err


async def is_empty(cv: Convalias) -> bool:
    depth = await cv.ports.queue.depth()
    return (depth.ready, depth.in_flight) == (0, 0)


def findings(capsys: pytest.CaptureFixture[str], config: str) -> tuple[int, dict[str, dict[str, str]]]:
    status, out, _ = run(capsys, "doctor", "--config", config, "--json")
    rows = [json.loads(line) for line in out.splitlines()] if out.startswith("{") else json.loads(out)
    return status, {row["check"]: row for row in rows}


async def test_mail_is_queued_there_and_relayed_from_there(tmp_path: Path, server: AwsServer) -> None:
    queue = Queue.made(server)
    config = deployment(tmp_path, queue.url("&poll=1"))

    async with Convalias.from_toml(config, mail=memory.Outbox()) as cv:
        people = [Participant.of(who, name=who.title(), addresses=[f"{who}@home.example"]) for who in ("ann", "bob")]
        alias = await cv.open_conversation("c1", use_case="hiring", participants=people)
        raw = f"From: bob@home.example\nTo: {alias['ann']}\nMessage-ID: <1@home>\n\nHello Ann!\n".encode()
        await cv.receiver.accept(IncomingMail(raw, recipients=[alias["ann"]]))
        assert (await cv.ports.queue.depth()).ready == 1
        async with asyncio.timeout(PATIENCE):
            # A queue that is polled briefly may say that nothing is there, and a slow call is tried again later.
            while not cv.mailbox("ann@home.example") or not await is_empty(cv):
                assert (await cv.run_until_idle()).dead == 0
        assert len(cv.mailbox("ann@home.example")) == 1


def test_the_doctor_says_what_about_the_queue_would_take_jobs_away(
    tmp_path: Path, server: AwsServer, capsys: pytest.CaptureFixture[str]
) -> None:
    dead = Queue.made(server)
    arn = dead.client.get_queue_attributes(QueueUrl=dead.address, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": "3"})
    status, found = findings(capsys, deployment(tmp_path, Queue.made(server, RedrivePolicy=policy).url()))
    assert status == 0
    assert found["queue engine"]["health"] == "good"
    assert found["queue redrive policy"]["health"] == "warning"
    assert "after 3 receives" in found["queue redrive policy"]["found"]
    assert "maxReceiveCount to 100" in found["queue redrive policy"]["mend"]

    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": "100"})
    _, found = findings(capsys, deployment(tmp_path, Queue.made(server, RedrivePolicy=policy).url()))
    looked_at = ("queue redrive policy", "queue settings", "queue permissions", "queue clock")
    assert {found[check]["health"] for check in looked_at} == {"good"}


def test_an_idle_worker_waits_in_the_queue_and_still_ends_when_it_is_stopped(
    tmp_path: Path, server: AwsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[timedelta] = []

    async def story() -> None:
        async with Convalias.from_toml(deployment(tmp_path, Queue.made(server).url("&poll=1"))) as cv:
            take = cv.ports.queue.take

            async def noted(*, limit: int, wait: timedelta, lease: timedelta) -> Sequence[Job]:
                waits.append(wait)
                return await take(limit=limit, wait=wait, lease=lease)

            monkeypatch.setattr(cv.ports.queue, "take", noted)
            began = time.monotonic()
            async with asyncio.timeout(PATIENCE), cv.running("inbound"):
                while len(waits) < ENOUGH:  # noqa: ASYNC110 - the worker runs by itself
                    await asyncio.sleep(0.01)
            # Each wait is spent in the queue: as many as these take their seconds, at least.
            assert time.monotonic() - began > ENOUGH - 2

    asyncio.run(story())
    assert set(waits) == {timedelta(seconds=1)}


def test_a_queue_that_is_not_there_is_a_wrong_setting(
    tmp_path: Path, server: AwsServer, capsys: pytest.CaptureFixture[str]
) -> None:
    config = deployment(tmp_path, Queue.named(server, "convalias-nowhere").url())
    status, out, err = run(capsys, "show", "jobs", "--config", config)
    assert (status, out) == (78, "")
    assert err.count("\n") == 1
    assert "the queue does not exist; create it" in err
    assert run(capsys, "doctor", "--config", config)[0] == 78


def test_a_server_that_is_away_is_no_wrong_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2")
    config = deployment(tmp_path, "sqs://eu-west-1/jobs?endpoint=http://127.0.0.1:9&retries=0&timeout=1")
    status, _, err = run(capsys, "show", "jobs", "--config", config)
    assert status == 69
    assert "queue: sqs at 127.0.0.1:9 (CONVALIAS_QUEUE) does not answer" in err
    assert "hunter2" not in err
    assert run(capsys, "doctor", "--config", config)[0] == 69


def test_a_fifo_queue_is_a_wrong_setting(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = deployment(tmp_path, "sqs://eu-west-1/jobs.fifo")
    status, _, err = run(capsys, "show", "jobs", "--config", config)
    assert status == 78
    assert "use a standard queue" in err


def test_a_missing_client_is_told_with_what_brings_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for module in [name for name in sys.modules if name.startswith(("aiobotocore", "convalias.adapters.sqs"))]:
        monkeypatch.delitem(sys.modules, module)
    from convalias import adapters  # noqa: PLC0415

    monkeypatch.delattr(adapters, "sqs", raising=False)
    monkeypatch.setitem(sys.modules, "aiobotocore", None)
    config = deployment(tmp_path, "sqs://eu-west-1/jobs")

    with pytest.raises(ModuleNotFoundError, match=r"pip install 'convalias\[sqs\]'"):
        asyncio.run(_opened(Convalias.from_toml(config)))
    status, _, err = run(capsys, "show", "jobs", "--config", config)
    assert status == 69
    assert "pip install" in err


async def _opened(cv: Convalias) -> None:
    async with cv:
        pass
