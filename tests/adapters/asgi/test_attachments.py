"""The page of a link to a file shows what it is; the file itself is never run and never kept on the way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, MutableMapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from html import unescape
from typing import Any

import httpx
import pytest
from attrs import evolve

from convalias.adapters import asgi
from convalias.adapters.asgi import attachments
from convalias.adapters.asgi.attachments import PIECE
from convalias.domain.outbound.enclosures import LinkedFile
from convalias.domain.system_mail import page_texts
from convalias.domain.system_mail.attachment_texts import TEXTS
from convalias.ports.errors import Unavailable

CV = LinkedFile(
    name='CV <b>"Jürgen"</b>.pdf', size=1_234_567, author="Ann <i>Lee</i>", until=datetime(2026, 3, 31, tzinfo=UTC)
)


class Desk:
    def __init__(self, found: LinkedFile | Exception | None = CV, content: bytes | None = b"%PDF") -> None:
        self.found = found
        self.content = content
        self.held = 0

    async def show(self, token: str) -> LinkedFile | None:
        assert token == "t.o-k"
        if isinstance(self.found, Exception):
            raise self.found
        return self.found

    @asynccontextmanager
    async def opened(self, token: str) -> AsyncGenerator[tuple[LinkedFile, bytes] | None]:
        found = await self.show(token)
        self.held += 1
        try:
            yield None if found is None or self.content is None else (found, self.content)
        finally:
            self.held -= 1


def call(desk: Desk | None, path: str = "", method: str = "GET", language: str = "en") -> httpx.Response:
    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(asgi.app(lambda: asgi.Doors(attachments=desk, checks={})))
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as http:
            return await http.request(method, f"/attachments/t.o-k{path}", headers={"Accept-Language": language})

    return asyncio.run(ask())


def test_the_page_shows_name_size_sender_and_end_as_text() -> None:
    answer = call(Desk())
    assert answer.status_code == 200
    assert "CV &lt;b&gt;&quot;Jürgen&quot;&lt;/b&gt;.pdf" in answer.text
    assert "1.2 MB" in answer.text
    assert "Ann &lt;i&gt;Lee&lt;/i&gt;" in answer.text
    assert "2026-03-31 00:00 UTC" in answer.text
    assert 'href="/attachments/t.o-k/file"' in answer.text
    assert "script" not in answer.text


@pytest.mark.parametrize(("verified", "said"), [(True, "sent by this person"), (False, "nobody could verify that")])
def test_the_page_says_whether_it_was_proved_who_sent_it(said: str, *, verified: bool) -> None:
    shown = call(Desk(LinkedFile(name="a", size=1, author="A", until=CV.until, verified=verified))).text
    assert said in shown


@pytest.mark.parametrize(("size", "shown"), [(7, "7 octets"), (1_500, "1.5 kB"), (25_000_000, "25.0 MB")])
def test_a_size_is_in_the_unit_that_people_read(size: int, shown: str) -> None:
    assert shown in call(Desk(LinkedFile(name="a", size=size, author="A", until=CV.until))).text


@pytest.mark.parametrize("language", TEXTS)
def test_the_page_is_in_the_language_of_the_browser(language: str) -> None:
    texts, common = TEXTS[language], page_texts.TEXTS[language]
    found = LinkedFile(name="a {author}", size=1_500, author="Ann", until=CV.until)
    pages = {
        texts.title: (call(Desk(found), language=language), 200),
        common.ended_title: (call(Desk(None), "/file", language=language), 404),
        common.away_title: (call(None, language=language), 503),
    }
    for title, (answer, status) in pages.items():
        assert answer.status_code == status
        assert f'<html lang="{language}">' in answer.text
        assert answer.headers["content-language"] == language
        assert unescape(answer.text).count(f">{title}<") == 2
    shown = unescape(pages[texts.title][0].text)
    size = f"1{texts.decimal_mark}5 kB"
    for words in ("a {author}", size, "Ann", texts.by_them, texts.expected, texts.download):
        assert words in shown
    assert texts.until.format(time="2026-03-31 00:00") in shown
    unproved = call(Desk(evolve(found, verified=False, size=7)), language=language).text
    assert texts.unverified in unescape(unproved)
    assert f"7 {texts.octets}" in unproved


def test_the_file_is_saved_and_not_opened() -> None:
    desk = Desk()
    answer = call(desk, "/file")
    assert answer.status_code == 200
    assert answer.content == b"%PDF"
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"] == (
        "attachment; filename=\"CV <b>_J_rgen_</b>.pdf\"; filename*=UTF-8''CV%20%3Cb%3E%22J%C3%BCrgen%22%3C%2Fb%3E.pdf"
    )
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"
    assert desk.held == 0


@pytest.mark.parametrize("path", ["", "/file"])
def test_all_that_opens_nothing_looks_alike(path: str) -> None:
    desk = Desk(None)
    answer = call(desk, path)
    assert answer.status_code == 404
    assert "no longer valid" in answer.text
    assert desk.held == 0


def test_a_file_that_is_not_kept_any_more_is_a_link_that_ended() -> None:
    assert call(Desk(content=None), "/file").status_code == 404


@pytest.mark.parametrize("path", ["", "/file"])
@pytest.mark.parametrize("desk", [None, Desk(Unavailable("the store")), Desk(TimeoutError())])
def test_what_cannot_be_read_now_may_be_tried_again(desk: Desk | None, path: str) -> None:
    assert call(desk, path).status_code == 503


@pytest.mark.parametrize("path", ["", "/file"])
def test_nothing_is_posted_there(path: str) -> None:
    assert call(Desk(), path, "POST").status_code == 405


SCOPE: dict[str, object] = {
    "type": "http",
    "method": "GET",
    "path": "/attachments/t.o-k/file",
    "raw_path": b"/attachments/t.o-k/file",
    "query_string": b"",
    "headers": [],
    "app": None,
}


async def receive() -> dict[str, object]:
    return {"type": "http.disconnect"}


async def test_a_client_that_goes_away_in_the_middle_lets_go_of_the_file() -> None:
    desk = Desk()
    app = asgi.app(lambda: asgi.Doors(attachments=desk, checks={}))

    async def send(message: object) -> None:
        assert desk.held == 1
        raise ConnectionResetError(message)

    with pytest.raises(ConnectionResetError):
        await app(SCOPE, receive, send)
    assert desk.held == 0


@pytest.mark.parametrize("octets", [0, 1, PIECE, 2 * PIECE + 1])
async def test_a_file_is_sent_in_pieces_and_held_until_the_last_is_taken(octets: int) -> None:
    content = bytes(range(256)) * (octets // 256) + b"x" * (octets % 256)
    desk, sent = Desk(content=content), list[MutableMapping[str, Any]]()
    app = asgi.app(lambda: asgi.Doors(attachments=desk, checks={}))

    async def send(message: MutableMapping[str, Any]) -> None:
        await asyncio.sleep(0)  # the server waits for the client
        assert desk.held == 1
        sent.append(message)

    await app(SCOPE, receive, send)
    assert desk.held == 0
    start, *bodies = sent
    assert (b"content-length", str(octets).encode()) in start["headers"]
    assert [one["more_body"] for one in bodies] == [True] * (len(bodies) - 1) + [False]
    pieces = [one["body"] for one in bodies]
    assert b"".join(pieces) == content
    assert [len(one) for one in pieces] == [
        *([PIECE] * (octets // PIECE)),
        *([octets % PIECE] if octets % PIECE else []),
        0,
    ]


async def test_a_client_that_does_not_read_lets_go_of_the_file_when_its_time_is_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(attachments, "SENT_WITHIN", 0.01)
    desk, sent = Desk(content=b"x" * 3 * PIECE), list[MutableMapping[str, Any]]()
    app = asgi.app(lambda: asgi.Doors(attachments=desk, checks={}))

    async def send(message: MutableMapping[str, Any]) -> None:
        assert desk.held == 1
        sent.append(message)
        if len(sent) > 2:
            await asyncio.Event().wait()

    await app(SCOPE, receive, send)
    assert desk.held == 0
    assert len(sent) == 3
    assert sent[-1]["more_body"], "the response stays unfinished, so that no client takes it for the whole file"


async def test_a_time_out_of_the_connection_is_a_fault_of_the_connection() -> None:
    desk = Desk()
    app = asgi.app(lambda: asgi.Doors(attachments=desk, checks={}))

    async def send(message: object) -> None:
        raise TimeoutError(message)

    with pytest.raises(TimeoutError):
        await app(SCOPE, receive, send)
    assert desk.held == 0
