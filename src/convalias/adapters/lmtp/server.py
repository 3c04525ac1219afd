"""A server for LMTP: bounded sessions, and an answer for each recipient once a mail is kept or is not."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, Final

from aiosmtpd import smtp
from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import Envelope, Session
from attrs import field, frozen, validators

from convalias.codec.addresses import address_in
from convalias.domain.inbound.posts import IncomingMail
from convalias.domain.mail.envelope import NULL_RETURN_PATH, ReturnPath
from convalias.ports.errors import Unavailable
from convalias.services.inbound.receiver import Kept, Receipt
from convalias.services.running.log_lines import LogLines
from convalias.services.running.places import told_of

log: Final = logging.getLogger("convalias.lmtp")
"""Logger `convalias.lmtp`: mail that was answered 451, by class and engine."""
PIECE: Final = 256 * 1024
"""Octets of a mail that are looked at in one go, whatever lines they have: a line may be as long as the mail."""
_END: Final = b"\r\n.\r\n"
_AGAIN: Final = "451 4.3.0 not kept, try again"
_TOO_LARGE: Final = "552 5.3.4 the mail is too large"
_TOO_EARLY: Final = "503 5.5.1 the mail came before the 354"
_NO_ADDRESS: Final = "553 5.1.3 no address"
_CROWDED: Final = b"421 4.3.2 too many sessions, try again\r\n"
_OFFERS: Final = ("250-PIPELINING", "250-ENHANCEDSTATUSCODES")
"""RFC 2033 §5: a server must offer both."""


@frozen(kw_only=True)
class Bounds:
    """Bounds of what one mail server may ask for."""

    sessions: int = field(default=32, validator=validators.gt(0))
    """At once. Postfix opens 20 to one destination unless it is told otherwise."""
    recipients: int = field(default=1_000, validator=validators.gt(0))
    """Of one mail."""
    idle: timedelta = timedelta(minutes=5)
    """Between two commands, and for a whole mail."""
    drain: timedelta = timedelta(seconds=20)
    """For sessions that are under way once the end was asked for."""


class _Desk:
    """What aiosmtpd calls at each step of a session. An envelope that it knows is never logged."""

    def __init__(self, accept: Callable[[IncomingMail], Awaitable[Receipt]], bounds: Bounds, lines: LogLines) -> None:
        self._accept = accept
        self._bounds = bounds
        self._lines = lines

    async def handle_EHLO(  # noqa: N802 - as aiosmtpd calls it
        self, server: LMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        return [*responses[:-1], *_OFFERS, responses[-1]]

    async def handle_RCPT(  # noqa: N802 - as aiosmtpd calls it
        self, server: LMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address_in(address) is None:
            return _NO_ADDRESS
        if len(envelope.rcpt_tos) >= self._bounds.recipients:
            return "452 4.5.3 too many recipients of one mail"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def kept(self, envelope: Envelope, content: bytes) -> str:
        """Keep the mail for all its recipients at once; say how that went."""
        mail = IncomingMail(
            content,
            recipients=[one for text in envelope.rcpt_tos if (one := address_in(text)) is not None],
            sender=_sender(envelope.mail_from),
            source="lmtp",
        )
        try:
            receipt = await self._accept(mail)
        except Unavailable as away:
            self._lines.repeated(f"LMTP: mail not taken, {away}")
            return _AGAIN
        except Exception as error:  # noqa: BLE001 - whatever it is, the mail is not kept
            return await self.handle_exception(error)
        return "250 2.0.0 kept" if isinstance(receipt, Kept) else _AGAIN

    async def handle_exception(self, error: Exception) -> str:
        """Say that nothing was kept; the error itself may quote what came."""
        self._lines.repeated(f"LMTP: {told_of(error)}")
        return _AGAIN


class _Session(LMTP):
    """One session. Each recipient of a mail has an answer of its own (RFC 2033 §4.2), errors of DATA included."""

    line_length_limit = PIECE

    def __init__(self, desk: _Desk, server: LmtpServer) -> None:
        super().__init__(
            desk,
            data_size_limit=server.mail_limit,
            enable_SMTPUTF8=True,
            hostname=server.hostname,
            ident="convalias LMTP",
            timeout=server.bounds.idle.total_seconds(),
            loop=asyncio.get_running_loop(),
        )
        self._server = server
        self._desk = desk
        self._greets = True
        """The greeting and the answer to LHLO have no enhanced codes (RFC 2034 §3)."""

    async def smtp_LHLO(self, arg: str) -> None:  # noqa: N802 - as aiosmtpd calls it
        """Greet: nothing of the answer is an enhanced code."""
        self._greets = True
        await super().smtp_LHLO(arg)
        self._greets = False

    async def smtp_DATA(self, arg: str | None) -> None:  # noqa: N802 - as aiosmtpd calls it
        """Take a mail and answer for each of its recipients.

        The library reads it line by line, and 25 MB of empty lines take it minutes; it answers an error once.
        """
        envelope = self.envelope
        if await self.check_helo_needed("LHLO"):
            return
        if envelope is None or not envelope.rcpt_tos:
            await self.push("503 need RCPT command")
            return
        if arg:
            await self.push("501 syntax: DATA")
            return
        content = await self._content()
        answer = content if isinstance(content, str) else await self._desk.kept(envelope, content)
        recipients = len(envelope.rcpt_tos)
        self.envelope = Envelope()
        for _ in range(recipients):
            await self.push(answer)

    async def _content(self) -> bytes | str:
        """Read a mail to its end; or return why it is not taken. The end is found at its very beginning, too."""
        self._reader.feed_data(b"\r\n")  # it comes first, unless the client sent its mail ahead of the 354
        await self.push("354 end data with <CR><LF>.<CR><LF>")
        most = self._server.mail_limit + len(_END)
        octets = bytearray()
        size, is_whole = 0, False
        while not is_whole:
            try:
                piece = await self._reader.readuntil(_END)
                is_whole = True
            except asyncio.LimitOverrunError as longer:
                piece = await self._reader.readexactly(longer.consumed)
            size += len(piece)
            if size <= 2 * most:  # leading dots come doubled
                octets += piece
            else:
                octets.clear()
        if not octets:
            return _TOO_LARGE
        if not octets.startswith(b"\r\n"):  # RFC 2920 §3.1: DATA is the last command before a client waits
            return _TOO_EARLY
        # RFC 5321 §4.5.2: a dot at the beginning of a line is taken off
        content = bytes(octets[: -len(_END)] + b"\r\n").replace(b"\r\n.", b"\r\n")[2:]
        return content if len(content) <= self._server.mail_limit else _TOO_LARGE

    async def push(self, status: Any) -> None:  # noqa: ANN401 - the signature of aiosmtpd
        """Send a reply: one line, with an enhanced code."""
        text = status.decode() if isinstance(status, bytes) else str(status)
        text = text.replace("\r", " ").replace("\n", " ")
        if not self._greets or not text.startswith("2"):
            text = _with_code(text)
        self._greets = self._greets and not text.startswith("220")
        await super().push(text)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._server.under_way.add(transport)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        """Give the place back."""
        if self.transport is not None:
            self._server.under_way.discard(self.transport)
        try:
            super().connection_lost(error)
        finally:
            self._server.left()


class _Crowded(asyncio.Protocol):
    """A session beyond the bound: it is asked to come again."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Say so, and end it."""
        if isinstance(transport, asyncio.WriteTransport):
            transport.write(_CROWDED)
        transport.close()


