import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from convalias.adapters import memory
from convalias.adapters.embedded import Blobs, DataDirectory
from convalias.adapters.system import Incarnation
from convalias.ports import blobs, event_log, queue, records
from convalias.ports.event_store import EventStore
from convalias.stores.conversations import event_store as conversations
from convalias.testing import conformance
from convalias.testing.conformance import Check, Timed


class Machine:
    """Data directories under one folder, one virtual clock for all of their processes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._clock = memory.Clock()
        self._open: set[DataDirectory] = set()

    @asynccontextmanager
    async def directory(self, place: str) -> AsyncIterator[DataDirectory]:
        async with DataDirectory(self._folder / place, clock=self._clock, incarnation=Incarnation()) as directory:
            self._open.add(directory)
            yield directory
            self._open.discard(directory)

    async def pass_time(self, by: timedelta) -> None:
        await self._clock.advance(by)
        for directory in self._open:  # writes are answered in their order: after this one, those before it are done
            await directory.database.write(lambda connection: None)

    @asynccontextmanager
    async def records(self, place: str) -> AsyncIterator[records.Records]:
        async with self.directory(place) as directory:
            yield directory.records

    @asynccontextmanager
    async def jobs(self, place: str) -> AsyncIterator[queue.JobQueue]:
        async with self.directory(place) as directory:
            yield directory.jobs

    @asynccontextmanager
    async def events(self, place: str) -> AsyncIterator[event_log.EventLog]:
        async with self.directory(place) as directory:
            yield directory.events

    @asynccontextmanager
    async def conversations(self, place: str) -> AsyncIterator[EventStore]:
        async with self.directory(place) as directory:
            yield conversations.EventStore(records=directory.records)


@pytest.mark.parametrize("check", conformance.RECORDS, ids=str)
def test_records(check: Check[conformance.MakeRecords], tmp_path: Path) -> None:
    asyncio.run(check(Machine(tmp_path).records))


@pytest.mark.parametrize("check", conformance.BLOBS, ids=str)
def test_blobs(check: Check[conformance.MakeBlobs], tmp_path: Path) -> None:
    @asynccontextmanager
    async def open_blobs(place: str) -> AsyncIterator[blobs.Blobs]:
        folder = Blobs(tmp_path / place, incarnation=Incarnation())
        await folder.open()
        yield folder

    asyncio.run(check(open_blobs))


@pytest.mark.parametrize("check", conformance.JOB_QUEUE, ids=str)
def test_job_queue(check: Check[conformance.MakeJobQueue], tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    asyncio.run(check(Timed(machine.jobs, machine.pass_time)))


@pytest.mark.parametrize("check", conformance.EVENT_LOG, ids=str)
def test_event_log(check: Check[conformance.MakeEventLog], tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    asyncio.run(check(Timed(machine.events, machine.pass_time)))


@pytest.mark.parametrize("check", conformance.EVENT_STORE, ids=str)
def test_the_default_conversation_store(check: Check[conformance.MakeEventStore], tmp_path: Path) -> None:
    asyncio.run(check(Machine(tmp_path).conversations))
