"""The page of a held mail: scanners that follow its link change nothing, and nobody learns what a bad link was."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from html import unescape

import httpx
import pytest
from attrs import evolve

from convalias.adapters import asgi
from convalias.domain.approvals.holds import HeldPage, Proof
from convalias.domain.approvals.links import Allow, Deny, NotHis, Request, Unusable
from convalias.domain.inbound.held import Admits, HoldState
from convalias.domain.mail.checks import Finding
from convalias.domain.system_mail import page_texts
from convalias.domain.system_mail.approval_texts import TEXTS
from convalias.ports.errors import Unavailable

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
WAITS = HeldPage(
    state=HoldState.HELD,
    sender="<b>…@corp.example",
    proof=Proof.UNPROVED,
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


def call(
    method: str, held: Held | None, content: str | AsyncIterator[bytes] = "", language: str = "en"
) -> httpx.Response:
    async def ask() -> httpx.Response:
        doors = asgi.Doors(approvals=held, checks={})
        transport = httpx.ASGITransport(asgi.app(lambda: doors))
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as http:
            return await http.request(
                method, "/approvals/t.o-k", content=content, headers={"Accept-Language": language}
            )

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
        ("answer=approve&admit=list", Allow(Admits.THIS_LIST)),
        ("answer=reject", Deny()),
    ],
)
def test_a_posted_form_acts(form: str, request_: Request) -> None:
    held = Held()
    assert call("POST", held, form).status_code == 200
    assert held.asked == [request_]


@pytest.mark.parametrize(
    "form",
    [
        "",
        "answer=yes",
        "answer=approve&answer=reject",
        "a" * 5_000,
        "answer=approve&a=" + "a" * 5_000,
        "answer=\u00e9",
        "&".join(["a=b"] * 9),
    ],
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
    shown = call("GET", Held(evolve(WAITS, may_admit_address=False, sender=""))).text
    assert 'value="address"' not in shown
    assert "<b>an unreadable sender</b>" in shown


def test_the_mailing_list_is_named_where_it_can_be_let_in() -> None:
    assert 'value="list"' not in call("GET", Held()).text
    shown = call("GET", Held(evolve(WAITS, by_list="dev.lists.example"))).text
    assert 'value="list"' in shown
    assert "this message and later ones that come by the mailing list dev.lists.example" in shown


def test_what_is_away_is_a_page_too() -> None:
    assert call("GET", Held(Unavailable("records"))).status_code == 503
    assert call("GET", None).status_code == 503


@pytest.mark.parametrize("language", TEXTS)
def test_the_page_is_in_the_language_of_the_browser(language: str) -> None:
    texts, common = TEXTS[language], page_texts.TEXTS[language]
    found = evolve(WAITS, finding=Finding.SPAM, sender="", proof=Proof.SIGNED, by_list="dev.lists.example")
    pages = {
        texts.waiting_title: (call("GET", Held(found), language=language), 200),
        texts.decided_title: (call("GET", Held(evolve(found, state=HoldState.REJECTED)), language=language), 200),
        common.ended_title: (call("GET", Held(Unusable.FORGED), language=language), 404),
        common.unchanged_title: (call("POST", Held(), "?", language=language), 400),
        common.away_title: (call("GET", None, language=language), 503),
    }
    for title, (answer, status) in pages.items():
        assert answer.status_code == status
        assert f'<html lang="{language}">' in answer.text
        assert answer.headers["content-language"] == language
        assert answer.headers["vary"] == "Accept-Language"
        assert unescape(answer.text).count(f">{title}<") == 2
    shown = unescape(pages[texts.waiting_title][0].text)
    for words in (
        texts.findings[Finding.SPAM],
        texts.proofs[Proof.SIGNED],
        texts.states[HoldState.HELD],
        texts.unreadable_sender,
        texts.question,
        texts.this_mail,
        texts.this_address,
        texts.this_list.format(by_list="dev.lists.example"),
        texts.allow,
        texts.deny,
    ):
        assert words in shown
    assert texts.states[HoldState.REJECTED] in unescape(pages[texts.decided_title][0].text)


@pytest.mark.parametrize("finding", [None, Finding.NOTHING, Finding.PASSED_UNSEEN])
def test_a_finding_that_says_nothing_is_not_shown(finding: Finding | None) -> None:
    assert call("GET", Held(evolve(WAITS, finding=finding))).text == call("GET", Held()).text
