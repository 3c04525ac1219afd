"""Engines that are opened when they are first used: each by itself, within a bound, and again after a failure."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, suppress
from datetime import timedelta
from typing import Final, TypeAlias, TypeVar
from urllib.parse import parse_qs, urlsplit

from attrs import frozen

from convalias.app.ports import Instead
from convalias.ports.errors import EngineAway, Unavailable

T = TypeVar("T")

Opened: TypeAlias = Callable[[timedelta], AbstractAsyncContextManager[Instead]]
"""Loads one engine's client; what it answers opens the ports, within that time."""

_HOST: Final = re.compile(r"(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,253})(:[0-9]{1,5})?")
_AT_LEAST: Final = timedelta(milliseconds=500)
"""For one opening, when the openings before it have used up what a command has."""
_CLOSING: Final = timedelta(seconds=35)
"""A queue may wait for its longest poll (20 s) and one request (10 s)."""


@frozen(kw_only=True)
class EngineName:
    """The name of an engine for an operator. Never a user, a password or a whole URL."""

    setting: str
    """Such as `store`."""
    kind: str
    """Such as `mongodb`."""
    place: str
    """The hosts, or the folder."""
    variable: str
    """Such as CONVALIAS_STORE."""

    @classmethod
    def of_url(cls, setting: str, url: str, variable: str) -> EngineName:
        """Read the hosts out of a URL; what may be a piece of a password is left out."""
        return cls(
            setting=setting, kind=url.partition("://")[0].partition("+")[0], place=_place(url), variable=variable
        )

    @property
    def what(self) -> str:
        """Return the name as `Unavailable.what` has it."""
        return f"{self.setting}: {self.kind} at {self.place} ({self.variable})"

    def away(self, error: Exception) -> EngineAway:
        """The same error, with this name."""
        if isinstance(error, EngineAway):
            return error
        what = error.what if isinstance(error, Unavailable) else ""
        retry_after = error.retry_after if isinstance(error, Unavailable) else None
        return EngineAway(self.what, because="" if what in _SAYS_NOTHING else what, retry_after=retry_after)


_SAYS_NOTHING: Final = frozenset(
    {"records", "store", "changes", "the event log", "the object store", "the job queue", "the embedded store"}
)
"""Names by which an adapter knows its engine: the engine's own name says as much."""


def _place(url: str) -> str:
    try:
        parts = urlsplit(url)
        endpoint = parse_qs(parts.query).get("endpoint", [""])[0]
        found = urlsplit(endpoint) if endpoint else parts
    except ValueError:
        return _UNREADABLE
    if parts.scheme == "file":
        return parts.path
    hosts = found.netloc.rpartition("@")[2]
    # A password with an unescaped slash or question mark ends the host part early, and begins to look like a host.
    if "@" in f"{found.path}?{found.query}#{found.fragment}" or not all(map(_HOST.fullmatch, hosts.split(","))):
        return _UNREADABLE
    return hosts if endpoint or parts.scheme != "sqs" else f"sqs.{hosts}.amazonaws.com"


_UNREADABLE: Final = "a host that cannot be read in its URL"


class Patience:
    """The patience for openings: for each of them, and for all together if a command must end."""

    def __init__(self, each: timedelta, *, in_all: timedelta | None = None, call: timedelta | None = None) -> None:
        """`call`: how long a call of an open engine may take that moves no mail; None: as long as its client allows."""
        self._each = each
        self._left = in_all
        self.call: Final = call

    def left(self) -> timedelta:
        """Return the time left for the next opening."""
        return self._each if self._left is None else max(_AT_LEAST, min(self._each, self._left))

    def spend(self, taken: timedelta) -> None:
        """Spend the time that an opening took."""
        if self._left is not None:
            self._left -= taken


LASTING: Final = timedelta(seconds=10)
"""For each opening in a process that stays."""
_OF_A_COMMAND: Final = timedelta(seconds=5)
"""Of its ten seconds: the others are for Python's start on a busy machine, and for closing."""


