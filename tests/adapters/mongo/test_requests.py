"""How many requests calls in flight ask, and what becomes of each where a request fails in part: over a replica set."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from itertools import count
from typing import Any, TypeVar

import pytest
from pymongo import AsyncMongoClient, UpdateOne, monitoring
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import AutoReconnect, OperationFailure

from adapters.mongo.test_conformance import Places
from convalias.adapters import mongo
from convalias.adapters.mongo import database as database_module
from convalias.adapters.mongo import writing
from convalias.adapters.mongo.documents import Document, key_document
from convalias.adapters.mongo.reading import SHORT
from convalias.ports.errors import Rejected, Unavailable
from convalias.ports.records import Body, Conflict, Insert, Key, Replace, Stored, Written
from convalias.testing import conformance
from convalias.testing.conformance import PromiseBrokenError

pytestmark = pytest.mark.engine

T = TypeVar("T")
FORTY = range(40)
BODY: Body = {"$": "note/1", "text": "hello"}


def at(number: int, partition: str = "c1") -> Key:
    return Key("events", partition, f"{number:012d}")


class Requests(monitoring.CommandListener):
    """Commands that were sent about records, by name."""

    def __init__(self) -> None:
        self.sent = Counter[str]()

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        if event.command.get(event.command_name) == "records" and event.command_name != "listIndexes":
            self.sent[event.command_name] += 1

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None: ...

    def failed(self, event: monitoring.CommandFailedEvent) -> None: ...

    def since(self) -> Counter[str]:
        """What was sent since it was asked for the last time."""
        sent, self.sent = self.sent, Counter[str]()
        return sent


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> Requests:
    listener = Requests()

    class Client(AsyncMongoClient[Document]):
        def __init__(self, url: str, **options: Any) -> None:
            super().__init__(url, event_listeners=[listener], **options)

    monkeypatch.setattr(database_module, "AsyncMongoClient", {Document: Client})
    return listener


@pytest.fixture
def places(mongodb: str) -> Iterator[Places]:
    found = Places(mongodb)
    yield found
    found.drop()


@asynccontextmanager
async def opened(places: Places, requests: Requests, *options: str) -> AsyncIterator[mongo.Records]:
    async with places.database("a"):
        pass
    async with mongo.Database(places.url("a", *options)) as database:
        requests.since()
        yield mongo.Records(database)


async def filled(records: mongo.Records, partitions: Sequence[str] = ("c1",), count: int = 40) -> list[str]:
    versions: list[str] = []
    for partition in partitions:
        answers = await records.write([Insert(at(number, partition), BODY) for number in range(count)])
        versions += [one.version for one in answers if isinstance(one, Written)]
    assert len(versions) == len(partitions) * count
    return versions


async def test_a_lone_call_is_one_request(places: Places, requests: Requests) -> None:
    async with opened(places, requests) as records:
        (written,) = await records.write([Insert(at(0), BODY)])
        assert isinstance(written, Written)
        await records.write([Replace(at(0), written.version, BODY)])
        assert requests.since() == {"insert": 1, "update": 1}
        await records.get([at(0)])
        await records.range("events", "c1", after="", limit=10)
        await records.latest("events", "c1")
        assert requests.since() == {"find": 3}
        await records.write_in_order([Insert(at(number), BODY) for number in (1, 2, 3)])
        assert requests.since() == {"insert": 1}


async def test_forty_reads_in_flight_are_one_request_of_each_kind(places: Places, requests: Requests) -> None:
    async with opened(places, requests) as records:
        partitions = [f"c{number}" for number in FORTY]
        await filled(records, partitions, 3)
        requests.since()
        found = await asyncio.gather(*(records.get([at(1, partition)]) for partition in partitions))
        assert requests.since() == {"find": 1}
        assert [[*one] for one in found] == [[at(1, partition)] for partition in partitions]
        ranges = [records.range("events", partition, after=at(0).id, limit=500) for partition in partitions]
        assert [len(rows) for rows in await asyncio.gather(*ranges)] == [2] * 40
        assert requests.since() == {"aggregate": 1}
        latest = await asyncio.gather(*(records.latest("events", partition) for partition in partitions))
        assert [one and one.key for one in latest] == [at(2, partition) for partition in partitions]
        assert requests.since() == {"aggregate": 1}


async def test_forty_writes_in_flight_are_one_request_of_each_kind(places: Places, requests: Requests) -> None:
    async with opened(places, requests) as records:
        inserts = [records.write([Insert(at(number), BODY)]) for number in FORTY]
        versions = [one.version for (one,) in await asyncio.gather(*inserts) if isinstance(one, Written)]
        assert requests.since() == {"insert": 1}
        replaces = [records.write([Replace(at(number), versions[number], {"by": number})]) for number in FORTY]
        assert all(isinstance(one, Written) for (one,) in await asyncio.gather(*replaces))
        assert requests.since() == {"update": 1}
        chains = [[Insert(at(link, f"p{number}"), BODY) for link in range(3)] for number in FORTY]
        await asyncio.gather(*(records.write_in_order(chain) for chain in chains))
        assert requests.since() == {"insert": 1}


async def test_a_stale_version_among_forty_costs_one_look(places: Places, requests: Requests) -> None:
    async with opened(places, requests) as records:
        versions = await filled(records)
        requests.since()
        stale = {7, 23}
        replaces = [
            records.write([Replace(at(number), "stale" if number in stale else versions[number], {"by": number})])
            for number in FORTY
        ]
        answers = await asyncio.gather(*replaces)
        assert {number for number in FORTY if answers[number] == [Conflict()]} == stale
        assert requests.since() == {"update": 1, "find": 1}


async def test_a_chain_that_breaks_costs_its_neighbours_one_request(places: Places, requests: Requests) -> None:
    async with opened(places, requests) as records:
        await records.write([Insert(at(1, "p3"), BODY)])
        requests.since()
        chains = [[Insert(at(link, f"p{number}"), BODY) for link in range(3)] for number in range(8)]
        answers = await asyncio.gather(*(records.write_in_order(chain) for chain in chains))
        assert [len(one) for one in answers] == [3, 3, 3, 2, 3, 3, 3, 3]
        assert answers[3][1] == Conflict()
        assert requests.since() == {"insert": 2}
        assert len(await records.range("events", "p3", after="", limit=9)) == 2


async def test_chains_do_not_wait_for_one_after_the_other_to_break(places: Places, requests: Requests) -> None:
    async with opened(places, requests) as records:
        broken = {0, 2, 3, 5, 7}
        await records.write([Insert(at(2, f"p{number}"), BODY) for number in broken])
        requests.since()
        chains = [[Insert(at(link, f"p{number}"), BODY) for link in range(3)] for number in range(9)]
        answers = await asyncio.gather(*(records.write_in_order(chain) for chain in chains))
        assert {number for number, one in enumerate(answers) if one[-1] == Conflict()} == broken
        assert {len(one) for one in answers} == {3}
        together, alone = writing.BREAKS, len(chains) - 4
        assert requests.since() == {"insert": together + alone}


async def test_of_chains_side_by_side_an_outage_is_its_own(
    places: Places, requests: Requests, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(places, requests) as records:
        await records.write([Insert(at(1, f"p{number}"), BODY) for number in range(writing.BREAKS)])
        insert_many = AsyncCollection.insert_many

        async def away_for_one(self: Any, documents: Any, *, ordered: bool) -> Any:
            if len(documents) == 1 and documents[0]["_id"]["partition"] == "p4":
                raise AutoReconnect("away")
            return await insert_many(self, documents, ordered=ordered)

        monkeypatch.setattr(AsyncCollection, "insert_many", away_for_one)
        calls = [records.write_in_order([Insert(at(1, f"p{number}"), BODY)]) for number in range(6)]
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        assert [type(one) for one in outcomes] == [list, list, list, list, Unavailable, list]


async def test_a_long_range_is_read_by_itself_and_keeps_no_neighbour_waiting(
    places: Places, requests: Requests
) -> None:
    async with opened(places, requests) as records:
        await filled(records, ["long"], SHORT + 50)
        await filled(records, ["short"], 2)
        requests.since()
        order: list[str] = []

        async def read(partition: str, limit: int) -> Sequence[Stored]:
            found = await records.range("events", partition, after="", limit=limit)
            order.append(f"{partition} {limit}")
            return found

        asked = [("long", 1_000), ("long", SHORT), ("short", 1_000), ("long", 3)]
        found = await asyncio.gather(*(read(*one) for one in asked))
        assert [len(rows) for rows in found] == [SHORT + 50, SHORT, 2, 3]
        assert requests.since() == {"aggregate": 1, "find": 1}
        assert order[-1] == "long 1000"


async def test_reads_are_shared_where_each_is_linearizable(places: Places, requests: Requests) -> None:
    async with opened(places, requests, "readConcernLevel=linearizable") as records:
        partitions = [f"c{number}" for number in range(6)]
        await filled(records, partitions, 3)
        requests.since()
        latest = await asyncio.gather(*(records.latest("events", partition) for partition in partitions))
        assert [one and one.key for one in latest] == [at(2, partition) for partition in partitions]
        assert requests.since() == {"aggregate": 1}


async def test_what_cannot_be_asked_fails_alone(places: Places, requests: Requests) -> None:
    async with opened(places, requests) as records:
        await filled(records)
        keys = [at(number) for number in FORTY]
        keys[5] = Key("events", "c1", "\ud800")
        found = await asyncio.gather(*(records.get([key]) for key in keys), return_exceptions=True)
        assert [number for number in FORTY if isinstance(found[number], Exception)] == [5]
        ranges = [records.range("events", partition, after="", limit=2) for partition in ("c1", "\ud800", "c1")]
        rows = await asyncio.gather(*ranges, return_exceptions=True)
        assert [isinstance(one, UnicodeEncodeError) for one in rows] == [False, True, False]


async def test_what_is_too_large_fails_alone(places: Places, requests: Requests) -> None:
    async with opened(places, requests) as records:
        versions = await filled(records, ["there"])
        huge: Body = {"text": "x" * 17_000_000}
        inserts = [records.write([Insert(at(number), huge if number == 5 else BODY)]) for number in FORTY]
        replaces = [
            records.write([Replace(at(number, "there"), versions[number], huge if number == 7 else BODY)])
            for number in FORTY
        ]
        chains = [
            records.write_in_order([Insert(at(1, f"p{number}"), BODY), Insert(at(2, f"p{number}"), body)])
            for number, body in enumerate([BODY, huge, BODY])
        ]
        outcomes = await asyncio.gather(*inserts, *replaces, *chains, return_exceptions=True)
        assert [number for number, one in enumerate(outcomes) if isinstance(one, Exception)] == [5, 47, 81]
        assert all(isinstance(outcomes[number], Rejected) for number in (5, 47, 81))


async def test_what_the_engine_refuses_fails_alone(places: Places, requests: Requests) -> None:
    """A validator of somebody's on the collection: each refused document is its own caller's."""
    async with opened(places, requests) as records:
        versions = await filled(records, ["there"], 4)
        command = {"collMod": "records", "validator": {"body.refused": {"$exists": False}}}
        await records._database.records.database.command(command)
        bodies: list[Body] = [BODY, {"refused": True}, BODY]
        calls = [
            *(records.write([Insert(at(number), body)]) for number, body in enumerate(bodies)),
            *(records.write([Replace(at(n, "there"), versions[n], body)]) for n, body in enumerate(bodies)),
            records.write([Replace(at(3, "there"), "stale", BODY)]),
            *(
                records.write_in_order([Insert(at(1, f"p{number}"), BODY), Insert(at(2, f"p{number}"), body)])
                for number, body in enumerate(bodies)
            ),
        ]
        requests.since()
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        assert [number for number, one in enumerate(outcomes) if isinstance(one, Rejected)] == [1, 4, 8]
        assert outcomes[6] == [Conflict()]
        assert requests.since() == {"insert": 3, "update": 1, "find": 1}
        there = [len(await records.range("events", f"p{number}", after="", limit=9)) for number in range(3)]
        assert there == [2, 1, 2]


@asynccontextmanager
async def refusing(monkeypatch: pytest.MonkeyPatch, *, after: int) -> AsyncIterator[None]:
    """A server that does so many inserts of a request, and then refuses all of it because of one that is bad."""
    insert_many, insert_one = AsyncCollection.insert_many, AsyncCollection.insert_one

    async def several(self: Any, documents: Any, *, ordered: bool) -> Any:
        if not any("bad" in one["body"] for one in documents):
            return await insert_many(self, documents, ordered=ordered)
        if after:
            await insert_many(self, documents[:after], ordered=ordered)
        raise OperationFailure("refused", 2)

    async def single(self: Any, document: Any) -> Any:
        if "bad" in document["body"]:
            raise OperationFailure("refused", 2)
        return await insert_one(self, document)

    monkeypatch.setattr(AsyncCollection, "insert_many", several)
    monkeypatch.setattr(AsyncCollection, "insert_one", single)
    yield
    monkeypatch.undo()


@pytest.mark.parametrize("after", [0, 2])
async def test_a_request_that_is_refused_as_a_whole_fails_who_is_to_blame(
    places: Places, requests: Requests, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    async with opened(places, requests) as records, refusing(monkeypatch, after=after):
        bodies: list[Body] = [BODY, BODY, {"bad": 1}, BODY]
        calls = [records.write([Insert(at(number), body)]) for number, body in enumerate(bodies)]
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        assert [type(one) for one in outcomes] == [list, list, Rejected, list]
        found = await records.get([at(number) for number in range(4)])
        answers = [answer for one in outcomes if isinstance(one, list) for answer in one]
        assert [one.version for one in found.values()] == [one.version for one in answers if isinstance(one, Written)]
        assert len(answers) == len(found) == 3


@pytest.mark.parametrize(("after", "begun"), [(0, set[int]()), (3, {0, 1})])
async def test_a_chain_that_was_begun_in_a_refused_request_is_not_begun_again(
    places: Places, requests: Requests, monkeypatch: pytest.MonkeyPatch, after: int, begun: set[int]
) -> None:
    async with opened(places, requests) as records, refusing(monkeypatch, after=after):
        bodies: list[Body] = [BODY, BODY, {"bad": 1}, BODY]
        calls = [
            records.write_in_order([Insert(at(1, f"p{number}"), BODY), Insert(at(2, f"p{number}"), body)])
            for number, body in enumerate(bodies)
        ]
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        assert {number for number, one in enumerate(outcomes) if isinstance(one, Unavailable)} == begun
        assert isinstance(outcomes[2], Rejected)
        assert [type(one) for one in outcomes[3:]] == [list]


async def test_chains_before_one_that_breaks_are_known_whatever_becomes_of_the_rest(
    places: Places, requests: Requests, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(places, requests) as records:
        await records.write([Insert(at(1, "p1"), BODY)])
        async with refusing(monkeypatch, after=0):
            insert_many = AsyncCollection.insert_many
            tries = count(1)

            async def first_alone(self: Any, documents: Any, *, ordered: bool) -> Any:
                if next(tries) > 1:
                    raise AutoReconnect("away")
                return await insert_many(self, documents, ordered=ordered)

            monkeypatch.setattr(AsyncCollection, "insert_many", first_alone)
            calls = [records.write_in_order([Insert(at(1, f"p{number}"), BODY)]) for number in range(4)]
            outcomes = await asyncio.gather(*calls, return_exceptions=True)
        assert [type(one) for one in outcomes] == [list, list, Unavailable, Unavailable]
        assert outcomes[1] == [Conflict()]


async def test_a_call_of_many_has_a_request_of_its_own(places: Places, requests: Requests) -> None:
    async with opened(places, requests) as records:
        await filled(records, count=writing.TOGETHER + 1)
        assert requests.since() == {"insert": 1}
        found = await records.get([at(number, f"p{number % 150}") for number in range(300)])
        assert found == {}
        assert requests.since() == {"find": 2}


async def test_one_of_ours_that_was_overwritten_in_between_is_unavailable(
    places: Places, requests: Requests, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(places, requests) as records:
        versions = await filled(records, count=4)
        stand = writing.Writer._stand

        async def faster(self: Any, rows: Any) -> Any:
            await records._database.records.update_one({"_id": key_document(at(0))}, {"$set": {"version": "faster"}})
            return await stand(self, rows)

        monkeypatch.setattr(writing.Writer, "_stand", faster)
        replaces = [
            records.write([Replace(at(number), "stale" if number == 3 else versions[number], {"by": number})])
            for number in range(4)
        ]
        outcomes = await asyncio.gather(*replaces, return_exceptions=True)
        assert [type(one) for one in outcomes] == [Unavailable, list, list, Unavailable]
        assert all(isinstance(answer, Written) for one in outcomes if isinstance(one, list) for answer in one)


async def test_nobody_knows_what_was_replaced_where_the_look_fails(
    places: Places, requests: Requests, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(places, requests) as records:
        versions = await filled(records, count=2)

        async def refused(ask: object) -> object:
            raise Rejected("records")

        replaces = [
            records.write([Replace(at(number), version, {})]) for number, version in enumerate([versions[0], "stale"])
        ]
        monkeypatch.setattr(records._database, "read", refused)
        outcomes = await asyncio.gather(*replaces, return_exceptions=True)
        assert [type(one) for one in outcomes] == [Unavailable, Unavailable]


async def test_a_caller_that_is_called_off_takes_no_neighbour_with_it(places: Places, requests: Requests) -> None:
    async with opened(places, requests) as records:
        calls = [asyncio.ensure_future(records.write([Insert(at(number), BODY)])) for number in FORTY]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        for call in calls[::2]:
            call.cancel()
        answers = await asyncio.gather(*calls[1::2])
        assert all(isinstance(one, Written) for (one,) in answers)
        assert requests.since() == {"insert": 1}


async def test_closing_turns_away_who_waits(places: Places, requests: Requests) -> None:
    async with places.database("a"):
        pass
    database = mongo.Database(places.url("a"))
    await database.open()
    records = mongo.Records(database)
    reads = [asyncio.ensure_future(records.get([at(n, f"p{n}"), at(n), at(n, "x")])) for n in range(200)]
    writes = [asyncio.ensure_future(records.write([Insert(at(number), BODY)])) for number in range(600)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await database.close()
    for _ in range(10):  # no request is under way any more that anybody could wait for
        await asyncio.sleep(0)
    assert all(call.done() for call in (*reads, *writes))
    outcomes = await asyncio.gather(*reads, *writes, return_exceptions=True)
    assert {type(one) for one in outcomes} <= {Unavailable, dict, list}
    assert Unavailable in {type(one) for one in outcomes}
    with pytest.raises(Unavailable):
        await records.get([at(1)])


def test_an_update_that_loses_its_version_in_a_shared_request_is_caught(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    def by_key(query: dict[str, object], update: object) -> UpdateOne:
        return UpdateOne({"_id": query["_id"]}, update)  # type: ignore[arg-type]

    (check,) = [
        one
        for one in conformance.RECORDS
        if one.name == "of replaces at once only those of another version are conflicts"
    ]
    asyncio.run(check(places.records))
    monkeypatch.setattr(writing, "UpdateOne", by_key)
    with pytest.raises(PromiseBrokenError):
        asyncio.run(check(lambda place: places.records(f"{place}2")))
