"""A stand-in for a mail server: takes mail by SMTP from this machine, and keeps each as a file."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

from attrs import field, frozen

_REPLIES: Final = {
    "EHLO": "250-demo.example\r\n250-8BITMIME\r\n250 SMTPUTF8",
    "DATA": "354 go on",
    "QUIT": "221 2.0.0 bye",
}
_END: Final = b"\r\n.\r\n"


@frozen(kw_only=True)
class MailServer:
    """An open server."""

    port: int
    folder: Path
    """The mailbox: one file for each mail that was taken."""

    def mails(self) -> Sequence[Path]:
        """Return the files, oldest first."""
        return sorted(self.folder.glob("*.eml"))


@frozen
class _Mailbox:
    folder: Path
    open_sessions: set[asyncio.StreamWriter] = field(factory=set[asyncio.StreamWriter])

    async def session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the commands of one connection."""
        self.open_sessions.add(writer)
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await _say(writer, "220 demo.example")
            while line := await reader.readline():
                word = line[:4].decode("ascii", "replace").upper()
                await _say(writer, _REPLIES.get(word, "250 2.0.0 fine"))
                if word == "DATA":
                    raw = (await reader.readuntil(_END)).removesuffix(b".\r\n").replace(b"\r\n..", b"\r\n.")
                    number = len([*self.folder.iterdir()]) + 1
                    (self.folder / f"{number:03}.eml").write_bytes(raw)
                    await _say(writer, "250 2.0.0 taken")
                elif word == "QUIT":
                    break
        self.open_sessions.discard(writer)
        writer.close()


async def _say(writer: asyncio.StreamWriter, reply: str) -> None:
    writer.write(f"{reply}\r\n".encode())
    await writer.drain()


@asynccontextmanager
async def mail_server(folder: Path) -> AsyncGenerator[MailServer]:
    """Listen on a free port of this machine. The folder is there."""
    mailbox = _Mailbox(folder)
    server = await asyncio.start_server(mailbox.session, "127.0.0.1", 0, limit=50_000_000)
    try:
        yield MailServer(port=server.sockets[0].getsockname()[1], folder=folder)
    finally:
        server.close()
        for writer in [*mailbox.open_sessions]:
            writer.close()
