"""The façade inside a web service of a host: its doors mounted, its life tied to the service's."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from convalias import Convalias, Participant, registry
from convalias.adapters import memory
from convalias.app import Providers
from convalias.app.memory import memory_ports, memory_wiring
from convalias.extras import MissingPackageError
from convalias.registry import NotRegistered
from convalias.settings import WrongSettings

KEY = "key-of-the-provider"
PEOPLE = [Participant.of(name, addresses=[f"{name}@home.example"]) for name in ("ann", "bob")]
MAILGUN = Providers(inbound={"mailgun": KEY})


def signed(cv: Convalias, to: str, text: str) -> dict[str, str]:
    """A form as Mailgun posts it, at the deployment's time."""
    at, token = str(int(cv.ports.clock.now().timestamp())), "t" * 50
    return {
        "recipient": to,
        "sender": "bob@home.example",
        "timestamp": at,
        "token": token,
        "signature": hmac.new(KEY.encode(), (at + token).encode(), hashlib.sha256).hexdigest(),
        "body-mime": f"From: bob@home.example\nTo: {to}\nMessage-ID: <{hash(text)}@home>\n\n{text}\n",
    }


@asynccontextmanager
async def living(service: Starlette) -> AsyncGenerator[httpx.AsyncClient]:
    """A client of the service, for as long as its lifespan lasts."""
    async with (
        service.router.lifespan_context(service),
        httpx.AsyncClient(transport=httpx.ASGITransport(service), base_url="http://here") as client,
    ):
        yield client


async def until(cv: Convalias, true: Callable[[], object]) -> None:
    clock = cv.ports.clock
    assert isinstance(clock, memory.Clock)
    for _ in range(4_000):
        if true():
            return
        await clock.advance(timedelta(milliseconds=100))
    raise AssertionError("it never came to that")


async def test_a_service_mounts_the_doors_and_mail_goes_in_and_out_while_it_lives() -> None:
    async def own(_: object) -> PlainTextResponse:
        return PlainTextResponse("own")

    cv = Convalias.in_memory(alias_domain="reply.example")
    service = Starlette(routes=[Route("/own", own), Mount("/mail", cv.asgi(MAILGUN))], lifespan=cv.lifespan)
    async with living(service) as client:
        alias = str((await cv.open_conversation("c1", use_case="hiring", participants=PEOPLE))[PEOPLE[0].account])
        post = urlencode(signed(cv, alias, "Hello Ann!"))
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = await client.post("/mail/inbound/mailgun/mime", content=post, headers=headers)
        assert answer.status_code == 200
        await until(cv, lambda: cv.mailbox("ann@home.example"))
        assert b"Hello Ann!" in cv.mailbox("ann@home.example")[0]
        forged = post.replace("signature=", "signature=0")
        assert (await client.post("/mail/inbound/mailgun/mime", content=forged, headers=headers)).status_code == 401
        assert (await client.get("/mail/readyz")).json()["workers"] == "ok"
        assert (await client.get("/own")).text == "own"
    assert not cv.is_open


async def test_doors_outlive_a_deployment_that_is_closed_and_opened_anew() -> None:
    cv = Convalias.in_memory(alias_domain="reply.example")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(cv.asgi(MAILGUN)), base_url="http://here") as client:
        for _ in range(2):
            assert (await client.get("/healthz")).status_code == 200
            assert (await client.get("/readyz")).status_code == 503
            assert (await client.post("/inbound/mailgun", content=b"")).status_code == 503
            async with cv:
                assert (await client.get("/readyz")).status_code == 200
                assert (await client.post("/inbound/mailgun", content=b"")).status_code == 400


async def test_answers_5xx_are_counted_while_somebody_counts() -> None:
    faults = memory.Faults()
    ports = memory_ports(legacy=False)
    cv = Convalias.over(
        ports.but(blobs=memory.faulty.Blobs(ports.blobs, faults)), memory_wiring("reply.example", None, None)
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(cv.asgi(MAILGUN)), base_url="http://here") as client:
        assert (await client.get("/readyz")).status_code == 503  # of nobody
        async with cv:
            telemetry = cv.ports.telemetry
            assert isinstance(telemetry, memory.Telemetry)
            faults.fail("blobs.names", memory.before("raw store"))
            assert (await client.get("/readyz")).status_code == 503
            assert telemetry.total("icer.http.errors", door="/readyz", status="503") == 1


async def test_without_settings_nobodys_posts_are_taken_in() -> None:
    cv = Convalias.in_memory(alias_domain="reply.example")
    transport = httpx.ASGITransport(cv.asgi())
    async with cv, httpx.AsyncClient(transport=transport, base_url="http://here") as client:
        assert (await client.post("/inbound/mailgun", content=b"")).status_code == 404
        assert (await client.get("/readyz")).status_code == 200


def test_a_door_without_a_key_or_of_nobody_is_refused_before_anything_is_served(tmp_path: Path) -> None:
    settings = tmp_path / "convalias.toml"
    settings.write_text(f'data = "{tmp_path / "data"}"\nalias_domains = ["reply.example"]\n')
    with pytest.raises(WrongSettings, match="CONVALIAS_MAILGUN_SIGNING_KEY: not set"):
        Convalias.from_toml(settings, environ={}).asgi()
    Convalias.from_toml(settings, environ={"CONVALIAS_MAILGUN_SIGNING_KEY": KEY}).asgi()
    with pytest.raises(WrongSettings, match=r"inbound\['mailgun'\]: found no key"):
        Providers(inbound={"mailgun": " , "})
    with pytest.raises(WrongSettings, match=r"events\['mailgun'\]: found no key"):
        Providers(events={"mailgun": ""})
    with pytest.raises(NotRegistered, match="'sparrow' is not registered"):
        Providers(inbound={"sparrow": KEY})
    assert KEY not in repr(MAILGUN)


def test_a_door_whose_package_is_missing_is_told_when_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(group: str, name: str, *needed: str) -> object:
        raise MissingPackageError(f"{group} {name} {needed}", extra="mailgun")

    monkeypatch.setattr(registry, "load", load)
    with pytest.raises(MissingPackageError, match=r"convalias\[mailgun\]"):
        Providers(inbound={"mailgun": KEY})


async def test_a_service_that_cannot_work_does_not_start() -> None:
    """What entering refuses is raised by the lifespan, and nothing is left open."""
    cv = Convalias.in_memory(alias_domain="reply.example")
    service = Starlette(lifespan=cv.lifespan)
    async with cv:
        with pytest.raises(Exception, match="open already"):
            async with living(service):
                raise AssertionError
    assert not cv.is_open
