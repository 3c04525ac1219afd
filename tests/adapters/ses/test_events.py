"""SES's events: what is proved is made into an event of ours by the code of the other server, all else does nothing."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from typing import Any

import pytest

from adapters.ses.posting import CERTIFICATE, NOON, TOPIC, certificate, confirmation, signed, sns
from convalias.adapters import memory
from convalias.adapters.ses import Certificates, Events, SignedMessages
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
from convalias.services.inbound.doors import DoorPost, HttpAnswer

BOB = "bob@home.example"
FIELDS = [
    {"name": "X-Convalias-Receipt-id", "value": "e.a.message.email"},
    {"name": "X-Convalias-Receipt-mac", "value": "0123"},
    {"name": "From", "value": "notifications@reply.example"},
]


def event(kind: str, told: Mapping[str, Any] | None = None, *, key: str = "eventType", **mail: Any) -> str:
    """https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-examples.html ."""
    place = kind[:1].lower() + kind[1:]
    return json.dumps(
        {
            key: kind,
            place: {"timestamp": "2026-03-01T11:58:00.000Z", **(told or {})},
            "mail": {
                "timestamp": "2026-03-01T11:57:00.000Z",
                "source": "notifications@reply.example",
                "messageId": "7c191be45-e9aedb9a-02f9-4d12-a87d-dd0099a07f8a-000000",
                "destination": [BOB],
                "headersTruncated": False,
                "headers": FIELDS,
                "tags": {"ses:from-domain": ["reply.example"]},
                **mail,
            },
        }
    )


def bounce(
    kind: str = "Permanent",
    more: str = "General",
    *,
    status: str | None = "5.1.1",
    words: str | None = "smtp; 550 5.1.1 user unknown",
    key: str = "eventType",
    **mail: Any,
) -> str:
    person = {"emailAddress": BOB, "action": "failed", "status": status, "diagnosticCode": words}
    told = {
        "bounceType": kind,
        "bounceSubType": more,
        "bouncedRecipients": [{name: value for name, value in person.items() if value is not None}],
        "feedbackId": "01000157c44f053b-61b59c11-9236-11e6-8f96-7be8aexample-000000",
        "reportingMTA": "dsn; mta.example.com",
    }
    return event("Bounce", told, key=key, **mail)


class Door:
    """The door of events, which keeps what it hands on."""

    def __init__(self, answer: EventAnswer | Exception = EventAnswer.DONE) -> None:
        self.answer = answer
        self.taken: list[DeliveryEvent] = []
        self.telemetry = memory.Telemetry()
        self.clock = memory.Clock(NOON)
        self.door = Events(
            take=self.take,
            messages=SignedMessages(
                topics=frozenset({TOPIC}),
                certificates=Certificates(self.clock, self.fetch),
                confirm=self.fetch,
                clock=self.clock,
            ),
            telemetry=self.telemetry,
        )

    async def take(self, event: DeliveryEvent) -> EventAnswer:
        if isinstance(self.answer, Exception):
            raise self.answer
        self.taken.append(event)
        return self.answer

    async def fetch(self, url: str) -> bytes:
        return certificate() if url == CERTIFICATE else b"<ConfirmSubscriptionResponse/>"

    async def post(self, body: Mapping[str, Any]) -> HttpAnswer:
        async def chunks() -> AsyncIterator[bytes]:
            yield json.dumps(body).encode()

        return await self.door.handle(DoorPost(chunks=chunks()))

    async def told(self, text: str) -> DeliveryEvent:
        """The one event that a text comes to."""
        answer = await self.post(signed(sns(text)))
        assert (answer.status, answer.text) == (200, "done")
        return self.taken[-1]


HARD = Bounce(notification=None, kind=BounceKind.HARD, status="5.1.1")
SOFT = Bounce(notification=None, kind=BounceKind.SOFT, status="5.0.0")
DELAYED = Bounce(notification=None, kind=BounceKind.DELAYED)


@pytest.mark.parametrize("key", ["eventType", "notificationType"])
async def test_a_bounce_is_told_with_the_proof_that_its_mail_carried(key: str) -> None:
    told = await Door().told(bounce(key=key))
    assert (told.source, told.receipt_token, told.report) == ("ses", "e.a.message.email.0123", HARD)
    assert told.recipient == EmailAddress.parse(BOB)
    assert told.at == NOON - timedelta(minutes=2)
    again = await Door().told(bounce(key=key))
    assert (again.id, again.token, again.digest) == (told.id, told.token, told.digest)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (bounce(), HARD),
        (bounce(status="5.0.0", words="smtp; 550 5.1.1 user unknown"), HARD),
        (bounce(status=None, words="smtp; 550 No such user here"), HARD),
        (bounce(more="NoEmail", status=None, words=None), HARD),
        (bounce(status=None, words=None), SOFT),
        (bounce(status="5.0.0", words=None), SOFT),
        (
            bounce(status="5.7.1", words="smtp; 550 5.7.1 blocked"),
            Bounce(notification=None, kind=BounceKind.SOFT, status="5.7.1"),
        ),
        (bounce(status="nonsense", words="550 Blocked: no such user at your domain"), SOFT),
        (bounce(more="Suppressed"), SOFT),
        (bounce(more="OnAccountSuppressionList"), SOFT),
        (bounce("Undetermined", "Undetermined"), SOFT),
        (bounce("Transient", "MailboxFull", status="5.2.2", words="552 full"), SOFT),
        (bounce("Transient", status="5.1.1"), SOFT),
        (bounce("Transient", status=None, words=None), DELAYED),
        (event("Bounce", {"bounceType": "Permanent"}), SOFT),
        (event("Reject", {"reason": "Bad content"}), SOFT),
        (
            event("Delivery", {"recipients": [BOB]}),
            Bounce(notification=None, kind=BounceKind.DELIVERED, status="2.0.0"),
        ),
        (event("DeliveryDelay", {"delayType": "MailboxFull"}), DELAYED),
        (event("Complaint", {"complaintFeedbackType": "Abuse"}), Complaint(notification=None, feedback="abuse")),
        (event("Complaint", {"complaintFeedbackType": "not-spam"}), Complaint(notification=None, feedback="not-spam")),
        (event("Complaint"), Complaint(notification=None, feedback="abuse")),
        (event("Complaint", {"complaintSubType": "OnAccountSuppressionList"}), SOFT),
        (event("Subscription", {"newTopicPreferences": {"unsubscribeAll": True}}), Unsubscribed(notification=None)),
        (event("Subscription", {"newTopicPreferences": {"unsubscribeAll": False}}), None),
        (event("Send"), None),
        (event("Open"), None),
        (event("Something New"), None),
    ],
)
async def test_what_happened_is_said_by_the_code_and_not_by_the_kind_alone(text: str, expected: Report | None) -> None:
    assert (await Door().told(text)).report == expected


@pytest.mark.parametrize(
    ("headers", "token"),
    [
        (FIELDS, "e.a.message.email.0123"),
        ([{**one, "name": one["name"].upper()} for one in FIELDS], "e.a.message.email.0123"),
        (FIELDS[:1], ""),
        (FIELDS[1:], ""),
        ([*FIELDS, FIELDS[0]], ""),
        ([], ""),
        (None, ""),
        ("text", ""),
        ([{"name": 7, "value": 7}], ""),
    ],
)
async def test_the_proof_is_in_two_header_fields_each_there_once(headers: object, token: str) -> None:
    assert (await Door().told(bounce(headers=headers))).receipt_token == token


@pytest.mark.parametrize(
    ("text", "recipient"),
    [
        (event("Complaint", {"complainedRecipients": [{"emailAddress": "ann@home.example"}]}), "ann@home.example"),
        (event("Delivery", {"recipients": ["ann@home.example"]}), "ann@home.example"),
        (event("Delivery"), BOB),
        (event("Delivery", destination=[BOB, "ann@home.example"]), None),
        (event("Delivery", destination=["nobody"]), None),
        (event("Delivery", destination=7), None),
    ],
)
async def test_the_recipient_is_whom_the_event_names_or_the_one_that_the_mail_was_for(
    text: str, recipient: str | None
) -> None:
    found = (await Door().told(text)).recipient
    assert (None if found is None else found.key) == recipient


@pytest.mark.parametrize("at", ["2026-02-01T12:00:00.000Z", "2026-03-01T13:00:00.000Z", "noon", "2026-03-01T11:58:00"])
async def test_a_time_that_cannot_be_is_replaced_by_when_it_was_posted(at: str) -> None:
    assert (await Door().told(event("Delivery", {"timestamp": at}))).at == NOON


async def test_what_sns_did_not_sign_for_a_topic_of_ours_is_no_event() -> None:
    door = Door()
    forged = {**signed(sns(bounce())), "Message": event("Complaint")}
    foreign = signed(sns(bounce(), topic=f"{TOPIC}x"))
    for body in (forged, foreign, sns(bounce())):
        assert (await door.post(body)).status == 401
    assert door.taken == []
    assert door.telemetry.total("mons.delivery.events.refused", source="ses", reason="signature") == 3


@pytest.mark.parametrize("text", ["no json", "[]", "{}", json.dumps({"eventType": "Bounce", "mail": {}})])
async def test_what_is_no_event_is_refused(text: str) -> None:
    door = Door()
    assert (await door.post(signed(sns(text)))).status == 400
    assert door.telemetry.total("mons.delivery.events.refused", source="ses", reason="malformed") == 1


async def test_a_greeting_and_a_confirmation_are_no_events() -> None:
    door = Door()
    greeting = "Successfully validated SNS topic for Amazon SES event publishing."
    assert (await door.post(signed(sns(greeting)))).text == "nothing to do"
    assert (await door.post(signed(confirmation()))).text == "subscription confirmed"
    assert door.taken == []


@pytest.mark.parametrize(
    ("answer", "status"), [(Unavailable("records"), 503), (EventAnswer.REUSED, 409), (EventAnswer.UNPROVED, 200)]
)
async def test_what_the_answer_was_is_what_sns_is_told(answer: EventAnswer | Exception, status: int) -> None:
    assert (await Door(answer).post(signed(sns(bounce())))).status == status
