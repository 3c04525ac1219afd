"""Routes: the provider's webhook at its two addresses, health and readiness."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Final, TypeAlias, TypeVar

from attrs import frozen
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from convalias.adapters.asgi.approvals import ApprovalDoor, opened
from convalias.adapters.asgi.attachments import AttachmentDoor, attachment_file, attachment_page
from convalias.adapters.asgi.failures import NOT_OPEN, Endpoint, Failures, Wall, because, log
from convalias.adapters.asgi.unsubscribing import UnsubscribeDoor, unsubscribing
from convalias.ports.ambient import Telemetry
from convalias.ports.errors import EngineAway, Unavailable
from convalias.services.conversations.errors import NotReady
from convalias.services.inbound.doors import Door, DoorAnswer, DoorPost, EventDoor
from convalias.services.running.log_lines import LogLines
from convalias.services.running.places import told_of

READY_WITHIN: Final = 5.0
"""Seconds; a dependency that answers later is not ready."""
HEALTH: Final = frozenset({"/healthz", "/readyz"})
"""What is answered even if no other place is left."""
POST_WITHIN: Final = 120.0
"""Seconds for a whole request: a sender that drips octets is let go."""


_Door = TypeVar("_Door")
_Handle: TypeAlias = Callable[[DoorPost], Awaitable[DoorAnswer]]
_NONE: Final[Mapping[str, Sequence[str]]] = MappingProxyType({})


@frozen(kw_only=True)
class Doors:
    """The services that the app needs. `checks` are tried by `/readyz`: each raises what is wrong, or returns.

    A text that is returned is shown in the place of "ok"; the words of a `NotReady` are shown as they are.
    """

    inbound: Mapping[str, Door] = MappingProxyType({})
    """By name: it takes what is posted to its addresses at and below `/inbound/<name>`."""
    events: Mapping[str, EventDoor] = MappingProxyType({})
    """By name: it takes what is posted to `/events/<name>`."""
    approvals: ApprovalDoor | None = None
    unsubscribing: UnsubscribeDoor | None = None
    attachments: AttachmentDoor | None = None
    checks: Mapping[str, Callable[[], Awaitable[object]]]
    telemetry: Telemetry | None = None
    """Where answers 5xx and 401 are counted while these doors stand, if the app was given no other place."""


def app(
    doors: Callable[[], Doors | None],
    *,
    inbound: Mapping[str, Sequence[str]] = _NONE,
    events: Sequence[str] = (),
    lines: LogLines | None = None,
    telemetry: Telemetry | None = None,
) -> Starlette:
    """An ASGI app. `doors()` is asked at each request and may be None while nothing is open yet: then 503.

    `POST /inbound/<name><address>` of each name in `inbound` and each of its addresses (`DoorKind.addresses`),
    `POST /events/<name>` of each name in `events`, `GET` and `POST /approvals/{token}` and `/unsubscribe/{token}` (shows, acts), `GET /attachments/{token}` (shows) and `/attachments/{token}/file`, `GET /healthz` (the process lives), `GET /readyz` (raw store and queue answer).

    Each answer 5xx or 401 is a line (equal ones once a minute, with a count) in `lines`, or in the log `convalias.http` by the
    clock of this machine, and a count in `telemetry`.
    """

    def counts() -> Telemetry | None:
        standing = doors() if telemetry is None else None
        return telemetry if standing is None else standing.telemetry

    failures = Failures(lines=lines or LogLines(log, Wall()), counts=counts)

    async def healthz(_: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def readyz(request: Request) -> Response:
        standing = doors()
        if standing is None:
            because(request, NOT_OPEN)
            return JSONResponse({"ready": False}, 503)
        states = await _states(standing.checks)
        failing = [f"{name}: {state.logged}" for name, state in states.items() if not state.is_ready]
        because(request, "; ".join(failing))
        shown = {name: state.shown for name, state in states.items()}
        return JSONResponse({"ready": not failing, **shown}, 503 if failing else 200)

    def route(path: str, endpoint: Endpoint, *methods: str) -> Route:
        return Route(path, failures.told(path, endpoint), methods=methods or ["GET"])

    def posts(path: str, take: Callable[[Doors], _Handle | None], address: str = "") -> Route:
        return route(path, posted(_part(doors, take), address), "POST")

    application = Starlette(
        middleware=[Middleware(OneFraming)],
        routes=[
            *(
                posts(f"/inbound/{name}{address}", partial(_mail_door, name), address)
                for name, addresses in inbound.items()
                for address in addresses
            ),
            *(posts(f"/events/{name}", partial(_event_door, name)) for name in events),
            route("/approvals/{token}", opened(_part(doors, lambda standing: standing.approvals)), "GET", "POST"),
            route(
                "/unsubscribe/{token}",
                unsubscribing(_part(doors, lambda standing: standing.unsubscribing)),
                "GET",
                "POST",
            ),
            route("/attachments/{token}", attachment_page(_part(doors, lambda standing: standing.attachments))),
            route("/attachments/{token}/file", attachment_file(_part(doors, lambda standing: standing.attachments))),
            route("/healthz", healthz),
            route("/readyz", readyz),
        ],
    )
    # A redirect to the address without its slash would be made of the Host header, which is the client's text.
    application.router.redirect_slashes = False
    return application


def _mail_door(name: str, standing: Doors) -> _Handle | None:
    door = standing.inbound.get(name)
    return None if door is None else door.handle


def _event_door(name: str, standing: Doors) -> _Handle | None:
    door = standing.events.get(name)
    return None if door is None else door.handle


def _by_name(headers: Headers) -> Mapping[str, str]:
    """Fields of one name joined, as `DoorPost` has them; in one pass, for whoever posts chooses how many there are."""
    values: dict[str, list[str]] = {}
    for name, value in headers.items():
        values.setdefault(name, []).append(value)
    return {name: ", ".join(given) for name, given in values.items()}


def posted(find: Callable[[], _Handle | None], address: str = "") -> Endpoint:
    """Hand a post to this address of a door to it; `find()` may be None while nothing is open yet."""

    async def endpoint(request: Request) -> Response:
        handle = find()
        if handle is None:
            because(request, NOT_OPEN)
            return PlainTextResponse("not open", 503)
        post = DoorPost(
            content_type=request.headers.get("content-type", ""),
            chunks=request.stream(),
            address=address,
            headers=_by_name(request.headers),
        )
        try:
            async with asyncio.timeout(POST_WITHIN):
                answer = await handle(post)
        except TimeoutError:
            return PlainTextResponse("too slow", 408)
        except ClientDisconnect:
            return PlainTextResponse("gone", 400)
        because(request, getattr(answer, "error", None) or "")
        return PlainTextResponse(answer.text + "\n", answer.status)

    return endpoint


def _part(doors: Callable[[], Doors | None], take: Callable[[Doors], _Door | None]) -> Callable[[], _Door | None]:
    """One of the doors, asked for at each request."""

    def find() -> _Door | None:
        standing = doors()
        return None if standing is None else take(standing)

    return find


class OneFraming:
    """Refuses a request that says its length twice, in two ways: what stands in front may read the other one.

    RFC 9112 §6.3: a server ought to handle Transfer-Encoding beside Content-Length as an error, and must close.
    """

    def __init__(self, inner: ASGIApp) -> None:
        """Stand in front of that app."""
        self._inner = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through, or answer 400 and have the connection closed."""
        names = [name.lower() for name, _ in scope.get("headers", ())]
        if b"transfer-encoding" in names and b"content-length" in names:
            refusal = PlainTextResponse("two lengths\n", 400, headers={"Connection": "close"})
            await refusal(scope, receive, send)
        else:
            await self._inner(scope, receive, send)


