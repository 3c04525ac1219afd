"""A consumer loop of one's own: hands the records of the event log to convalias, and commits what is decided."""

import logging
import os
import signal
import threading
from contextlib import suppress
from urllib.parse import urlsplit

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from convalias.adapters.kafka import read_message
from convalias.blocking import Convalias
from convalias.ports import Unavailable

GROUP = "notifications"
BATCH = 100
PAUSE = 1.0
"""Seconds until a batch is tried again."""

log = logging.getLogger("loop")
cv = Convalias.from_toml("convalias.toml")
events = urlsplit(os.environ["CONVALIAS_EVENTS"])
if events.username is not None or events.scheme != "kafka":
    raise SystemExit("CONVALIAS_EVENTS: this example speaks to a Kafka without password and TLS; give its client yours")
TOPIC = events.path.strip("/")


def consumer(**more: str | int) -> Consumer:
    """A member of the group that commits by hand, and begins at what the log still has."""
    config: dict[str, str | int | float | bool] = {
        "bootstrap.servers": events.netloc,
        "group.id": GROUP,
        "enable.auto.commit": False,
        "auto.offset.reset": "earliest",
        "partition.assignment.strategy": "cooperative-sticky",
        **more,
    }
    member = Consumer(config)
    member.subscribe([TOPIC])
    return member


def step(member: Consumer) -> int:
    """One batch; how many records it had. Decided: committed. Raised: read again, and nothing is committed."""
    # A partition that goes to another member goes in here, between two batches: nothing is left half done.
    messages = [one for one in member.consume(BATCH, timeout=0.5) if not failed(one)]
    records = [record for one in messages if (record := read_message(one)) is not None]
    try:
        cv.outbound.decide(records)
    except BaseException:
        read_again(member, messages)
        raise
    commit(member, messages)
    cv.outbound.take_up_undecided()
    cv.outbound.deliver_due()
    return len(messages)


def failed(message: Message) -> bool:
    """Whether it is an error of the client. What is not fatal the client mends by itself."""
    error = message.error()
    if error is not None and error.fatal():
        raise KafkaException(error)
    return error is not None


def offsets(messages: list[Message], *, behind: int) -> list[TopicPartition]:
    """The place in each partition: of its first message (0), or behind its last one (1)."""
    places: dict[int, int] = {}
    for one in messages if behind else reversed(messages):
        places[one.partition() or 0] = (one.offset() or 0) + behind
    return [TopicPartition(TOPIC, partition, offset) for partition, offset in places.items()]


def commit(member: Consumer, messages: list[Message]) -> None:
    if messages:
        try:
            member.commit(offsets=offsets(messages, behind=1), asynchronous=False)
        except KafkaException as error:  # the next commit makes up for it; or it comes again, and is found decided
            log.warning("not committed: %s", error.args[0].name())


def read_again(member: Consumer, messages: list[Message]) -> None:
    for place in offsets(messages, behind=0):
        with suppress(KafkaException):  # it is another member's by now, who reads it anyway
            member.seek(place)


def run(member: Consumer, stopping: threading.Event) -> None:
    try:
        while not stopping.is_set():
            try:
                step(member)
            except Unavailable as away:
                log.warning("%s; tried again", away)
                stopping.wait(PAUSE)
    finally:
        member.close()


def main() -> None:
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    with cv, cv.running("inbound", "feed"):  # all but "outbound", which this loop is
        run(consumer(), stopping)


if __name__ == "__main__":
    main()
