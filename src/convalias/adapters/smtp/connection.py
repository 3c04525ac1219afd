"""A connection to a mail server: the one place that calls aiosmtplib."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from socket import gaierror
from typing import Any, Final

import aiosmtplib
from aiosmtplib.protocol import SMTPProtocol

from convalias.adapters.smtp.errors import AnswerLost, Dropped, UnusableServerError
from convalias.adapters.smtp.letter import Letter
from convalias.adapters.smtp.place import Place, Tls
from convalias.adapters.smtp.replies import Meaning, Reply, Step, meaning
from convalias.ports.errors import Deferred, EngineAway, Rejected

_QUIT_WITHIN: Final = 1.0
"""Seconds for a goodbye that nobody needs."""


def tls_context(place: Place) -> ssl.SSLContext | None:
    """Return the certificates that are trusted. Raises `UnusableServerError`. None: nothing is encrypted."""
    if place.tls is Tls.OFF:
        return None
    try:
        return ssl.create_default_context(cafile=place.ca)
    except (OSError, ssl.SSLError):
        raise UnusableServerError("mail: ca in the URL: expected a file with certificates in PEM") from None


class Connection:
    """A connection that has greeted, encrypted and logged in. It sends one mail after the other."""

    def __init__(self, client: aiosmtplib.SMTP, name: str) -> None:
        """`name`: of the server, for errors."""
        self._client = client
        self._name = name
        self._is_dirty = False
        """A transaction was begun and refused: the server still knows its sender."""
        self.is_reused = False
        """A mail went this way before: the server may have ended the connection since."""

    @property
    def is_open(self) -> bool:
        """Whether the next mail may go this way."""
        return self._client.is_connected

    @property
    def offers(self) -> Mapping[str, str]:
        """Return the keywords of the server's EHLO answer, in lower case."""
        return self._client.esmtp_extensions

    @property
    def certificate(self) -> Mapping[str, object]:
        """Return the server's certificate; empty if nothing is encrypted."""
        return self._client.get_transport_info("peercert") or {}

    def abort(self) -> None:
        """End it without a word: what was not handed over whole is not sent."""
        self._drop(self._client.transport)

    async def close(self) -> None:
        """Say goodbye, within a bound."""
        transport = self._client.transport
        try:
            async with asyncio.timeout(_QUIT_WITHIN):
                await self._client.quit()
        except (aiosmtplib.SMTPException, OSError, TimeoutError):
            pass
        finally:
            # The client only begins to close: behind TLS it would wait for the server's word, in a loop that may be over.
            self._drop(transport)
            await asyncio.sleep(0)

    def _drop(self, transport: asyncio.BaseTransport | None) -> None:
        if isinstance(transport, asyncio.WriteTransport):
            transport.abort()
        self._client.close()

    async def begin(self, letter: Letter, at: Progress) -> None:
        """Name sender and recipient, until the server asks for the mail. Raises `Deferred`, `Rejected`, `EngineAway`.

        Raises `Dropped` if the connection had ended: a fresh one may do.
        """
        at.step = Step.SENDER
        parameters = letter.parameters(self.offers)
        encoding = "utf-8" if letter.needs_utf8 else "ascii"
        if self._is_dirty:
            await self._ask(at, b"RSET")
        self._is_dirty = True
        await self._ask(at, b"MAIL", b"FROM:<" + letter.sender.encode(encoding) + b">", *parameters)
        at.step = Step.RECIPIENT
        await self._ask(at, b"RCPT", b"TO:<" + letter.recipient.encode(encoding) + b">")
        at.step = Step.DATA
        await self._ask(at, b"DATA")

    async def hand_over(self, letter: Letter, at: Progress) -> None:
        """Send the mail that `begin` announced. Returns when the server has taken it.

        Raises `AnswerLost` if it may have. The line that ends the mail is written when all before is on its way, so a
        connection that is lost earlier has surely sent nothing.
        """
        at.step = Step.BODY
        protocol = self._protocol()
        reply = asyncio.ensure_future(protocol.read_response())
        written = asyncio.ensure_future(_written(protocol, letter.octets))
        try:
            await asyncio.wait({reply, written}, return_when=asyncio.FIRST_COMPLETED)
            if not reply.done():
                try:
                    written.result()
                    protocol.write(b"")  # raises if it is lost: what is written then goes nowhere
                except (aiosmtplib.SMTPException, OSError):
                    raise Dropped(self._name) from None
                at.step = Step.END
                protocol.write(b".\r\n")
            answer = await reply
        except aiosmtplib.SMTPException as error:
            if at.step is not Step.END:
                raise Dropped(self._name) from None
            is_lost = isinstance(error, aiosmtplib.SMTPServerDisconnected)
            why = "the connection was lost after the mail" if is_lost else "the answer to the mail cannot be read"
            raise AnswerLost(why) from None
        finally:
            for one in (reply, written):
                one.add_done_callback(_heard)
                one.cancel()
        self._judge(Reply.of(answer.code, answer.message), at)
        self._is_dirty = False

    async def _ask(self, at: Progress, *words: bytes) -> None:
        try:
            answer = await self._client.execute_command(*words, timeout=None)
        except (aiosmtplib.SMTPServerDisconnected, OSError):
            raise Dropped(self._name) from None
        except aiosmtplib.SMTPException:
            self.abort()
            raise EngineAway(self._name, because=f"its answer to {at.step.value} cannot be read") from None
        self._judge(Reply.of(answer.code, answer.message), at)

    def _judge(self, reply: Reply, at: Progress) -> None:
        """Raise what a reply means, unless it is good."""
        said = f"{at.step.value}: {reply}"
        match meaning(reply, at.step):
            case Meaning.TAKEN:
                pass
            case Meaning.LATER:
                raise Deferred(f"the mail server puts it off at {said}")
            case Meaning.NEVER:
                raise Rejected(f"the mail server refuses it at {said}")
            case Meaning.AWAY:
                self.abort()
                raise EngineAway(self._name, because=said)
            case Meaning.UNCLEAR if at.step is Step.END:
                self.abort()
                raise AnswerLost(f"the answer to the mail is unclear ({reply})")
            case Meaning.UNCLEAR:
                self.abort()
                raise EngineAway(self._name, because=f"its answer is unclear at {said}")

    def _protocol(self) -> SMTPProtocol:
        protocol = self._client.protocol
        if protocol is None:
            raise Dropped(self._name)
        return protocol


