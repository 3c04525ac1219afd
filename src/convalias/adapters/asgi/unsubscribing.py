"""The page behind an unsubscribe link: GET shows, POST acts at once (RFC 8058); no login, no script."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from starlette.requests import Request
from starlette.responses import Response

from convalias.adapters.asgi.pages import button, door_page, html_page, paragraph, posted_fields
from convalias.domain.outbound.suppressions import Subscription
from convalias.domain.system_mail.unsubscribe_texts import TEXTS


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

    async def answer(door: UnsubscribeDoor, request: Request, language: str) -> Response:
        token: str = request.path_params["token"]
        if request.method != "POST":
            return _page(await door.show(token), language)
        # Whatever is posted but our form's own word, a mailbox provider's form too, stops it.
        resumes = (await posted_fields(request) or {}).get("answer") == ["resume"]
        return _page(await (door.resume if resumes else door.stop)(token), language)

    return door_page(find, answer)


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
