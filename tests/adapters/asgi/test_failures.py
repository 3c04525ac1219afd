"""Each answer 5xx or 401 is a line and a count, equal lines once a minute, and nothing of what was posted."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta

import httpx
import pytest

from adapters.mailgun.posting import MULTIPART, Door, multipart, raw_form
from convalias.adapters import asgi, memory
from convalias.adapters.asgi.failures import METRIC
from convalias.adapters.mailgun import HttpAnswer
from convalias.ports.errors import EngineAway, Unavailable
from convalias.services.conversations.errors import NotReady
from convalias.services.inbound.doors import DoorPost
from convalias.services.running.log_lines import LogLines

MIME = "/inbound/mailgun/mime"
QUEUE = "queue: sqs at eu-west-1 (CONVALIAS_QUEUE)"


class Desk:
    """An app over virtual time, with what it counted."""

    def __init__(self, doors: asgi.Doors | None) -> None:
        self.clock = memory.Clock()
        self.telemetry = memory.Telemetry()
        self.lines = LogLines(asgi.log, self.clock)
        self.app = asgi.app(
            lambda: doors, inbound={"mailgun": ("", "/mime")}, lines=self.lines, telemetry=self.telemetry
        )

    async def ask(self, method: str, path: str, content: bytes = b"") -> int:
        transport = httpx.ASGITransport(self.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as http:
            return (await http.request(method, path, content=content, headers={"content-type": MULTIPART})).status_code

    def asked(self, method: str, path: str, content: bytes = b"") -> int:
        return asyncio.run(self.ask(method, path, content))

    def counted(self) -> list[dict[str, str]]:
        return [dict(one.tags) for one in self.telemetry.measures if one.name == METRIC]


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [line.getMessage() for line in caplog.records if line.name == "convalias.http"]


def test_a_post_that_is_not_kept_names_engine_host_setting_record_and_trace(caplog: pytest.LogCaptureFixture) -> None:
    door = Door()
    desk = Desk(asgi.Doors(inbound={"mailgun": door.webhook}, checks={}))
    door.faults.fail("queue.put", memory.before(EngineAway(QUEUE)), times=1)
    assert desk.asked("POST", MIME, multipart(raw_form())) == 503
    (record,) = door.records()
    assert said(caplog) == [
        f"POST {MIME} answered 503: EngineAway: {QUEUE}; trace {record.trace}, record {record.key}",
    ]
    fields = caplog.records[-1].__dict__
    assert (fields["engine"], fields["trace"], fields["record"]) == (QUEUE, record.trace, record.key)
    assert desk.counted() == [{"door": MIME, "status": "503", "error": "EngineAway"}]


async def test_a_flood_of_equal_ones_is_a_line_a_minute_and_each_is_counted(caplog: pytest.LogCaptureFixture) -> None:
    door = Door()
    door.faults.fail("blobs.put", memory.before("raw store of the test"))
    desk = Desk(asgi.Doors(inbound={"mailgun": door.webhook}, checks={}))

    for _ in range(120):
        await desk.ask("POST", MIME, multipart(raw_form()))
        await desk.clock.advance(timedelta(seconds=1))
    desk.lines.flush()
    lines = [line.partition("; record ")[0] for line in said(caplog)]
    first = f"POST {MIME} answered 503: Unavailable: raw store of the test"
    assert lines == [
        first,
        f"{first} (60 times since the last such line)",
        f"{first} (59 times since the last such line)",
    ]
    assert len(desk.counted()) == 120


def test_a_bug_is_a_500_with_class_and_place_and_never_its_message(caplog: pytest.LogCaptureFixture) -> None:
    class Broken:
        async def handle(self, post: DoorPost) -> HttpAnswer:
            raise ValueError("mary@corp.example")

    desk = Desk(asgi.Doors(inbound={"mailgun": Broken()}, checks={}))
    assert desk.asked("POST", MIME) == 500
    (line,) = said(caplog)
    assert line.startswith(f"POST {MIME} answered 500: ValueError at asgi/test_failures.py:")
    assert "mary" not in caplog.text
    assert desk.counted() == [{"door": MIME, "status": "500", "error": "ValueError"}]


def test_a_door_of_the_host_that_says_no_reason_is_a_line_too(caplog: pytest.LogCaptureFixture) -> None:
    class Busy:
        async def handle(self, post: DoorPost) -> HttpAnswer:
            return HttpAnswer(502, "mary@corp.example")

    desk = Desk(asgi.Doors(inbound={"mailgun": Busy()}, checks={}))
    assert desk.asked("POST", MIME) == 502
    assert said(caplog) == [f"POST {MIME} answered 502"]


def test_a_page_of_held_mail_is_told_without_its_token(caplog: pytest.LogCaptureFixture) -> None:
    class Held:
        async def show(self, token: str) -> object:
            raise Unavailable("store of the test")

    desk = Desk(asgi.Doors(approvals=Held(), checks={}))  # type: ignore[arg-type]
    assert desk.asked("GET", "/approvals/s.e-cret") == 503
    assert said(caplog) == ["GET /approvals/{token} answered 503: Unavailable: store of the test"]


def test_what_is_not_open_yet_says_so(caplog: pytest.LogCaptureFixture) -> None:
    desk = Desk(None)
    answers = [desk.asked("POST", MIME), desk.asked("GET", "/approvals/s.e-cret"), desk.asked("GET", "/readyz")]
    assert answers == [503, 503, 503]
    assert [line.partition(": ")[2] for line in said(caplog)] == ["not open yet"] * 3


async def test_readiness_is_one_line_a_minute_whatever_its_words_say(caplog: pytest.LogCaptureFixture) -> None:
    looks = iter(range(1_000))

    async def raw() -> object:
        raise EngineAway(QUEUE, because=f"look {next(looks)}")

    async def workers() -> object:
        raise NotReady(f"feed: KeyError, {next(looks)} times in a row")

    async def fine() -> object:
        return None

    desk = Desk(asgi.Doors(checks={"raw": raw, "workers": workers, "store": fine}))

    for _ in range(50):
        assert await desk.ask("GET", "/readyz") == 503
        await desk.clock.advance(timedelta(seconds=1))
    assert said(caplog) == [f"GET /readyz answered 503: raw: {QUEUE} is away; workers: not ready"]


def test_a_post_that_nothing_proves_is_a_line_and_a_count(caplog: pytest.LogCaptureFixture) -> None:
    desk = Desk(asgi.Doors(inbound={"mailgun": Door().webhook}, checks={}))
    forged = multipart([(name, "0" * 64 if name == "signature" else value) for name, value in raw_form()])
    for _ in range(2):
        assert desk.asked("POST", MIME, forged) == 401
    assert said(caplog) == [f"POST {MIME} answered 401"]
    assert desk.counted() == [{"door": MIME, "status": "401", "error": ""}] * 2


def test_what_stands_behind_a_good_answer_is_an_error_line_and_a_count(caplog: pytest.LogCaptureFixture) -> None:
    class Ended:
        async def handle(self, post: DoorPost) -> HttpAnswer:
            return HttpAnswer(200, "subscription ended", Unavailable("the subscription, which was ended,"))

    desk = Desk(asgi.Doors(inbound={"mailgun": Ended()}, checks={}))
    assert desk.asked("POST", MIME) == 200
    assert said(caplog) == [f"POST {MIME} answered 200: Unavailable: the subscription, which was ended,"]
    assert caplog.records[-1].levelname == "ERROR"
    assert desk.counted() == [{"door": MIME, "status": "200", "error": "Unavailable"}]


def test_a_good_answer_is_no_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "convalias.http")
    desk = Desk(asgi.Doors(inbound={"mailgun": Door().webhook}, checks={}))
    assert desk.asked("POST", MIME, multipart(raw_form())) == 200
    assert desk.asked("POST", MIME, b"no form") == 400
    assert (said(caplog), desk.counted()) == ([], [])


def test_telemetry_that_fails_changes_no_answer(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(memory.NoTelemetry):
        def measure(self, name: str, value: float, **tags: str) -> None:
            raise ZeroDivisionError(name)

    app = asgi.app(
        lambda: None, inbound={"mailgun": ("", "/mime")}, telemetry=Broken()
    )  # with lines of its own, by the clock of this machine

    async def ask() -> int:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as http:
            return (await http.get("/readyz")).status_code

    assert asyncio.run(ask()) == 503
    assert said(caplog) == ["GET /readyz answered 503: not open yet"]
