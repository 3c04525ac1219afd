"""What only a real MongoDB shows: what is refused at the start, a killed primary, an oplog that has rolled over."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count, pairwise
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from pymongo import MongoClient

from app.test_standin import two_machines
from convalias.adapters import memory, mongo
from convalias.domain.conversations.events import ConversationEvent, MessageAdded, Origin
from convalias.domain.conversations.participants import AccountAuthor
from convalias.domain.ids import AccountId, ConversationId, EventId, Seq
from convalias.ports.errors import Unavailable
from convalias.ports.event_log import EventRecord, Subscription
from convalias.ports.event_store import Append
from convalias.ports.records import Conflict, Insert, Key, Records
from convalias.services.feed.change_stream import ChangeStreamFeed
from convalias.stores.conversations.event_store import EventStore
from convalias.stores.feed.positions import Positions
from engines.fixtures import or_skip
from engines.servers import mongod
from services.storing import Said, comes_back, said

pytestmark = pytest.mark.engine

T = TypeVar("T")

WRITERS = 4
CONVERSATIONS = ("c0", "c1", "c2")
PATHS = ("relay", "legacy")


def at(url: str, name: str, *options: str) -> str:
    server, _, given = url.partition("/?")
    return f"{server}/{name}?{'&'.join([given, *options])}"


async def migrated(url: str) -> mongo.Database:
    database = mongo.Database(url)
    await database.migrate()
    await database.open()
    return database


def test_a_server_alone_is_refused_with_what_would_be_right(tmp_path: Path) -> None:
    with or_skip(mongod.standalone(tmp_path)) as server, pytest.raises(mongo.UnusableStoreError, match="stands alone"):
        asyncio.run(mongo.Database(server.url).open())


def test_missing_indexes_are_refused_and_made(mongodb: str) -> None:
    async def story() -> None:
        url = at(mongodb, "convalias_migrating")
        with pytest.raises(mongo.UnusableStoreError, match="convalias migrate"):
            await mongo.Database(url).open()
        database = mongo.Database(url)
        assert await database.migrate() == ["names", "due"]
        assert await database.migrate() == []
        await database.open()
        await database.close()

    asyncio.run(story())
    with MongoClient[dict[str, object]](mongodb) as client:
        client.drop_database("convalias_migrating")


HERE, THERE = Key("events", "c1", "000000000001"), Key("events", "c1", "000000000002")


def dropped(mongodb: str, database: str, index: str) -> None:
    """What somebody does by hand under running workers."""
    with MongoClient[dict[str, object]](mongodb) as client:
        client[database]["records"].drop_index(index)


async def refused(records: Records) -> str:
    """How a write fails."""
    with pytest.raises(Unavailable) as raised:
        await records.write([Insert(THERE, {"$": "event/1"}, ("k:a",))])
    return str(raised.value)


@pytest.mark.parametrize("index", ["names", "due"])
def test_a_process_that_misses_an_index_stops_writing_and_goes_on_when_it_is_there(mongodb: str, index: str) -> None:
    name = f"convalias_dropped_{index}"

    async def story() -> None:
        url = at(mongodb, name)
        database = mongo.Database(url, look_every=timedelta(0))
        await database.migrate()
        async with database:
            records, changes = mongo.Records(database), mongo.Changes(database)
            await records.write([Insert(HERE, {"$": "event/1"}, ("k:a",))])
            dropped(mongodb, name, index)
            assert f"it lacks the indexes {index}; run: convalias migrate" in await refused(records)
            with pytest.raises(Unavailable, match="it lacks the indexes"):
                await records.due("feed", until=datetime.now(UTC), limit=1)
            with pytest.raises(Unavailable, match="it lacks the indexes"):
                await changes.scan("feed", since=datetime.now(UTC), behind=None, limit=1)
            assert len(await records.range("events", "c1", after="", limit=9)) == 1
            await database.migrate()
            assert await records.write([Insert(THERE, {"$": "event/1"}, ("k:a",))]) == [Conflict()]

    asyncio.run(story())
    with MongoClient[dict[str, object]](mongodb) as client:
        client.drop_database(name)


def test_an_index_is_looked_for_once_in_a_while_and_after_every_election(mongodb: str) -> None:
    name = "convalias_looked_for"

    async def story() -> None:
        database = mongo.Database(at(mongodb, name), look_every=timedelta(hours=1))
        await database.migrate()
        async with database:
            records = mongo.Records(database)
            await records.write([Insert(HERE, {"$": "event/1"}, ("k:a",))])
            dropped(mongodb, name, "names")
            await records.write([Insert(THERE, {"$": "event/1"}, ("k:b",))])  # within the hour
            database.doubt()
            assert "names" in await refused(records)

    asyncio.run(story())
    with MongoClient[dict[str, object]](mongodb) as client:
        client.drop_database(name)


def test_records_that_came_under_one_name_are_named_and_migrate_has_a_way_on(mongodb: str) -> None:
    name = "convalias_duplicates"

    async def story() -> None:
        database = mongo.Database(at(mongodb, name), look_every=timedelta(hours=1))
        await database.migrate()
        async with database:
            records = mongo.Records(database)
            await records.write([Insert(HERE, {"$": "event/1"}, ("k:a", "e:1"))])
            dropped(mongodb, name, "names")
            await records.write([Insert(THERE, {"$": "event/1"}, ("k:a", "e:2"))])
            with pytest.raises(mongo.UnusableStoreError) as raised:
                await database.migrate()
            assert f"events c1 k:a: {HERE.id}, {THERE.id}" in str(raised.value)
            assert "--keep-first" in str(raised.value)
            assert await database.migrate(keep_first=True) == ["names"]
            assert await database.migrate() == []
            found = await records.get([HERE._replace(id="k:a"), HERE._replace(id="e:2")])
            assert {key.id: one.key for key, one in found.items()} == {"k:a": HERE, "e:2": THERE}
            assert await records.write([Insert(Key("events", "c1", "3"), {}, ("k:a",))]) == [Conflict()]

    asyncio.run(story())
    with MongoClient[dict[str, object]](mongodb) as client:
        client.drop_database(name)


@pytest.mark.parametrize("kept_alone", [False, True])
def test_two_machines_beside_one_store_hand_legacy_mail_to_one_relay(
    mongodb: str, tmp_path: Path, *, kept_alone: bool
) -> None:
    name = f"convalias_two_machines_{kept_alone}".lower()

    async def story() -> None:
        database = await migrated(at(mongodb, name))
        async with database:
            await two_machines(tmp_path, records=mongo.Records(database), kept_alone=kept_alone)

    asyncio.run(story())
    with MongoClient[dict[str, object]](mongodb) as client:
        client.drop_database(name)


def test_a_server_that_is_away_is_an_outage_that_names_no_address() -> None:
    url = "mongodb://127.0.0.1:9/?replicaSet=rs0&timeoutMS=300"
    with pytest.raises(Unavailable) as raised:
        asyncio.run(mongo.Database(url).open())
    assert "127.0.0.1" not in str(raised.value)


class Writer:
    """Claims mails and appends their events; each answer it gets is noted."""

    def __init__(self, records: Records, seed: int, skew: timedelta) -> None:
        self.records = records
        self.draw = random.Random(seed)
        self.skew = skew
        self.claims: list[tuple[int, str]] = []
        self.events: list[tuple[int, int]] = []

    async def work(self, stopping: asyncio.Event) -> None:
        mail = 0
        while not stopping.is_set():
            mail += 1
            await self.carry(mail + self.draw.randrange(8))

    async def carry(self, mail: int) -> None:
        path = await self.again(lambda: self.claim(mail))
        self.claims.append((mail, path))
        if path == "relay":
            self.events.append((mail, await self.again(lambda: self.append(mail))))

    async def again(self, work: Callable[[], Awaitable[T]]) -> T:
        while True:
            try:
                return await work()
            except Unavailable:
                await asyncio.sleep(0)

    async def claim(self, mail: int) -> str:
        key = Key("claims", f"mail-{mail}", "c")
        await self.records.write([Insert(key, {"path": self.draw.choice(PATHS)})])
        return str((await self.records.get([key]))[key].body["path"])  # no KeyError: what stood in the way is seen

    async def append(self, mail: int) -> int:
        store = EventStore(records=self.records)
        conversation = ConversationId(CONVERSATIONS[mail % len(CONVERSATIONS)])
        while True:
            if (there := await store.keyed(conversation, key=f"mail-{mail}")) is not None:
                return there.seq
            last = await store.last(conversation)
            now = datetime.now(UTC) + self.skew
            event = ConversationEvent(
                id=EventId(f"{mail}-{self.draw.randrange(10**9)}"),
                conversation=conversation,
                seq=Seq(1 if last is None else last.seq + 1),
                happening=MessageAdded(author=AccountAuthor(AccountId("a")), text="hello"),
                dedup_key=f"mail-{mail}",
                origin=Origin.ALIAS_MAIL,
                occurred_at=now,
                appended_at=now if last is None else max(now, last.appended_at),
            )
            if await store.append(event) is Append.APPENDED:
                return event.seq


class Log:
    def __init__(self) -> None:
        self.published: list[EventRecord] = []

    async def publish(self, records: Sequence[EventRecord]) -> None:
        self.published.extend(records)

    def records(self, group: str) -> Subscription:
        raise NotImplementedError(group)

    def firsts(self, conversation: str) -> list[int]:
        return list(dict.fromkeys(one.seq for one in self.published if one.conversation == conversation))


def feed_of(database: mongo.Database, log: Log) -> tuple[ChangeStreamFeed, memory.Telemetry]:
    telemetry = memory.Telemetry()
    clock = memory.Clock()
    records = mongo.Records(database)
    positions = Positions(records=records, clock=clock, incarnation=memory.Incarnation())
    feed = ChangeStreamFeed(
        changes=mongo.Changes(database), positions=positions, log=log, clock=clock, telemetry=telemetry
    )
    return feed, telemetry


async def pump(feed: ChangeStreamFeed, stopping: asyncio.Event) -> None:
    while not stopping.is_set():
        await stepped(feed)


async def stepped(feed: ChangeStreamFeed) -> None:
    """One step. Members of a busy machine elect anew at any moment, not only when one was killed."""
    try:
        await feed.step()
    except Unavailable:
        await asyncio.sleep(0.05)


async def publish_all(feed: ChangeStreamFeed, log: Log, records: Records) -> None:
    """Step until all that is stored is published: a step without events says only that none came for a moment."""
    store = EventStore(records=records)
    async with asyncio.timeout(300):
        for conversation in CONVERSATIONS:
            last = await Writer(records, 0, timedelta(0)).again(partial(store.last, ConversationId(conversation)))
            while last is not None and last.seq not in log.firsts(conversation):
                await stepped(feed)


async def until(count: int, writers: Sequence[Writer]) -> None:
    async with asyncio.timeout(300):
        while sum(len(writer.events) for writer in writers) < count:  # noqa: ASYNC110 - they wait for a server
            await asyncio.sleep(0.01)


@pytest.mark.slow
def test_a_primary_killed_in_mid_append_leaves_no_hole_no_double_and_nothing_unpublished(tmp_path: Path) -> None:
    async def story(servers: mongod.ReplicaSet) -> None:
        url = at(servers.url, "attacked")
        databases = [await migrated(url) for _ in range(WRITERS + 1)]
        skews = (-1.5, 1.5, 0.3, -0.7)
        writers = [
            Writer(mongo.Records(database), seed, timedelta(seconds=skew))
            for seed, (database, skew) in enumerate(zip(databases, skews, strict=False))
        ]
        log = Log()
        feed, telemetry = feed_of(databases[-1], log)
        stopping, stop_pump = asyncio.Event(), asyncio.Event()
        working = [asyncio.create_task(writer.work(stopping)) for writer in writers]
        pumping = asyncio.create_task(pump(feed, stop_pump))
        for round_ in range(1, 3):
            await until(60 * round_, writers)
            primary = await asyncio.to_thread(servers.primary)
            await asyncio.to_thread(primary.process.kill)
            await until(60 * round_ + 30, writers)
            await asyncio.to_thread(primary.process.start)
            await asyncio.to_thread(servers.wait_for_all)  # with two of three away there is no majority
        stopping.set()
        await asyncio.gather(*working)
        stop_pump.set()
        await pumping
        await asyncio.to_thread(step_down, servers)
        await publish_all(feed, log, mongo.Records(databases[0]))
        assert telemetry.total("convs.feed.position_lost") == 0
        await writers[0].again(lambda: check(mongo.Records(databases[0]), writers, log))
        await feed.close()
        for database in databases:
            await database.close()

    with or_skip(mongod.replica_set(tmp_path)) as servers:
        asyncio.run(story(servers))


def step_down(servers: mongod.ReplicaSet) -> None:
    """Have another member elected, as a busy machine does at any moment by itself."""
    with servers.primary().client() as client:
        client.admin.command("replSetStepDown", 5, secondaryCatchUpPeriodSecs=5, force=True)


async def check(records: Records, writers: Sequence[Writer], log: Log) -> None:
    """No hole, no double, nothing answered is lost, each claim has one path, all is published in order."""
    store = EventStore(records=records)
    where: dict[str, int] = {}
    for conversation in CONVERSATIONS:
        events = await store.after(ConversationId(conversation), 0, limit=100_000)
        assert [one.seq for one in events] == list(range(1, len(events) + 1))
        assert all(one.appended_at <= two.appended_at for one, two in pairwise(events))
        assert not where.keys() & {one.dedup_key for one in events}
        assert len({one.dedup_key for one in events}) == len(events)
        where.update({one.dedup_key: one.seq for one in events})
        assert log.firsts(conversation) == [one.seq for one in events]
    answered = {(mail, seq) for writer in writers for mail, seq in writer.events}
    assert all(where[f"mail-{mail}"] == seq for mail, seq in answered)
    claims = {claim for writer in writers for claim in writer.claims}
    assert len(claims) == len({mail for mail, _ in claims})
    assert all(f"mail-{mail}" not in where for mail, path in claims if path == "legacy")


@pytest.mark.slow
def test_an_oplog_that_has_rolled_over_is_told_and_nothing_is_left_out(tmp_path: Path) -> None:
    async def story(servers: mongod.ReplicaSet) -> None:
        database = await migrated(at(servers.url, "rolled"))
        records = mongo.Records(database)
        writer = Writer(records, 1, timedelta(0))
        log = Log()
        feed, telemetry = feed_of(database, log)
        for mail in range(5):
            await writer.append(mail)
        assert await feed.step() == 5
        await feed.close()
        for mail in range(5, 10):
            await writer.append(mail)
        await asyncio.to_thread(roll_over, servers.url)
        feed, telemetry = feed_of(database, log)
        await publish_all(feed, log, records)
        await writer.append(10)
        await publish_all(feed, log, records)
        await feed.close()
        assert telemetry.total("convs.feed.position_lost") == 1
        await check(records, [writer], log)
        await database.close()

    options = ("--oplogSize", "1", "--syncdelay", "1")
    with or_skip(mongod.replica_set(tmp_path, members=1, options=options)) as servers:
        asyncio.run(story(servers))


def roll_over(url: str) -> None:
    """Write until the oplog, which may have 1 MB, no longer has what is its last entry now."""
    with MongoClient[dict[str, Any]](url) as client:
        oplog, ballast = client["local"]["oplog.rs"], client["ballast"]["ballast"]
        last = oplog.find(sort=[("$natural", -1)], limit=1).next()["ts"]
        until = time.monotonic() + 60
        while oplog.find(sort=[("$natural", 1)], limit=1).next()["ts"] <= last:
            assert time.monotonic() < until, "the oplog does not roll over"
            ballast.insert_one({"text": "x" * 100_000})


def test_what_is_let_in_comes_back_from_mongodb_too(mongodb: str) -> None:
    numbers = count(1)

    @settings(max_examples=25, deadline=None)
    @given(said)
    def comes(one: Said) -> None:
        async def story() -> None:
            database = await migrated(at(mongodb, "convalias_storing"))
            number = next(numbers)
            try:
                in_memory = await comes_back(memory.Records(), memory.EventLog(clock=memory.Clock()), one, number)
                log = memory.EventLog(clock=memory.Clock())
                assert await comes_back(mongo.Records(database), log, one, number) is in_memory
            finally:
                await database.close()

        asyncio.run(story())

    comes()
