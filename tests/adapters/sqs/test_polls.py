"""Long polls: what is called off loses nothing, what an error meets half-way neither; and the 12 hours of a lease."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from adapters.sqs.scripted import Reply, Script, refusing, scripted
from convalias.ports.errors import Unavailable

MINUTE = timedelta(minutes=1)
NO_WAIT = timedelta(0)


def message(lease: str) -> dict[str, Any]:
    attributes = {"ApproximateReceiveCount": "2", "SentTimestamp": "1795382882883"}
    return {"MessageId": f"id-{lease}", "ReceiptHandle": lease, "Body": lease, "Attributes": attributes}


def bringing(*replies: list[str] | Script) -> Script:
    """Each receive has the next of these; the last one's for ever."""
    left = list(replies)

    async def script(request: dict[str, Any]) -> Reply:
        reply = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(reply, list):
            return 200, {"Messages": [message(lease) for lease in reply]} if reply else {}
        return await reply(request)

    return script


def late(*leases: str) -> tuple[Script, asyncio.Event, asyncio.Event]:
    """A poll that says when it has come, and answers when it is told to."""
    come, go = asyncio.Event(), asyncio.Event()

    async def script(_: dict[str, Any]) -> Reply:
        come.set()
        await go.wait()
        return 200, {"Messages": [message(lease) for lease in leases]}

    return script, come, go


async def test_what_a_poll_brings_after_it_was_called_off_is_given_back_at_once() -> None:
    poll, come, go = late("a", "b")
    async with scripted(ReceiveMessage=poll) as sqs:
        async with sqs.jobs() as queue:
            taking = asyncio.create_task(queue.take(limit=10, wait=MINUTE, lease=MINUTE))
            await come.wait()
            taking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await taking
            go.set()
        (given_back,) = sqs.calls("ChangeMessageVisibilityBatch")
        assert [(one["ReceiptHandle"], one["VisibilityTimeout"]) for one in given_back["Entries"]] == [
            ("a", 0),
            ("b", 0),
        ]
        assert len(sqs.calls("ReceiveMessage")) == 1  # it does not poll on


async def test_closing_waits_for_a_poll_that_was_called_off() -> None:
    poll, come, go = late("a")
    async with scripted(ReceiveMessage=poll) as sqs:
        queue = sqs.jobs()
        await queue.open()
        taking = asyncio.create_task(queue.take(limit=1, wait=MINUTE, lease=MINUTE))
        await come.wait()
        taking.cancel()
        await asyncio.wait([taking])
        closing = asyncio.create_task(queue.close())
        await asyncio.sleep(0)
        assert not closing.done()
        go.set()
        await closing
        assert len(sqs.calls("ChangeMessageVisibilityBatch")) == 1


async def test_a_poll_called_off_whose_server_fails_is_no_error_of_anybodys() -> None:
    async with scripted(ReceiveMessage=refusing(500, "InternalError")) as sqs, sqs.jobs() as queue:
        taking = asyncio.create_task(queue.take(limit=1, wait=MINUTE, lease=MINUTE))
        await asyncio.sleep(0)
        taking.cancel()
        await asyncio.wait([taking])


async def test_an_error_after_some_have_come_gives_those_that_have() -> None:
    ten = [str(number) for number in range(10)]
    script = bringing(ten, refusing(500, "InternalError"))
    async with scripted(ReceiveMessage=script) as sqs, sqs.jobs() as queue:
        jobs = await queue.take(limit=20, wait=NO_WAIT, lease=MINUTE)
        assert [job.body for job in jobs] == ten
        with pytest.raises(Unavailable):
            await queue.take(limit=20, wait=NO_WAIT, lease=MINUTE)


async def test_more_than_ten_are_asked_for_ten_by_ten_and_only_the_first_waits() -> None:
    script = bringing([str(number) for number in range(10)], [str(number) for number in range(10, 13)])
    async with scripted(ReceiveMessage=script) as sqs, sqs.jobs(poll=20) as queue:
        jobs = await queue.take(limit=25, wait=MINUTE, lease=MINUTE)
        assert [(job.body, job.receives) for job in jobs] == [(str(number), 2) for number in range(13)]
        asked = [(one["MaxNumberOfMessages"], one["WaitTimeSeconds"]) for one in sqs.calls("ReceiveMessage")]
        assert asked == [(10, 20), (10, 0)]


async def test_a_wait_of_less_than_half_a_second_is_none() -> None:
    async with scripted(ReceiveMessage=bringing([])) as sqs, sqs.jobs() as queue:
        assert not await queue.take(limit=1, wait=timedelta(seconds=0.4), lease=timedelta(seconds=1.2))
        (asked,) = sqs.calls("ReceiveMessage")
        assert (asked["WaitTimeSeconds"], asked["VisibilityTimeout"]) == (0, 2)


async def test_a_lease_is_of_twelve_hours_at_most_and_in_all() -> None:
    async with scripted(ReceiveMessage=bringing(["a"])) as sqs, sqs.jobs() as queue:
        jobs = await queue.take(limit=1, wait=NO_WAIT, lease=timedelta(days=1))
        assert sqs.calls("ReceiveMessage")[0]["VisibilityTimeout"] == 43_200
        await queue.keep(jobs, timedelta(days=1), held=False)
        (change,) = sqs.calls("ChangeMessageVisibilityBatch")
        assert change["Entries"][0]["VisibilityTimeout"] == 43_199


async def test_a_heartbeat_is_a_change_of_visibility_in_batches() -> None:
    leases = [f"lease-{number}" for number in range(13)]
    async with scripted(ReceiveMessage=bringing(leases[:10], leases[10:])) as sqs, sqs.jobs() as queue:
        jobs = await queue.take(limit=13, wait=NO_WAIT, lease=MINUTE)
        await queue.keep(jobs, MINUTE)
        changes = sqs.calls("ChangeMessageVisibilityBatch")
        assert sorted(len(one["Entries"]) for one in changes) == [3, 10]
        assert {entry["VisibilityTimeout"] for one in changes for entry in one["Entries"]} == {60}


async def test_a_job_that_is_known_to_be_lost_is_not_touched_whatever_the_server_would_do() -> None:
    async with scripted(ReceiveMessage=bringing(["a"])) as sqs, sqs.jobs() as queue:
        jobs = await queue.take(limit=1, wait=NO_WAIT, lease=MINUTE)
        await queue.keep(jobs, NO_WAIT)
        await queue.keep(jobs, MINUTE)
        assert len(sqs.calls("ChangeMessageVisibilityBatch")) == 1
        await queue.done(jobs)  # but done is done
        assert len(sqs.calls("DeleteMessageBatch")) == 1


async def test_what_waits_is_no_older_than_the_queue_keeps_it_where_this_process_has_taken_nothing() -> None:
    async def attributes(_: dict[str, Any]) -> Reply:
        return 200, {"Attributes": {"ApproximateNumberOfMessages": "7", "MessageRetentionPeriod": "345600"}}

    async with scripted(GetQueueAttributes=attributes, ReceiveMessage=bringing(["a"])) as sqs, sqs.jobs() as queue:
        depth = await queue.depth()
        assert (depth.ready, depth.oldest, depth.oldest_at_most) == (7, None, timedelta(days=4))
        await queue.take(limit=1, wait=NO_WAIT, lease=MINUTE)
        depth = await queue.depth()
        assert depth.oldest is not None
        assert depth.oldest_at_most is None
