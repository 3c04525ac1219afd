"""The page of an unsubscribe link: following it changes nothing, a post stops mail at once, the person may undo it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from convalias.adapters import asgi
from convalias.domain.outbound.suppressions import Subscription
from convalias.ports.errors import Unavailable


class Desk:
    def __init__(self, found: Subscription | Exception = Subscription.MAILED) -> None:
        self.found = found
        self.asked: list[str] = []

    async def show(self, token: str) -> Subscription:
        assert token == "t.o-k"
        if isinstance(self.found, Exception):
            raise self.found
        return self.found

    async def stop(self, token: str) -> Subscription:
        self.asked.append("stop")
        await self.show(token)
        return Subscription.MUTED

    async def resume(self, token: str) -> Subscription:
        self.asked.append("resume")
        return await self.show(token)


def call(method: str, desk: Desk | None, content: str | bytes | AsyncIterator[bytes] = "") -> httpx.Response:
    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(asgi.app(lambda: asgi.Doors(unsubscribing=desk, checks={})))
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as http:
            return await http.request(method, "/unsubscribe/t.o-k", content=content)

    return asyncio.run(ask())


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_following_the_link_stops_nothing(method: str) -> None:
    desk = Desk()
    assert call(method, desk).status_code == 200
    assert desk.asked == []


@pytest.mark.parametrize(
    ("form", "act"),
    [
        ("List-Unsubscribe=One-Click", "stop"),
        ("answer=stop", "stop"),
        ("", "stop"),
        ("x" * 10_000, "stop"),
        ("\u00e4".encode("latin-1"), "stop"),
        ("answer=resume", "resume"),
    ],
)
def test_a_post_stops_mail_unless_it_asks_for_it_again(form: str | bytes, act: str) -> None:
    desk = Desk()
    answer = call("POST", desk, form)
    assert answer.status_code == 200
    assert desk.asked == [act]
    assert ("E-mail is stopped" in answer.text) == (act == "stop")


def test_the_page_loads_nothing_and_offers_what_is_not_so() -> None:
    shown = call("GET", Desk())
    assert 'value="stop"' in shown.text
    assert "<script" not in shown.text
    assert shown.headers["content-security-policy"].startswith("default-src 'none'")
    assert 'value="resume"' in call("GET", Desk(Subscription.MUTED)).text


def test_a_link_that_we_did_not_make_is_not_found() -> None:
    assert call("GET", Desk(Subscription.NO_LINK)).status_code == 404


@pytest.mark.parametrize("desk", [None, Desk(Unavailable("store")), Desk(TimeoutError())])
def test_the_page_asks_to_come_again_while_the_store_is_away(desk: Desk | None) -> None:
    assert call("GET", desk).status_code == 503


async def test_a_caller_that_is_gone_changes_nothing() -> None:
    answers: list[dict[str, object]] = []

    async def receive() -> dict[str, object]:
        return {"type": "http.disconnect"}

    async def send(message: dict[str, object]) -> None:
        answers.append(message)

    desk = Desk()
    scope: dict[str, object] = {
        "type": "http",
        "method": "POST",
        "path": "/unsubscribe/t.o-k",
        "headers": [],
        "query_string": b"",
    }
    await asgi.app(lambda: asgi.Doors(unsubscribing=desk, checks={}))(scope, receive, send)  # type: ignore[arg-type]
    assert desk.asked == []
    assert answers[0]["status"] == 400  # no failure of ours
