"""Slow clients: over real sockets, with time-outs of milliseconds, each test waiting for the close itself."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
import uvicorn
from attrs import evolve, frozen
from hypothesis import given
from hypothesis import strategies as st

from adapters.mailgun.posting import Door
from convalias.adapters import asgi
from convalias.adapters.asgi import attachments
from convalias.adapters.asgi.attachments import AttachmentDoor
from convalias.adapters.asgi.connections import Connections, Entered, client_of
from convalias.adapters.asgi.failures import Wall
from convalias.domain.outbound.enclosures import LinkedFile
from convalias.services.running.log_lines import LogLines

SOON, NEVER = timedelta(milliseconds=50), timedelta(hours=1)
BOUNDS = asgi.ConnectionBounds(total=4, by_client=4, spare=2, headers=NEVER, idle=NEVER)
HEALTHY = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
LONGEST = 20
"""Seconds after which a test gives up; none waits for them."""


@frozen
class Served:
    """A server that listens."""

    port: int
    places: Connections

    async def opened(self, octets: bytes = b"") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(octets)
        await writer.drain()
        return reader, writer

    async def asked(self, octets: bytes = HEALTHY) -> bytes:
        """What is answered until the server closes, or to a request that leaves the connection open."""
        reader, writer = await self.opened(octets.replace(b"Host: x", b"Host: x\r\nConnection: close"))
        answer = await reader.read()
        writer.close()
        return answer

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until the server has seen what was sent: it runs in this loop."""
        while not holds():  # noqa: ASYNC110 - the server's own state, and no event of it
            await asyncio.sleep(0)


