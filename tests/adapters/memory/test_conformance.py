import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial

import pytest

from convalias.adapters import memory
from convalias.domain.ids import UseCase
from convalias.domain.migration.rollout import Axis, Rollout
from convalias.ports.blobs import Blobs
from convalias.ports.event_log import EventLog
from convalias.ports.event_store import EventStore
from convalias.ports.flags import Flags
from convalias.ports.queue import JobQueue
from convalias.ports.records import Records
from convalias.stores.conversations import event_store as conversations
from convalias.testing import conformance
from convalias.testing.conformance import ChangesUnderTest, Check, Timed


@pytest.mark.parametrize("check", conformance.RECORDS, ids=str)
def test_records(check: Check[conformance.MakeRecords]) -> None:
    places = defaultdict(memory.Records)

    @asynccontextmanager
    async def open_records(place: str) -> AsyncIterator[Records]:
        yield places[place]

    asyncio.run(check(open_records))


@pytest.mark.parametrize("check", conformance.RECORDS, ids=str)
def test_records_that_tell_of_their_changes(check: Check[conformance.MakeRecords]) -> None:
    places = defaultdict(lambda: memory.ChangingRecords(memory.Clock()))

    @asynccontextmanager
    async def open_records(place: str) -> AsyncIterator[Records]:
        yield places[place]

    asyncio.run(check(open_records))


@pytest.mark.parametrize("check", conformance.CHANGES, ids=str)
def test_changes(check: Check[conformance.MakeChanges]) -> None:
    clock = memory.Clock()
    places = defaultdict(lambda: memory.ChangingRecords(clock))

    @asynccontextmanager
    async def open_changes(place: str) -> AsyncIterator[ChangesUnderTest]:
        yield ChangesUnderTest(places[place], places[place])

    asyncio.run(check(Timed(open_changes, clock.advance)))


@pytest.mark.parametrize("check", conformance.BLOBS, ids=str)
def test_blobs(check: Check[conformance.MakeBlobs]) -> None:
    places = defaultdict(memory.Blobs)

    @asynccontextmanager
    async def open_blobs(place: str) -> AsyncIterator[Blobs]:
        yield places[place]

    asyncio.run(check(open_blobs))


@pytest.mark.parametrize("check", conformance.JOB_QUEUE, ids=str)
def test_job_queue(check: Check[conformance.MakeJobQueue]) -> None:
    clock = memory.Clock()
    places = defaultdict(lambda: memory.JobQueue(clock))

    @asynccontextmanager
    async def open_queue(place: str) -> AsyncIterator[JobQueue]:
        yield places[place]

    asyncio.run(check(Timed(open_queue, clock.advance)))


@pytest.mark.parametrize("check", conformance.EVENT_LOG, ids=str)
def test_event_log(check: Check[conformance.MakeEventLog]) -> None:
    clock = memory.Clock()
    places = defaultdict(lambda: memory.EventLog(clock))

    @asynccontextmanager
    async def open_log(place: str) -> AsyncIterator[EventLog]:
        yield places[place]

    asyncio.run(check(Timed(open_log, clock.advance)))


@pytest.mark.parametrize("check", conformance.EVENT_STORE, ids=str)
def test_the_default_conversation_store(check: Check[conformance.MakeEventStore]) -> None:
    places = defaultdict(memory.Records)

    @asynccontextmanager
    async def open_store(place: str) -> AsyncIterator[EventStore]:
        yield conversations.EventStore(records=places[place])

    asyncio.run(check(open_store))


@pytest.mark.parametrize("check", conformance.FLAGS, ids=str)
def test_flags(check: Check[conformance.MakeFlags]) -> None:
    @asynccontextmanager
    async def open_flags(settings: Mapping[tuple[UseCase, Axis], Rollout]) -> AsyncIterator[Flags]:
        flags = memory.Flags()
        for (_, axis), rollout in settings.items():
            flags.set(rollout, axis)
        yield flags

    asyncio.run(check(open_flags))


@pytest.mark.parametrize("check", conformance.CHECK, ids=str)
@pytest.mark.parametrize("objectionable", [*memory.Check().spam, *memory.Check().harmful])
def test_check(check: Check[conformance.MakeCheck], objectionable: bytes) -> None:
    @asynccontextmanager
    async def opened(*, away: bool) -> AsyncIterator[memory.Check]:
        yield memory.Check(away=away)

    under_test = conformance.CheckUnderTest(
        open=partial(opened, away=False),
        away=partial(opened, away=True),
        objectionable=b"From: eve@evil.example\r\n\r\n" + objectionable,
    )
    asyncio.run(check(lambda: under_test))
