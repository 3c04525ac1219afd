"""The loop over a real Kafka, or the one that the client simulates: what is decided is committed, and nothing else."""

import os
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

import local
from convalias.ports import EventRecord, Unavailable

LIMIT = 120.0
"""Seconds until a test that waits for something fails."""
GIVEN = os.environ.get("TEST_KAFKA")
OWNER = None if GIVEN else local.simulated()
BOOTSTRAP = GIVEN or os.environ["CONVALIAS_EVENTS"].split("/")[2]
TOPIC = f"convalias-{uuid.uuid4().hex}"
os.environ["CONVALIAS_EVENTS"] = f"kafka://{BOOTSTRAP}/{TOPIC}"
DATA = os.environ["CONVALIAS_DATA"] = tempfile.mkdtemp()


def make_topic() -> None:
    """Make it with four partitions, and wait until a broker knows it. A simulated Kafka makes it when it is asked."""
    admin = AdminClient({"bootstrap.servers": BOOTSTRAP, "log_level": 0})
    if GIVEN:
        with suppress(KafkaException):  # given is a simulated one, too
            admin.create_topics([NewTopic(TOPIC, num_partitions=4)])[TOPIC].result(30)
    for _ in range(300):
        if len(admin.list_topics(TOPIC, timeout=30).topics[TOPIC].partitions) == 4:
            return
        time.sleep(0.1)
    pytest.fail("the topic is not there")


make_topic()

import loop  # noqa: E402 - reads the address of the topic

QUICK = {"session.timeout.ms": 6_000, "heartbeat.interval.ms": 500}


@pytest.fixture
def members() -> Iterator[Callable[[], Consumer]]:
    """Makes members of the group; at the end each leaves it."""
    made: list[Consumer] = []

    def member() -> Consumer:
        made.append(loop.consumer(**QUICK))
        return made[-1]

    yield member
    for one in made:
        with suppress(RuntimeError):  # it has left already
            one.close()


def posted(name: str, conversations: int = 1) -> list[str]:
    """A mail in each of so many new conversations, as published events. What each says."""
    texts = [f"{name} {number}" for number in range(conversations)]
    for text in texts:
        alias = loop.cv.open_conversation(text, use_case="hiring", participants=[local.ANN, local.BOB])[
            local.ANN.account
        ]
        loop.cv.receiver.accept(local.mail(alias, text))
    loop.cv.run_until_idle("inbound", "feed")
    return texts


def until(holds: Callable[[], bool], *working: Consumer) -> None:
    end = time.monotonic() + LIMIT
    while not holds():
        assert time.monotonic() < end, "it never came to that"
        for one in working:
            loop.step(one)


def are_sent(texts: Sequence[str]) -> bool:
    return set(texts) <= set(local.sent(DATA))


def committed(member: Consumer) -> dict[int, int]:
    places = [TopicPartition(TOPIC, partition) for partition in range(4)]
    return {one.partition: one.offset for one in member.committed(places, timeout=30) if one.offset >= 0}


def ends(member: Consumer) -> dict[int, int]:
    found = {one: member.get_watermark_offsets(TopicPartition(TOPIC, one), timeout=30)[1] for one in range(4)}
    return {partition: end for partition, end in found.items() if end}


def test_what_is_decided_is_sent_and_committed(members: Callable[[], Consumer]) -> None:
    member = members()
    texts = posted("decided", 3)
    until(lambda: are_sent(texts), member)
    until(lambda: committed(member) == ends(member), member)


def test_what_is_not_decided_is_not_committed_and_is_read_again(
    members: Callable[[], Consumer], monkeypatch: pytest.MonkeyPatch
) -> None:
    member = members()
    until(lambda: committed(member) == ends(member) != {}, member)
    before = committed(member)
    texts = posted("away", 3)
    tried: list[EventRecord] = []

    def away(records: Sequence[EventRecord]) -> None:
        tried.extend(records)
        if records:
            raise Unavailable("the store")

    quiet: Any = SimpleNamespace(decide=away, take_up_undecided=lambda: 0, deliver_due=lambda: 0)
    with monkeypatch.context() as patch:
        patch.setattr(loop, "cv", SimpleNamespace(outbound=quiet))
        for _ in range(2):
            with pytest.raises(Unavailable):
                until(lambda: False, member)
    assert committed(member) == before
    assert len(tried) > len({one.event for one in tried})  # the same ones came again
    assert not are_sent(texts)
    until(lambda: are_sent(texts), member)
    until(lambda: committed(member) == ends(member), member)


def test_members_that_come_and_go_send_each_notification_once(members: Callable[[], Consumer]) -> None:
    first, second = members(), members()
    texts = posted("shared", 8)
    until(lambda: are_sent(texts), first, second)
    until(lambda: bool(first.assignment()) and bool(second.assignment()), first, second)
    more = posted("shared again", 8)
    first.close()  # what it has not committed comes to the other
    until(lambda: are_sent(more), second)
    assert [local.sent(DATA).count(text) for text in (*texts, *more)] == [1] * 16


def test_what_is_shown_runs() -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CONVALIAS_")}
    command = [sys.executable, "local.py"]
    done = subprocess.run(command, capture_output=True, check=True, env=environment, text=True, timeout=LIMIT)
    assert done.stdout == "sent: Hello Ann!\n"
