"""Posts as Postmark makes them: the documented fields, with values of our own."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from convalias.adapters import memory
from convalias.adapters.postmark import Credentials, Webhook
from convalias.codec import loads
from convalias.domain.inbound.posts import EnvelopeRecord
from convalias.services.inbound.doors import DoorPost, HttpAnswer
from convalias.services.inbound.receiver import Receiver

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
PAIR = "postmark:correct-horse-battery"
ALIAS = "john-smith-1ab131e2@reply.example"
RAW = "From: mary@corp.example\r\nTo: john-smith-1ab131e2@reply.example\r\nSubject: Grüße\r\n\r\nHello\r\n"
JSON = "application/json"


def basic(pair: str = PAIR) -> str:
    return "Basic " + base64.b64encode(pair.encode()).decode()


def person(email: str, name: str = "", tag: str = "") -> dict[str, str]:
    return {"Email": email, "Name": name, "MailboxHash": tag}


def inbound(**more: Any) -> dict[str, Any]:
    """https://postmarkapp.com/developer/webhooks/inbound-webhook, without the raw mail."""
    return {
        "FromName": "Mary Major",
        "MessageStream": "inbound",
        "From": "mary@corp.example",
        "FromFull": person("mary@corp.example", "Mary Major"),
        "To": f'"John" <{ALIAS}>',
        "ToFull": [person(ALIAS, "John")],
        "Cc": "",
        "CcFull": [],
        "Bcc": "",
        "BccFull": [],
        "OriginalRecipient": ALIAS,
        "Subject": "About the flat",
        "MessageID": "73e6d360-66eb-11e1-8e72-a8904824019b",
        "ReplyTo": "",
        "MailboxHash": "",
        "Date": "Sun, 1 Mar 2026 12:00:00 +0100",
        "TextBody": "Is it still free?\n",
        "HtmlBody": "<p>Is it still free?</p>",
        "StrippedTextReply": "",
        "Tag": "",
        "Headers": [
            {"Name": "X-Spam-Status", "Value": "No"},
            {"Name": "Message-ID", "Value": "<m1@corp.example>"},
            {"Name": "MIME-Version", "Value": "1.0"},
        ],
        "Attachments": [],
        **more,
    }


def attachment(content: str, name: str = "plan.png", kind: str = "image/png") -> dict[str, Any]:
    return {"Name": name, "Content": content, "ContentType": kind, "ContentLength": 4, "ContentID": ""}


async def chunked(body: bytes, size: int = 65_536) -> AsyncIterator[bytes]:
    for at in range(0, len(body), size):
        yield body[at : at + size]


class Door:
    """A webhook over a receiver in memory."""

    def __init__(self, *, limit: int = 100_000, trust_spam_flag: bool = False, pairs: str = PAIR) -> None:
        self.clock = memory.Clock(NOON)
        self.blobs = memory.Blobs()
        self.queue = memory.JobQueue(self.clock)
        self.faults = memory.Faults()
        self.read = 0
        receiver = Receiver(
            blobs=memory.faulty.Blobs(self.blobs, self.faults),
            queue=self.queue,
            clock=self.clock,
            telemetry=memory.Telemetry(),
        )
        self.webhook = Webhook(
            accept=receiver.accept,
            credentials=Credentials.parse(pairs),
            mail_limit=limit,
            trust_spam_flag=trust_spam_flag,
        )

    async def _counted(self, body: bytes) -> AsyncIterator[bytes]:
        async for chunk in chunked(body, 1_000):
            self.read += len(chunk)
            yield chunk

    def post(self, posted: object, *, authorization: str | None = None, content_type: str = JSON) -> HttpAnswer:
        body = posted if isinstance(posted, bytes) else json.dumps(posted).encode()
        headers = {"authorization": basic() if authorization is None else authorization}
        post = DoorPost(content_type=content_type, chunks=self._counted(body), headers=headers)
        return asyncio.run(self.webhook.handle(post))

    def records(self) -> Sequence[EnvelopeRecord]:
        return list(self._records())

    def _records(self) -> Iterator[EnvelopeRecord]:
        for name in asyncio.run(self.blobs.names("envelopes/", after="", limit=1_000)):
            yield loads(asyncio.run(self.blobs.get(name)) or b"", EnvelopeRecord)

    def kept(self) -> bytes:
        """The raw mail of the only post."""
        (record,) = self.records()
        return asyncio.run(self.blobs.get(record.raw)) or b""
