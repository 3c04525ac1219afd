"""A connection for each question: what is asked is written, and what the detector answers is read to its end."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress
from socket import SHUT_WR, SOCK_STREAM, AddressFamily, gaierror, socket
from types import TracebackType
from typing import Any, Final, Self

from convalias.adapters.detectors.errors import failed
from convalias.adapters.detectors.place import Place
from convalias.ports.errors import EngineAway

LONGEST_ANSWER: Final = 65_536
"""Octets of an answer that are read: a detector answers in a few lines."""
TURN: Final = 5.0
"""Seconds until one of the connections is free. Behind a detector that is busy longer, mail waits in the queue."""
_FAILURES: Final = (
    (gaierror, "its name cannot be looked up"),
    (ConnectionRefusedError, "it refuses connections"),
    (FileNotFoundError, "there is no such socket"),
    (PermissionError, "its socket may not be used by this user"),
)
"""In this order: each of these is an `OSError`."""


class Daemon:
    """A detector that listens at a place. Each question has a connection of its own."""

    def __init__(self, place: Place, setting: str = "", *, turn: float = TURN) -> None:
        """`setting`: where the URL was set, for messages. `turn`: seconds until a connection is free."""
        self.place = place
        self._turn = turn
        self.name = f"check: {place.shown}" + (f" ({setting})" if setting else "")
        self._places = asyncio.Semaphore(place.limits.connections)

    async def __aenter__(self) -> Self:
        """Connect to nobody: the first question does."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing stays open between questions."""

    async def ask(self, pieces: Iterable[bytes], *, end: bytes = b"") -> bytes:
        """Return the whole answer to a question: up to `end`, or until the detector closes the connection.

        Without an `end` the question ends as the answer does: our side of the connection is closed behind it.
        Raises `EngineAway` if nobody could be asked in time, `AdapterFailed` if somebody was and gave no answer.
        """
        try:
            async with asyncio.timeout(self._turn):
                await self._places.acquire()
        except TimeoutError:
            raise EngineAway(self.name, because="all connections are busy") from None
        try:
            return await self._asked(pieces, end)
        finally:
            self._places.release()

    async def _asked(self, pieces: Iterable[bytes], end: bytes) -> bytes:
        limits, begin = self.place.limits, asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout_at(begin + min(limits.connect, limits.timeout)):
                connection = await self._connected()
        except TimeoutError:
            raise EngineAway(self.name, because="no connection in time") from None
        except OSError as error:
            said = next((said for kind, said in _FAILURES if isinstance(error, kind)), "it cannot be reached")
            raise EngineAway(self.name, because=said) from None
        with connection:
            try:
                async with asyncio.timeout_at(begin + limits.timeout):
                    return await self._exchanged(connection, pieces, end)
            except TimeoutError:
                raise failed(self.name, f"gave no answer within {limits.timeout:g} s") from None

    async def _connected(self) -> socket:
        """The first of its addresses that takes a connection."""
        refused: OSError = OSError("no address")
        for family, address in await self._addresses():
            connection = socket(family, SOCK_STREAM)
            try:
                connection.settimeout(0.0)
                await asyncio.get_running_loop().sock_connect(connection, address)
            except OSError as error:
                connection.close()
                refused = error
            except BaseException:
                connection.close()
                raise
            else:
                return connection
        raise refused

    async def _addresses(self) -> Sequence[tuple[AddressFamily, Any]]:
        place = self.place
        if place.path:
            return [(AddressFamily.AF_UNIX, place.path)]
        found = await asyncio.get_running_loop().getaddrinfo(place.host, place.port, type=SOCK_STREAM)
        return [(family, address) for family, _, _, _, address in found]

    async def _exchanged(self, connection: socket, pieces: Iterable[bytes], end: bytes) -> bytes:
        """Write while reading: a detector that has seen enough answers before the end of a mail, and reads no more.

        By the socket itself, for a stream of asyncio throws an answer away that came before a write failed.
        """
        writing = asyncio.ensure_future(_written(connection, pieces, is_half_closed=not end))
        try:
            return await self._answer(connection, end)
        finally:
            writing.cancel()
            await asyncio.wait([writing])

    async def _answer(self, connection: socket, end: bytes) -> bytes:
        answer, loop = b"", asyncio.get_running_loop()
        with suppress(ConnectionError):  # closed with octets of ours unread: what was answered before counts
            while piece := await loop.sock_recv(connection, LONGEST_ANSWER):
                answer += piece
                if len(answer) > LONGEST_ANSWER:
                    raise failed(self.name, "gave an answer without end")
                if end and end in answer:
                    break
        if not answer:
            raise failed(self.name, "ended the connection without an answer")
        return answer


async def _written(connection: socket, pieces: Iterable[bytes], *, is_half_closed: bool) -> None:
    """What cannot be written is not minded: the answer, or its absence, says what became of it."""
    with suppress(OSError):
        for piece in pieces:
            await asyncio.get_running_loop().sock_sendall(connection, piece)
        if is_half_closed:
            connection.shutdown(SHUT_WR)