def lasting() -> Patience:
    """Return the patience of a process that stays: each opening has its own time."""
    return Patience(LASTING)


def of_a_command() -> Patience:
    """Return the patience of a command, which ends within ten seconds if engines that it needs are away."""
    return Patience(_OF_A_COMMAND, in_all=_OF_A_COMMAND, call=_OF_A_COMMAND)


class Late:
    """An engine that is opened at its first use. Whoever comes meanwhile waits for the same attempt.

    A failed attempt is told to all who wait for it; the next use tries again. Serves one event loop.
    """

    def __init__(self, name: EngineName, opened: Opened, *, patience: Patience) -> None:
        """Nothing is opened."""
        self.name = name
        self._opened = opened
        self._patience = patience
        self._stack: AsyncExitStack | None = None
        self._ports: Instead | None = None
        self._attempt: asyncio.Task[Instead] | None = None
        self._is_closed = False

    async def ports(self) -> Instead:
        """The opened ports. Raises `EngineAway`, or what must be mended before the engine can be used."""
        if self._ports is not None:
            return self._ports
        if self._is_closed:
            raise EngineAway(self.name.what, because="it was closed here")
        if self._attempt is None or self._attempt.done():
            self._attempt = asyncio.create_task(self._open(), name=f"convalias opens {self.name.setting}")
            self._attempt.add_done_callback(_heard)
        attempt = self._attempt
        try:
            return await asyncio.shield(attempt)
        except asyncio.CancelledError:
            if attempt.cancelled() and self._is_closed:  # by `close`, not whoever waits here
                raise EngineAway(self.name.what, because="it was closed here") from None
            raise

    async def call(self, ask: Callable[[Instead], Awaitable[T]]) -> T:
        """Call the engine once. Raises `EngineAway` for `Unavailable`, and where it takes too long."""
        ports = self._ports or await self.ports()
        limit = self._patience.call
        bound = asyncio.timeout(None if limit is None else limit.total_seconds())
        try:
            async with bound:
                return await ask(ports)
        except Unavailable as error:
            raise self.name.away(error) from error
        except TimeoutError as error:
            if bound.expired():
                raise self.name.away(error) from error
            raise

    async def long_call(self, ask: Callable[[Instead], Awaitable[T]]) -> T:
        """A call that moves mail or waits for news: its client's own time-outs bound it."""
        ports = self._ports or await self.ports()
        try:
            return await ask(ports)
        except Unavailable as error:
            raise self.name.away(error) from error

    async def close(self) -> None:
        """Close what was opened, once. An attempt under way ends."""
        self._is_closed = True
        attempt, self._attempt = self._attempt, None
        if attempt is not None and not attempt.done():
            attempt.cancel()
            await asyncio.wait([attempt])
        stack, self._stack, self._ports = self._stack, None, None
        if stack is not None:
            await _close(stack, self._patience.call or _CLOSING)

    async def _open(self) -> Instead:
        loop = asyncio.get_running_loop()
        within = self._patience.left()
        context = self._opened(within)
        began = loop.time()
        stack = AsyncExitStack()
        try:
            async with asyncio.timeout(within.total_seconds()):
                ports = await stack.enter_async_context(context)
        except (Unavailable, TimeoutError) as error:
            await _close(stack, _AT_LEAST)
            raise self.name.away(error) from error
        except BaseException:
            await _close(stack, _AT_LEAST)
            raise
        finally:
            self._patience.spend(timedelta(seconds=loop.time() - began))
        self._stack, self._ports = stack, ports
        return ports


async def _close(stack: AsyncExitStack, within: timedelta) -> None:
    """An engine that went away meanwhile cannot be said goodbye to: that is no failure of what was done."""
    with suppress(TimeoutError):
        async with asyncio.timeout(within.total_seconds()):
            await stack.aclose()


def _heard(attempt: asyncio.Task[Instead]) -> None:
    """Whoever waited for it may be gone: its failure is no surprise to the loop."""
    if not attempt.cancelled():
        attempt.exception()
