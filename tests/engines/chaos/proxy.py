"""A TCP proxy before a server: it forwards, cuts a connection after so many octets, or lets all of them stand still."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from enum import Enum
from types import TracebackType
from typing import Final, Self

from attrs import define

from engines.servers.process import free_port

_CHUNK: Final = 65_536


class Way(Enum):
    """In which direction octets go."""

    TO_SERVER = "to the server"
    TO_CLIENT = "to the client"


@define
class _Cut:
    way: Way
    after: int
    connections: int


class Proxy:
    """Listens on a port of its own for as long as it is entered. Runs in a thread; its methods may be called from any."""

    def __init__(self, to: int) -> None:
        """Nothing listens yet. `to`: the server's port on this machine, whether it is there or not."""
        self.port: Final = free_port()
        self.cuts = 0
        """Connections that were cut so far."""
        self._to = to
        self._cut: _Cut | None = None
        self._loop = asyncio.new_event_loop()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"proxy to {to}", daemon=True)

    def __enter__(self) -> Self:
        """Listen."""
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(30)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Break all connections."""
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(30)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(30)
        self._loop.close()

    def cut(self, *, way: Way, after: int, connections: int = 1) -> None:
        """Break each of the next connections on which something goes that way, after so many octets of it."""
        self._do(lambda: setattr(self, "_cut", _Cut(way, after, connections)))

    def stall(self) -> None:
        """From now on nothing goes through; connections stay open, and new ones are accepted."""
        self._do(self._flowing.clear)

    def flow(self) -> None:
        """Forward again what stood still, and cut nothing any more."""

        def mended() -> None:
            self._cut = None
            self._flowing.set()

        self._do(mended)

    def _do(self, act: Callable[[], object]) -> None:
        self._loop.call_soon_threadsafe(act)

    async def _listen(self) -> None:
        # Sockets, not streams: a stream that was accepted in the loop's last turns belongs to nobody yet, is never closed,
        # and fails whichever test collects it.
        self._listening = socket.create_server(("127.0.0.1", self.port), backlog=100)
        self._listening.settimeout(0)
        self._loop.add_reader(self._listening, self._accept)

    def _accept(self) -> None:
        try:
            client, _ = self._listening.accept()
        except (BlockingIOError, ConnectionAbortedError):  # it hung up while it waited
            return
        task = self._loop.create_task(self._serve(client))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda _: client.close())  # here: who is cancelled before it began closes nothing

    async def _end(self) -> None:
        self._loop.remove_reader(self._listening)
        self._listening.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.sleep(0)  # what is done is closed at the loop's next turn

    async def _serve(self, client: socket.socket) -> None:
        with socket.socket() as server:
            for side in (client, server):
                side.settimeout(0)
                side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                await self._loop.sock_connect(server, ("127.0.0.1", self._to))
            except OSError:  # nobody is there: the client is let go at once
                return
            there = asyncio.ensure_future(self._pump(client, server, Way.TO_SERVER))
            back = asyncio.ensure_future(self._pump(server, client, Way.TO_CLIENT))
            try:
                await asyncio.wait({there, back}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for pump in (there, back):
                    pump.cancel()
                await asyncio.gather(there, back, return_exceptions=True)

    async def _pump(self, come_from: socket.socket, go_to: socket.socket, way: Way) -> None:
        """Until an end, or the cut that is this connection's."""
        cut: _Cut | None = None
        left = 0
        with suppress(OSError):
            while octets := await self._loop.sock_recv(come_from, _CHUNK):
                await self._flowing.wait()
                if cut is None and (cut := self._claimed(way)) is not None:
                    left = cut.after
                await self._loop.sock_sendall(go_to, octets if cut is None else octets[:left])
                if cut is not None:
                    left -= len(octets)
                    if left <= 0:
                        self.cuts += 1
                        return

    def _claimed(self, way: Way) -> _Cut | None:
        """The cut that is due on a connection that forwards this way, once for each connection it is for."""
        cut = self._cut
        if cut is None or cut.way is not way:
            return None
        cut.connections -= 1
        if cut.connections <= 0:
            self._cut = None
        return cut
