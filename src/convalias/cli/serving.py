"""The receiver over HTTP, beside any workers: one loop, one socket, a graceful end on SIGTERM and SIGINT."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import math
import resource
import signal
import socket
from collections.abc import Callable, Generator
from typing import Any, Final

from attrs import frozen

from convalias.adapters import asgi
from convalias.app.facade import KEYS_WITHIN, Convalias
from convalias.app.providers import Providers
from convalias.app.workers import Worker
from convalias.cli.errors import Failed
from convalias.cli.exits import Exit
from convalias.extras import brought_by
from convalias.services.running.log_lines import LogLines
from convalias.settings import Http, Settings

with brought_by("asgi"):
    import uvicorn

BACKLOG: Final = 512
DRAIN_SECONDS: Final = 20
"""How long requests that are under way may take once the end was asked for."""
_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


@frozen(kw_only=True)
class Address:
    """The address to listen at; port 0: any that is free."""

    host: str
    port: int


class _Server(uvicorn.Server):
    """Leaves signals to us: uvicorn raises them again when it is through, which would cut the workers short."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()


def listen(address: Address) -> socket.socket:
    """A listening socket. `Failed` 69 when the port is taken or may not be used."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    taken = socket.socket(family, socket.SOCK_STREAM)
    try:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a restart after a kill finds its port free
        taken.bind((address.host, address.port))
        taken.listen(BACKLOG)
    except OSError as error:
        taken.close()
        raise Failed(
            f"--port {address.port} at {address.host}: {error.strerror or error}; expected a free port (0: any)",
            Exit.UNAVAILABLE,
        ) from error
    return taken


async def serve(cv: Convalias, settings: Settings, at: socket.socket, *workers: Worker) -> None:
    """Receive, and do the work of these workers, until SIGTERM or SIGINT. `cv` is open."""
    await cv.check_place(within=KEYS_WITHIN)
    await cv.check_keys(within=KEYS_WITHIN)
    lines = LogLines(asgi.log, cv.ports.clock)
    bounds = bounds_of(settings.http)
    config = uvicorn.Config(
        cv.asgi(Providers.of(settings), lines=lines),
        http=asgi.bounded(asgi.Connections(bounds), lines),
        ws="none",
        log_config=None,
        log_level="error",  # what clients do wrong is told in `lines`, once a minute
        access_log=False,
        lifespan="off",
        server_header=False,
        backlog=BACKLOG,
        timeout_keep_alive=math.ceil(bounds.idle.total_seconds()),
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )
    server = _Server(config, ready=lambda: _announce(at))
    try:
        with stopping(lambda: setattr(server, "should_exit", True)), told_of_sockets(lines):
            if workers:
                async with cv.running(*workers):
                    await server.serve([at])
            else:
                await server.serve([at])
    finally:
        lines.flush()


def bounds_of(http: Http) -> asgi.ConnectionBounds:
    """The bounds of the settings, as far as this process may open files."""
    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = asgi.ConnectionBounds(
        total=http.connections, by_client=http.connections_by_client, headers=http.headers, idle=http.idle
    )
    return wanted if descriptors == resource.RLIM_INFINITY else wanted.fitting(descriptors)


@contextlib.contextmanager
def told_of_sockets(lines: LogLines) -> Generator[None]:
    """Tell once a minute that no connection can be taken: the loop would log each try, with its stack."""
    loop = asyncio.get_running_loop()
    before = loop.get_exception_handler()

    def tell(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if isinstance(error := context.get("exception"), OSError) and "socket" in context:
            lines.repeated(f"HTTP connections: none can be taken ({errno.errorcode.get(error.errno or 0, 'OSError')})")
        else:
            loop.default_exception_handler(context)

    loop.set_exception_handler(tell)
    try:
        yield
    finally:
        loop.set_exception_handler(before)


def _announce(at: socket.socket) -> None:
    host, port = at.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    print(f"listening on http://{shown}:{port}", flush=True)


@contextlib.contextmanager
def stopping(stop: Callable[[], None]) -> Generator[None]:
    """SIGTERM and SIGINT ask for a graceful end while this lasts."""
    loop = asyncio.get_running_loop()
    for number in _SIGNALS:
        loop.add_signal_handler(number, stop)
    try:
        yield
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)
