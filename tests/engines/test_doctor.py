"""`convalias doctor` on real engines: what each says about itself, what is wrong with it, what mends it."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import urlsplit

import boto3
import pytest
from pymongo import MongoClient

from engines.desk import Desk
from engines.fixtures import or_skip
from engines.four import Four
from engines.servers import mongod

pytestmark = pytest.mark.engine


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(tmp_path, capsys, monkeypatch)


def test_each_of_the_four_says_how_it_is(desk: Desk, four_engines: Four) -> None:
    desk.furnished(four_engines)
    assert "convalias migrate" in desk.doctor(status=78)["store engine"]["mend"]
    assert desk.ask("migrate")["made"]["store"] == ["names", "due"]
    found = desk.doctor(status=0)
    for setting in ("raw", "queue", "store", "events"):
        assert found[f"{setting} engine"]["found"] == "answers"
    assert found["raw permissions"]["found"] == "an object was created, read and removed"
    assert found["raw settings"]["found"] == "creates only what is not there"
    assert found["store write and read concern"]["health"] == "good"
    assert found["store indexes"]["health"] == "good"
    assert found["queue redrive policy"]["health"] == "good"
    for setting in ("raw", "queue", "store"):
        assert found[f"{setting} clock"]["health"] == "good", found[f"{setting} clock"]
    assert not [row for row in found.values() if row["health"] in {"misconfigured", "away"}]


def test_one_replica_of_anything_is_warned_of(desk: Desk, four_engines: Four) -> None:
    if "Apache" not in four_engines.kafka.what:
        pytest.skip(four_engines.kafka.instead_of or "topics of a Kafka that was named are left as they are")
    desk.furnished(four_engines)
    desk.ask("migrate")
    found = desk.doctor(status=0)
    assert found["events partitions"]["found"] == "4, replicated 1 times"
    assert "three times" in found["events partitions"]["mend"]
    assert found["events permissions"]["health"] == "good"


def test_looking_leaves_nothing_behind(desk: Desk, four_engines: Four) -> None:
    urls = desk.furnished(four_engines)
    desk.ask("migrate")
    desk.doctor(status=0)
    bucket = urlsplit(urls["raw"]).netloc
    keys = {"aws_access_key_id": four_engines.access_key, "aws_secret_access_key": four_engines.secret_key}
    s3 = boto3.client("s3", endpoint_url=four_engines.s3.url, region_name="us-east-1", **keys)
    assert s3.list_objects_v2(Bucket=bucket).get("KeyCount") == 0
    jobs = desk.ask("show", "jobs")
    assert (jobs["ready"], jobs["in_flight"], jobs["dead"], jobs["quarantined"]) == (0, 0, [], 0)
    with MongoClient[dict[str, object]](urls["store"]) as client:
        assert client.get_default_database()["records"].count_documents({"_id.id": "doctor"}) == 0


def test_every_engine_is_looked_at_though_one_is_away(desk: Desk, four_engines: Four) -> None:
    desk.furnished(four_engines, "raw", "queue", "store")
    desk.ask("migrate")
    desk.set(queue="sqs://us-east-1/jobs?endpoint=http://127.0.0.1:9&retries=0&timeout=2")
    found = desk.doctor(status=69)
    assert found["queue engine"]["health"] == "away"
    assert "can be reached" in found["queue engine"]["mend"]
    assert found["raw engine"]["health"] == found["store engine"]["health"] == "good"


def test_a_table_is_what_people_read(desk: Desk, four_engines: Four) -> None:
    desk.furnished(four_engines)
    desk.ask("migrate")
    ran = desk.run("doctor")
    assert ran.status == 0
    assert "store replica set" in ran.out
    assert four_engines.secret_key not in ran.out


def test_a_user_with_too_few_rights_is_told_which_role_is_missing(desk: Desk, tmp_path: Path) -> None:
    keyfile = tmp_path / "keyfile"
    keyfile.write_text("made0up0for0the0tests0" * 3)
    keyfile.chmod(0o600)
    with or_skip(mongod.replica_set(tmp_path / "set", members=1)) as servers:
        member = servers.members[0]
        with MongoClient[dict[str, object]](servers.url) as client:
            client["mail"].command("createUser", "reader", pwd="made-up", roles=["read"])
            client["mail"].command("createUser", "writer", pwd="made-up", roles=["readWrite"])
        member.process.kill()
        member.process.also("--auth", "--keyFile", str(keyfile))
        member.process.start()
        where = f"127.0.0.1:{member.port}/mail?replicaSet=rs0"
        desk.set(store=f"mongodb://writer:made-up@{where}")
        desk.ask("migrate")
        found = desk.doctor(status=0)
        assert found["store permissions"]["found"] == "readWrite, or as much"
        desk.set(store=f"mongodb://reader:made-up@{where}")
        found = desk.doctor(status=78)
        assert "insert" in found["store permissions"]["found"]
        assert found["store permissions"]["mend"] == "grant the role readWrite on mail"
        desk.set(store=f"mongodb://reader:wrong@{where}")
        assert "refuses these credentials" in desk.doctor(status=78)["store engine"]["found"]
        assert "wrong" not in json.dumps(desk.refused("show", "jobs", status=78))


def test_a_redrive_policy_that_is_too_eager_is_told_with_the_number_that_would_be_right(
    desk: Desk, four_engines: Four
) -> None:
    desk.furnished(four_engines, "queue")
    keys = {"aws_access_key_id": four_engines.access_key, "aws_secret_access_key": four_engines.secret_key}
    sqs = boto3.client("sqs", endpoint_url=four_engines.sqs.url, region_name="us-east-1", **keys)
    name = "convalias-eager"
    dead = sqs.create_queue(QueueName=f"{name}-dead")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": "5"})
    sqs.create_queue(QueueName=name, Attributes={"RedrivePolicy": policy})
    desk.set(queue=four_engines.urls(name)["queue"])
    found = desk.doctor(status=0)["queue redrive policy"]
    assert (found["health"], found["mend"][:26]) == ("warning", "set maxReceiveCount to 100")
