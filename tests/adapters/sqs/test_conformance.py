import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from adapters.sqs.queues import Queue
from convalias.ports.queue import JobQueue
from convalias.testing import conformance
from convalias.testing.conformance import Check
from convalias.testing.conformance.check import Timed
from engines.fixtures import AwsServer


@pytest.mark.parametrize("check", conformance.JOB_QUEUE, ids=str)
def test_over_an_sqs(check: Check[conformance.MakeJobQueue], sqs: AwsServer) -> None:
    places: dict[str, Queue] = {}

    @asynccontextmanager
    async def open_queue(place: str) -> AsyncIterator[JobQueue]:
        queue = places[place] = places.get(place) or Queue.made(sqs)
        async with queue.jobs() as opened:
            yield opened

    asyncio.run(check(Timed(open_queue)))
