"""What is particular to Kafka: rebalances, pauses, poison, records of other programs, topics that cannot be the log."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

import pytest
from attrs import evolve
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewPartitions

from adapters.kafka import topics
from convalias import Convalias
from convalias.adapters.kafka import EventLog, Limits, UnusableTopicError
from convalias.domain.ids import ConversationId, EventId, Seq, TraceId
from convalias.domain.inbound.dead_letters import DeadLetter
from convalias.ports.errors import Rejected, Unavailable
from convalias.ports.event_log import EventRecord, Subscription
from engines.fixtures import KafkaServer, of_a_broker
from engines.servers import kafka as kafka_servers

SOON = timedelta(seconds=0.2)
PATIENCE = 120.0
"""Seconds, for what takes one: a test that waits for something waits until it is there."""


def events(conversations: int, each: int, *, first: int = 1) -> list[EventRecord]:
    return [
        EventRecord(ConversationId(f"c{one}"), EventId(f"c{one}-{seq}"), Seq(seq), "message_added", TraceId("t"))
        for seq in range(first, first + each)
        for one in range(conversations)
    ]


async def read(
    reader: Subscription, count: int, *, limit: int = 100, then: Callable[[], Awaitable[None]] | None = None
) -> list[EventRecord]:
    found: list[EventRecord] = []
    async with asyncio.timeout(PATIENCE):
        while len(found) < count:
            found += await reader.take(limit=limit, wait=SOON)
            if then is not None:
                await then()
    return found


async def until(there: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not there():  # noqa: ASYNC110 - what is watched lives in the thread of a reader
            await asyncio.sleep(0.01)


async def is_open(log: EventLog) -> bool:
    try:
        await log.open()
    except Unavailable:  # its time was short, for the outage that comes later
        return False
    return True


def ids(records: Sequence[EventRecord]) -> set[EventId]:
    return {one.event for one in records}


def send(url: str, *records: tuple[bytes | None, bytes | None, list[tuple[str, bytes]]]) -> None:
    servers, _, topic = url.removeprefix("kafka://").partition("/")
    producer = Producer({"bootstrap.servers": servers, "log_level": 0})
    for key, value, headers in records:
        producer.produce(topic, value, key, headers=headers)
        assert producer.flush(PATIENCE) == 0


async def test_a_partition_is_let_go_when_what_was_taken_is_committed(kafka: KafkaServer) -> None:
    url = topics.made(kafka)
    published = events(20, 2)

    limits = evolve(topics.LIMITS, release_within=3_600)  # only the commit lets anything go
    async with topics.opened(url, limits) as one, topics.opened(url, limits) as two:
        await one.publish(published)
        first, second = one.records("g"), two.records("g")
        taken = await read(first, len(published))
        assert not await second.take(limit=100, wait=SOON)  # it joins
        await until(lambda: len(first._reader._holding.owned) < 4)
        await first.commit()
        assert ids(taken) == ids(published)
        # The first reads on, so its thread holds nothing back; a late member is given records again, as promised.
        fresh: dict[Subscription, list[EventRecord]] = {first: [], second: []}
        async with asyncio.timeout(PATIENCE):
            while not all(fresh.values()):
                await one.publish(events(20, 1, first=3))
                for reader, records in fresh.items():
                    records += [record for record in await reader.take(limit=1000, wait=SOON) if record.seq == 3]
                    await reader.commit()


async def test_a_consumer_cannot_commit_what_it_had_to_let_go(kafka: KafkaServer) -> None:
    url = topics.made(kafka)
    published = events(20, 2)

    limits = evolve(topics.LIMITS, release_within=0.2)
    async with topics.opened(url, limits) as one, topics.opened(url, limits) as two:
        await one.publish(published)
        first, second = one.records("g"), two.records("g")
        taken = await read(first, len(published))
        again = await read(second, 1)
        await first.commit()
        await second.close()
        await first.close()
        third = two.records("g")
        left = list[EventRecord]()
        async with asyncio.timeout(PATIENCE):
            while not ids(again) <= ids(left):  # there may be more than the second had come to read
                left += await read(third, 1)
        assert ids(taken) == ids(published)
        assert again
        assert len(left) < len(published)


def test_two_consumers_share_a_group_while_it_is_written_to_and_keep_order(kafka: KafkaServer) -> None:
    url = topics.made(kafka)
    rounds, conversations = 40, 12
    seen: list[EventRecord] = []

    async def consume(log: EventLog, until: asyncio.Event, *, leave_after: int | None = None) -> None:
        reader, done = log.records("g"), 0
        while not until.is_set() and (leave_after is None or done < leave_after):
            records = await reader.take(limit=7, wait=SOON)
            seen.extend(records)
            if len({one.event for one in seen}) == rounds * conversations:
                until.set()
            await reader.commit()
            done += len(records)
        await reader.close()

    async def story() -> None:
        until = asyncio.Event()
        async with (
            topics.opened(url) as one,
            topics.opened(url) as two,
            asyncio.timeout(PATIENCE),
            asyncio.TaskGroup() as group,
        ):
            group.create_task(consume(one, until))
            group.create_task(consume(two, until, leave_after=60))
            for seq in range(1, rounds + 1):
                await two.publish(events(conversations, 1, first=seq))
            group.create_task(consume(two, until, leave_after=60))

    asyncio.run(story())
    for number in range(conversations):
        seqs = [one.seq for one in seen if one.conversation == f"c{number}"]
        assert list(dict.fromkeys(seqs)) == list(range(1, rounds + 1))


async def test_a_reader_that_works_long_pauses_and_finds_all_in_order(kafka: KafkaServer) -> None:
    url = topics.made(kafka)

    async with topics.opened(url, evolve(topics.LIMITS, read_ahead=5)) as log:
        await log.publish(events(1, 1000))
        reader = log.records("g")
        found = await read(reader, 1, limit=1)
        await until(lambda: reader._reader._is_paused)
        found += await read(reader, 999, limit=50)
        assert [one.seq for one in found] == list(range(1, 1001))


async def test_a_record_that_nobody_can_read_comes_as_an_event_and_stops_nothing(kafka: KafkaServer) -> None:
    url = topics.made(kafka)
    topic = url.rpartition("/")[2]
    document = {
        "_id": {"table": "events", "partition": "c9", "id": "s"},
        "body": {"@": "event/1", "id": "e9", "conversation": "c9", "seq": 9, "happening": {"is": "closed"}},
    }
    send(
        url,
        (b"c7", b"no JSON", [("event-id", b"e7"), ("trace-id", b"t7")]),
        (b"somebody@example.com", b"{}", [("event-id", b"e8")]),
        (b"c7", None, []),
        (b"c7", json.dumps({"_id": {"_data": ""}, "operationType": "delete"}).encode(), []),
        (b"c9", json.dumps({"operationType": "insert", "fullDocument": document}).encode(), []),
    )

    async with topics.opened(url) as log:
        await log.publish(events(1, 1))
        reader = log.records("g")
        found = {one.event: one for one in await read(reader, 4)}
        assert found.pop(EventId("c0-1")).kind == "message_added"
        assert found.pop(EventId("e7")) == EventRecord(
            ConversationId("c7"), EventId("e7"), Seq(0), "unreadable", TraceId("t7")
        )
        assert found.pop(EventId("e9")).kind == "closed"
        (unknown,) = found.values()
        assert (unknown.conversation[:-2], unknown.event[:7]) == (topic, "offset-")
        assert "@" not in unknown.conversation


async def test_a_record_that_nobody_can_read_becomes_a_dead_letter(kafka: KafkaServer) -> None:
    url = topics.made(kafka)
    send(url, (None, b"\x00", []))

    async with topics.opened(url) as log, Convalias.in_memory(alias_domain="reply.example", events=log) as cv:
        letters = list[DeadLetter]()
        async with asyncio.timeout(PATIENCE):
            while not letters:
                await cv.run_until_idle("outbound")
                letters = [letter async for letter in cv.services.stores.dead_letters.list("deliveries")]
        assert [letter.subject.startswith(url.rpartition("/")[2]) for letter in letters] == [True]
        assert letters[0].reason.startswith("no decision: EventGone at ")


async def test_what_is_too_large_is_rejected_and_what_comes_later_is_kept(kafka: KafkaServer) -> None:
    url = topics.made(kafka)
    large = EventRecord(ConversationId("c" * 2_000_000), EventId("e"), Seq(1), "message_added", TraceId("t"))

    async with topics.opened(url) as log:
        with pytest.raises(Rejected, match=r"max\.message\.bytes"):
            await log.publish([*events(1, 1), large, *events(1, 1, first=2)])
        await log.publish(events(1, 3))
        found = await read(log.records("g"), 3)
        assert list(dict.fromkeys(one.seq for one in found)) == [1, 2, 3]


@of_a_broker
async def test_records_that_are_too_large_together_are_rejected_too(kafka: KafkaServer) -> None:
    """Four in one request: the client itself is of no more use then, and the next publish makes a new one."""
    url = topics.made(kafka, config={"max.message.bytes": "100"})
    async with topics.opened(url) as log:
        for _ in range(2):
            with pytest.raises(Rejected, match=r"max\.message\.bytes"):
                await log.publish(events(1, 4))


def test_a_topic_with_other_partitions_than_expected_is_refused(kafka: KafkaServer) -> None:
    url = topics.made(kafka)
    with pytest.raises(UnusableTopicError, match="has 4 partitions, expected 7"):
        asyncio.run(EventLog(f"{url}?partitions=7").open())


@of_a_broker
async def test_partitions_that_are_added_stop_the_publisher_before_order_is_lost(kafka: KafkaServer) -> None:
    url = topics.made(kafka)

    async with topics.opened(url) as log:
        await log.publish(events(3, 1))
        name = url.rpartition("/")[2]
        admin = AdminClient({"bootstrap.servers": kafka.bootstrap, "log_level": 0})
        admin.create_partitions([NewPartitions(name, 6)])[name].result(PATIENCE)
        kafka_servers.await_partitions(admin, name, 6)
        assert log._sender is not None
        log._sender.end()
        with pytest.raises(Unavailable):
            await log.publish(events(3, 1, first=2))
        async with asyncio.timeout(PATIENCE):
            while True:
                with pytest.raises((UnusableTopicError, Unavailable)) as raised:
                    await log.publish(events(3, 1, first=2))
                if raised.type is UnusableTopicError:
                    break
        assert "6 partitions, expected 4" in str(raised.value)


@of_a_broker
def test_a_missing_topic_is_refused(kafka: KafkaServer) -> None:
    with pytest.raises(UnusableTopicError, match="does not exist"):
        asyncio.run(EventLog(f"kafka://{kafka.bootstrap}/nothing-here").open())


async def test_a_kafka_that_is_away_is_an_outage_that_names_no_host() -> None:
    async with asyncio.timeout(PATIENCE):
        log = EventLog("kafka://127.0.0.1:9/topic?timeout=0.5")
        with pytest.raises(Unavailable) as raised:
            await log.open()
        assert "127.0.0.1" not in f"{raised.value} {raised.value.__cause__}"
        with pytest.raises(Unavailable):
            await log.publish(events(1, 1))
        reader = log.records("g")
        assert not await reader.take(limit=1, wait=timedelta(0))
        await reader.close()
        await log.close()


async def test_a_publish_that_is_cancelled_leaves_a_log_that_works(kafka: KafkaServer) -> None:
    url = topics.made(kafka)

    async with topics.opened(url) as log:
        for turns in range(5):
            publishing = asyncio.create_task(log.publish(events(4, 250)))
            for _ in range(turns):
                await asyncio.sleep(0)
            publishing.cancel()
            await asyncio.gather(publishing, return_exceptions=True)
        await log.publish(events(4, 250))
        found: set[EventId] = set()
        order: list[int] = []
        reader = log.records("g")
        while len(found) < 1000:
            for one in await reader.take(limit=100, wait=SOON):
                if one.event not in found and one.conversation == "c1":
                    order.append(one.seq)
                found.add(one.event)
        assert order == list(range(1, 251))


async def test_what_was_published_a_moment_before_is_there_after_catching_up(kafka: KafkaServer) -> None:
    url = topics.made(kafka)
    async with topics.opened(url) as log:
        reader = log.records("g")
        assert await reader.take(limit=10, wait=timedelta(0)) == []
        for round_ in range(5):
            await log.publish(events(3, 1, first=1 + round_))
            found: list[EventRecord] = []
            while len(found) < 3:  # each time at least one, without any waiting in `take`
                await reader.catch_up()
                some = await reader.take(limit=10, wait=timedelta(0))
                assert some
                found += some
            await reader.commit()
        await reader.catch_up()
        assert await reader.take(limit=10, wait=timedelta(0)) == []


async def test_an_idle_group_that_has_read_everything_before_is_caught_up_at_once(kafka: KafkaServer) -> None:
    url = topics.made(kafka)
    async with topics.opened(url) as log:
        await log.publish(events(2, 2))
        first = log.records("g")
        await read(first, 4)
        await first.commit()
        await first.close()
        second = log.records("g")
        assert await second.take(limit=10, wait=timedelta(0)) == []
        await second.catch_up()
        assert await second.take(limit=10, wait=timedelta(0)) == []


async def test_catching_up_with_a_kafka_that_went_away_is_an_outage() -> None:
    with kafka_servers.mock_cluster(brokers=1) as bootstrap:
        url = topics.made(KafkaServer(bootstrap, tier="mock"))
        log = EventLog(url, limits=Limits(timeout=3))
        async with asyncio.timeout(PATIENCE):
            while not await is_open(log):
                pass
            reader = log.records("g")
            while reader._reader is None or not reader._reader.is_joined:  # behind only in partitions that it has
                await reader.take(limit=1, wait=SOON)
    with pytest.raises(Unavailable):
        await reader.catch_up()
    await log.close()
