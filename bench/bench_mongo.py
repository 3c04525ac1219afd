"""Records in MongoDB beside the bare client: the same operations on the same replica set, rounds interleaved.

`python bench/bench_mongo.py URL`, or with no URL on three members of the test dependencies' own mongod. Figures: client
CPU per operation one at a time, and operations a second with 64 in flight; the ratio is ours to the bare client's.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Final

from pymongo import AsyncMongoClient, WriteConcern
from pymongo.read_concern import ReadConcern

from _measure import machine
from convalias.adapters import mongo
from convalias.ports.records import Insert, Key, Replace, Written

OPERATIONS: Final = 320
IN_FLIGHT: Final = 64
ROUNDS: Final = 5
BODY: Final = {
    "$": "event/1",
    "id": "e" * 26,
    "seq": 7,
    "happening": {"$": "message_added", "text": "A reply of the usual length, with a name or two in it. " * 6},
    "origin": "alias_mail",
    "appended_at": "2026-03-01T12:00:00.000000Z",
}
BARE: Final = {"kind" if name == "$" else name: value for name, value in BODY.items() if name != "happening"} | {
    "happening": {"kind": "message_added", "text": BODY["happening"]["text"]}  # type: ignore[index]
}
Work = Callable[[], Awaitable[object]]


class Rivals:
    """Each operation, ours and the bare client's, on as many indexes."""

    def __init__(self, records: mongo.Records, bare: AsyncMongoClient[dict[str, object]]) -> None:
        concern = {"write_concern": WriteConcern(w="majority", j=True), "read_concern": ReadConcern("majority")}
        self.records = records
        self.collection = bare["bench_bare"].get_collection("records", **concern)
        self.numbers = count()
        self.ours: list[tuple[Key, str]] = []
        self.bare: list[str] = []

    async def prepare(self) -> None:
        await self.collection.create_index([("p", 1), ("names", 1)], unique=True)
        await self.collection.create_index([("lane", 1), ("at", 1), ("_id", 1)])
        for _ in range(OPERATIONS):
            await self.insert_ours()
            await self.insert_bare()

    async def insert_ours(self) -> None:
        name = f"{next(self.numbers):012d}"
        key = Key("events", "c1", name)
        (answer,) = await self.records.write([Insert(key, BODY, (f"k:{name}", f"e:{name}"))])
        if isinstance(answer, Written):
            self.ours.append((key, answer.version))

    async def insert_bare(self) -> None:
        name = f"{next(self.numbers):012d}"
        names = [name, f"k:{name}", f"e:{name}"]
        await self.collection.insert_one({"_id": name, "p": "c1", "names": names, "version": "0", "body": BARE})
        self.bare.append(name)

    async def get_ours(self) -> None:
        await self.records.get([self.ours[next(self.numbers) % len(self.ours)][0]])

    async def get_bare(self) -> None:
        await self.collection.find_one({"p": "c1", "names": self.bare[next(self.numbers) % len(self.bare)]})

    async def replace_ours(self) -> None:
        key, version = self.ours.pop(0)
        (answer,) = await self.records.write([Replace(key, version, BODY)])
        if isinstance(answer, Written):
            self.ours.append((key, answer.version))

    async def replace_bare(self) -> None:
        number = next(self.numbers)
        name = self.bare[number % len(self.bare)]
        change = {"$set": {"body": BARE, "version": f"{number:016x}"}}  # the same body alone would be no write at all
        await self.collection.update_one({"_id": name}, change)


async def measured(work: Work, width: int) -> tuple[float, float]:
    """CPU seconds and seconds of an operation."""
    cpu, started = time.process_time(), time.perf_counter()

    async def worker() -> None:
        for _ in range(OPERATIONS // width):
            await work()

    await asyncio.gather(*(worker() for _ in range(width)))
    return (time.process_time() - cpu) / OPERATIONS, (time.perf_counter() - started) / OPERATIONS


async def compare(url: str) -> None:
    server, _, options = url.partition("/?")
    place = f"{server}/bench_ours?{options}"
    database = mongo.Database(place)
    await database.migrate()
    print(f"{machine()}; {OPERATIONS} operations a round, best of {ROUNDS}")
    async with database, AsyncMongoClient[dict[str, object]](url) as bare:
        rivals = Rivals(mongo.Records(database), bare)
        await rivals.prepare()
        for name in ("insert", "get", "replace"):
            for width in (1, IN_FLIGHT):
                found = dict.fromkeys(("ours", "bare"), (9.0, 9.0))
                for _ in range(ROUNDS):
                    for side in found:
                        cpu, wall = await measured(getattr(rivals, f"{name}_{side}"), width)
                        found[side] = (min(found[side][0], cpu), min(found[side][1], wall))
                (cpu, wall), (bare_cpu, bare_wall) = found["ours"], found["bare"]
                print(
                    f"{name:8} {width:3} in flight: {cpu * 1e6:5.0f} us CPU (bare {bare_cpu * 1e6:5.0f}, "
                    f"ratio {bare_cpu / cpu:.2f}), {1 / wall:6.0f}/s (bare {1 / bare_wall:6.0f}, ratio {bare_wall / wall:.2f})"
                )
        await bare.drop_database("bench_ours")
        await bare.drop_database("bench_bare")


@contextmanager
def own_server() -> Iterator[str]:
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    from engines.servers import mongod  # noqa: PLC0415 - only where no URL is given

    with tempfile.TemporaryDirectory() as folder, mongod.replica_set(Path(folder)) as servers:
        yield servers.url


if __name__ == "__main__":
    if sys.argv[1:]:
        asyncio.run(compare(sys.argv[1]))
    else:
        with own_server() as own:
            asyncio.run(compare(own))
