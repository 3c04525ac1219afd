"""The doors over HTTP: in-process, and through a real server on a free port."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx
import pytest
import uvicorn
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect

from adapters.mailgun.posting import MULTIPART, RAW, URLENCODED, Door, multipart, raw_form, urlencoded
from convalias.adapters import asgi
from convalias.adapters.mailgun import Bounds, HttpAnswer
from convalias.ports.errors import Unavailable
from convalias.services.conversations.errors import NotReady
from convalias.services.inbound.doors import DoorPost

Check = Callable[[], Awaitable[object]]


async def fine() -> object:
    return None


async def away() -> object:
    raise Unavailable("raw store")


async def late() -> object:
    raise TimeoutError


async def broken() -> object:
    raise ZeroDivisionError


def doors(door: Door, **checks: Check) -> asgi.Doors:
    return asgi.Doors(inbound={"mailgun": door.webhook}, checks=checks)


@asynccontextmanager
async def client(opened: asgi.Doors | None) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(asgi.app(lambda: opened, inbound={"mailgun": ("", "/mime")}))
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as http:
        yield http


def get(opened: asgi.Doors | None, path: str) -> httpx.Response:
    async def ask() -> httpx.Response:
        async with client(opened) as http:
            return await http.get(path)

    return asyncio.run(ask())


@pytest.mark.parametrize("path", ["/inbound/mailgun/mime", "/inbound/mailgun"])
@pytest.mark.parametrize(("kind", "encode"), [(MULTIPART, multipart), (URLENCODED, urlencoded)])
def test_a_signed_post_is_kept_at_both_addresses_in_both_encodings(
    path: str, kind: str, encode: Callable[..., bytes]
) -> None:
    door = Door()

    async def post() -> httpx.Response:
        async with client(doors(door)) as http:
            return await http.post(path, content=encode(raw_form()), headers={"content-type": kind})

    answer = asyncio.run(post())
    assert (answer.status_code, answer.text) == (200, "kept\n")
    assert door.kept() == RAW


async def test_a_door_is_told_its_address_and_the_header_of_the_post() -> None:
    seen: list[tuple[str, str]] = []

    class Seeing:
        async def handle(self, post: DoorPost) -> HttpAnswer:
            seen.append((post.address, post.headers["authorization"]))
            return HttpAnswer(200, "")

    async with client(asgi.Doors(inbound={"mailgun": Seeing()}, checks={})) as http:
        await http.post("/inbound/mailgun", headers={"Authorization": "Basic one"})
        twice = [("Authorization", "Basic one"), ("authorization", "Basic two")]
        await http.post("/inbound/mailgun/mime", headers=twice)
    assert seen == [("", "Basic one"), ("/mime", "Basic one, Basic two")]


async def test_a_header_of_many_fields_is_looked_through_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A field of four octets is enough to make the header of a post some ten thousand fields long."""
    looks: list[str] = []
    monkeypatch.setattr(Headers, "getlist", lambda self, name: looks.append(name) or [])

    class Seeing:
        async def handle(self, post: DoorPost) -> HttpAnswer:
            return HttpAnswer(200, post.headers["x"])

    async with client(asgi.Doors(inbound={"mailgun": Seeing()}, checks={})) as http:
        answer = await http.post("/inbound/mailgun", headers=[("x", str(number)) for number in range(1_000)])
    assert answer.text == ", ".join(map(str, range(1_000))) + "\n"
    assert looks.count("x") == 0


def test_nothing_is_taken_while_nothing_is_open() -> None:
    async def post(opened: asgi.Doors | None) -> int:
        async with client(opened) as http:
            return (await http.post("/inbound/mailgun")).status_code

    assert asyncio.run(post(None)) == 503
    assert asyncio.run(post(asgi.Doors(checks={}))) == 503


@pytest.mark.parametrize(("error", "status"), [(TimeoutError, 408), (ClientDisconnect, 400)])
def test_a_sender_that_is_too_slow_is_let_go(error: type[Exception], status: int) -> None:
    class Slow:
        async def handle(self, post: DoorPost) -> HttpAnswer:
            raise error

    async def post() -> int:
        async with client(asgi.Doors(inbound={"mailgun": Slow()}, checks={})) as http:
            return (await http.post("/inbound/mailgun")).status_code

    assert asyncio.run(post()) == status


