"""Mail servers for tests: a real one (aiosmtpd), and one that does at each step what its script says."""

from __future__ import annotations

import asyncio
import ssl
import warnings
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final, Literal

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session
from attrs import define, field, frozen
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HOST: Final = "127.0.0.1"
USER: Final = "relay-user"
PASSWORD: Final = "p@ss:wörd"
OFFERS: Final = ("SIZE 10000000", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES")


# --- certificates -----------------------------------------------------------------------------------------------------


@frozen
class Certificate:
    """A certificate that signed itself, and its key, in one PEM file."""

    pem: Path

    @property
    def context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.pem)
        return context


@cache
def _pem(name: str, days: int) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a test")])
    alternative: x509.GeneralName = x509.IPAddress(ip_address(name)) if name[0].isdigit() else x509.DNSName(name)
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=400))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return made.public_bytes(serialization.Encoding.PEM) + private


def certificate(folder: Path, name: str = HOST, *, days: int = 30) -> Certificate:
    """`days`: until it ends; negative: it has ended."""
    path = folder / f"{name}{days}.pem"
    path.write_bytes(_pem(name, days))
    return Certificate(path)


# --- a real server ----------------------------------------------------------------------------------------------------


@define
class Mailbox:
    """What the server took, as it stands in the envelope; and a hook on each recipient."""

    taken: list[tuple[str, str, bytes]] = field(factory=list[tuple[str, str, bytes]])
    """Return path, recipient, octets."""
    options: list[list[str]] = field(factory=list[list[str]])
    sessions: set[int] = field(factory=set[int])
    refused: dict[str, str] = field(factory=dict[str, str])
    """By recipient: its reply to RCPT TO."""

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if (reply := self.refused.get(address)) is not None:
            return reply
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 fine"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.sessions.add(id(session))
        self.options.append([str(one) for one in envelope.mail_options])
        content = envelope.original_content
        assert isinstance(content, bytes)
        for recipient in envelope.rcpt_tos:
            self.taken.append((envelope.mail_from or "", recipient, content))
        return "250 2.0.0 taken"


@asynccontextmanager
async def aiosmtpd_server(
    box: Mailbox,
    *,
    implicit: Certificate | None = None,
    starttls: Certificate | None = None,
    login: bool = False,
    user: str = USER,
    utf8: bool = True,
    size: int = 10_000_000,
) -> AsyncIterator[int]:
    """Its port."""
    protocols: list[SMTP] = []

    def check_password(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        return AuthResult(success=(data.login, data.password) == (user.encode(), PASSWORD.encode()), handled=False)

    def protocol() -> SMTP:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # a login without TLS is what some tests are about
            return made()

    def made() -> SMTP:
        protocols.append(
            SMTP(
                box,
                hostname="a.test",
                data_size_limit=size,
                enable_SMTPUTF8=utf8,
                tls_context=None if starttls is None else starttls.context,
                require_starttls=starttls is not None,
                auth_required=login,
                auth_require_tls=login and starttls is not None,
                authenticator=check_password if login else None,
                loop=asyncio.get_running_loop(),
            )
        )
        return protocols[-1]

    loop = asyncio.get_running_loop()
    server = await loop.create_server(protocol, HOST, 0, ssl=None if implicit is None else implicit.context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for one in protocols:
            if isinstance(one.transport, asyncio.WriteTransport):
                with suppress(AttributeError):  # one of TLS that was closed twice, in early releases of 3.11
                    one.transport.abort()
        await asyncio.sleep(0)
        await asyncio.sleep(0)


# --- a server with a script -------------------------------------------------------------------------------------------

At = Literal["greeting", "EHLO", "STARTTLS", "AUTH", "RSET", "MAIL", "RCPT", "DATA", "body", "end", "QUIT"]
DROP: Final = "drop"
SILENT: Final = "silent"
GOOD: Final[Mapping[str, str]] = {
    "greeting": "220 a.test",
    "STARTTLS": "454 4.7.0 not here",
    "AUTH": "235 2.7.0 fine",
    "RSET": "250 2.0.0 fine",
    "MAIL": "250 2.1.0 fine",
    "RCPT": "250 2.1.5 fine",
    "DATA": "354 go on",
    "end": "250 2.0.0 taken",
    "QUIT": "221 2.0.0 bye",
}


@define
class Scripted:
    """Says at a step what it was told to, once each in turn, and then what a good server says."""

    says: dict[str, list[str]] = field(factory=dict[str, list[str]])
    """By step: replies, DROP (ends the connection), SILENT (never answers)."""
    offers: Sequence[str] = OFFERS
    drop_after: int | None = None
    """Octets of the mail behind which the connection is dropped."""
    commands: list[str] = field(factory=list[str])
    taken: list[bytes] = field(factory=list[bytes])
    """Mails that were whole, as they came: dots doubled."""
    connections: int = 0
    on: Callable[[str], None] = lambda step: None
    """Told of each step as it comes."""

    def next(self, step: str) -> str:
        self.on(step)
        queue = self.says.get(step)
        if queue:
            return queue.pop(0)
        if step == "EHLO":
            lines = ["a.test", *self.offers]
            return "\r\n".join(
                f"250{'-' if number < len(lines) else ' '}{line}" for number, line in enumerate(lines, 1)
            )
        return GOOD[step]

    sessions: dict[asyncio.Task[Any], asyncio.StreamWriter] = field(factory=dict[Any, Any])

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self.sessions[task] = writer
        with suppress(ConnectionError, asyncio.IncompleteReadError, _Dropped):
            try:
                await self._session(reader, writer)
            except _Silent:
                await writer.wait_closed()  # and nothing is read: until the client goes, or the test
        writer.transport.abort()

    async def _session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._answer("greeting", writer)
        while line := await reader.readline():
            self.commands.append(line.decode().rstrip("\r\n"))
            word = line.split()[0].decode().upper()
            reply = await self._answer(word, writer)
            if word == "DATA" and reply.startswith("354"):
                await self._mail(reader, writer)

    async def _mail(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while self.says.get("body"):
            await reader.readexactly(10)
            await self._answer("body", writer)
        if self.drop_after is not None:
            await reader.readexactly(self.drop_after)
            raise _Dropped
        raw = b""
        while not raw.endswith(b"\r\n.\r\n"):
            if not (more := await reader.read(1_000_000)):
                raise _Dropped
            raw += more
        self.taken.append(raw.removesuffix(b".\r\n"))
        await self._answer("end", writer)

    async def _answer(self, step: str, writer: asyncio.StreamWriter) -> str:
        reply = self.next(step)
        if reply == DROP:
            raise _Dropped
        if reply == SILENT:
            raise _Silent
        writer.write(f"{reply}\r\n".encode())
        await writer.drain()
        return reply


class _Dropped(Exception):
    pass


class _Silent(Exception):
    pass


@asynccontextmanager
async def scripted_server(script: Scripted) -> AsyncIterator[int]:
    """Its port."""
    server = await asyncio.start_server(script.serve, HOST, 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in script.sessions.values():
            writer.transport.abort()
        if script.sessions:
            await asyncio.wait(script.sessions)
