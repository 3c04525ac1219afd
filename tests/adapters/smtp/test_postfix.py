"""The promises of the mail port, over the server that Postfix tests with, where it is installed."""

from __future__ import annotations

import asyncio
import getpass
import os
import re
import shutil
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import pytest

from adapters.smtp.servers import HOST
from convalias.adapters.smtp import OutgoingMail
from convalias.domain.addresses.email_address import EmailAddress
from convalias.testing import conformance
from convalias.testing.conformance import Check

PROGRAM: Final = shutil.which("smtp-sink", path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"]))
RECIPIENT: Final = re.compile(rb"^X-Rcpt-Args: <(.*?)>", re.MULTILINE)


def free_port() -> int:
    with socket.socket() as one:
        one.bind((HOST, 0))
        port: int = one.getsockname()[1]
        return port


@asynccontextmanager
async def sink(folder: Path) -> AsyncIterator[int]:
    """Its port. Each mail becomes a file, its lines ending in LF."""
    port = free_port()
    server = await asyncio.create_subprocess_exec(
        *(str(PROGRAM), "-u", getpass.getuser(), "-R", str(folder), "-d", "%M."), f"{HOST}:{port}", "10"
    )
    try:
        while True:
            try:
                _, writer = await asyncio.open_connection(HOST, port)
            except ConnectionRefusedError:
                await asyncio.sleep(0.02)  # it is another process, which cannot wake us
            else:
                writer.close()
                break
        yield port
    finally:
        server.terminate()
        await server.wait()


def dumped(folder: Path) -> list[tuple[EmailAddress, bytes]]:
    found: list[tuple[EmailAddress, bytes]] = []
    for path in folder.iterdir():
        raw = path.read_bytes().removesuffix(b"\n")
        recipient = RECIPIENT.search(raw)
        assert recipient is not None
        found.append((EmailAddress.parse(recipient[1].decode()), raw.replace(b"\n", b"\r\n")))
    return found


@pytest.mark.skipif(PROGRAM is None, reason="smtp-sink is not installed: the package postfix")
@pytest.mark.parametrize("check", conformance.OUTGOING_MAIL, ids=str)
async def test_outgoing_mail(check: Check[conformance.MakeOutgoingMail], tmp_path: Path) -> None:
    async def arrived() -> Sequence[tuple[EmailAddress, bytes]]:
        return dumped(tmp_path)

    async with sink(tmp_path) as port:

        @asynccontextmanager
        async def open_sink(_: str) -> AsyncIterator[conformance.MailSink]:
            async with OutgoingMail(f"smtp://{HOST}:{port}?tls=off&helo=here.test") as sender:
                yield conformance.MailSink(port=sender, arrived=arrived)

        await check(open_sink)
