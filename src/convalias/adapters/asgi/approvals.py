"""The page behind an approval link: GET shows, POST acts; no script, nothing from elsewhere, nothing of the mail."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from html import escape
from typing import Final, Protocol
from urllib.parse import parse_qs

from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, Response

from convalias.adapters.asgi.failures import NOT_OPEN, because
from convalias.domain.approvals.holds import HeldPage
from convalias.domain.approvals.links import Allow, Deny, NotHis, Unusable
from convalias.domain.approvals.links import Request as Asked
from convalias.domain.inbound.held import Admits, HoldState
from convalias.ports.errors import Unavailable

MOST: Final = 4_096
"""Octets of a posted form: two words."""
WITHIN: Final = 30.0
"""Seconds for a whole request."""
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, nofollow",
}
_STANDS: Final = {
    HoldState.HELD: "It waits for an answer.",
    HoldState.APPROVED: "It was let in.",
    HoldState.REJECTED: "It was turned down.",
    HoldState.EXPIRED: "It has expired: nobody answered in time.",
}
_REQUESTS: Final[Mapping[tuple[str, str], Asked]] = {
    ("approve", "mail"): Allow(Admits.THIS_MAIL),
    ("approve", ""): Allow(Admits.THIS_MAIL),
    ("approve", "address"): Allow(Admits.THIS_ADDRESS),
    ("reject", ""): Deny(),
}


class ApprovalDoor(Protocol):
    """The service behind the pages: `services.approvals.Approvals` is one."""

    async def show(self, token: str) -> HeldPage | Unusable | NotHis:
        """Return what the link is about. Changes nothing."""
        ...

    async def decide(self, token: str, request: Asked) -> HeldPage | Unusable | NotHis:
        """Answer; what stands then."""
        ...


async def page(door: ApprovalDoor, request: Request) -> Response:
    """GET and HEAD show, for scanners follow links; only a posted form acts."""
    token: str = request.path_params["token"]
    try:
        async with asyncio.timeout(WITHIN):
            if request.method != "POST":
                return _page(await door.show(token))
            asked = await _asked(request)
            if asked is None:
                return html_page(
                    "Nothing was changed", "<p>The form could not be read. Please open the link again.</p>", 400
                )
            return _page(await door.decide(token, asked))
    except ClientDisconnect:
        return html_page("Nothing was changed", "", 400)
    except (Unavailable, TimeoutError) as away:
        because(request, away)
        return html_page("Please try again", "<p>This page cannot be shown right now.</p>", 503)


def opened(find: Callable[[], ApprovalDoor | None]) -> Callable[[Request], Awaitable[Response]]:
    """The route's end point; `find()` may be None while nothing is open yet."""

    async def endpoint(request: Request) -> Response:
        door = find()
        if door is None:
            because(request, NOT_OPEN)
            return html_page("Please try again", "", 503)
        return await page(door, request)

    return endpoint


async def _asked(request: Request) -> Asked | None:
    """What the form says; None where it says nothing we know, or too much."""
    octets = bytearray()
    async for chunk in request.stream():
        octets += chunk
        if len(octets) > MOST:
            return None
    try:
        fields = parse_qs(octets.decode("ascii"), max_num_fields=8)
    except ValueError:
        return None
    answer, admit = (fields.get(name, [""]) for name in ("answer", "admit"))
    return _REQUESTS.get((answer[0], admit[0])) if len(answer) == len(admit) == 1 else None


def _page(found: HeldPage | Unusable | NotHis) -> Response:
    """One page for whatever a token is that opens nothing: it tells forged ones nothing."""
    if not isinstance(found, HeldPage):
        return html_page("This link is no longer valid", "<p>It has expired, or what it was about is settled.</p>", 404)
    waits = found.state is HoldState.HELD
    until = f"<p>It can be answered until {found.expires_at:%Y-%m-%d %H:%M} UTC.</p>" if waits else ""
    body = (
        f"<p>From <b>{escape(found.sender)}</b>, received {found.since:%Y-%m-%d %H:%M} UTC.</p>"
        f"<p>{escape(found.proof)}</p><p>{_STANDS[found.state]}</p>{until}"
    )
    return html_page("A message waits" if waits else "A held message", body + (_form(found) if waits else ""), 200)


def _form(found: HeldPage) -> str:
    """Two forms, so that turning down carries nothing else; no address of another site, no script."""
    address = (
        '<br><label><input type="radio" name="admit" value="address"> and later ones from this address</label>'
        if found.may_admit_address
        else ""
    )
    return (
        '<form method="post"><input type="hidden" name="answer" value="approve">'
        '<p><label><input type="radio" name="admit" value="mail" checked> this message</label>'
        f"{address}</p><button>Let it in</button></form>"
        '<form method="post"><input type="hidden" name="answer" value="reject"><button>Turn it down</button></form>'
    )


def html_page(title: str, body: str, status: int, *, language: str = "en") -> HTMLResponse:
    """A page that loads nothing and is kept by nobody. `title` and `body` are HTML."""
    text = (
        f'<!DOCTYPE html><html lang="{language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex">'
        f'<meta name="color-scheme" content="light dark"><title>{title}</title></head>'
        '<body style="font-family:sans-serif;max-width:40em;margin:2em auto;padding:0 1em">'
        f"<main><h1>{title}</h1>{body}</main></body></html>"
    )
    return HTMLResponse(text, status, headers={**_HEADERS, "Content-Language": language})