class Progress:
    """The steps of a send that are done."""

    def __init__(self) -> None:
        """Nothing was done yet."""
        self.step = Step.WAITING


async def _written(protocol: SMTPProtocol, octets: bytes) -> None:
    protocol.write(octets)
    await protocol._drain_helper()  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - as asyncio's streams do


def _heard(one: asyncio.Future[Any]) -> None:
    """Whatever became of it is no surprise to the loop."""
    if not one.cancelled():
        one.exception()


async def connected(place: Place, password: str, *, context: ssl.SSLContext | None, name: str) -> Connection:
    """Connect, greet, encrypt, log in. Raises `EngineAway` with the reason; the caller bounds the time."""
    client = aiosmtplib.SMTP(
        hostname=place.host,
        port=place.port,
        use_tls=place.tls is Tls.IMPLICIT,
        start_tls=place.tls is Tls.STARTTLS,
        tls_context=context,
        local_hostname=place.helo,
        timeout=None,
    )
    try:
        await client.connect()
        if client.is_ehlo_or_helo_needed:
            await client.ehlo()
        if place.user:
            await client.login(place.user, password)
    except (aiosmtplib.SMTPException, OSError) as error:
        client.close()
        raise EngineAway(name, because=_because(error)) from None
    except BaseException:
        client.close()
        raise
    return Connection(client, name)


def _because(error: Exception) -> str:
    """Explain a failed connection. The client's own words can hold an address or what a server said."""
    cause = error.__cause__ or error
    match cause:
        case aiosmtplib.SMTPAuthenticationError():
            return f"it refuses user and password ({Reply.of(cause.code, cause.message)})"
        case aiosmtplib.SMTPResponseException():
            return f"it answers {Reply.of(cause.code, cause.message)}"
        case ssl.SSLCertVerificationError():
            return f"its certificate is not trusted ({cause.verify_message})"
        case OSError():
            return next((said for kind, said in _FAILURES if isinstance(cause, kind)), "it cannot be reached")
        case aiosmtplib.SMTPException() if cause.message.startswith("SMTP STARTTLS"):
            return "it offers no STARTTLS"
        case _:
            return "it offers no login that this client knows"


_FAILURES: Final = (
    (ssl.SSLError, "TLS failed"),
    (gaierror, "its name cannot be looked up"),
    (ConnectionRefusedError, "it refuses connections"),
    (TimeoutError, "no answer in time"),
    (ConnectionError, "the connection was lost"),
)
"""In this order: each of these is an `OSError`."""