@asynccontextmanager
async def serving(
    bounds: asgi.ConnectionBounds, door: Door | None = None, *, files: AttachmentDoor | None = None
) -> AsyncIterator[Served]:
    places = Connections(bounds)
    lines = LogLines(asgi.log, Wall())
    doors = asgi.Doors(inbound={} if door is None else {"mailgun": door.webhook}, attachments=files, checks={})
    config = uvicorn.Config(
        asgi.app(lambda: doors, inbound={"mailgun": ("", "/mime")}),
        http=asgi.bounded(places, lines),
        ws="none",
        log_config=None,
        log_level="error",
        lifespan="off",
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen(64)
        running = asyncio.ensure_future(server._serve([taken]))  # signals stay the test's
        served = Served(taken.getsockname()[1], places)
        await served.until(lambda: server.started)
        try:
            yield served
        finally:
            server.should_exit = server.force_exit = True
            await running


def tell(story: Callable[[Served], Coroutine[object, object, None]], bounds: asgi.ConnectionBounds = BOUNDS) -> None:
    async def run() -> None:
        async with asyncio.timeout(LONGEST), serving(bounds) as served:
            await story(served)

    asyncio.run(run())


@pytest.mark.parametrize(
    ("octets", "bounds"),
    [
        (b"", evolve(BOUNDS, idle=SOON)),
        (b"G", evolve(BOUNDS, headers=SOON)),
        (b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-A: ", evolve(BOUNDS, headers=SOON)),
        (HEALTHY, evolve(BOUNDS, idle=SOON)),
        (HEALTHY + b"GET /healthz", evolve(BOUNDS, headers=SOON, idle=SOON)),
        (b"POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n", evolve(BOUNDS, idle=SOON)),
    ],
)
def test_a_client_that_sends_no_request_in_time_is_let_go(octets: bytes, bounds: asgi.ConnectionBounds) -> None:
    async def story(served: Served) -> None:
        reader, writer = await served.opened(octets)
        answer = await reader.read()  # ends with the close
        assert answer.count(b"HTTP/1.1 ") == octets.count(b" HTTP/1.1\r\nHost: x\r\n\r\n") + octets.count(b"POST")
        await served.until(lambda: len(served.places) == 0)
        writer.close()

    tell(story, bounds)


def test_octets_that_drip_win_no_time() -> None:
    async def story(served: Served) -> None:
        reader, writer = await served.opened(b"GET /healthz HTTP/1.1\r\nX-A: ")
        closed = asyncio.ensure_future(reader.read())
        while not closed.done():
            writer.write(b"a")
            await asyncio.wait({closed}, timeout=SOON.total_seconds() / 10)
        assert closed.exception() is not None or closed.result() == b""
        writer.close()

    tell(story, evolve(BOUNDS, headers=SOON))


def test_the_one_that_waits_longest_gives_way_to_a_new_one() -> None:
    async def story(served: Served) -> None:
        slow = [await served.opened(b"GET /he") for _ in range(4)]
        await served.until(lambda: len(served.places) == 4)
        assert (await served.asked()).endswith(b"ok\n")
        assert await slow[0][0].read() == b""
        for _, writer in slow:
            writer.close()

    tell(story)


async def test_with_all_places_busy_health_is_answered_and_all_else_told_to_come_again() -> None:
    async def story(served: Served) -> None:
        form = b"POST /inbound/mailgun HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\n"
        busy = [await served.opened(form + b"Content-Length: 99\r\n\r\n--b") for _ in range(4)]
        await served.until(lambda: len(served.places._busy) == 4)
        assert (await served.asked()).startswith(b"HTTP/1.1 200")
        assert (await served.asked(b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n")).startswith(b"HTTP/1.1 200")
        told = await served.asked(form + b"Content-Length: 0\r\n\r\n")
        assert told.startswith(b"HTTP/1.1 503")
        assert b"retry-after: 1" in told
        # Who only waits there gives way as well.
        idle = [await served.opened() for _ in range(3)]
        assert (await served.asked()).endswith(b"ok\n")
        for _, writer in (*busy, *idle):
            writer.close()

    async with asyncio.timeout(LONGEST), serving(BOUNDS, Door()) as served:
        await story(served)


def test_a_flood_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    async def story(served: Served) -> None:
        for _ in range(30):
            _, writer = await served.opened(b"nonsense\r\n\r\n")
            writer.close()
        slow = [await served.opened() for _ in range(30)]
        await served.until(lambda: len(served.places) <= 4)
        for _, writer in slow:
            writer.close()

    caplog.set_level(logging.WARNING)
    tell(story)
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 2
    assert {line.partition(":")[0] for line in lines} == {"HTTP connections"}


@pytest.mark.parametrize("path", ["/approvals/TOKEN/", "/healthz/", "/inbound/mailgun/", "//evil.example/healthz/"])
def test_no_redirect_is_made_of_the_host(path: str) -> None:
    async def story(served: Served) -> None:
        answer = await served.asked(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert answer.startswith(b"HTTP/1.1 404")
        assert b"location" not in answer.lower()

    tell(story)


def test_a_request_of_two_lengths_is_refused_and_its_connection_closed() -> None:
    async def story(served: Served) -> None:
        two = b"POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 44\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        reader, writer = await served.opened(two + HEALTHY)
        answer = await reader.read()
        assert answer.startswith(b"HTTP/1.1 400")
        assert answer.count(b"HTTP/1.1") == 1
        writer.close()

    tell(story)


def test_requests_that_were_sent_ahead_are_answered_in_order() -> None:
    async def story(served: Served) -> None:
        reader, writer = await served.opened(HEALTHY * 3)
        for _ in range(3):
            assert (await reader.readuntil(b"ok\n")).startswith(b"HTTP/1.1 200")
        await served.until(lambda: len(served.places._waiting) == 1)
        writer.close()

    tell(story)


class Large:
    """A link to more than any socket buffers."""

    async def show(self, token: str) -> LinkedFile:
        return LinkedFile(name=token, size=0, author="A", until=datetime.max.replace(tzinfo=UTC))

    @asynccontextmanager
    async def opened(self, token: str) -> AsyncIterator[tuple[LinkedFile, bytes]]:
        yield await self.show(token), b"x" * 30_000_000


async def test_a_client_that_does_not_read_its_answer_is_let_go(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(attachments, "SENT_WITHIN", 0.05)
    caplog.set_level(logging.WARNING)
    async with asyncio.timeout(LONGEST), serving(BOUNDS, files=Large()) as served:
        _, writer = await served.opened(b"GET /attachments/t/file HTTP/1.1\r\nHost: x\r\n\r\n")
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        await served.until(lambda: len(served.places._busy) == 1)
        await served.until(lambda: len(served.places) == 0)
        writer.transport.abort()
    (line,) = [record.getMessage() for record in caplog.records]
    assert line == "HTTP connections: a client that did not read its answer in time was let go"


async def test_a_client_that_reads_slowly_has_the_whole_file() -> None:
    async with asyncio.timeout(LONGEST), serving(BOUNDS, files=Large()) as served:
        answer = await served.asked(b"GET /attachments/t/file HTTP/1.1\r\nHost: x\r\n\r\n")
        assert answer.endswith(b"\r\n\r\n" + b"x" * 30_000_000)


# --- the places ------------------------------------------------------------------------------------------


def test_one_client_does_not_take_the_places_of_others() -> None:
    places = Connections(evolve(BOUNDS, total=8, by_client=2))
    assert [places.enter(name, "a") for name in "ab"] == [Entered(), Entered()]
    assert places.enter("c", "a") == Entered(instead_of="a")
    places.busy("b")
    places.busy("c")
    assert places.enter("d", "a") == Entered(only_health=True)
    assert places.enter("e", "b") == Entered()
    places.waits("b")
    assert places.enter("f", "a") == Entered(instead_of="b")


def test_with_busy_spare_places_too_there_is_none() -> None:
    places = Connections(evolve(BOUNDS, total=1, by_client=1, spare=1))
    places.enter("a", "a")
    places.busy("a")
    assert places.enter("b", "b") == Entered(only_health=True)
    places.busy("b")
    assert places.enter("c", "c") is None
    places.waits("b")
    assert places.enter("d", "d") == Entered(only_health=True, instead_of="b")
    for one in "abcd":
        places.left(one)
    assert len(places) == 0


@given(st.lists(st.tuples(st.sampled_from(["enter", "busy", "waits", "left"]), st.integers(0, 9)), max_size=60))
def test_there_are_never_more_than_the_bounds_allow(moves: list[tuple[str, int]]) -> None:
    places = Connections(evolve(BOUNDS, total=3, by_client=2, spare=1))
    open_ = set[int]()
    for number, (move, which) in enumerate(moves):
        if move == "enter":
            entered = places.enter(100 + number, str(which % 2))
            if entered is not None:
                open_.add(100 + number)
                open_.discard(entered.instead_of)  # type: ignore[arg-type]
        elif open_:
            one = sorted(open_)[which % len(open_)]
            getattr(places, move)(one)
            open_ -= {one} if move == "left" else set()
        assert len(places) == len(open_) <= 4


def test_bounds_fit_the_files_that_a_process_may_open() -> None:
    usual = asgi.ConnectionBounds()
    assert usual.fitting(4_096) == usual
    assert usual.fitting(128) == evolve(usual, total=64, by_client=32, spare=8)
    assert usual.fitting(4) == evolve(usual, total=4, by_client=2, spare=1)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("testclient", "testclient", True),
    ],
)
def test_an_ipv6_network_is_one_client(one: str, other: str, same: bool) -> None:  # noqa: FBT001 - a column
    assert (client_of(one) == client_of(other)) is same
