"""The doors under a WSGI server: what they check is up to the ASGI app, and each request reaches it as it was sent."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import io
import json
import threading
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode
from wsgiref.types import WSGIApplication
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import pytest
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from convalias import Participant
from convalias.app import Providers
from convalias.blocking import Convalias
from convalias.blocking.wsgi import Body, Doors, StillSending, exchange, scope_of
from convalias.settings import WrongSettings
from system.forked import child_of

KEY = "signing key"
HOOK = "/inbound/mailgun/mime"
PROVIDERS = Providers(inbound={"mailgun": KEY}, mail_limit=100_000)


@pytest.fixture
def cv() -> Iterator[Convalias]:
    made = Convalias.in_memory(alias_domain="reply.example")
    yield made
    made.close()


class Stream(io.BytesIO):
    """What a client sent; how much of it was asked for."""

    def __init__(self, octets: bytes) -> None:
        super().__init__(octets)
        self.asked = 0

    def read(self, size: int | None = -1, /) -> bytes:
        self.asked += size or 0
        return super().read(size)


def environment(method: str, path: str, body: bytes = b"", **more: Any) -> dict[str, Any]:
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "SCRIPT_NAME": "",
        "wsgi.input": Stream(body),
        "CONTENT_LENGTH": str(len(body)),
        "CONTENT_TYPE": "application/x-www-form-urlencoded" if body else "",
        **more,
    }
    setup_testing_defaults(environ)
    return environ


def asked(app: WSGIApplication, environ: dict[str, Any]) -> tuple[str, Mapping[str, str], bytes]:
    """Status, headers and body of the answer, by the rules of WSGI, which the standard library checks."""
    heads: list[tuple[str, list[tuple[str, str]]]] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc: Any = None) -> Any:
        heads.append((status, headers))

    answer = validator(app)(environ, start_response)
    body = b"".join(answer)
    answer.close()  # type: ignore[attr-defined]
    ((status, headers),) = heads
    return status, dict(headers), body


def posted(alias: str, text: str = "Hello Ann!") -> dict[str, str]:
    at, token = "1772366400", "once"
    return {
        "recipient": alias,
        "sender": "bob@home.example",
        "timestamp": at,
        "token": token,
        "signature": hmac.new(KEY.encode(), (at + token).encode(), hashlib.sha256).hexdigest(),
        "body-mime": f"From: bob@home.example\nTo: {alias}\nMessage-ID: <1@home.example>\n\n{text}\n",
    }


def opened(cv: Convalias) -> str:
    people = [Participant.of(name, addresses=[f"{name}@home.example"]) for name in ("ann", "bob")]
    return str(cv.open_conversation("c1", use_case="hiring", participants=people)["ann"])


def signed_now(cv: Convalias, post: dict[str, str]) -> dict[str, str]:
    at = str(int(cv._opening().inner.ports.clock.now().timestamp()))
    signature = hmac.new(KEY.encode(), (at + post["token"]).encode(), hashlib.sha256).hexdigest()
    return post | {"timestamp": at, "signature": signature}


def test_a_mail_that_a_provider_posts_becomes_a_message(cv: Convalias) -> None:
    alias, doors = opened(cv), cv.wsgi(PROVIDERS)
    body = urlencode(signed_now(cv, posted(alias))).encode()
    assert asked(doors, environment("POST", HOOK, body))[::2] == ("200 OK", b"kept\n")
    cv.run_until_idle()
    assert b"Hello Ann!" in cv.mailbox("ann@home.example")[0]


def parsed(post: Mapping[str, str]) -> dict[str, str]:
    """The same mail as the provider posts it in parts."""
    head, text = post["body-mime"].split("\n\n", 1)
    fields = [line.split(": ", 1) for line in head.splitlines()]
    return {name: value for name, value in post.items() if name != "body-mime"} | {
        "message-headers": json.dumps(fields),
        "body-plain": text,
    }


def multipart(post: Mapping[str, str]) -> bytes:
    parts = [f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{post[name]}\r\n' for name in post]
    return "".join([*parts, "--x--\r\n"]).encode()


@pytest.mark.parametrize(
    ("path", "fields", "encode", "content_type"),
    [
        (HOOK, dict, lambda post: urlencode(post).encode(), "application/x-www-form-urlencoded"),
        (HOOK, dict, multipart, "multipart/form-data; boundary=x"),
        (
            HOOK.removesuffix("/mime"),
            parsed,
            lambda post: urlencode(post).encode(),
            "application/x-www-form-urlencoded",
        ),
    ],
    ids=["raw", "multipart", "parsed"],
)
def test_a_post_that_ends_early_is_not_kept_and_its_repeat_is_whole(
    cv: Convalias, path: str, fields: Any, encode: Any, content_type: str
) -> None:
    alias, doors = opened(cv), cv.wsgi(PROVIDERS)
    text = "Hello Ann! " + "All of this is text. " * 10
    body = encode(fields(signed_now(cv, posted(alias, text))))
    about = {"CONTENT_TYPE": content_type, "CONTENT_LENGTH": str(len(body))}
    assert asked(doors, environment("POST", path, body[:-40], **about))[::2] == ("400 Bad Request", b"gone")
    assert asked(doors, environment("POST", path, body, **about))[::2] == ("200 OK", b"kept\n")
    cv.run_until_idle()
    (mail,) = cv.mailbox("ann@home.example")
    assert mail.count(b"All of this is text.") >= 10


def test_a_post_that_is_not_signed_is_refused(cv: Convalias) -> None:
    body = urlencode(signed_now(cv, posted(opened(cv))) | {"signature": "0" * 64}).encode()
    status, _, _ = asked(cv.wsgi(PROVIDERS), environment("POST", HOOK, body))
    assert status == "401 Unauthorized"


def test_a_body_is_read_no_further_than_the_door_wants_it(cv: Convalias) -> None:
    unsigned = environment("POST", HOOK, b"x=" + b"y" * 5_000_000)
    no_form = environment("POST", HOOK, b"{}", CONTENT_TYPE="application/json")
    first: Stream = unsigned["wsgi.input"]
    second: Stream = no_form["wsgi.input"]
    assert asked(cv.wsgi(PROVIDERS), unsigned)[0] == "413 Request Entity Too Large"
    assert asked(cv.wsgi(PROVIDERS), no_form)[0] == "400 Bad Request"
    assert 400_000 < first.asked < 500_000
    assert second.asked == 0


def test_the_first_request_opens_and_one_after_the_end_is_told_so(cv: Convalias) -> None:
    doors = cv.wsgi(PROVIDERS)
    assert not cv.is_open
    assert asked(doors, environment("GET", "/healthz"))[::2] == ("200 OK", b"ok\n")
    assert cv.is_open
    cv.close()
    assert asked(doors, environment("GET", "/healthz"))[::2] == ("503 Service Unavailable", b"not open\n")


def test_a_door_without_a_key_is_refused_when_the_app_is_made(tmp_path: Any) -> None:
    settings = tmp_path / "convalias.toml"
    settings.write_text('alias_domains = ["reply.example"]\n')
    with pytest.raises(WrongSettings, match="CONVALIAS_MAILGUN_SIGNING_KEY"):
        Convalias.from_toml(settings, data=tmp_path, environ={}).wsgi()


def test_a_head_has_the_headers_of_a_get_and_no_body(cv: Convalias) -> None:
    status, headers, body = asked(cv.wsgi(PROVIDERS), environment("HEAD", "/healthz"))
    assert (status, headers["content-length"], body) == ("200 OK", "3", b"")


def test_two_lengths_are_refused(cv: Convalias) -> None:
    environ = environment("POST", HOOK, b"x=y", HTTP_TRANSFER_ENCODING="chunked")
    assert asked(cv.wsgi(PROVIDERS), environ)[::2] == ("400 Bad Request", b"two lengths\n")


def test_doors_below_a_prefix_are_found(cv: Convalias) -> None:
    status, _, _ = asked(cv.wsgi(PROVIDERS), environment("GET", "/healthz", SCRIPT_NAME="/mail"))
    assert status == "200 OK"


def test_the_child_of_a_fork_has_doors_of_its_own(tmp_path: Any) -> None:
    settings = tmp_path / "convalias.toml"
    settings.write_text('alias_domains = ["reply.example"]\ninbound = []\ndelivery_events = []\n')
    cv = Convalias.from_toml(settings, data=tmp_path / "data", environ={})
    doors = cv.wsgi()

    def ready() -> bytes:
        return asked(doors, environment("GET", "/readyz"))[2]

    here = ready()
    assert b'"ready":true' in here

    def ready_too() -> None:
        assert ready() == here

    assert child_of(ready_too) == 0
    ready_too()
    cv.close()


# --- the bridge itself -------------------------------------------------------------------------------


async def test_a_request_reaches_the_app_as_it_was_sent() -> None:
    environ = environment(
        "POST",
        "/caf\xc3\xa9",
        b"body",
        SCRIPT_NAME="/mail",
        QUERY_STRING="a=%20b",
        HTTP_X_THING="caf\xe9",
        REMOTE_ADDR="192.0.2.1",
    )
    scope = scope_of(environ)
    request = Request(scope)
    assert (scope["path"], scope["root_path"], request.url.query) == ("/mail/café", "/mail", "a=%20b")
    assert request.headers["x-thing"] == "café"
    assert request.headers["content-length"] == "4"
    assert request.client is not None
    assert request.client.host == "192.0.2.1"
    assert b"content-type" not in dict(scope_of(environment("GET", "/"))["headers"])


@pytest.mark.parametrize(
    ("length", "more", "read"),
    [
        ("4", {}, b"abcd"),
        ("", {}, b""),
        ("", {"wsgi.input_terminated": True}, b"abcdef"),
        ("-1", {}, b""),
        ("²", {}, b""),
    ],
)
async def test_a_body_ends_where_the_request_says(length: str, more: Mapping[str, Any], read: bytes) -> None:
    body = Body(environment("POST", "/", b"abcdef", **more) | {"CONTENT_LENGTH": length})
    parts = [await body.read()]
    while not body.has_ended:
        parts.append(await body.read())
    assert b"".join(parts) == read
    assert not body.is_short


async def test_a_body_that_ends_early_is_a_client_that_is_gone() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert await receive() == {"type": "http.request", "body": b"abcdef", "more_body": True}
        assert await receive() == {"type": "http.disconnect"}
        assert await receive() == {"type": "http.disconnect"}
        await Response("gone", 400)(scope, receive, send)

    answer = await exchange(app, environment("POST", "/", b"abcdef", CONTENT_LENGTH="9"))
    assert answer.status == 400


class Dripping(Stream):
    """The stream of a client that sends nothing more until it is let."""

    def __init__(self, octets: bytes) -> None:
        super().__init__(octets)
        self.reads, self.let, self.is_read = threading.Event(), threading.Event(), threading.Event()

    def read(self, size: int | None = -1, /) -> bytes:
        self.reads.set()
        self.let.wait(10)
        self.is_read.set()
        return super().read(size)


def impatient(stream: Dripping) -> Any:
    """An app that answers while the stream is being read."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        more = asyncio.ensure_future(receive())
        await asyncio.to_thread(stream.reads.wait, 10)
        more.cancel()
        await Response("too slow", 408)(scope, receive, send)

    return app


