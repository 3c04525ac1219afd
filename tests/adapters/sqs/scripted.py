"""A server that speaks as much of the SQS protocol as a test dictates: each operation answers as it is told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from attrs import define, field

from convalias.adapters.sqs import Credentials, JobQueue, Limits
from convalias.adapters.system import Clock

Reply = tuple[int, dict[str, Any]]
Script = Callable[[dict[str, Any]], Awaitable[Reply]]
SECRET = "hunter2-secret"


async def nothing(_: dict[str, Any]) -> Reply:
    """Worked, and nothing to tell."""
    return 200, {}


async def all_sent(request: dict[str, Any]) -> Reply:
    """Every entry worked."""
    return 200, {"Successful": [{"Id": one["Id"], "MessageId": "m"} for one in request["Entries"]]}


def refusing(status: int, code: str, message: str = "") -> Script:
    """As AWS refuses a whole request."""

    async def script(_: dict[str, Any]) -> Reply:
        return status, {"__type": f"com.amazonaws.sqs#{code}", "message": message}

    return script


@define
class ScriptedSqs:
    """Answers by operation; `asked` is what it was asked, in order."""

    scripts: dict[str, Script] = field(factory=dict)
    asked: list[tuple[str, dict[str, Any]]] = field(factory=list)
    port: int = 0

    def calls(self, operation: str) -> list[dict[str, Any]]:
        """What that operation was asked."""
        return [request for name, request in self.asked if name == operation]

    def jobs(self, *, timeout: float = 5.0, in_flight: int = 16, poll: int = 20) -> JobQueue:
        """The adapter over it, not yet open."""
        return JobQueue(
            f"sqs://eu-west-1/jobs?endpoint=http://127.0.0.1:{self.port}",
            clock=Clock(),
            credentials=Credentials(access_key="AKIA-someone", secret_key=SECRET),
            limits=Limits(timeout=timeout, retries=0, in_flight=in_flight, poll=poll),
        )

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                lines = head.decode().split("\r\n")[1:]
                fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
                request = json.loads(await reader.readexactly(int(fields["content-length"])))
                operation = fields["x-amz-target"].partition(".")[2]
                self.asked.append((operation, request))
                status, answer = await self.scripts.get(operation, nothing)(request)
                body = json.dumps(answer).encode()
                said = f"HTTP/1.1 {status} -\r\nContent-Type: application/x-amz-json-1.0\r\n"
                writer.write(f"{said}Content-Length: {len(body)}\r\n\r\n".encode() + body)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


async def _found(_: dict[str, Any]) -> Reply:
    return 200, {"QueueUrl": "http://127.0.0.1/000000000000/jobs"}


@asynccontextmanager
async def scripted(**scripts: Script) -> AsyncIterator[ScriptedSqs]:
    """One that listens, by operation (`SendMessageBatch=...`); unless told otherwise it knows the queue."""
    sqs = ScriptedSqs({"GetQueueUrl": _found, "SendMessageBatch": all_sent, **scripts})
    server = await asyncio.start_server(sqs._serve, "127.0.0.1", 0)
    async with server:
        sqs.port = server.sockets[0].getsockname()[1]
        yield sqs
        server.close()
