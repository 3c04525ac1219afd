"""Connections bounded in number and time: a client that sends slowly gives way to one that sends at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Iterable
from datetime import timedelta
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING, ClassVar, Final, TypeAlias

from attrs import evolve, frozen
from starlette.responses import PlainTextResponse
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from convalias.adapters.asgi.app import HEALTH
from convalias.services.running.log_lines import LogLines

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_LEAST: Final = 4
_NETWORK_BITS: Final = 64


@frozen(kw_only=True)
class ConnectionBounds:
    """Bounds on the number of connections, and on the time that a client takes until the body begins."""

    total: int = 512
    by_client: int = 128
    """Of one IPv4 address, or one IPv6 network of 64 bits. A proxy in front is one client."""
    spare: int = 8
    """Beyond these, so that health can be asked when all are busy; nothing else is answered there."""
    headers: timedelta = timedelta(seconds=10)
    """From the first octet of a request to the end of its header."""
    idle: timedelta = timedelta(seconds=30)
    """Before the first octet of a request."""

    def fitting(self, descriptors: int) -> ConnectionBounds:
        """Return these bounds for a process that may open so many files: half are left to all else."""
        total = max(min(self.total, descriptors // 2), _LEAST)
        by_client = max(min(self.by_client, total // 2), 1)
        return evolve(self, total=total, by_client=by_client, spare=min(self.spare, max(total // 8, 1)))


@frozen
class Entered:
    """The place of a new connection, and the connection that gives way to it."""

    only_health: bool = False
    instead_of: Hashable | None = None


class Connections:
    """The connections that are open, and which of them wait for a request: those give way, the longest waiting first."""

    def __init__(self, bounds: ConnectionBounds) -> None:
        """There is none yet."""
        self.bounds: Final = bounds
        self._waiting: dict[Hashable, str] = {}
        self._busy: dict[Hashable, str] = {}
        self._spare: dict[Hashable, bool] = {}
        """Whether a request is under way there."""

    def __len__(self) -> int:
        """Return how many are open."""
        return len(self._waiting) + len(self._busy) + len(self._spare)

    def enter(self, connection: Hashable, client: str) -> Entered | None:
        """Note a new connection. None: there is no place for it."""
        of_client = [one for one, other in self._waiting.items() if other == client]
        count = len(of_client) + sum(other == client for other in self._busy.values())
        if count >= self.bounds.by_client:
            waiting: Iterable[Hashable] = of_client
        elif len(self._waiting) + len(self._busy) >= self.bounds.total:
            waiting = self._waiting
        else:
            self._waiting[connection] = client
            return Entered()
        if (oldest := next(iter(waiting), None)) is not None:
            del self._waiting[oldest]
            self._waiting[connection] = client
            return Entered(instead_of=oldest)
        return self._enter_spare(connection)

    def _enter_spare(self, connection: Hashable) -> Entered | None:
        oldest = None
        if len(self._spare) >= self.bounds.spare:
            oldest = next((one for one, is_busy in self._spare.items() if not is_busy), None)
            if oldest is None:
                return None
            del self._spare[oldest]
        self._spare[connection] = False
        return Entered(only_health=True, instead_of=oldest)

    def busy(self, connection: Hashable) -> None:
        """Note that a request of that connection is under way: it gives way to nobody."""
        if connection in self._spare:
            self._spare[connection] = True
        elif (client := self._waiting.pop(connection, None)) is not None:
            self._busy[connection] = client

    def waits(self, connection: Hashable) -> None:
        """Note that its request is answered: it waits for another one."""
        if connection in self._spare:
            self._spare[connection] = False
        elif (client := self._busy.pop(connection, None)) is not None:
            self._waiting[connection] = client

    def left(self, connection: Hashable) -> None:
        """Forget a connection that is closed."""
        for standing in (self._waiting, self._busy, self._spare):
            standing.pop(connection, None)


def client_of(address: str) -> str:
    """Return what counts as one client: an IPv4 address, or an IPv6 network of 64 bits (RFC 6177)."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if not isinstance(found, IPv6Address):
        return str(found)
    return str(found.ipv4_mapped or int(found) >> (128 - _NETWORK_BITS))


def only_health(app: ASGIApp) -> ASGIApp:
    """Return an app that answers what asks for health, and tells all else to come again. Each answer is the last."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        async def last(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), (b"connection", b"close")]}
            await send(message)

        if scope["path"] in HEALTH:
            await app(scope, receive, last)
        else:
            await PlainTextResponse("busy\n", 503, headers={"Retry-After": "1"})(scope, receive, last)

    return answer


def whole(app: ASGIApp, cut: Callable[[], None]) -> ASGIApp:
    """Return an app that calls `cut` if it ends with its answer unfinished, and waits until the connection is gone."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        is_unfinished = False

        async def noted(message: Message) -> None:
            nonlocal is_unfinished
            await send(message)
            is_unfinished = message["type"] == "http.response.start" or message.get("more_body", False)

        await app(scope, receive, noted)
        if is_unfinished:
            cut()
            while (await receive())["type"] != "http.disconnect":
                pass

    return answer


Protocol: TypeAlias = type[asyncio.Protocol]


class _Bounded(H11Protocol):
    """One connection. A time-out runs whenever no request is under way."""

    places: ClassVar[Connections]
    lines: ClassVar[LogLines]

    _timer: asyncio.TimerHandle | None = None
    _began = False
    """Whether an octet of the next request is there."""
    _answered: RequestResponseCycle | None = None
    """The last request that was answered; the last one at all, if none is under way."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in the base class
        super().connection_made(transport)
        entered = self.places.enter(self, client_of(self.client[0] if self.client else ""))
        if entered is None or entered.instead_of is not None or entered.only_health:
            self.lines.repeated("HTTP connections: all places are taken; those that wait for a request give way")
        if entered is None:
            transport.abort()
            return
        if isinstance(entered.instead_of, _Bounded):
            entered.instead_of.transport.abort()
        self.app = whole(only_health(self.app) if entered.only_health else self.app, self._cut)
        self._wait(self.places.bounds.idle)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop()
        self.places.left(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if not self._began and self._timer is not None:
            self._began = True
            self._wait(self.places.bounds.headers)
        super().data_received(data)
        if self._is_under_way():
            self._stop()
            self.places.busy(self)

    def on_response_complete(self) -> None:
        self._answered = self.cycle
        super().on_response_complete()
        if not self._is_under_way():  # else a request that was sent ahead is
            self.places.waits(self)
            self._began = False
            self._wait(self.places.bounds.idle)

    def send_400_response(self, msg: str) -> None:
        self.lines.repeated("HTTP connections: a request that cannot be read was refused")
        super().send_400_response(msg)

    def _cut(self) -> None:
        """Close it at once: to close it in order, the server would wait for ever for a client that does not read."""
        self.lines.repeated("HTTP connections: a client that did not read its answer in time was let go")
        self.transport.abort()

    def _is_under_way(self) -> bool:
        return self.cycle is not self._answered

    def _wait(self, within: timedelta) -> None:
        """Close the connection unless a whole header comes in time. Nothing flushes to a client that does not read."""
        self._stop()
        if not self.transport.is_closing():
            self._timer = self.loop.call_later(within.total_seconds(), self.transport.abort)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def bounded(connections: Connections, lines: LogLines) -> Protocol:
    """Return a protocol for uvicorn that keeps these bounds. What is wrong with connections is told in `lines`."""
    return type("Bounded", (_Bounded,), {"places": connections, "lines": lines})
