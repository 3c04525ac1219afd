"""Mailgun's events: what is signed is read within bounds, all else is refused and counted."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.mailgun.posting import KEY, NOON, chunked
from convalias.adapters import memory
from convalias.adapters.mailgun import Events, HttpAnswer, SigningKeys
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.outbound.reports import (
    Bounce,
    BounceKind,
    Complaint,
    DeliveryEvent,
    EventAnswer,
    Report,
    Unsubscribed,
)
from convalias.ports.errors import Unavailable
from convalias.services.inbound.doors import DoorPost

JSON = "application/json"
REFUSED = "mons.delivery.events.refused"


def signed(token: str = "t" * 50, *, at: datetime = NOON, key: str = KEY) -> dict[str, str]:
    timestamp = str(int(at.timestamp()))
    made = hmac.new(key.encode(), (timestamp + token).encode(), hashlib.sha256).hexdigest()
    return {"timestamp": timestamp, "token": token, "signature": made}


def data(event: str = "delivered", **more: Any) -> dict[str, Any]:
    return {
        "event": event,
        "id": "CPgfbmQMTCKtHW6uIWtuVe",
        "timestamp": NOON.timestamp(),
        "recipient": "bob@home.example",
        "user-variables": {"convalias": "n.mac"},
        **more,
    }


class Door:
    """The door of events, which keeps what it hands on."""

    def __init__(self, answer: EventAnswer | Exception = EventAnswer.DONE, *, keys: str = KEY) -> None:
        self.answer = answer
        self.taken: list[DeliveryEvent] = []
        self.clock = memory.Clock(NOON)
        self.telemetry = memory.Telemetry()
        self.door = Events(take=self.take, keys=SigningKeys.parse(keys), clock=self.clock, telemetry=self.telemetry)

    async def take(self, event: DeliveryEvent) -> EventAnswer:
        self.taken.append(event)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def post(self, body: object, *, content_type: str = JSON) -> HttpAnswer:
        octets = body if isinstance(body, bytes) else json.dumps(body).encode()
        return asyncio.run(self.door.handle(DoorPost(content_type=content_type, chunks=chunked(octets))))

    def event(self, **more: Any) -> DeliveryEvent:
        assert self.post({"signature": signed(), "event-data": data(**more)}).status == 200
        return self.taken[-1]


def failed(severity: str = "permanent", **told: Any) -> dict[str, Any]:
    return {"event": "failed", "severity": severity, "delivery-status": told}


@pytest.mark.parametrize(
    ("more", "report"),
    [
        ({"event": "delivered"}, Bounce(notification=None, kind=BounceKind.DELIVERED, status="2.0.0")),
        (failed("temporary", code=450), Bounce(notification=None, kind=BounceKind.DELAYED)),
        (
            failed(code=550, **{"enhanced-code": "5.1.1"}, message="no such user"),
            Bounce(notification=None, kind=BounceKind.HARD, status="5.1.1"),
        ),
        (
            failed(code=550, message="5.1.1 The email account\n5.1.1 does not exist"),
            Bounce(notification=None, kind=BounceKind.HARD, status="5.1.1"),
        ),
        (failed(code=550, message="No such user"), Bounce(notification=None, kind=BounceKind.HARD, status="5.1.1")),
        (failed(code=554, message="spam"), Bounce(notification=None, kind=BounceKind.SOFT, status="5.0.0")),
        (
            failed(code=605, description="Not delivering to previously bounced address"),
            Bounce(notification=None, kind=BounceKind.SOFT, status="5.0.0"),
        ),
        (failed(code=498, message="4.4.7 too old"), Bounce(notification=None, kind=BounceKind.SOFT, status="5.0.0")),
        (failed(code=250, message="2.0.0 OK"), Bounce(notification=None, kind=BounceKind.SOFT, status="5.0.0")),
        (failed(code="550"), Bounce(notification=None, kind=BounceKind.SOFT, status="5.0.0")),
        ({"event": "failed"}, Bounce(notification=None, kind=BounceKind.SOFT, status="5.0.0")),
        ({"event": "rejected"}, Bounce(notification=None, kind=BounceKind.SOFT, status="5.0.0")),
        ({"event": "complained"}, Complaint(notification=None, feedback="abuse")),
        ({"event": "unsubscribed"}, Unsubscribed(notification=None)),
        ({"event": "opened"}, None),
        ({"event": 7}, None),
    ],
)
def test_each_event_is_read_in_the_words_of_the_domain(more: dict[str, Any], report: Report | None) -> None:
    event = Door().event(**more)
    assert event.report == report
    assert (event.id, event.receipt_token, event.recipient) == (
        "CPgfbmQMTCKtHW6uIWtuVe",
        "n.mac",
        EmailAddress.parse("bob@home.example"),
    )


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (EventAnswer.DONE, 200),
        (EventAnswer.IGNORED, 200),
        (EventAnswer.UNPROVED, 200),
        (EventAnswer.REUSED, 403),
        (Unavailable("records"), 503),
    ],
)
def test_each_answer_has_a_status(answer: EventAnswer | Exception, status: int) -> None:
    assert Door(answer).post({"signature": signed(), "event-data": data()}).status == status


@pytest.mark.parametrize(
    "signature",
    [
        signed(key="another key"),
        signed(at=NOON - timedelta(days=4)),
        signed(at=NOON + timedelta(minutes=6)),
        {**signed(), "token": "u" * 50},
        {**signed(), "token": ""},
        {**signed(), "timestamp": 1_772_366_400},
        {**signed(), "signature": None},
        {**signed(), "signature": "\ud800"},
        [],
        None,
    ],
)
def test_what_is_not_signed_by_the_provider_now_is_401_and_handed_to_nobody(signature: object) -> None:
    door = Door()
    assert door.post({"signature": signature, "event-data": data()}).status == 401
    assert (door.taken, door.telemetry.total(REFUSED)) == ([], 1)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b"[" * 100_000,
        b'{"a": 1' + b"1" * 10_000 + b"}",
        {"signature": signed(), "event-data": data(id="")},
        {"signature": signed(), "event-data": data(id=7)},
        {"signature": signed(), "event-data": []},
    ],
)
def test_what_is_no_event_is_400(body: object) -> None:
    door = Door()
    assert door.post(body).status in {400, 401}
    assert (door.taken, door.telemetry.total(REFUSED)) == ([], 1)


def test_another_content_type_is_400_and_parameters_of_it_do_not_matter() -> None:
    door = Door()
    body = {"signature": signed(), "event-data": data()}
    assert door.post(body, content_type="application/x-www-form-urlencoded").status == 400
    assert door.post(body, content_type="Application/JSON; charset=utf-8").status == 200


def test_a_body_over_the_bound_is_413_and_not_read_to_its_end() -> None:
    door = Door()
    assert door.post(b" " * (door.door.largest + 1)).status == 413
    assert door.telemetry.total(REFUSED) == 1


def test_two_keys_are_good_while_they_rotate() -> None:
    assert Door(keys=f"new, {KEY}").post({"signature": signed(), "event-data": data()}).status == 200


@pytest.mark.parametrize(
    ("stated", "at"),
    [
        ((NOON - timedelta(hours=2)).timestamp(), NOON - timedelta(hours=2)),
        ((NOON + timedelta(minutes=2)).timestamp(), NOON),
        ((NOON - timedelta(days=9)).timestamp(), NOON),
        (4e9, NOON),
        (1e300, NOON),
        (float("nan"), NOON),
        (float("inf"), NOON),
        (-1, NOON),
        (True, NOON),
        ("1772366400", NOON),
        (None, NOON),
        (10**400, NOON),
    ],
)
def test_a_time_that_cannot_be_is_that_of_the_signature(stated: object, at: datetime) -> None:
    assert Door().event(timestamp=stated).at == at


@pytest.mark.parametrize(
    ("more", "recipient"),
    [({"recipient": "no address"}, None), ({"recipient": None}, None), ({"recipient": "x@\ud800.example"}, None)],
)
def test_a_recipient_that_is_no_address_is_none(more: dict[str, Any], recipient: None) -> None:
    assert Door().event(**more).recipient is recipient


def test_variables_that_are_none_prove_nothing() -> None:
    assert Door().event(**{"user-variables": []}).receipt_token == ""
    assert Door().event(**{"user-variables": {"convalias": {"a": 1}}}).receipt_token == ""


_ANY = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda one: st.lists(one) | st.dictionaries(st.text(), one),
)


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(data(), _ANY) | {"delivery-status": _ANY, "severity": _ANY}))
def test_whatever_a_signed_event_holds_there_is_an_answer(more: dict[str, Any]) -> None:
    door = Door()
    assert door.post({"signature": signed(), "event-data": {**data(), **more}}).status in {200, 400}
    assert all(one.at <= NOON.astimezone(UTC) for one in door.taken)
