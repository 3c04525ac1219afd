"""Parts that all pages share: each loads nothing, is not cached, and is in the language of the browser."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from html import escape
from typing import Final, TypeVar
from urllib.parse import parse_qs

from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, Response

from convalias.adapters.asgi.failures import NOT_OPEN, because
from convalias.domain.system_mail.page_texts import TEXTS, language_asked
from convalias.ports.errors import Unavailable

Door = TypeVar("Door")

MOST: Final = 4_096
"""Octets of a posted form: two words."""
WITHIN: Final = 30.0
"""Seconds for a whole request."""
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Vary": "Accept-Language",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, nofollow",
}


def language_of(request: Request) -> str:
    """Return the language of the pages that a browser asks for most."""
    return language_asked(request.headers.get("accept-language", ""))


def html_page(title: str, body: str, status: int, *, language: str) -> HTMLResponse:
    """Return a page that loads nothing. `title` is plain text, `body` is HTML."""
    heading = escape(title)
    text = (
        f'<!DOCTYPE html><html lang="{language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex">'
        f'<meta name="color-scheme" content="light dark"><title>{heading}</title></head>'
        '<body style="font-family:sans-serif;line-height:1.5;max-width:40em;margin:2em auto;padding:0 1em;'
        'overflow-wrap:anywhere">'
        f"<main><h1>{heading}</h1>{body}</main></body></html>"
    )
    return HTMLResponse(text, status, headers={**_HEADERS, "Content-Language": language})


def door_page(
    find: Callable[[], Door | None], answer: Callable[[Door, Request, str], Awaitable[Response]]
) -> Callable[[Request], Awaitable[Response]]:
    """Return the end point of a page behind a link, as `answer` makes it for a language.

    `find()` may be None while nothing is open yet. Who is away, or too slow, has the visitor come again.
    """

    async def endpoint(request: Request) -> Response:
        door = find()
        if door is None:
            return away_page(request, NOT_OPEN)
        try:
            async with asyncio.timeout(WITHIN):
                return await answer(door, request, language_of(request))
        except ClientDisconnect:
            return unchanged_page(request)
        except (Unavailable, TimeoutError) as away:
            return away_page(request, away)

    return endpoint


async def posted_fields(request: Request) -> Mapping[str, Sequence[str]] | None:
    """Return the fields of a posted form. None for what is no form, or too much."""
    octets = bytearray()
    async for chunk in request.stream():
        octets += chunk
        if len(octets) > MOST:
            return None
    try:
        return parse_qs(octets.decode("ascii"), max_num_fields=8)
    except ValueError:
        return None


def away_page(request: Request, away: BaseException | str) -> HTMLResponse:
    """Return the page that asks to come again, and note for the log why."""
    because(request, away)
    language = language_of(request)
    texts = TEXTS[language]
    return html_page(texts.away_title, paragraph(texts.away), 503, language=language)


def unchanged_page(request: Request, words: str = "") -> HTMLResponse:
    """Return the page that says that a post changed nothing. `words` is plain text."""
    language = language_of(request)
    return html_page(TEXTS[language].unchanged_title, paragraph(words) if words else "", 400, language=language)


def paragraph(text: str) -> str:
    """Return plain text as a paragraph of HTML."""
    return f"<p>{escape(text)}</p>"


def button(words: str) -> str:
    """Return a button that is large enough for a thumb."""
    return f'<button style="font:inherit;padding:.75em 1em">{escape(words)}</button>'
