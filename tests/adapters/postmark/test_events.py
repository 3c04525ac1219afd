"""Postmark's events: what is proved is read within bounds, all else is refused and counted."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters.postmark.posting import JSON, NOON, PAIR, basic, chunked
from convalias.adapters import memory
from convalias.adapters.postmark import Credentials, Events
from convalias.adapters.smtp.letter import letter_of
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
from convalias.ports.mail import Outgoing
from convalias.services.inbound.doors import DoorPost, HttpAnswer

BOB = EmailAddress.parse("bob@home.example")
REFUSED = "mons.delivery.events.refused"


def bounce(kind: str = "HardBounce", details: str = "smtp;550 5.1.1 no such user", **more: Any) -> dict[str, Any]:
    """https://postmarkapp.com/developer/webhooks/bounce-webhook ."""
    return {
        "RecordType": "Bounce",
        "MessageStream": "outbound",
        "ID": 4323372036854775807,
        "Type": kind,
        "TypeCode": 1,
        "Name": "Hard bounce",
        "Tag": "",
        "MessageID": "883953f4-6105-42a2-a16a-77a8eac79483",
        "Metadata": {"convalias-id": "e.a.message.email", "Convalias-Mac": "0123"},
        "ServerID": 23,
        "Description": "The server was unable to deliver your message.",
        "Details": details,
        "Email": "bob@home.example",
        "From": "notifications@reply.example",
        "BouncedAt": "2026-03-01T06:59:00.1234567-05:00",
        "DumpAvailable": True,
        "Inactive": True,
        "CanActivate": True,
        "Subject": "About the flat",
        **more,
    }


def subscription(**more: Any) -> dict[str, Any]:
    """https://postmarkapp.com/developer/webhooks/subscription-change-webhook ."""
    return {
        "RecordType": "SubscriptionChange",
        "MessageID": "883953f4-6105-42a2-a16a-77a8eac79483",
        "ChangedAt": "2026-03-01T11:58:00Z",
        "Recipient": "bob@home.example",
        "Origin": "Recipient",
        "SuppressSending": True,
        "SuppressionReason": "ManualSuppression",
        "Metadata": {},
        **more,
    }


class Door:
    """The door of events, which keeps what it hands on."""

    def __init__(self, answer: EventAnswer | Exception = EventAnswer.DONE) -> None:
        self.answer = answer
        self.taken: list[DeliveryEvent] = []
        self.telemetry = memory.Telemetry()
        self.door = Events(
            take=self.take,
            credentials=Credentials.parse(PAIR),
            clock=memory.Clock(NOON),
            telemetry=self.telemetry,
        )

    async def take(self, event: DeliveryEvent) -> EventAnswer:
        self.taken.append(event)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def post(self, posted: object, *, authorization: str | None = None, content_type: str = JSON) -> HttpAnswer:
        body = posted if isinstance(posted, bytes) else json.dumps(posted).encode()
        headers = {"authorization": basic() if authorization is None else authorization}
        return asyncio.run(self.door.handle(DoorPost(content_type=content_type, chunks=chunked(body), headers=headers)))

    def event(self, posted: dict[str, Any]) -> DeliveryEvent:
        assert self.post(posted).status == 200
        return self.taken[-1]


def failed(status: str, kind: BounceKind = BounceKind.SOFT) -> Bounce:
    return Bounce(notification=None, kind=kind, status=status)


@pytest.mark.parametrize(
    ("posted", "report"),
    [
        (bounce(), failed("5.1.1", BounceKind.HARD)),
        (bounce(details="smtp;550 5.7.1 blocked"), failed("5.7.1")),
        (bounce(details="Test bounce details"), failed("5.0.0")),
        (bounce("Blocked", "552 mailbox full"), failed("5.2.2")),
        (bounce("BadEmailAddress", ""), failed("5.1.3", BounceKind.HARD)),
        (bounce("Transient"), Bounce(notification=None, kind=BounceKind.DELAYED)),
        (bounce("SpamComplaint"), Complaint(notification=None, feedback="abuse")),
        (bounce("AutoResponder"), None),
        (bounce("Subscribe"), None),
        ({**bounce(), "RecordType": "SpamComplaint"}, Complaint(notification=None, feedback="abuse")),
        ({**bounce(), "RecordType": "Delivery"}, failed("2.0.0", BounceKind.DELIVERED)),
        ({**bounce(), "RecordType": "Open"}, None),
        (subscription(), Unsubscribed(notification=None)),
        (subscription(SuppressSending=False), None),
        (subscription(SuppressSending="true"), None),
        (subscription(SuppressionReason="HardBounce"), None),
        (subscription(Origin="Admin"), None),
    ],
    ids=lambda value: str(value)[:60],
)
def test_an_event_is_what_happened(posted: dict[str, Any], report: Report | None) -> None:
    assert Door().event(posted).report == report


