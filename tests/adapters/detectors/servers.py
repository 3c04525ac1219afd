"""Detectors for tests: small servers that speak the documented protocols, and one that does what its script says."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, TypeAlias

from attrs import define, field

HOST: Final = "127.0.0.1"
GTUBE: Final = b"XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"
EICAR: Final = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
HEAD: Final = b"From: eve@evil.example\r\nTo: bob@corp.example\r\nSubject: look\r\nMessage-ID: <2@evil.example>\r\n\r\n"
SPAM: Final = HEAD + GTUBE + b"\r\n"
VIRUS: Final = HEAD + EICAR
"""Without an end of its last line, as a file is."""

Serve: TypeAlias = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def serving(serve: Serve) -> AsyncGenerator[int]:
    """The port of a server that does that with each connection, and closes it; at its end none is left."""
    answering: set[asyncio.Task[None]] = set()

    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if (task := asyncio.current_task()) is not None:
            answering.add(task)
            task.add_done_callback(answering.discard)
        try:
            await serve(reader, writer)
            await writer.drain()
        except ConnectionError:
            pass  # the client has seen enough
        finally:
            writer.close()

    server = await asyncio.start_server(served, HOST, 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for _ in range(8):  # what was accepted in the last moment begins
            await asyncio.sleep(0)
        ending = list(answering)
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)


@asynccontextmanager
async def at_a_path(serve: Serve, path: Path) -> AsyncGenerator[None]:
    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await serve(reader, writer)
        writer.close()

    server = await asyncio.start_unix_server(served, path)
    try:
        yield
    finally:
        server.close()


def saying(*pieces: bytes) -> Serve:
    """Answers so, whatever is asked and before it is."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.writelines(pieces)

    return serve


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    await asyncio.Event().wait()


@define
class SpamdServer:
    """As spamd's PROTOCOL has it; like spamd it reads until the client closes its side."""

    code: int = 0
    requests: list[tuple[Sequence[str], bytes]] = field(factory=list)

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        lines = head.decode("ascii").split("\r\n")
        self.requests.append((lines, body))
        if self.code:
            writer.write(f"SPAMD/1.0 {self.code} Bad header line: (no text of a mail here)\r\n".encode())
        elif lines[0] == "PING SPAMC/1.5":
            writer.write(b"SPAMD/1.5 0 PONG\r\n")
        elif lines[0] == "SYMBOLS SPAMC/1.5" and f"Content-length: {len(body)}" in lines:
            is_spam = GTUBE in body
            rules = b"GTUBE,NO_RECEIVED" if is_spam else b"NO_RECEIVED"
            verdict = b"Spam: True ; 999.9 / 5.0" if is_spam else b"Spam: False ; -0.1 / 5.0"
            writer.write(
                b"SPAMD/1.1 0 EX_OK\r\nContent-length: %d\r\n%s\r\n\r\n%s\r\n" % (len(rules) + 2, verdict, rules)
            )
        else:
            writer.write(b"SPAMD/1.0 76 EX_PROTOCOL\r\n")


@define
class ClamdServer:
    """As clamd(8) has it: the z form of its commands, chunks with lengths, a limit on a stream."""

    stream_max_length: int = 26_214_400
    seen: list[bytes] = field(factory=list)

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        command = await reader.readuntil(b"\0")
        if command == b"zVERSION\0":
            writer.write(b"ClamAV 1.4.3/27500/Sun Mar  1 09:00:00 2026\0")
        elif command == b"zINSTREAM\0":
            writer.write(await self._scanned(reader) + b"\0")
        else:
            writer.write(b"UNKNOWN COMMAND\0")

    async def _scanned(self, reader: asyncio.StreamReader) -> bytes:
        octets = b""
        while length := int.from_bytes(await reader.readexactly(4), "big"):
            octets += await reader.readexactly(length)
            if len(octets) > self.stream_max_length:
                return b"INSTREAM size limit exceeded. ERROR"
        self.seen.append(octets)
        return b"stream: Eicar-Test-Signature FOUND" if EICAR in octets else b"stream: OK"


def closed_port() -> int:
    """A port of this machine at which nobody listens: that of privileged discard."""
    return 9


def without_numbers(text: str) -> str:
    """Messages name the port of the server, which is another each time."""
    return re.sub(r":\d+ ", ":PORT ", text)
