"""The page behind an unsubscribe link: GET shows, POST acts at once (RFC 8058); no login, no script."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from html import escape
from typing import Protocol
from urllib.parse import parse_qs

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from convalias.adapters.asgi.approvals import MOST, WITHIN, html_page
from convalias.adapters.asgi.failures import NOT_OPEN, because
from convalias.domain.outbound.suppressions import Subscription
from convalias.domain.system_mail.unsubscribe_texts import TEXTS, language_asked
from convalias.ports.errors import Unavailable


class UnsubscribeDoor(Protocol):
    """The service behind the page: `services.outbound.unsubscribing.Unsubscribing` is one."""

    async def show(self, token: str) -> Subscription:
        """Return what holds now. Changes nothing."""
        ...

    async def stop(self, token: str) -> Subscription:
        """No more mail."""
        ...

    async def resume(self, token: str) -> Subscription:
        """Mail again."""
        ...


def unsubscribing(find: Callable[[], UnsubscribeDoor | None]) -> Callable[[Request], Awaitable[Response]]:
    """The route's end point; `find()` may be None while nothing is open yet."""

    async def endpoint(request: Request) -> Response:
        language = language_asked(request.headers.get("accept-language", ""))
        door, texts = find(), TEXTS[language]
        if door is None:
            because(request, NOT_OPEN)
            return html_page(escape(texts.away_title), "", 503, language=language)
        token: str = request.path_params["token"]
        try:
            async with asyncio.timeout(WITHIN):
                if request.method != "POST":
                    return _page(await door.show(token), language)
                act = door.resume if await _asks_to_resume(request) else door.stop
                return _page(await act(token), language)
        except ClientDisconnect:
            return html_page(escape(texts.unchanged_title), "", 400, language=language)
        except (Unavailable, TimeoutError) as away:
            because(request, away)
            return html_page(escape(texts.away_title), _paragraph(texts.away), 503, language=language)

    return endpoint


async def _asks_to_resume(request: Request) -> bool:
    """Whether the form of our page asks for mail again. Whatever else is posted, a mailbox provider's form too, stops it."""
    octets = bytearray()
    async for chunk in request.stream():
        octets += chunk
        if len(octets) > MOST:
            return False
    try:
        return parse_qs(octets.decode("ascii"), max_num_fields=8).get("answer") == ["resume"]
    except ValueError:
        return False


def _page(found: Subscription, language: str) -> Response:
    texts = TEXTS[language]
    match found:
        case Subscription.MAILED:
            body = _paragraph(texts.mailed) + _form("stop", texts.stop)
            return html_page(escape(texts.mailed_title), body, 200, language=language)
        case Subscription.MUTED:
            body = _paragraph(texts.muted) + _form("resume", texts.resume)
            return html_page(escape(texts.muted_title), body, 200, language=language)
        case Subscription.NO_LINK:
            return html_page(escape(texts.no_link_title), _paragraph(texts.no_link), 404, language=language)


def _paragraph(text: str) -> str:
    return f"<p>{escape(text)}</p>"


def _form(answer: str, words: str) -> str:
    """A form with one button, large enough for a thumb."""
    return (
        f'<form method="post"><input type="hidden" name="answer" value="{answer}">'
        f'<button style="font:inherit;padding:.75em 1em">{escape(words)}</button></form>'
    )
