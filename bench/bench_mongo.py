"""Records in MongoDB beside the bare client: the same operations on the same replica set, rounds interleaved.

`python bench/bench_mongo.py URL`, or with no URL on three members of the test dependencies' own mongod. Figures: client
CPU a record, one call at a time and 64 in flight, one record a call and ten. Ours by ones stands beside the bare client by
ones and by tens, because calls in flight may share requests. Aim: 0.9 of the bare client doing the same.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count, product
from pathlib import Path
from typing import Final, TypeVar

from pymongo import AsyncMongoClient, UpdateOne, WriteConcern
from pymongo.read_concern import ReadConcern

from _measure import Row, machine, row, tell
from convalias.adapters import mongo
from convalias.ports.records import Insert, Key, Replace, Written

OPERATIONS: Final = {1: 120, 64: 640}
"""Records a round, by how many calls are in flight: a lone write waits for two members."""
TEN: Final = 10
ROUNDS: Final = 3
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
Work = Callable[[int], Awaitable[object]]
T = TypeVar("T")


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
        for _ in range(max(OPERATIONS.values())):
            await self.insert_ours()
            await self.insert_bare()

    def _name(self) -> str:
        return f"{next(self.numbers):012d}"

    async def insert_ours(self, many: int = 1) -> None:
        keys = [Key("events", "c1", self._name()) for _ in range(many)]
        answers = await self.records.write([Insert(key, BODY, (f"k:{key.id}", f"e:{key.id}")) for key in keys])
        self.ours += [
            (key, answer.version) for key, answer in zip(keys, answers, strict=True) if isinstance(answer, Written)
        ]

    def _document(self, name: str) -> dict[str, object]:
        return {"_id": name, "p": "c1", "names": [name, f"k:{name}", f"e:{name}"], "version": "0", "body": BARE}

    async def insert_bare(self, many: int = 1) -> None:
        names = [self._name() for _ in range(many)]
        if many == 1:
            await self.collection.insert_one(self._document(names[0]))
        else:
            await self.collection.insert_many([self._document(name) for name in names], ordered=False)
        self.bare += names

    def _some(self, known: Sequence[T], many: int) -> list[T]:
        return [known[next(self.numbers) % len(known)] for _ in range(many)]

    async def get_ours(self, many: int = 1) -> None:
        await self.records.get([key for key, _ in self._some(self.ours, many)])

    async def get_bare(self, many: int = 1) -> None:
        names = self._some(self.bare, many)
        if many == 1:
            await self.collection.find_one({"p": "c1", "names": names[0]})
        else:
            await self.collection.find({"p": "c1", "names": {"$in": names}}).to_list()

    async def replace_ours(self, many: int = 1) -> None:
        taken, self.ours = self.ours[:many], self.ours[many:]
        answers = await self.records.write([Replace(key, version, BODY) for key, version in taken])
        self.ours += [
            (key, answer.version)
            for (key, _), answer in zip(taken, answers, strict=True)
            if isinstance(answer, Written)
        ]

    async def replace_bare(self, many: int = 1) -> None:
        number = next(self.numbers)
        change = {"$set": {"body": BARE, "version": f"{number:016x}"}}  # the same body alone would be no write at all
        names = self._some(self.bare, many)
        if many == 1:
            await self.collection.update_one({"_id": names[0]}, change)
        else:
            await self.collection.bulk_write([UpdateOne({"_id": name}, change) for name in names], ordered=False)


async def measured(work: Work, *, width: int, many: int) -> tuple[float, float]:
    """CPU seconds and seconds of an operation, so many in one call and so many calls in flight."""
    records = OPERATIONS[width] // many * many
    cpu, started = time.process_time(), time.perf_counter()

    async def worker(number: int) -> None:
        for _ in range(number, records // many, width):
            await work(many)

    await asyncio.gather(*(worker(number) for number in range(width)))
    return (time.process_time() - cpu) / records, (time.perf_counter() - started) / records


async def compare(url: str) -> list[Row]:
    server, _, options = url.partition("/?")
    place = f"{server}/bench_ours?{options}"
    database = mongo.Database(place)
    await database.migrate()
    print(f"{machine()}; {max(OPERATIONS.values())} records a round, best of {ROUNDS}")
    rows: list[Row] = []
    async with database, AsyncMongoClient[dict[str, object]](url) as bare:
        rivals = Rivals(mongo.Records(database), bare)
        await rivals.prepare()
        for name in ("insert", "get", "replace"):
            found: dict[str, tuple[float, float]] = {}
            for _ in range(ROUNDS):
                for width, many, side in product(OPERATIONS, (1, TEN), ("ours", "bare")):
                    which = said(side, width, many)
                    cpu, wall = await measured(getattr(rivals, f"{name}_{side}"), width=width, many=many)
                    before = found.get(which, (cpu, wall))
                    found[which] = (min(before[0], cpu), min(before[1], wall))
            rows += compared(name, found)
        await bare.drop_database("bench_ours")
        await bare.drop_database("bench_bare")
    return rows


def said(side: str, width: int, many: int) -> str:
    return f"{side} by {'ones' if many == 1 else 'tens'}, {width} in flight"


def compared(name: str, found: Mapping[str, tuple[float, float]]) -> list[Row]:
    """Ours by ones beside the bare client by ones and by tens, and ours by tens beside it by tens."""
    rows: list[Row] = []
    for width in OPERATIONS:
        for many, theirs in ((1, 1), (1, TEN), (TEN, TEN)):
            cpu, wall = found[said("ours", width, many)]
            rival, rival_wall = found[said("bare", width, theirs)]
            what = f"MongoDB {name} {said('', width, many).strip()}"
            print(f"  {what}: {1 / wall:,.0f} a second, {said('bare', width, theirs)} {1 / rival_wall:,.0f}")
            rows.append(
                row(
                    what,
                    ours=cpu * 1e6,
                    rival=(f"bare client {said('', width, theirs).strip()}", rival * 1e6),
                    unit="us CPU a record",
                    aim="ratio >= 0.9" if many == theirs else None,
                )
            )
    return rows


@contextmanager
def own_server() -> Iterator[str]:
    from engines.servers import mongod  # noqa: PLC0415 - only where no URL is given

    with tempfile.TemporaryDirectory() as folder, mongod.replica_set(Path(folder)) as servers:
        yield servers.url


def question() -> list[Row]:
    if sys.argv[1:]:
        return asyncio.run(compare(sys.argv[1]))
    with own_server() as own:
        return asyncio.run(compare(own))


if __name__ == "__main__":
    tell(question)
