"""The HTTP doors for a server of WSGI: its requests are answered by the ASGI app, on the background loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, Protocol
from wsgiref.types import InputStream, StartResponse, WSGIEnvironment

from attrs import define, field

from convalias.app.facade import Convalias, NotOpen
from convalias.blocking.background import in_thread
from convalias.blocking.opening import Opening

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Scope

CHUNK: Final = 65_536
"""Octets of a body that are read at a time."""
_SHUT: Final = b"not open\n"
_MISREAD: Final = b"text beyond latin-1: WSGI has octets one by one (PEP 3333)\n"
_PLAIN: Final = (b"content-type", b"text/plain")
_UNPREFIXED: Final = {"CONTENT_TYPE": b"content-type", "CONTENT_LENGTH": b"content-length"}
_TEXT: Final = "latin-1"
"""PEP 3333: octets of a request stand in text one by one."""


class MakesApp(Protocol):
    """A function that makes the ASGI app of a deployment."""

    def __call__(self, cv: Convalias, /) -> ASGIApp:
        """Make it; nothing is opened."""
        ...


class StillSending(Exception):
    """The request was answered while its client is still sending it: the server has to close the connection."""


class Doors:
    """A WSGI application: the webhooks, the pages behind the links in mails, health.

    Its first request opens the deployment in this process. What is checked, and how much is read, is up to the ASGI app.
    An answer is held in memory before it leaves.
    """

    def __init__(self, opening: Callable[[], Opening], make: MakesApp) -> None:
        """Open nothing."""
        self._opening = opening
        self._make = make
        self._made: tuple[Convalias, ASGIApp] | None = None

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse, /) -> Iterable[bytes]:
        """Answer a request. Raises what opening raises, but answers 503 where the façade was closed.

        Behind an answer that did not wait for its request, such as 408, the returned parts raise `StillSending`.
        """
        try:
            answer = self._opening().call(lambda cv: exchange(self._app(cv), environ))
        except NotOpen:
            answer = Answer(503, [_PLAIN], [_SHUT])
        body = [] if environ["REQUEST_METHOD"] == "HEAD" else answer.body
        headers = [(name.decode(_TEXT), value.decode(_TEXT)) for name, value in answer.headers]
        start_response(f"{answer.status} {_phrase(answer.status)}", headers)
        return _breaking_off(body) if answer.is_early else body

    def _app(self, cv: Convalias) -> ASGIApp:
        """The app of what is open now: another one after a fork, and after it was closed. Runs on the loop."""
        if self._made is None or self._made[0] is not cv:
            self._made = cv, self._make(cv)
        return self._made[1]


@define
class Answer:
    """An HTTP response."""

    status: int = 500
    headers: list[tuple[bytes, bytes]] = field(factory=list[tuple[bytes, bytes]])
    body: list[bytes] = field(factory=list[bytes])
    whole: asyncio.Event = field(factory=asyncio.Event)
    is_early: bool = False
    """The server's stream is still being read, and whatever comes on this connection may be taken from it."""


async def exchange(app: ASGIApp, environ: WSGIEnvironment) -> Answer:
    """Hand a request of a WSGI server to an ASGI app. Raises what the app raises before it has answered."""
    body, answer = Body(environ), Answer()
    try:
        scope = scope_of(environ)
    except UnicodeEncodeError:  # of a framework that decoded it already
        return Answer(400, [_PLAIN], [_MISREAD])

    async def receive() -> Message:
        return await _next_of(body, answer)

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            answer.status, answer.headers = message["status"], [*message.get("headers", ())]
        elif message["type"] == "http.response.body":
            answer.body.append(message.get("body", b""))
            if not message.get("more_body", False):
                answer.whole.set()

    try:
        await app(scope, receive, send)
    except Exception:
        if not answer.whole.is_set():
            raise
    answer.is_early = body.is_being_read
    return answer


async def _next_of(body: Body, answer: Answer) -> Message:
    """The next part of a request. A client that stopped in the middle is gone; any other is when it has its answer."""
    if not body.has_ended:
        chunk = await body.read()
        if not body.is_short:
            return {"type": "http.request", "body": chunk, "more_body": not body.has_ended}
    elif not body.is_short:
        await answer.whole.wait()
    return {"type": "http.disconnect"}


def _breaking_off(parts: Iterable[bytes]) -> Iterator[bytes]:
    """Fail behind the last part: a server closes the connection then. It has no other way to be told (PEP 3333)."""
    yield from parts
    raise StillSending("answered before the whole request came: the connection is closed")


def scope_of(environ: WSGIEnvironment) -> Scope:
    """The request as ASGI has it; what was cut off in front of its path stands there again.

    Raises `UnicodeEncodeError` for text that is not in the encoding of WSGI.
    """
    root = _path(environ.get("SCRIPT_NAME", ""))
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": environ.get("SERVER_PROTOCOL", "HTTP/1.1").partition("/")[2],
        "method": environ["REQUEST_METHOD"],
        "scheme": environ["wsgi.url_scheme"],
        "root_path": root,
        "path": root + _path(environ.get("PATH_INFO", "")),
        "query_string": environ.get("QUERY_STRING", "").encode(_TEXT),
        "headers": [*_headers(environ)],
        "client": (environ.get("REMOTE_ADDR", ""), int(environ.get("REMOTE_PORT") or 0)),
        "server": (environ["SERVER_NAME"], int(environ["SERVER_PORT"])),
    }


def _path(text: str) -> str:
    return text.encode(_TEXT).decode("utf-8", "replace")


def _headers(environ: WSGIEnvironment) -> Iterator[tuple[bytes, bytes]]:
    for name, value in environ.items():
        if name in _UNPREFIXED:
            if value:  # some servers say "none" by an empty text
                yield _UNPREFIXED[name], value.encode(_TEXT)
        elif name.startswith("HTTP_"):
            yield name[5:].replace("_", "-").lower().encode(_TEXT), value.encode(_TEXT)


class Body:
    """The body of a request, read as the app asks for it, and never beyond its end."""

    def __init__(self, environ: WSGIEnvironment) -> None:
        """Read nothing yet. A body whose end nobody knows is none."""
        self._stream: InputStream = environ["wsgi.input"]
        length = environ.get("CONTENT_LENGTH") or ""
        self._left: int | None = int(length) if length.isascii() and length.isdigit() else 0
        if not length and environ.get("wsgi.input_terminated"):
            self._left = None
        self.has_ended = False
        self.is_being_read = False

    @property
    def is_short(self) -> bool:
        """Whether the client was gone before all came. Servers raise nothing then: their stream just ends."""
        return self.has_ended and bool(self._left)

    async def read(self) -> bytes:
        """Return the next part; empty at the end. Raises what the server raises for a client that is gone.

        A thread of its own reads: a client that drips octets keeps neither the loop nor its threads.
        """
        size = CHUNK if self._left is None else min(CHUNK, self._left)
        got: list[bytes] = []

        def take() -> None:
            try:
                got.append(self._stream.read(size))
            finally:
                self.is_being_read = False

        if size:
            self.is_being_read = True
            await in_thread(take, name="convalias-body")
        chunk = b"".join(got)
        if self._left is not None:
            self._left -= len(chunk)
        self.has_ended = not chunk or self._left == 0
        return chunk


def _phrase(status: int) -> str:
    return HTTPStatus(status).phrase