@frozen(kw_only=True)
class _State:
    is_ready: bool
    shown: str
    """To whoever asks from outside."""
    logged: str = ""
    """With engine and host; nothing that differs from one look to the next."""


async def _states(checks: Mapping[str, Callable[[], Awaitable[object]]]) -> Mapping[str, _State]:
    answers = await asyncio.gather(*map(_state, checks.values()))
    return dict(zip(checks, answers, strict=True))


async def _state(check: Callable[[], Awaitable[object]]) -> _State:
    """Whether it is ready, and in what words."""
    try:
        async with asyncio.timeout(READY_WITHIN):
            told = await check()
    except NotReady as broken:
        return _State(is_ready=False, shown=broken.why, logged="not ready")
    except EngineAway as error:  # its reason, never its name: hosts are nothing for whoever asks from outside
        shown = f"unavailable: {error.because}" if error.because else "unavailable"
        return _State(is_ready=False, shown=shown, logged=f"{error.what} is away")
    except Unavailable as error:
        return _State(is_ready=False, shown="unavailable", logged=f"{error.what} is away")
    except TimeoutError:
        return _State(is_ready=False, shown="too slow", logged="too slow")
    except Exception as failed:  # noqa: BLE001 - whatever it is, this one does not answer
        shown = f"failed: {told_of(failed)}"
        return _State(is_ready=False, shown=shown, logged=shown)
    return _State(is_ready=True, shown=told if isinstance(told, str) and told else "ok")
