"""What the doctor asks of an SQS that refuses something, and of one whose clock is off."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from adapters.sqs.scripted import Reply, ScriptedSqs, refusing, scripted
from convalias.ports.errors import Unavailable
from convalias.ports.examining import Grade, Observation


def examined(**scripts: Any) -> tuple[dict[str, Observation], ScriptedSqs]:
    async def story() -> tuple[Sequence[Observation], ScriptedSqs]:
        async with scripted(**scripts) as sqs, sqs.jobs() as jobs:
            return await jobs.examine(), sqs

    found, sqs = asyncio.run(story())
    return {one.about: one for one in found}, sqs


async def an_empty_batch(_: dict[str, Any]) -> Reply:
    return 400, {"__type": "com.amazonaws.sqs#EmptyBatchRequest", "message": "empty"}


def test_permissions_that_are_refused_are_named_and_no_job_is_touched() -> None:
    found, sqs = examined(
        SendMessageBatch=refusing(403, "AccessDenied"), DeleteMessageBatch=refusing(403, "AccessDeniedException")
    )
    assert found["permissions"].grade is Grade.WRONG
    assert found["permissions"].mend == "grant sqs:SendMessage, sqs:DeleteMessage on the queue"
    assert sqs.calls("ReceiveMessage") == []
    assert [request["Entries"] for request in sqs.calls("SendMessageBatch")] == [[]]


def test_a_request_that_is_refused_for_being_empty_is_allowed() -> None:
    found, _ = examined(SendMessageBatch=an_empty_batch)
    assert found["permissions"].grade is Grade.GOOD


def test_a_queue_that_does_not_answer_is_no_observation() -> None:
    async def story() -> None:
        async with scripted() as sqs, sqs.jobs(timeout=2.0) as jobs:
            sqs.scripts["GetQueueAttributes"] = refusing(503, "ServiceUnavailable")
            await jobs.examine()

    with pytest.raises(Unavailable):
        asyncio.run(story())


def test_an_engine_that_tells_no_time_has_no_line_about_clocks() -> None:
    found, _ = examined()
    assert "clock" not in found
    assert found["redrive policy"].grade is Grade.GOOD
