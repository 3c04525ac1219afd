"""The three functions on this machine: a mail comes to the URL, goes through the queue, and a notification leaves."""

import base64
import hashlib
import hmac
import json
import os
import tempfile
import time
from collections.abc import Iterable
from email import message_from_bytes, policy
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

from convalias import Participant
from convalias.ports import Job

SIGNING_KEY = "the key that Mailgun shows"


def call(seconds: float = 60) -> Any:  # noqa: ANN401 - AWS publishes no type of it
    """The context of a call that has that many seconds left."""
    return SimpleNamespace(get_remaining_time_in_millis=lambda: int(seconds * 1000))


def prepared() -> Path:
    """Set the environment that template.yaml sets, but with a data directory in place of the engines."""
    os.environ["CONVALIAS_DATA"] = tempfile.mkdtemp()
    os.environ["CONVALIAS_MAILGUN_SIGNING_KEY"] = SIGNING_KEY
    return Path(os.environ["CONVALIAS_DATA"])


def posted(recipient: str, text: str) -> bytes:
    """What Mailgun posts for a mail of Bob's."""
    at, token = str(int(time.time())), hashlib.sha256(text.encode()).hexdigest()
    signature = hmac.new(SIGNING_KEY.encode(), (at + token).encode(), hashlib.sha256).hexdigest()
    head = f"From: bob@corp.example\nTo: {recipient}\nMessage-ID: <{token}@corp.example>\n"
    envelope = {"recipient": recipient, "sender": "bob@corp.example", "body-mime": f"{head}\n{text}\n"}
    return urlencode({**envelope, "timestamp": at, "token": token, "signature": signature}).encode()


def http(path: str, body: bytes | None = None, *, domain: str = "abc.lambda-url.eu-west-1.on.aws") -> dict[str, Any]:
    """A request as a Function URL gives it, and the HTTP API of API Gateway: format 2.0 of both."""
    method, now = "GET" if body is None else "POST", int(time.time() * 1000)
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"host": domain, "content-type": "application/x-www-form-urlencoded", "x-forwarded-port": "443"},
        "requestContext": {
            "accountId": "anonymous",
            "apiId": "abc",
            "domainName": domain,
            "domainPrefix": "abc",
            "http": {
                "method": method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.1",
                "userAgent": "Go-http-client/2.0",
            },
            "requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
            "routeKey": "$default",
            "stage": "$default",
            "time": "12/Mar/2030:19:03:58 +0000",
            "timeEpoch": now,
        },
        "isBase64Encoded": body is not None,
    }
    if body is not None:
        event["body"] = base64.b64encode(body).decode()
    return event


def queued(jobs: Iterable[Job]) -> dict[str, Any]:
    """A batch as the event source of an SQS queue gives it."""
    return {"Records": [_record(job) for job in jobs]}


def _record(job: Job) -> dict[str, Any]:
    now = str(int(time.time() * 1000))
    return {
        "messageId": job.id,
        "receiptHandle": job.lease,
        "body": job.body,
        "attributes": {
            "ApproximateReceiveCount": str(job.receives),
            "SentTimestamp": now,
            "SenderId": "AIDAIENQZJOLO23YVJ4VO",
            "ApproximateFirstReceiveTimestamp": now,
        },
        "messageAttributes": {},
        "md5OfBody": hashlib.md5(job.body.encode(), usedforsecurity=False).hexdigest(),
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:eu-west-1:123456789012:convalias-inbound",
        "awsRegion": "eu-west-1",
    }


def sent(data: Path) -> list[str]:
    """The text of each notification that has left."""
    mails = [message_from_bytes(one.read_bytes(), policy=policy.default) for one in sorted(data.glob("outbox/*.eml"))]
    return [str(body.get_content()) for body in (mail.get_body(("plain",)) for mail in mails) if body is not None]


def main() -> None:
    data = prepared()
    import due  # noqa: PLC0415 - each reads its settings when Lambda imports it
    import mail  # noqa: PLC0415
    import web  # noqa: PLC0415

    people = [
        Participant.of("ann", addresses=["ann@home.example"]),
        Participant.of("bob", addresses=["bob@corp.example"]),
    ]
    aliases = mail.cv.open_conversation("c1", use_case="hiring", participants=people)
    answer = web.handler(http("/inbound/mailgun/mime", posted(str(aliases[people[0].account]), "Hello Ann!")), call())
    print("web: ", answer["statusCode"])
    print("mail:", json.dumps(mail.handler(queued(mail.cv.inbound.take()), call())))
    print("due: ", json.dumps(due.handler({}, call())))
    print(sent(data)[0])


if __name__ == "__main__":
    main()
