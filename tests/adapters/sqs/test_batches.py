"""What travels together, and what becomes of each entry: over a server that answers as it is told."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from adapters.sqs.scripted import Reply, ScriptedSqs, all_sent, refusing, scripted
from convalias.adapters.sqs.batches import MOST_OCTETS
from convalias.ports.errors import Rejected, Unavailable
from convalias.ports.queue import Job

NO_WAIT = timedelta(0)
MINUTE = timedelta(minutes=1)


def bodies(sqs: ScriptedSqs) -> list[list[str]]:
    return [[one["MessageBody"] for one in request["Entries"]] for request in sqs.calls("SendMessageBatch")]


def failing(*wrong: str, code: str) -> Any:
    """Entries that hold one of these fail by themselves."""

    async def script(request: dict[str, Any]) -> Reply:
        failed = [
            {"Id": one["Id"], "Code": code, "SenderFault": False}
            for one in request["Entries"]
            if one.get("MessageBody", one.get("ReceiptHandle")) in wrong
        ]
        return 200, {"Successful": [], "Failed": failed}

    return script


def job(lease: str) -> Job:
    return Job("id", "body", 1, lease)


async def test_ten_go_in_one_request_and_no_more() -> None:
    async with scripted() as sqs, sqs.jobs() as queue:
        await queue.put([str(number) for number in range(25)])
        assert sorted(map(len, bodies(sqs))) == [5, 10, 10]
        assert Counter(one for batch in bodies(sqs) for one in batch) == Counter(map(str, range(25)))


async def test_a_request_is_no_larger_than_sqs_takes() -> None:
    async with scripted() as sqs, sqs.jobs() as queue:
        await queue.put(["x" * 100_000] * 5)
        assert sorted(map(len, bodies(sqs))) == [1, 2, 2]
        await queue.put(["x" * MOST_OCTETS, "y"])
        assert sorted(len("".join(batch)) for batch in bodies(sqs)[3:]) == [1, MOST_OCTETS]


async def test_calls_side_by_side_share_requests_and_a_lone_one_never_waits() -> None:
    async with scripted() as sqs, sqs.jobs(in_flight=2) as queue:
        await asyncio.gather(*(queue.put([str(number)]) for number in range(60)))
        assert len(bodies(sqs)) == 6
        await queue.put(["alone"])
        assert bodies(sqs)[-1] == ["alone"]


async def test_of_a_batch_that_fails_in_part_only_those_are_told_whose_entries_failed() -> None:
    async with scripted(SendMessageBatch=failing("3", code="InternalError")) as sqs, sqs.jobs() as queue:
        fates = await asyncio.gather(*(queue.put([str(one)]) for one in range(8)), return_exceptions=True)
        assert len(bodies(sqs)) == 1
        assert [type(fate) for fate in fates].count(type(None)) == 7
        assert isinstance(fates[3], Unavailable)
        assert "InternalError" in str(fates[3].__cause__)


async def test_a_call_whose_entry_failed_may_be_repeated() -> None:
    async with scripted(SendMessageBatch=failing("b", code="ThrottlingException")) as sqs, sqs.jobs() as queue:
        with pytest.raises(Unavailable):
            await queue.put(["a", "b", "c"])
        sqs.scripts["SendMessageBatch"] = all_sent
        await queue.put(["a", "b", "c"])


async def test_a_body_that_the_queue_itself_refuses_is_rejected() -> None:
    async with scripted(SendMessageBatch=failing("b", code="InvalidMessageContents")) as sqs, sqs.jobs() as queue:
        with pytest.raises(Rejected, match="InvalidMessageContents"):
            await queue.put(["a", "b"])


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("", "empty"),
        ("x" * (MOST_OCTETS + 1), f"{MOST_OCTETS + 1} octets"),
        ("a\x01b", "printable ASCII"),
        ("a\nb", "printable ASCII"),
        ("\ufffe", "printable ASCII"),
        ("grün", "printable ASCII"),
        ("\x7f", "printable ASCII"),
    ],
)
async def test_a_body_that_sqs_cannot_hold_is_rejected_before_any_is_sent(body: str, said: str) -> None:
    async with scripted() as sqs, sqs.jobs() as queue:
        with pytest.raises(Rejected, match=said):
            await queue.put(["good", body])
        assert bodies(sqs) == []


@pytest.mark.parametrize("code", ["ReceiptHandleIsInvalid", "InvalidParameterValue", "MessageNotInflight"])
async def test_a_receipt_that_is_lost_is_left_alone(code: str) -> None:
    lost = failing("b", code=code)
    async with scripted(DeleteMessageBatch=lost, ChangeMessageVisibilityBatch=lost) as sqs, sqs.jobs() as queue:
        await queue.done([job("a"), job("b")])
        await queue.keep([job("a"), job("b")], MINUTE)
        assert len(sqs.calls("DeleteMessageBatch")) == len(sqs.calls("ChangeMessageVisibilityBatch")) == 1


async def test_a_receipt_that_failed_otherwise_is_an_outage() -> None:
    ill = failing("b", code="InternalError")
    async with scripted(DeleteMessageBatch=ill, ChangeMessageVisibilityBatch=ill) as sqs, sqs.jobs() as queue:
        with pytest.raises(Unavailable):
            await queue.done([job("a"), job("b")])
        with pytest.raises(Unavailable):
            await queue.keep([job("a"), job("b")], MINUTE)
        await queue.done([job("a")])


@pytest.mark.parametrize("code", ["InvalidClientTokenId", "AccessDenied", "SignatureDoesNotMatch"])
async def test_credentials_that_are_refused_must_be_mended_and_are_in_no_message(code: str) -> None:
    secret = "AKIA-someone arn:aws:iam::123456789012:user/x"

    async with scripted(GetQueueUrl=refusing(403, code, secret)) as sqs:
        with pytest.raises(Exception, match="credentials are refused") as wrong:
            await sqs.jobs().open()
        said = f"{wrong.value!r} {wrong.value} {wrong.value.__cause__!r} {wrong.value.__context__!r}"
        assert type(wrong.value).__name__ == "UnusableQueueError"
        assert code in said
        assert "AKIA" not in said
        assert "127.0.0.1" not in said


async def test_credentials_that_stop_working_are_an_outage() -> None:
    async with scripted() as sqs, sqs.jobs() as queue:
        sqs.scripts["SendMessageBatch"] = refusing(403, "ExpiredToken", "arn:aws:iam::123456789012:user/x")
        with pytest.raises(Unavailable) as away:
            await queue.put(["a"])
        assert str(away.value) == "the job queue is unavailable"
        assert str(away.value.__cause__) == "ClientError 403 ExpiredToken"
        sqs.scripts["SendMessageBatch"] = all_sent
        await queue.put(["a"])


async def test_a_put_that_is_cancelled_before_it_left_is_not_sent() -> None:
    async with scripted() as sqs:
        there, going = asyncio.Event(), asyncio.Event()

        async def slow(request: dict[str, Any]) -> Reply:
            there.set()
            await going.wait()
            return await all_sent(request)

        sqs.scripts["SendMessageBatch"] = slow
        async with sqs.jobs(in_flight=1) as queue:
            first = asyncio.create_task(queue.put(["first"]))
            await there.wait()
            second = asyncio.create_task(queue.put(["second"]))
            await asyncio.sleep(0)
            second.cancel()
            third = asyncio.create_task(queue.put(["third"]))
            await asyncio.sleep(0)
            going.set()
            await asyncio.gather(first, third)
        assert bodies(sqs) == [["first"], ["third"]]
