"""The function behind the queue: works on a batch of mails, and names those that must come back."""

from typing import Any, Protocol

from convalias.app import Again
from convalias.blocking import Convalias
from convalias.ports import Job

SPARE = 2.0
"""Seconds for the answer, of those that are left to the call."""

cv = Convalias.from_toml("convalias.toml")  # a wrong setting ends the cold start; the first call opens


class Context(Protocol):
    """What Lambda says of a call."""

    def get_remaining_time_in_millis(self) -> int: ...


def job(record: dict[str, Any]) -> Job:
    receives = int(record["attributes"]["ApproximateReceiveCount"])
    return Job(record["messageId"], record["body"], receives, record["receiptHandle"])


def handler(event: dict[str, Any], context: Context) -> dict[str, Any]:
    within = max(0.0, context.get_remaining_time_in_millis() / 1000 - SPARE)
    answers = cv.inbound.process([job(record) for record in event["Records"]], within=within)
    failures = [{"itemIdentifier": one.job.id} for one in answers if isinstance(one.progress, Again)]
    return {"batchItemFailures": failures}