def test_an_event_names_its_mail_and_when_it_happened() -> None:
    event = Door().event(bounce())
    assert (event.source, event.receipt_token, event.recipient) == ("postmark", "e.a.message.email.0123", BOB)
    assert event.at == datetime(2026, 3, 1, 11, 59, 0, 123456, tzinfo=UTC)
    assert event.token == event.digest
    assert Door().event(subscription()).recipient == BOB


def test_the_same_event_is_the_same_and_another_is_another() -> None:
    door = Door()
    tokens = [door.event(one).token for one in (bounce(), bounce(), bounce(ID=7), bounce(ID=10**400 + 1))]
    assert (tokens[0] == tokens[1], len(set(tokens))) == (True, 3)


@pytest.mark.parametrize(
    "at", ["", "noon", 7, "2026-03-01T11:59:00", "2026-02-01T11:59:00Z", "2026-03-01T12:00:01Z", "9999-99-99"]
)
def test_a_time_that_cannot_be_is_now(at: object) -> None:
    assert Door().event(bounce(BouncedAt=at)).at == NOON


def test_what_the_relay_is_told_comes_back_with_its_events() -> None:
    token = "e1.a1.message.email." + "0123456789abcdef" * 2
    mail = Outgoing(key="k", raw=b"Subject: x\r\n\r\ny\r\n", to=BOB, receipt_token=token)
    letter = letter_of(mail, receipt="X-PM-Metadata-convalias")
    fields = [line.split(": ") for line in letter.raw.decode().split("\r\n")[:2]]
    metadata = {name.removeprefix("X-PM-Metadata-"): value for name, value in fields}
    assert all(len(name) <= 20 and len(value) <= 80 for name, value in metadata.items())
    assert Door().event(bounce(Metadata=metadata)).receipt_token == token
    assert letter.raw.endswith(mail.raw)


@pytest.mark.parametrize("metadata", [None, [], {}, {"convalias-id": "x"}, {"convalias-mac": "x"}, {"convalias-id": 7}])
def test_mail_of_others_carries_no_token(metadata: object) -> None:
    assert Door().event(bounce(Metadata=metadata)).receipt_token == ""


@pytest.mark.parametrize(
    ("body", "authorization", "content_type", "answer"),
    [
        (bounce(), "", JSON, (401, "signature")),
        (bounce(), basic("postmark:wrong-horse-battery"), JSON, (401, "signature")),
        (b" " * (1024 * 1024) + b"{}", None, JSON, (413, "too large")),
        (b"{", None, JSON, (400, "malformed")),
        (b"{}", None, "text/plain", (400, "malformed")),
        (b"{}", None, JSON, (400, "malformed")),
        (bounce(MessageID=7), None, JSON, (400, "malformed")),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_is_no_event_of_postmarks_is_refused_and_counted(
    body: object, authorization: str | None, content_type: str, answer: tuple[int, str]
) -> None:
    door = Door()
    status, reason = answer
    assert door.post(body, authorization=authorization, content_type=content_type).status == status
    assert door.taken == []
    assert door.telemetry.total(REFUSED, source="postmark", reason=reason) == 1


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (EventAnswer.DONE, 200),
        (EventAnswer.IGNORED, 200),
        (EventAnswer.UNPROVED, 200),
        (EventAnswer.REUSED, 409),
        (Unavailable("store"), 503),
    ],
)
def test_the_answer_says_if_it_is_to_be_posted_again(answer: EventAnswer | Exception, status: int) -> None:
    assert Door(answer).post(bounce()).status == status


def test_an_old_event_is_bounded_by_three_days() -> None:
    old = (NOON - timedelta(days=3)).isoformat()
    assert Door().event(bounce(BouncedAt=old)).at == NOON - timedelta(days=3)