def test_a_connection_that_is_still_read_is_not_used_again(cv: Convalias) -> None:
    stream = Dripping(b"x=y")
    environ = environment("POST", HOOK, b"x=y") | {"wsgi.input": stream}
    heads: list[str] = []
    parts = iter(Doors(cv._opening, lambda _: impatient(stream))(environ, lambda status, *_: heads.append(status)))  # type: ignore[arg-type, return-value, func-returns-value]
    assert (heads, next(parts)) == (["408 Request Timeout"], b"too slow")
    with pytest.raises(StillSending):
        next(parts)
    stream.let.set()
    assert stream.is_read.wait(10)


def test_text_that_a_framework_has_decoded_is_refused(cv: Convalias) -> None:
    status, _, words = asked(cv.wsgi(PROVIDERS), environment("GET", "/\u20ac"))
    assert (status, words.split(b":")[0]) == ("400 Bad Request", b"text beyond latin-1")


async def test_a_streamed_answer_is_whole_and_its_client_is_gone_behind_it() -> None:
    seen: list[str] = []

    async def parts() -> Any:
        yield b"one "
        yield b"two"

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await StreamingResponse(parts())(scope, receive, send)
        seen.extend([(await receive())["type"], (await receive())["type"]])

    answer = await exchange(app, environment("GET", "/"))
    assert (answer.status, b"".join(answer.body)) == (200, b"one two")
    assert seen == ["http.request", "http.disconnect"]


