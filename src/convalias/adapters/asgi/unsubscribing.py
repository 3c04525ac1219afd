"""The page behind an unsubscribe link: GET shows, POST acts at once (RFC 8058); no login, no script."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol
from urllib.parse import parse_qs

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from convalias.adapters.asgi.failures import NOT_OPEN
from convalias.adapters.asgi.pages import (
    MOST,
    WITHIN,
    away_page,
    button,
    html_page,
    language_of,
    paragraph,
    unchanged_page,
)
from convalias.domain.outbound.suppressions import Subscription
from convalias.domain.system_mail.unsubscribe_texts import TEXTS
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
        language, door = language_of(request), find()
        if door is None:
            return away_page(request, NOT_OPEN)
        token: str = request.path_params["token"]
        try:
            async with asyncio.timeout(WITHIN):
                if request.method != "POST":
                    return _page(await door.show(token), language)
                act = door.resume if await _asks_to_resume(request) else door.stop
                return _page(await act(token), language)
        except ClientDisconnect:
            return unchanged_page(request)
        except (Unavailable, TimeoutError) as away:
            return away_page(request, away)

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
            body = paragraph(texts.mailed) + _form("stop", texts.stop)
            return html_page(texts.mailed_title, body, 200, language=language)
        case Subscription.MUTED:
            body = paragraph(texts.muted) + _form("resume", texts.resume)
            return html_page(texts.muted_title, body, 200, language=language)
        case Subscription.NO_LINK:
            return html_page(texts.no_link_title, paragraph(texts.no_link), 404, language=language)


def _form(answer: str, words: str) -> str:
    """A form with one button."""
    return f'<form method="post"><input type="hidden" name="answer" value="{answer}">{button(words)}</form>'
