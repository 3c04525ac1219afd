"""The page of a held mail: scanners that follow its link change nothing, and nobody learns what a bad link was."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import httpx
import pytest
from attrs import evolve

from convalias.adapters import asgi
from convalias.domain.approvals.holds import HeldPage
from convalias.domain.approvals.links import Allow, Deny, NotHis, Request, Unusable
from convalias.domain.inbound.held import Admits, HoldState
from convalias.ports.errors import Unavailable

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
WAITS = HeldPage(
    state=HoldState.HELD,
    sender="<b>…@corp.example",
    proof="Nothing proves it.",
    since=NOON,
    expires_at=NOON,
    may_admit_address=True,
)


class Held:
    def __init__(self, found: HeldPage | Unusable | NotHis | Exception = WAITS) -> None:
        self.found = found
        self.asked: list[Request] = []

    async def show(self, token: str) -> HeldPage | Unusable | NotHis:
        assert token == "t.o-k"
        if isinstance(self.found, Exception):
            raise self.found
        return self.found

    async def decide(self, token: str, request: Request) -> HeldPage | Unusable | NotHis:
        self.asked.append(request)
        return await self.show(token)


def call(method: str, held: Held | None, content: str | AsyncIterator[bytes] = "") -> httpx.Response:
    async def ask() -> httpx.Response:
        doors = asgi.Doors(approvals=held, checks={})
        transport = httpx.ASGITransport(asgi.app(lambda: doors))
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as http:
            return await http.request(method, "/approvals/t.o-k", content=content)

    return asyncio.run(ask())


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_following_the_link_acts_on_nothing(method: str) -> None:
    held = Held()
    assert call(method, held).status_code == 200
    assert held.asked == []


def test_the_page_is_escaped_and_loads_nothing() -> None:
    answer = call("GET", Held())
    assert "&lt;b&gt;…@corp.example" in answer.text
    assert "<script" not in answer.text
    assert "http" not in answer.text
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert (answer.headers["referrer-policy"], answer.headers["cache-control"]) == ("no-referrer", "no-store")


@pytest.mark.parametrize(
    ("form", "request_"),
    [
        ("answer=approve&admit=mail", Allow(Admits.THIS_MAIL)),
        ("answer=approve", Allow(Admits.THIS_MAIL)),
        ("answer=approve&admit=address", Allow(Admits.THIS_ADDRESS)),
        ("answer=reject", Deny()),
    ],
)
def test_a_posted_form_acts(form: str, request_: Request) -> None:
    held = Held()
    assert call("POST", held, form).status_code == 200
    assert held.asked == [request_]


@pytest.mark.parametrize(
    "form", ["", "answer=yes", "answer=approve&answer=reject", "a" * 5_000, "answer=\u00e9", "&".join(["a=b"] * 9)]
)
def test_a_form_that_says_nothing_we_know_changes_nothing(form: str) -> None:
    held = Held()
    assert call("POST", held, form).status_code == 400
    assert held.asked == []


@pytest.mark.parametrize("found", [*Unusable, *NotHis])
def test_links_that_open_nothing_look_alike(found: Unusable | NotHis) -> None:
    answer, other = call("GET", Held(found)), call("POST", Held(Unusable.FORGED), "answer=reject")
    assert (answer.status_code, answer.text) == (404, other.text)


@pytest.mark.parametrize("state", [HoldState.APPROVED, HoldState.REJECTED, HoldState.EXPIRED])
def test_what_is_decided_is_shown_without_a_form(state: HoldState) -> None:
    assert "<form" not in call("GET", Held(evolve(WAITS, state=state))).text


def test_without_an_address_only_the_mail_can_be_let_in() -> None:
    assert "address" not in call("GET", Held(evolve(WAITS, may_admit_address=False, sender="?"))).text


def test_what_is_away_is_a_page_too() -> None:
    assert call("GET", Held(Unavailable("records"))).status_code == 503
    assert call("GET", None).status_code == 503
