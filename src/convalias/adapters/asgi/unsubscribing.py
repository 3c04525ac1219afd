"""The page behind an unsubscribe link: GET shows, POST acts at once (RFC 8058); no login, no script."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Protocol
from urllib.parse import parse_qs

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from convalias.adapters.asgi.approvals import MOST, WITHIN, html_page
from convalias.adapters.asgi.failures import NOT_OPEN, because
from convalias.domain.outbound.suppressions import Subscription
from convalias.ports.errors import Unavailable

_STOP: Final = (
    "<p>You get e-mail about one conversation.</p>"
    '<form method="post"><input type="hidden" name="answer" value="stop"><button>Stop this e-mail</button></form>'
)
_RESUME: Final = (
    "<p>You get no more e-mail about this conversation. Other conversations stay as they are, and you can still read "
    "this one on the platform.</p>"
    '<form method="post"><input type="hidden" name="answer" value="resume"><button>Send it again</button></form>'
)


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
        door = find()
        if door is None:
            because(request, NOT_OPEN)
            return html_page("Please try again", "", 503)
        token: str = request.path_params["token"]
        try:
            async with asyncio.timeout(WITHIN):
                if request.method != "POST":
                    return _page(await door.show(token))
                act = door.resume if await _asks_to_resume(request) else door.stop
                return _page(await act(token))
        except ClientDisconnect:
            return html_page("Nothing was changed", "", 400)
        except (Unavailable, TimeoutError) as away:
            because(request, away)
            return html_page("Please try again", "<p>This page cannot be shown right now.</p>", 503)

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


def _page(found: Subscription) -> Response:
    match found:
        case Subscription.MAILED:
            return html_page("E-mail about a conversation", _STOP, 200)
        case Subscription.MUTED:
            return html_page("E-mail is stopped", _RESUME, 200)
        case Subscription.NO_LINK:
            return html_page("This link is not valid", "<p>Please open it as it stands in the mail.</p>", 404)
