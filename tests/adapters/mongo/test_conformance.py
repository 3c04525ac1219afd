"""Every promise of the ports, kept by a replica set."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest
from pymongo import MongoClient

from convalias.adapters import mongo
from convalias.ports import records
from convalias.testing import conformance
from convalias.testing.conformance import ChangesUnderTest, Check, Timed


class Places:
    """A database for each place of one check."""

    def __init__(self, url: str) -> None:
        self._server, _, self._options = url.partition("/?")
        self._prefix = f"convalias_{uuid4().hex[:12]}"

    def url(self, place: str, *options: str) -> str:
        return f"{self._server}/{self._prefix}_{place}?{'&'.join([self._options, *options])}"

    @asynccontextmanager
    async def database(self, place: str) -> AsyncIterator[mongo.Database]:
        closed = mongo.Database(self.url(place))
        await closed.migrate()
        await closed.close()
        async with mongo.Database(self.url(place)) as database:
            yield database

    @asynccontextmanager
    async def records(self, place: str) -> AsyncIterator[records.Records]:
        async with self.database(place) as database:
            yield mongo.Records(database)

    @asynccontextmanager
    async def changes(self, place: str) -> AsyncIterator[ChangesUnderTest]:
        async with self.database(place) as database:
            yield ChangesUnderTest(mongo.Records(database), mongo.Changes(database))

    def drop(self) -> None:
        with MongoClient[dict[str, object]](self.url("")) as client:
            for name in client.list_database_names():
                if name.startswith(self._prefix):
                    client.drop_database(name)


@pytest.mark.parametrize("check", conformance.RECORDS, ids=str)
def test_records(check: Check[conformance.MakeRecords], mongodb: str) -> None:
    places = Places(mongodb)
    asyncio.run(check(places.records))
    places.drop()


@pytest.mark.parametrize("check", conformance.CHANGES, ids=str)
def test_changes(check: Check[conformance.MakeChanges], mongodb: str) -> None:
    places = Places(mongodb)
    asyncio.run(check(Timed(places.changes)))
    places.drop()
