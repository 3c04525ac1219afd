"""What the running server answers to a provider, and to whoever pretends to be one; and what it logs."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest
from attrs import evolve, field, frozen

from system.machine import SIGNING_KEY, Machine

pytestmark = pytest.mark.slow

ALIAS = "john-smith-1ab131e2@reply.example"
MARY = "mary@corp.example"
TEXT = "This is what Mary writes to John."
LIMIT = 50_000
OLDER_KEY = "key-before-it-was-rotated"
WORLD = {
    "now": "2026-03-01T12:00:00Z",
    "alias_domains": ["reply.example"],
    "conversations": [{"id": "c1", "participants": [{"account": "john"}, {"account": "mary"}]}],
    "aliases": [{"address": ALIAS, "conversation": "c1", "participant": "john"}],
    "accounts": [{"id": "john", "addresses": ["john@home.example"]}, {"id": "mary", "addresses": [MARY]}],
}
HOURS = 3_600
DAYS = 24 * HOURS
Fields = Sequence[tuple[str, str | bytes]]


def raw(number: int, *, text: str = TEXT, head: str = "") -> bytes:
    return (
        f"From: Mary <{MARY}>\r\nTo: {ALIAS}\r\nSubject: hello\r\nMessage-ID: <w{number}@corp.example>\r\n{head}"
        f"\r\n{text}\r\n"
    ).encode()


@frozen(kw_only=True)
class Form:
    """A post as the provider makes it; what is asked for is changed."""

    token: str
    fields: Fields
    key: str = SIGNING_KEY
    age: float = 0
    timestamp: str | None = None
    signature: bytes | None = None
    further: Fields = ()
    path: str = "/inbound/mailgun/mime"
    files: Sequence[tuple[str, tuple[str, bytes]]] = field(factory=list[tuple[str, tuple[str, bytes]]])

    def signed(self) -> list[tuple[str, bytes]]:
        timestamp = self.timestamp or str(int(time.time() - self.age))
        made = hmac.new(self.key.encode(), (timestamp + self.token).encode(), hashlib.sha256).hexdigest().encode()
        fields = [
            *(("timestamp", timestamp), ("token", self.token), ("signature", self.signature or made)),
            *self.fields,
            *self.further,
        ]
        return [(name, value.encode() if isinstance(value, str) else value) for name, value in fields]


def form(token: str, mail: bytes | None = None, **changes: object) -> Form:
    fields = (("recipient", ALIAS), ("sender", MARY), ("body-mime", raw(1) if mail is None else mail))
    return evolve(Form(token=token, fields=fields), **changes)


def parsed(token: str, headers: str, **changes: object) -> Form:
    fields = (
        *(("recipient", ALIAS), ("sender", MARY), ("from", MARY), ("From", MARY), ("subject", "hello")),
        *(("body-plain", TEXT), ("message-headers", headers)),
    )
    return evolve(Form(token=token, fields=fields, path="/inbound/mailgun"), **changes)


class Server:
    """The running `convalias serve`."""

    def __init__(self, machine: Machine, client: httpx.Client) -> None:
        self.machine = machine
        self.client = client

    def post(self, one: Form) -> int:
        content = urlencode(one.signed())
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return self.client.post(one.path, content=content, headers=headers).status_code

    def post_multipart(self, one: Form) -> int:
        parts = [(name, (None, value)) for name, value in one.signed()]
        return self.client.post(one.path, files=[*parts, *one.files]).status_code

    def decided(self) -> list[str]:
        """What the messages of the conversation say, after an inbound worker did what is due."""
        self.machine.ask("worker", "inbound", "--once")
        events = self.machine.ask("show", "conversation", "c1")["events"]
        return [event["message_id"] for event in events if event["kind"] == "message_added"]

    def quarantined(self) -> int:
        self.decided()
        count = self.machine.ask("show", "jobs")["quarantined"]
        assert isinstance(count, int)
        return count


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """One server for all tests here; each posts mails of its own."""
    folder = tmp_path_factory.mktemp("webhook")
    with Machine(folder, "serve", settings=f"mail_limit = {LIMIT}\n") as machine:
        machine.keys = f"{SIGNING_KEY},{OLDER_KEY}"
        machine.load(WORLD)
        machine.spawn()
        machine.wait_until_ready()
        yield machine
        assert machine.stop() == 0


@pytest.fixture
def server(running: Machine) -> Iterator[Server]:
    with httpx.Client(base_url=f"http://127.0.0.1:{running.port}", timeout=30) as client:
        yield Server(running, client)


# --- what is taken -------------------------------------------------------------------------------------


def test_a_signed_mail_is_kept_and_becomes_a_message(server: Server) -> None:
    assert server.post(form("plain", raw(10))) == 200
    assert "<w10@corp.example>" in server.decided()


def test_it_may_come_as_multipart(server: Server) -> None:
    assert server.post_multipart(form("multipart", raw(11))) == 200
    assert "<w11@corp.example>" in server.decided()


def test_it_may_come_parsed(server: Server) -> None:
    headers = [["From", MARY], ["To", ALIAS], ["Subject", "hello"], ["Message-Id", "<w12@corp.example>"]]
    files = [("attachment-1", ("cv.pdf", b"%PDF"))]
    attached = parsed("parsed", json.dumps(headers), further=(("attachment-count", "1000000000"),), files=files)
    assert server.post_multipart(attached) == 200
    assert "<w12@corp.example>" in server.decided()


def test_the_key_before_the_newest_is_taken_while_keys_rotate(server: Server) -> None:
    assert server.post(form("older-key", raw(13), key=OLDER_KEY)) == 200


def test_an_exact_retry_is_200_and_changes_nothing(server: Server) -> None:
    once = form("retry", raw(14), timestamp=str(int(time.time())))
    assert [server.post(once) for _ in range(3)] == [200, 200, 200]
    assert server.decided().count("<w14@corp.example>") == 1


def test_a_post_of_nine_hours_ago_is_a_late_retry(server: Server) -> None:
    assert server.post(form("nine-hours", raw(15), age=9 * HOURS)) == 200
    assert "<w15@corp.example>" in server.decided()


def test_of_a_header_named_recipient_the_envelope_knows_nothing(server: Server) -> None:
    further = (("Recipient", "somebody@else.example"),)
    assert server.post(form("header", raw(16, head="Recipient: somebody@else.example\r\n"), further=further)) == 200
    assert "<w16@corp.example>" in server.decided()


# --- what is not from the provider ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"signature": b"0" * 64},
        {"signature": b"0" * 63},
        {"signature": "ü".encode() * 64},
        {"signature": b"\xff\xfe"},
        {"key": "another-key"},
        {"age": 4 * DAYS},
        {"age": -10 * 60},
        {"timestamp": "1e9"},
        {"timestamp": " 1700000000"},
        {"timestamp": "99999999999999999999"},
    ],
    ids=lambda changes: " ".join(f"{name}={value!r:.20}" for name, value in changes.items()),
)
def test_what_is_not_signed_by_us_now_is_401(server: Server, changes: dict[str, object]) -> None:
    assert server.post(form(f"unsigned-{changes!r:.30}", raw(20), **changes)) == 401
    assert "<w20@corp.example>" not in server.decided()


def test_a_used_token_under_another_body_is_403(server: Server) -> None:
    now = str(int(time.time()))
    assert server.post(form("stolen", raw(21), timestamp=now)) == 200
    assert server.post(form("stolen", raw(22), timestamp=now)) == 403
    assert "<w22@corp.example>" not in server.decided()


@pytest.mark.parametrize("name", ["token", "timestamp", "signature"])
def test_a_field_of_the_signature_twice_is_403(server: Server, name: str) -> None:
    assert server.post(form(f"double-{name}", raw(23), further=((name, "again"),))) == 403


def test_a_form_without_recipient_or_that_is_none_is_400(server: Server) -> None:
    assert server.post(form("nobody", fields=(("sender", MARY), ("body-mime", raw(24))))) == 400
    assert (
        server.client.post("/inbound/mailgun", content=b"x", headers={"Content-Type": "text/plain"}).status_code == 400
    )
    broken = {"Content-Type": "multipart/form-data; boundary=b"}
    assert server.client.post("/inbound/mailgun", content=b"--c\r\n\r\nx", headers=broken).status_code == 400


# --- what is kept and not routed -----------------------------------------------------------------------


def test_two_recipient_fields_are_quarantined(server: Server) -> None:
    before = server.quarantined()
    assert server.post(form("two-recipients", raw(30), further=(("recipient", "x@reply.example"),))) == 200
    assert server.quarantined() == before + 1


@pytest.mark.parametrize(
    "headers", ["no json", "{}", json.dumps([["X", "y"]] * 100_000)], ids=["text", "object", "many"]
)
def test_headers_that_cannot_be_read_are_quarantined(server: Server, headers: str) -> None:
    before = server.quarantined()
    assert server.post(parsed(f"headers-{len(headers)}", headers)) == 200
    assert server.quarantined() == before + 1


def test_a_mail_over_the_limit_is_quarantined(server: Server) -> None:
    before = server.quarantined()
    assert server.post(form("large", raw(31, text="x" * (LIMIT + 1)))) == 200
    assert server.quarantined() == before + 1
    assert "<w31@corp.example>" not in server.decided()


# --- the house -----------------------------------------------------------------------------------------


def test_it_lives_and_is_ready(server: Server) -> None:
    assert server.client.get("/healthz").status_code == 200
    assert server.client.get("/readyz").json() == {
        "ready": True,
        "raw": "ok",
        "queue": "ok",
        "workers": "ok",
        "adapters": "ok",
    }
    assert server.client.get("/inbound/mailgun").status_code == 405
    assert server.client.get("/nowhere").status_code == 404


def test_the_log_holds_no_address_text_or_key(server: Server, running: Machine) -> None:
    server.post(form("logged", raw(40)))
    server.post(form("logged-too", raw(41), signature=b"0"))
    server.client.get(f"/{MARY}")
    log = running.log.read_text(encoding="utf-8")
    for secret in (SIGNING_KEY, OLDER_KEY, MARY, ALIAS, TEXT, "@", "logged"):
        assert secret not in log


def test_without_a_signing_key_it_does_not_start(tmp_path: Path) -> None:
    with Machine(tmp_path, "serve") as machine:
        machine.keys = ""
        machine.spawn()
        assert machine.wait() == 78
        assert "CONVALIAS_MAILGUN_SIGNING_KEY" in machine.log.read_text(encoding="utf-8")


def test_a_port_that_is_taken_is_told(tmp_path: Path, running: Machine) -> None:
    with Machine(tmp_path, "serve") as machine:
        machine.port = running.port
        machine.spawn()
        assert machine.wait() == 69
        assert len(machine.log.read_text(encoding="utf-8").splitlines()) == 1