async def test_what_an_app_raises_behind_its_answer_is_its_own_and_before_it_is_raised() -> None:
    async def late(scope: Any, receive: Any, send: Any) -> None:
        await Response("done")(scope, receive, send)
        raise ValueError("late")

    async def early(scope: Any, receive: Any, send: Any) -> None:
        raise ValueError("early")

    assert (await exchange(late, environment("GET", "/"))).status == 200
    with pytest.raises(ValueError, match="early"):
        await exchange(early, environment("GET", "/"))


async def test_an_error_of_the_server_while_it_reads_is_raised_in_the_app() -> None:
    class Gone(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise OSError("client gone")

    environ = environment("POST", "/", b"abc") | {"wsgi.input": Gone()}
    with pytest.raises(OSError, match="client gone"):
        await Body(environ).read()


def test_doors_are_made_once_for_as_long_as_it_is_open(cv: Convalias) -> None:
    made: list[object] = []

    def make(inner: Any) -> Any:
        made.append(inner)
        return inner.asgi(PROVIDERS)

    doors = Doors(cv._opening, make)
    for _ in range(3):
        asked(doors, environment("GET", "/healthz"))
    assert len(made) == 1
    cv.close()
    with cv:
        assert asked(doors, environment("GET", "/healthz"))[0] == "200 OK"
    assert len(made) == 2