class LmtpServer:
    """Takes mail in at one socket. PROXY, TLS and logins are not spoken: it stands on the machine of its client."""

    def __init__(
        self,
        *,
        accept: Callable[[IncomingMail], Awaitable[Receipt]],
        mail_limit: int,
        lines: LogLines,
        bounds: Bounds | None = None,
    ) -> None:
        """`mail_limit`: octets of one mail. `lines`: where mail that was not taken is told, once a minute."""
        self.mail_limit = mail_limit
        self.bounds = bounds or Bounds()
        self.hostname = socket.gethostname()
        self.under_way: set[asyncio.BaseTransport] = set()
        self._taken = 0
        self._empty = asyncio.Event()
        self._empty.set()
        self._desk = _Desk(accept, self.bounds, lines)

    async def serve(self, listening: socket.socket, stop: asyncio.Event, *, ready: Callable[[], None]) -> None:
        """Serve until `stop` is set; then let sessions end for `Bounds.drain`. `ready` is called once it listens."""
        smtp.log.disabled = True  # it names addresses
        loop = asyncio.get_running_loop()
        if listening.family == socket.AF_UNIX:
            server = await loop.create_unix_server(self._session, sock=listening)
        else:
            server = await loop.create_server(self._session, sock=listening)
        ready()
        try:
            await stop.wait()
        finally:
            server.close()
            await self._drained()

    async def _drained(self) -> None:
        try:
            async with asyncio.timeout(self.bounds.drain.total_seconds()):
                await self._empty.wait()
        except TimeoutError:
            for transport in list(self.under_way):
                if isinstance(transport, asyncio.WriteTransport):
                    transport.abort()

    def left(self) -> None:
        """Note the end of a session."""
        self._taken -= 1
        if not self._taken:
            self._empty.set()

    def _session(self) -> asyncio.BaseProtocol:
        if self._taken >= self.bounds.sessions:
            return _Crowded()
        self._taken += 1
        self._empty.clear()
        return _Session(self._desk, self)


def _with_code(text: str) -> str:
    """With an enhanced status code (RFC 2034), where the library gives none."""
    code, _, rest = text[:3], text[3:4], text[4:]
    kind = code[:1]
    if kind not in {"2", "4", "5"} or rest.startswith(f"{kind}."):
        return text
    return f"{code}{text[3:4] or ' '}{_CODES.get(code, f'{kind}.0.0')} {rest}"


_CODES: Final = {"552": "5.3.4", "500": "5.5.2", "501": "5.5.4", "503": "5.5.1", "555": "5.5.4"}
"""RFC 3463; 552 is said of a mail that is too large, and of nothing else here."""


def _sender(text: str | None) -> ReturnPath:
    """The envelope's sender; None, not known, where it is no address."""
    return NULL_RETURN_PATH if text in {"", "<>"} else address_in(text or "")
