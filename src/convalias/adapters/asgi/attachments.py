"""The page behind a link to an attached file, and the file: no browser opens it, no cache keeps it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from html import escape
from typing import Final, Protocol
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from convalias.adapters.asgi.pages import door_page, html_page, paragraph
from convalias.domain.outbound.enclosures import LinkedFile
from convalias.domain.system_mail import page_texts
from convalias.domain.system_mail.attachment_texts import TEXTS, AttachmentTexts

PIECE: Final = 64 * 1024
"""Octets that are handed to the server at once: as many as uvicorn buffers before a sender has to wait."""
SENT_WITHIN: Final = 300.0
"""Seconds in which a client has to read a file; so long a slow one keeps its octets from others."""
_SIZES: Final = ((1_000_000, "MB"), (1_000, "kB"))
_HEADERS: Final = {
    "Cache-Control": "no-store",
    # `sandbox`: if it is opened all the same, nothing in it runs and it has no origin.
    "Content-Security-Policy": "default-src 'none'; sandbox; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, nofollow",
}


class AttachmentDoor(Protocol):
    """The service behind the pages: `services.outbound.attachment_links.AttachmentLinks` is one."""

    async def show(self, token: str) -> LinkedFile | None:
        """Return what the link opens."""
        ...

    def opened(self, token: str) -> AbstractAsyncContextManager[tuple[LinkedFile, bytes] | None]:
        """The file and its content, held while it is sent."""
        ...


class _Held(Response):
    """A response that lets go of what it holds when the client has read it, or could not in time.

    Then it ends unfinished, and the server closes the connection.
    """

    def __init__(self, content: bytes, headers: dict[str, str], stack: AsyncExitStack) -> None:
        super().__init__(content, headers=headers, media_type="application/octet-stream")
        self._stack = stack

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._stack:
            bound = asyncio.timeout(SENT_WITHIN)
            try:
                async with bound:
                    await self._sent(send)
            except TimeoutError:
                if not bound.expired():  # of the connection
                    raise

    async def _sent(self, send: Send) -> None:
        """Send in pieces. A server takes the next one when most of those before have left its buffer."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        for begin in range(0, len(self.body), PIECE):
            piece = bytes(self.body[begin : begin + PIECE])
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        # Empty, and waited for like the others: otherwise nobody would wait for the last piece.
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def attachment_page(find: Callable[[], AttachmentDoor | None]) -> Callable[[Request], Awaitable[Response]]:
    """The end point that shows a file's name, size and sender. `find()` may be None while nothing is open yet."""

    async def answer(door: AttachmentDoor, request: Request, language: str) -> Response:
        token: str = request.path_params["token"]
        found = await door.show(token)
        return _ended(language) if found is None else _page(found, token, language)

    return door_page(find, answer)


def attachment_file(find: Callable[[], AttachmentDoor | None]) -> Callable[[Request], Awaitable[Response]]:
    """The end point of the file itself."""

    async def answer(door: AttachmentDoor, request: Request, language: str) -> Response:
        async with AsyncExitStack() as stack:
            opened = await stack.enter_async_context(door.opened(request.path_params["token"]))
            if opened is None:
                return _ended(language)
            found, content = opened
            return _Held(content, {**_HEADERS, "Content-Disposition": _disposition(found.name)}, stack.pop_all())

    return door_page(find, answer)


def _page(found: LinkedFile, token: str, language: str) -> Response:
    texts = TEXTS[language]
    file = escape(texts.file).format(
        name=f"<b>{escape(found.name)}</b>",
        size=_size(found.size, texts),
        author=escape(found.author),
    )
    body = (
        f"<p>{file}</p>"
        f"<p>{escape(texts.by_them if found.verified else texts.unverified)} {escape(texts.expected)}</p>"
        f'<p><a href="/attachments/{escape(token)}/file" download rel="noreferrer">{escape(texts.download)}</a></p>'
        f"{paragraph(texts.until.format(time=f'{found.until:%Y-%m-%d %H:%M}'))}"
    )
    return html_page(texts.title, body, 200, language=language)


def _ended(language: str) -> Response:
    """One page for whatever opens nothing: it tells forged links nothing."""
    return html_page(page_texts.TEXTS[language].ended_title, paragraph(TEXTS[language].ended), 404, language=language)


def _size(octets: int, texts: AttachmentTexts) -> str:
    for unit, name in _SIZES:
        if octets >= unit:
            return f"{octets / unit:.1f} {name}".replace(".", texts.decimal_mark)
    return f"{octets} {texts.octets}"


def _disposition(name: str) -> str:
    """RFC 6266 §4.3: the name in UTF-8, and for old programs in ASCII."""
    plain = "".join(char if char.isascii() and char.isprintable() and char not in '"\\%' else "_" for char in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
