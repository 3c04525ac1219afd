"""A stand-in for Mailgun's API over a socket, made from its documented contract, that fails on demand.

https://documentation.mailgun.com/docs/mailgun/api-reference/send/mailgun/messages
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from email import policy
from email.parser import BytesParser
from enum import Enum

from attrs import Factory, define, field, frozen

KEY = "key-0123456789abcdef"
DOMAIN = "mg.example"


class Fault(Enum):
    """What goes wrong with one request."""

    BEFORE = "the connection ends when the head was read"
    AFTER = "the mail is taken, and the connection ends without an answer"
    STALL = "the mail is taken, and no answer comes"
    DEAF = "nothing is read, and no answer comes"


@frozen
class Answer:
    """An answer in the place of the usual one; the mail is not taken."""

    status: int
    headers: Mapping[str, str] = field(factory=dict[str, str])
    takes: bool = False


@frozen
class Posted:
    """A mail that was taken."""

    to: str
    raw: bytes
    fields: Mapping[str, str]


@define
class Api:
    """What was taken, and what happens next."""

    taken: list[Posted] = Factory(list[Posted])
    then: list[Fault | Answer] = Factory(list["Fault | Answer"])
    state: object = "active"
    heard: asyncio.Event = Factory(asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._one(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        self.heard.set()
        first, *lines = head.strip().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        then = self.then.pop(0) if self.then else None
        if then is Fault.BEFORE:
            return False
        if then is Fault.DEAF:
            await asyncio.Event().wait()
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        answer = then if isinstance(then, Answer) else self._wrong(first, headers)
        if answer is None or answer.takes:
            self._take(first, headers, body)
        if then is Fault.AFTER:
            return False
        if then is Fault.STALL:
            await asyncio.Event().wait()
        told: object = {"id": "<20260301120000.1@mg.example>", "message": "Queued. Thank you."}
        if first.startswith("GET"):
            told = {"domain": {"name": DOMAIN, "state": self.state}} if self.state is not None else []
        _write(writer, answer or Answer(200), json.dumps(told if answer is None else {"message": "no"}).encode())
        await writer.drain()
        return True

    def _wrong(self, first: str, headers: Mapping[str, str]) -> Answer | None:
        if headers.get("authorization") != "Basic " + base64.b64encode(f"api:{KEY}".encode()).decode():
            return Answer(401)
        known = (f"POST /v3/{DOMAIN}/messages.mime HTTP/1.1", f"GET /v3/domains/{DOMAIN} HTTP/1.1")
        return None if first in known else Answer(404)

    def _take(self, first: str, headers: Mapping[str, str], body: bytes) -> None:
        if not first.startswith("POST"):
            return
        form = BytesParser(policy=policy.HTTP).parsebytes(
            b"Content-Type: " + headers["content-type"].encode() + b"\r\n\r\n" + body.replace(b"message/rfc822", b"x/y")
        )
        fields: dict[str, str] = {}
        boundary = b"--" + str(form.get_boundary()).encode()
        for part in form.iter_parts():
            name = str(part.get_param("name", header="content-disposition"))
            fields[name] = str(part.get_payload())
        raw = body.split(b"message/rfc822\r\n\r\n", 1)[1].rsplit(b"\r\n" + boundary + b"--\r\n", 1)[0]
        self.taken.append(Posted(fields["to"], raw, fields))


def _write(writer: asyncio.StreamWriter, answer: Answer, body: bytes) -> None:
    more = "".join(f"{name}: {value}\r\n" for name, value in answer.headers.items())
    writer.write(
        f"HTTP/1.1 {answer.status} X\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n{more}\r\n".encode()
        + body
    )


@asynccontextmanager
async def api_server(api: Api) -> AsyncGenerator[str]:
    """The stand-in; the URL of a sender that uses it."""
    tasks = set[asyncio.Task[None]]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await api.serve(reader, writer)
        except asyncio.CancelledError:
            writer.transport.abort()
        finally:
            tasks.discard(task)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"mailgun://{DOMAIN}?api=http://127.0.0.1:{port}"
    finally:
        server.close()
        for task in [*tasks]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
