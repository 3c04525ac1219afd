"""Routes: the provider's webhook at its two addresses, health and readiness."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Awaitable, Callable, Mapping
from typing import Final, Protocol

from attrs import frozen
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from convalias.adapters.asgi.approvals import ApprovalDoor, opened
from convalias.ports.errors import EngineAway, Unavailable
from convalias.services.errors import NotReady
from convalias.services.places import told_of

READY_WITHIN: Final = 5.0
"""Seconds; a dependency that answers later is not ready."""
POST_WITHIN: Final = 120.0
"""Seconds for a whole request: a sender that drips octets is let go."""


class Answer(Protocol):
    """Status and text of a door."""

    @property
    def status(self) -> int:
        """The HTTP status."""
        ...

    @property
    def text(self) -> str:
        """One line."""
        ...


class Door(Protocol):
    """What takes a posted form: `adapters.mailgun.Webhook` is one."""

    async def handle(self, content_type: str, chunks: AsyncIterable[bytes], *, raw: bool) -> Answer:
        """Take the form in and say how it went. `raw`: it came to the address for raw mail."""
        ...


@frozen(kw_only=True)
class Doors:
    """What the app needs. `checks` are tried by `/readyz`: each raises what is wrong, or returns.

    A text that is returned is shown in the place of "ok"; the words of a `NotReady` are shown as they are.
    """

    mailgun: Door | None = None
    approvals: ApprovalDoor | None = None
    checks: Mapping[str, Callable[[], Awaitable[object]]]


def app(doors: Callable[[], Doors | None]) -> Starlette:
    """An ASGI app. `doors()` is asked at each request and may be None while nothing is open yet: then 503.

    `POST /inbound/mailgun` and `POST /inbound/mailgun/mime` (Mailgun posts raw mail only to an address that ends
    so), `GET` and `POST /approvals/{token}` (shows, acts), `GET /healthz` (the process lives), `GET /readyz` (raw store and queue answer).
    """

    async def inbound(request: Request) -> Response:
        standing = doors()
        if standing is None or standing.mailgun is None:
            return PlainTextResponse("not open", 503)
        content_type = request.headers.get("content-type", "")
        try:
            async with asyncio.timeout(POST_WITHIN):
                answer = await standing.mailgun.handle(
                    content_type, request.stream(), raw=request.url.path.endswith("/mime")
                )
        except TimeoutError:
            return PlainTextResponse("too slow", 408)
        except ClientDisconnect:
            return PlainTextResponse("gone", 400)
        return PlainTextResponse(answer.text + "\n", answer.status)

    async def healthz(_: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def readyz(_: Request) -> Response:
        standing = doors()
        if standing is None:
            return JSONResponse({"ready": False}, 503)
        answers = await asyncio.gather(*map(_state, standing.checks.values()))
        ready = all(is_ready for is_ready, _ in answers)
        states = dict(zip(standing.checks, (state for _, state in answers), strict=True))
        return JSONResponse({"ready": ready, **states}, 200 if ready else 503)

    def held() -> ApprovalDoor | None:
        standing = doors()
        return None if standing is None else standing.approvals

    return Starlette(
        routes=[
            Route("/inbound/mailgun", inbound, methods=["POST"]),
            Route("/inbound/mailgun/mime", inbound, methods=["POST"]),
            Route("/approvals/{token}", opened(held), methods=["GET", "POST"]),
            Route("/healthz", healthz),
            Route("/readyz", readyz),
        ]
    )


async def _state(check: Callable[[], Awaitable[object]]) -> tuple[bool, str]:
    """Whether it is ready, and in what words."""
    try:
        async with asyncio.timeout(READY_WITHIN):
            told = await check()
    except NotReady as broken:
        return False, broken.why
    except EngineAway as error:  # its reason, never its name: hosts are nothing for whoever asks from outside
        return False, f"unavailable: {error.because}" if error.because else "unavailable"
    except Unavailable:
        return False, "unavailable"
    except TimeoutError:
        return False, "too slow"
    except Exception as failed:  # noqa: BLE001 - whatever it is, this one does not answer
        return False, f"failed: {told_of(failed)}"
    return True, told if isinstance(told, str) and told else "ok"
