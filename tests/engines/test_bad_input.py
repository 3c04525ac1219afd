"""What an operator gets wrong, and engines that fail, through the commands: one line, a status, and nothing is lost."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)

from cli.desk import JOHN_ALIAS, MARY, mail
from convalias.cli.demo import provider
from convalias.cli.demo.script import Letter
from engines.desk import Desk
from engines.fixtures import or_skip
from engines.four import Four
from engines.servers import kafka as kafka_servers
from engines.servers import mongod
from engines.servers.process import free_port

pytestmark = [pytest.mark.engine, pytest.mark.slow]

SIGNING_KEY = "made-up-for-tests"
PATIENCE = 180.0


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(tmp_path, capsys, monkeypatch)


def until(what: str, there: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not there():
        assert time.monotonic() < end, what
        time.sleep(0.1)


def needing(setting: str) -> tuple[str, ...]:
    """A command that needs that engine: another one does not open it."""
    return ("worker", "outbound", "--once") if setting == "events" else ("show", "jobs")


# --- settings that cannot be -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("setting", "url", "says"),
    [
        ("raw", "s3:/bucket", "CONVALIAS_RAW: expected a URL that starts with az://, file://, gs:// or s3://"),
        ("raw", "s3://bucket?colour=red", "unknown option; expected some of connect_timeout"),
        ("queue", "https://sqs.example/jobs", "CONVALIAS_QUEUE: expected a URL that starts with sqs://"),
        (
            "queue",
            "sqs://eu-west-1/jobs?poll=never",
            "poll in the URL of the job queue: expected whole seconds, 1 to 20",
        ),
        ("store", "postgres://host/mail", "CONVALIAS_STORE: expected a URL that starts with mongodb://"),
        ("store", "mongodb://host/mail?w=1", "less than majority writes; remove w and journal from it"),
        ("store", "mongodb://host:port/mail", "its URL cannot be read; write mongodb://user:password@host/database"),
        (
            "events",
            "kafka://host:9092",
            "the URL is not that of a Kafka topic; expected kafka://host:9092,host2:9092/topic",
        ),
        ("events", "kafka://host:9092/topic?security=tls", "security in the URL: expected one of plaintext"),
    ],
)
def test_a_wrong_url_is_78_and_says_what_would_be_right(desk: Desk, setting: str, url: str, says: str) -> None:
    desk.set(**{setting: url})
    assert says in desk.refused(*needing(setting), status=78)
    assert desk.run("doctor").status == 78


# --- what is not there -------------------------------------------------------------------------------------


def test_a_bucket_a_queue_and_a_topic_that_are_not_there_are_78(desk: Desk, four_engines: Four) -> None:
    desk.furnished(four_engines, "raw")
    desk.set(raw=four_engines.urls("convalias-nowhere")["raw"])
    assert "the bucket does not exist; create it, or name another in `raw`" in desk.refused("show", "jobs", status=78)

    desk.furnished(four_engines, "raw", "queue")
    desk.set(queue=four_engines.urls("convalias-nowhere")["queue"])
    assert "the queue does not exist; create it, or name another in `queue`" in desk.refused("show", "jobs", status=78)

    desk.furnished(four_engines, "queue", "events")
    if "mock" not in four_engines.kafka.what:  # which makes whatever it is asked about
        desk.set(events=four_engines.urls("convalias-nowhere")["events"])
        assert "the topic does not exist; create it" in desk.refused(*needing("events"), status=78)


def test_a_topic_with_another_number_of_partitions_is_78(desk: Desk, four_engines: Four) -> None:
    desk.furnished(four_engines, "events", events="&partitions=12")
    line = desk.refused(*needing("events"), status=78)
    assert "the topic has 4 partitions, expected 12" in line
    assert "restart all processes" in line
    assert desk.doctor(status=78)["events engine"]["health"] == "misconfigured"


def test_missing_indexes_are_78_and_migrate_makes_them(desk: Desk, four_engines: Four) -> None:
    desk.furnished(four_engines, "store")
    assert "it lacks the indexes names, due; run: convalias migrate" in desk.refused("show", "jobs", status=78)
    assert desk.run("migrate").out == "store: made names, due\n"
    assert desk.run("migrate").out == "store: made nothing; all is there\n"
    assert desk.ask("show", "jobs")["ready"] == 0


def test_migrate_without_an_engine_has_nothing_to_do(desk: Desk) -> None:
    assert desk.run("migrate").out == "nothing to migrate\n"
    assert desk.ask("migrate") == {"made": {}}


def test_a_store_of_several_machines_wants_keys_that_they_share(
    desk: Desk, four_engines: Four, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.furnished(four_engines, "store")
    monkeypatch.delenv("CONVALIAS_KEYS")
    assert "CONVALIAS_KEYS: not set, expected keys that all processes" in desk.refused("show", "jobs", status=78)


# --- who may not -------------------------------------------------------------------------------------------


def test_keys_that_an_s3_does_not_know_are_78(desk: Desk, four_engines: Four, monkeypatch: pytest.MonkeyPatch) -> None:
    if "moto" in four_engines.s3.what:
        pytest.skip(four_engines.s3.instead_of)  # moto knows every key
    desk.furnished(four_engines, "raw")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2")
    line = desk.refused("show", "jobs", status=78)
    assert "the credentials are refused there; they need GetObject" in line
    assert "hunter2" not in line


def test_a_mongod_that_refuses_us_is_78_and_one_that_stands_alone_too(desk: Desk, tmp_path: Path) -> None:
    with or_skip(mongod.standalone(tmp_path / "alone")) as server:
        desk.set(store=f"mongodb://127.0.0.1:{server.port}/mail")
        line = desk.refused("show", "jobs", status=78)
        assert "this mongod stands alone; start it with --replSet and run rs.initiate()" in line
        server.process.kill()
        server.process.also("--auth")
        server.process.start()
        desk.set(store=f"mongodb://ann:hunter2@127.0.0.1:{server.port}/mail")
        line = desk.refused("migrate", status=78)
        assert "refuses these credentials; set a user with the role readWrite" in line
        assert "hunter2" not in line


def test_a_kafka_that_refuses_us_is_78(desk: Desk, tmp_path: Path) -> None:
    with or_skip(sasl_kafka(tmp_path)) as port:
        desk.set(events=f"kafka://ann:hunter2@127.0.0.1:{port}/jobs?security=sasl_plaintext&mechanism=PLAIN")
        line = desk.refused(*needing("events"), status=78)
        assert "the credentials are refused" in line
        assert "CONVALIAS_EVENTS" in line
        assert "hunter2" not in line
        assert desk.doctor(status=78)["events engine"]["health"] == "misconfigured"


@contextmanager
def sasl_kafka(folder: Path) -> Iterator[int]:
    """A broker with a second door that wants a password; the port of that door. Raises `EngineMissing`."""
    port = free_port()
    broker = kafka_servers.Kafka(folder)
    settings = folder / "server.properties"
    usual = settings.read_text(encoding="utf-8")
    doors = re.sub(r"(listeners=PLAINTEXT://127\.0\.0\.1:\d+)", rf"\1,SASL_PLAINTEXT://127.0.0.1:{port}", usual)
    login = 'org.apache.kafka.common.security.plain.PlainLoginModule required user_ann="made-up";'
    doors += "\nlistener.security.protocol.map=PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT"
    settings.write_text(
        f"{doors}\nsasl.enabled.mechanisms=PLAIN\nlistener.name.sasl_plaintext.plain.sasl.jaas.config={login}\n",
        encoding="utf-8",
    )
    try:
        broker.process.start()
        yield port
    finally:
        broker.process.kill()


# --- who does not answer -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("setting", "url", "says"),
    [
        (
            "raw",
            "s3://bucket?endpoint=http://127.0.0.1:9&retries=0&timeout=2",
            "raw: s3 at 127.0.0.1:9 (CONVALIAS_RAW)",
        ),
        (
            "queue",
            "sqs://eu-west-1/jobs?endpoint=http://127.0.0.1:9&retries=0&timeout=2",
            "queue: sqs at 127.0.0.1:9 (CONVALIAS_QUEUE)",
        ),
        (
            "store",
            "mongodb://ann:hunter2@127.0.0.1:9/mail?replicaSet=rs0&timeoutMS=500",
            "store: mongodb at 127.0.0.1:9 (CONVALIAS_STORE)",
        ),
        ("events", "kafka://127.0.0.1:9/topic?timeout=2", "events: kafka at 127.0.0.1:9 (CONVALIAS_EVENTS)"),
    ],
)
def test_an_engine_that_is_away_is_69_and_is_named(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, setting: str, url: str, says: str
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "made-up")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "made-up")
    desk.set(**{setting: url})
    line = desk.refused(*needing(setting), status=69)
    assert f"{says} does not answer" in line
    assert "convalias doctor" in line
    assert "hunter2" not in line
    found = desk.doctor(status=69)[f"{setting} engine"]
    assert found["health"] == "away"
    assert found["mend"]


# --- while it runs -----------------------------------------------------------------------------------------


def letter(number: int) -> Letter:
    return Letter(name=f"m{number}", says="", sender=MARY, to=(JOHN_ALIAS,), text=f"Hello {number}")


@contextmanager
def running(desk: Desk) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """`convalias run` as a process of its own, and its port; asked to end at the end, and then it ends well."""
    environment = {**os.environ, "CONVALIAS_MAILGUN_SIGNING_KEY": SIGNING_KEY}
    command = [sys.executable, "-m", "convalias.cli", "run", "--port", "0", "--data", str(desk.data)]
    with (desk.folder / "log.txt").open("w", encoding="utf-8") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env=environment)
    try:
        assert process.stdout is not None
        port = int(process.stdout.readline().rpartition(":")[2])
        yield process, port
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
    finally:
        process.kill()
        process.communicate()


def test_mail_is_taken_in_while_the_store_has_no_majority_and_work_goes_on_by_itself(
    desk: Desk, tmp_path: Path
) -> None:
    with or_skip(mongod.replica_set(tmp_path / "set")) as servers:
        hosts = ",".join(f"127.0.0.1:{member.port}" for member in servers.members)
        desk.set(store=f"mongodb://{hosts}/mail?replicaSet=rs0&timeoutMS=4000")
        desk.ask("migrate")
        desk.load()
        with running(desk) as (process, port):
            deliver(port, 1)
            until("the first mail is relayed", lambda: len(desk.messages()) == 1)
            primary, others = servers.primary(), servers.secondaries()
            for member in others:
                member.process.kill()
            until("it is no primary without a majority", lambda: not is_primary(primary))
            deliver(port, 2)
            ran = desk.apart("show", "conversation", "c1")
            assert (ran.status, ran.out) == (69, "")
            assert "a majority of its members must run" in ran.err
            ran = desk.apart("doctor")
            assert ran.status == 69
            assert "a majority of its members must run" in ran.out
            for member in others:
                member.process.start()
            until("the second mail is relayed", lambda: seen(desk, 2))
            assert process.poll() is None
        assert [event["text"] for event in desk.messages()] == ["Hello 1", "Hello 2"]
        jobs = desk.ask("show", "jobs")
        assert (jobs["ready"], jobs["in_flight"], jobs["dead"], jobs["quarantined"]) == (0, 0, [], 0)


def deliver(port: int, number: int) -> None:
    one = letter(number)
    asyncio.run(provider.deliver(port, provider.signed(one, one.to[0], key=SIGNING_KEY)))


def is_primary(member: mongod.Mongod) -> bool:
    with member.client() as client:
        return bool(client.admin.command("hello").get("isWritablePrimary"))


def seen(desk: Desk, count: int) -> bool:
    ran = desk.apart("show", "conversation", "c1", "--json")
    return ran.status == 0 and sum(event["kind"] == "message_added" for event in ran.json["events"]) == count


def test_an_event_that_a_topic_will_not_take_waits_until_the_topic_is_mended(desk: Desk, four_engines: Four) -> None:
    if "Apache" not in four_engines.kafka.what:
        pytest.skip(four_engines.kafka.instead_of or "topics of a Kafka that was named are left as they are")
    urls = desk.furnished(four_engines, "events")
    topic = urls["events"].rpartition("/")[2].partition("?")[0]
    allow(four_engines, topic, "100")
    desk.load()
    desk.ask("ingest", desk.file("mail.eml", mail()))
    desk.ask("worker", "inbound", "--once")
    desk.ask("worker", "feed", "--once")
    assert [one["conversation"] for one in desk.ask("show", "jobs")["parked"]] == ["c1"]
    found = desk.doctor(status=78)["events settings"]
    assert found["mend"] == "set max.message.bytes to 1048588"
    allow(four_engines, topic, "1048588")
    until("the broker goes by its new limit", lambda: taken_up(desk))
    until("everybody is told", lambda: bool(desk.ask("worker", "outbound", "--once")) and told(desk) == 1)


def taken_up(desk: Desk) -> bool:
    """The parked conversation goes on with a redrive, and is parked again while its events are still refused."""
    desk.ask("replay", "--dead")
    desk.ask("worker", "feed", "--once")
    return not desk.ask("show", "jobs")["parked"]


def told(desk: Desk) -> int:
    return sum(row["state"] == "sent" for row in desk.ask("show", "deliveries"))


def allow(engines: Four, topic: str, octets: str) -> None:
    admin = AdminClient({"bootstrap.servers": engines.kafka.url, "log_level": 0})
    entry = ConfigEntry("max.message.bytes", octets, incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
    admin.incremental_alter_configs([resource])[resource].result(30)
