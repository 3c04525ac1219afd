"""Posts as Mailgun makes them, signed, in both encodings."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from convalias.adapters import memory
from convalias.adapters.mailgun import Bounds, HttpAnswer, SigningKeys, Webhook
from convalias.codec import loads
from convalias.domain.inbound.posts import EnvelopeRecord
from convalias.services.inbound.doors import DoorPost
from convalias.services.inbound.receiver import Receiver, read_reference

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEY = "key-of-the-provider"
ALIAS = "john-smith-1ab131e2@reply.example"
RAW = b"From: mary@corp.example\r\nTo: john-smith-1ab131e2@reply.example\r\nSubject: Hi\r\n\r\nHello\r\n"
BOUNDARY = "XboundaryX"
MULTIPART = f"multipart/form-data; boundary={BOUNDARY}"
URLENCODED = "application/x-www-form-urlencoded"

Field = tuple[str, bytes | str]


def signed(token: str = "t" * 50, *, at: datetime = NOON, key: str = KEY) -> list[Field]:
    timestamp = str(int(at.timestamp()))
    signature = hmac.new(key.encode(), (timestamp + token).encode(), hashlib.sha256).hexdigest()
    return [("timestamp", timestamp), ("token", token), ("signature", signature)]


def raw_form(*more: Field, token: str = "t" * 50, mail: bytes = RAW, recipient: str = ALIAS) -> list[Field]:
    return [
        *signed(token),
        ("recipient", recipient),
        ("sender", "mary@corp.example"),
        ("From", "Mary <mary@corp.example>"),
        ("from", "Mary <mary@corp.example>"),
        *more,
        ("body-mime", mail),
    ]


def multipart(fields: Iterable[Field], files: Iterable[tuple[str, str, bytes]] = (), boundary: str = BOUNDARY) -> bytes:
    out = bytearray()
    for name, value in fields:
        out += f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'.encode()
        out += (value if isinstance(value, bytes) else value.encode()) + b"\r\n"
    for name, filename, content in files:
        out += f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="{filename}"\r\n'.encode()
        out += b"Content-Type: image/png\r\n\r\n" + content + b"\r\n"
    return bytes(out) + f"--{boundary}--\r\n".encode()


def urlencoded(fields: Iterable[Field]) -> bytes:
    return urlencode(list(fields)).encode()


async def chunked(body: bytes, size: int = 65_536) -> AsyncIterator[bytes]:
    for at in range(0, len(body), size):
        yield body[at : at + size]


class Door:
    """A webhook over a receiver in memory."""

    def __init__(self, *, bounds: Bounds | None = None, keys: str = KEY, trust_spam_flag: bool = False) -> None:
        self.clock = memory.Clock(NOON)
        self.blobs = memory.Blobs()
        self.queue = memory.JobQueue(self.clock)
        self.telemetry = memory.Telemetry()
        self.faults = memory.Faults()
        receiver = Receiver(
            blobs=memory.faulty.Blobs(self.blobs, self.faults),
            queue=memory.faulty.JobQueue(self.queue, self.faults),
            clock=self.clock,
            telemetry=self.telemetry,
        )
        self.webhook = Webhook(
            accept=receiver.accept,
            keys=SigningKeys.parse(keys),
            clock=self.clock,
            bounds=bounds or Bounds(),
            trust_spam_flag=trust_spam_flag,
        )

    def post(
        self,
        fields: Sequence[Field],
        files: Iterable[tuple[str, str, bytes]] = (),
        *,
        raw: bool = True,
        boundary: str = BOUNDARY,
    ) -> HttpAnswer:
        body = multipart(fields, files, boundary)
        return self._posted(f"multipart/form-data; boundary={boundary}", body, raw=raw)

    def post_urlencoded(self, fields: Sequence[Field], *, raw: bool = True) -> HttpAnswer:
        return self._posted(URLENCODED, urlencoded(fields), raw=raw)

    def _posted(self, content_type: str, body: bytes, *, raw: bool) -> HttpAnswer:
        post = DoorPost(content_type=content_type, chunks=chunked(body, 1_000), address="/mime" if raw else "")
        return asyncio.run(self.webhook.handle(post))

    def records(self) -> list[EnvelopeRecord]:
        async def read() -> list[EnvelopeRecord]:
            names = await self.blobs.names("envelopes/", after="", limit=1_000)
            return [loads(await self.blobs.get(name) or b"", EnvelopeRecord) for name in names]

        return asyncio.run(read())

    def kept(self) -> bytes:
        """The raw mail of the only post."""
        (record,) = self.records()
        return asyncio.run(self.blobs.get(record.raw)) or b""

    def queued(self) -> list[str]:
        async def take() -> list[str]:
            jobs = await self.queue.take(limit=100, wait=timedelta(0), lease=timedelta(1))
            references = [read_reference(job.body) for job in jobs]
            return [one.record for one in references if one is not None]

        return asyncio.run(take())