def test_alive_is_not_ready() -> None:
    assert get(None, "/healthz").status_code == 200
    assert (get(None, "/readyz").status_code, get(None, "/readyz").json()) == (503, {"ready": False})


def test_ready_says_which_dependency_is_not() -> None:
    door = Door()
    assert get(doors(door, raw=fine, queue=fine), "/readyz").json() == {"ready": True, "raw": "ok", "queue": "ok"}
    answer = get(doors(door, a=fine, b=away, c=late, d=broken), "/readyz")
    assert answer.status_code == 503
    told = answer.json()
    assert told.pop("d").startswith("failed: ZeroDivisionError at asgi/test_app.py:")
    assert told == {"ready": False, "a": "ok", "b": "unavailable", "c": "too slow"}
    assert get(doors(door, a=away), "/healthz").status_code == 200


def test_ready_shows_what_a_check_has_to_say() -> None:
    async def waiting() -> object:
        return "feed waits: records is away"

    async def gone() -> object:
        raise NotReady("feed: KeyError at app/talks.py:3 in Talks.post")

    door = Door()
    answer = get(doors(door, workers=waiting), "/readyz")
    assert (answer.status_code, answer.json()) == (200, {"ready": True, "workers": "feed waits: records is away"})
    answer = get(doors(door, workers=gone), "/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"ready": False, "workers": "feed: KeyError at app/talks.py:3 in Talks.post"}


@pytest.mark.parametrize("path", ["/", "/inbound", "/inbound/mailgun/other"])
def test_other_addresses_are_404(path: str) -> None:
    assert get(doors(Door()), path).status_code == 404


# --- over a real server --------------------------------------------------------------------------------


@asynccontextmanager
async def served(opened: asgi.Doors) -> AsyncIterator[str]:
    """A server on a free port."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        config = uvicorn.Config(
            asgi.app(lambda: opened, inbound={"mailgun": ("", "/mime")}), log_config=None, lifespan="off"
        )
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve([listening]))
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            await serving


def over_http(door: Door, story: Callable[[httpx.AsyncClient], Awaitable[None]]) -> None:
    async def run() -> None:
        async with served(doors(door, raw=fine)) as url, httpx.AsyncClient(base_url=url, timeout=120) as http:
            await story(http)

    asyncio.run(run())


def test_a_mail_over_http_is_kept() -> None:
    door = Door()

    async def story(http: httpx.AsyncClient) -> None:
        body = multipart(raw_form())
        for expected in (200, 200):
            answer = await http.post("/inbound/mailgun/mime", content=body, headers={"content-type": MULTIPART})
            assert answer.status_code == expected
        forged = body.replace(b"Hello", b"Hell!")
        assert (
            await http.post("/inbound/mailgun/mime", content=forged, headers={"content-type": MULTIPART})
        ).status_code == 403
        assert (await http.post("/inbound/mailgun/mime", content=b"x")).status_code == 400
        assert (await http.get("/readyz")).status_code == 200

    over_http(door, story)
    assert door.kept() == RAW


def test_a_mail_over_the_limit_is_taken_in_a_stream_over_http() -> None:
    door = Door(bounds=Bounds(mail=300_000, request=1_200_000))

    async def story(http: httpx.AsyncClient) -> None:
        body = multipart(raw_form(mail=RAW + b"x" * 800_000))

        async def stream() -> AsyncIterator[bytes]:
            for at in range(0, len(body), 10_000):
                yield body[at : at + 10_000]

        answer = await http.post("/inbound/mailgun/mime", content=stream(), headers={"content-type": MULTIPART})
        assert answer.status_code == 200

    over_http(door, story)
    assert door.records()[0].quarantined == "too_large"


def test_a_sender_that_hangs_up_leaves_nothing_behind() -> None:
    door = Door()

    async def story(http: httpx.AsyncClient) -> None:
        _, writer = await asyncio.open_connection(http.base_url.host, http.base_url.port)
        writer.write(b"POST /inbound/mailgun/mime HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n")
        writer.write(f"Content-Type: {MULTIPART}\r\n\r\n".encode() + multipart(raw_form())[:100])
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        assert (await http.get("/healthz")).status_code == 200

    over_http(door, story)
    assert door.records() == []
