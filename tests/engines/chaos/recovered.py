"""What a deployment left in its engines, as a world that the simulator's checker can judge."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

from attrs import frozen
from confluent_kafka import Consumer, TopicPartition
from pymongo import MongoClient
from pymongo.read_preferences import ReadPreference

from convalias.adapters import s3, sqs, system
from convalias.adapters.kafka.messages import read_message
from convalias.adapters.mongo.documents import Document, stored
from convalias.adapters.mongo.schema import COLLECTION
from convalias.ports.records import Insert
from convalias.stores.outbound.ledger import LEASED
from convalias.testing.simulator.checker import Violation, glanced, judged
from convalias.testing.simulator.engines import HUBS, SentByHub
from convalias.testing.simulator.journal import Journal
from convalias.testing.simulator.ports import EPOCH
from convalias.testing.simulator.weather import CALM
from convalias.testing.simulator.world import Shape, World
from engines.chaos.node import HUB, REFUSALS
from engines.chaos.patience import patiently
from engines.chaos.recorder import Ledger, notification, outgoing

_READ_WITHIN: Final = 60.0
_LOOK: Final = 1.0
_PAGE: Final = 1_000
_BUSY: Final = frozenset({"deliveries", LEASED})
"""Lanes that are empty when nothing is to be delivered any more."""


def seconds(at: datetime) -> float:
    """On the simulator's clock, which counts from its own epoch."""
    return (at - EPOCH).total_seconds()


@frozen(kw_only=True)
class Places:
    """Where all of it lies: settings by name, and the folder of the recorder."""

    urls: Mapping[str, str]
    folder: Path
    journal: Journal


class Recovered(World):
    """A world in which nothing runs: copies of what the real engines hold, and the real clock."""

    def __init__(self, journal: Journal) -> None:
        """Empty but for the journal."""
        super().__init__(0, weather=CALM, shape=Shape(hub=HUBS[0], legacy=False, by_mail=True))
        self.journal = journal
        self.waiting: list[str] = []
        """What was found that has not come to an end."""

    @property
    def now(self) -> float:
        """Seconds since the simulator's epoch, by the wall clock."""
        return seconds(datetime.now(UTC))


async def recovered(places: Places) -> Recovered:
    """Read all of it, effects before their causes: so what is told of is there, though it is still written to."""
    world = Recovered(places.journal)
    await _read_told(world, places.folder)
    await _read_queue(world, places.urls["queue"])
    await asyncio.to_thread(_read_log, world, places.urls["events"])
    await _read_records(world, places.urls["store"])
    await _read_blobs(world, places.urls["raw"])
    # A job was seen by nobody but a worker; whatever came to an outcome in the sweeper's first hour was queued.
    outcomes = world.engines.records.table("outcomes")
    world.engines.queue.told.update((f"envelopes/{one.key.partition}/{one.key.id}", -1e12) for one in outcomes)
    lanes = {lane: world.engines.records.next_due(lane) for lane in world.engines.records.lanes()}
    now = datetime.now(UTC)
    for lane, due in lanes.items():
        if due is not None and (lane in _BUSY or (due <= now and lane != "feed")):
            world.waiting.append(f"lane {lane}: something due")
    return world


async def at_rest(places: Places, *, within: float) -> tuple[Recovered, Sequence[Violation]]:
    """The world when nothing is wrong with it, or as it is when the time is over, with what is wrong."""
    until = time.monotonic() + within
    while True:
        world = await patiently(partial(recovered, places))
        wrong = await judged(world, drained=world.waiting)
        if set(wrong) <= set(await glanced(world)) or time.monotonic() > until:  # what must never be does not mend
            return world, wrong
        await asyncio.sleep(_LOOK)


async def _read_told(world: World, folder: Path) -> None:
    for told in Ledger(folder / HUB).told():
        if told.first:
            at = seconds(datetime.fromtimestamp(told.at, UTC))
            world.engines.hub.sent.append(SentByHub(at, notification(told)))
    for told in Ledger(folder / REFUSALS).told():
        if told.first:
            await world.engines.system_box.send(outgoing(told))


async def _read_queue(world: Recovered, url: str) -> None:
    async with sqs.JobQueue(url, clock=system.Clock()) as queue:
        depth = await queue.depth()
    if depth.ready or depth.in_flight:
        world.waiting.append(f"queue: {depth.ready} ready, {depth.in_flight} in flight")


def _read_log(world: World, url: str) -> None:
    servers, topic = url.removeprefix("kafka://").partition("?")[0].split("/")
    reader = Consumer({
        "bootstrap.servers": servers,
        "group.id": "recovered",
        "enable.auto.commit": False,
        "enable.partition.eof": False,
        "log_level": 0,
    })  # fmt: skip
    try:
        for number, partition in enumerate(world.engines.log.partitions):
            low, high = reader.get_watermark_offsets(TopicPartition(topic, number), timeout=_READ_WITHIN)
            reader.assign([TopicPartition(topic, number, low)])
            until = time.monotonic() + _READ_WITHIN
            position = low
            while position < high:
                assert time.monotonic() < until, "the event log cannot be read"
                message = reader.poll(1.0)
                if message is None or message.error() is not None:
                    continue
                position = (message.offset() or 0) + 1
                if (record := read_message(message)) is not None:
                    partition.records.append(record)
    finally:
        reader.close()


async def _read_records(world: World, url: str) -> None:
    def read() -> list[Document]:
        with MongoClient[Document](url) as client:
            database = client.get_default_database(read_preference=ReadPreference.PRIMARY)
            return list(database[COLLECTION].find())

    for document in await asyncio.to_thread(read):
        record = stored(document)
        await world.engines.records.write([Insert(record.key, record.body, also=record.also, due=record.due)])


async def _read_blobs(world: World, url: str) -> None:
    blobs = s3.Blobs(url)
    await blobs.open()
    for prefix in ("raw/", "envelopes/"):
        names: list[str] = []
        while page := await blobs.names(prefix, after=names[-1] if names else "", limit=_PAGE):
            names += page
        for name in names:
            body = b"" if prefix == "raw/" else await blobs.get(name)
            await world.engines.blobs.put(name, body or b"")
