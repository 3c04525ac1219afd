"""Mailgun's events: authenticate, bound, turn the JSON of one event into a `DeliveryEvent`, answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from attrs import frozen

from convalias.adapters.mailgun.signature import AHEAD, SigningKeys, signed_time
from convalias.codec.addresses import address_in
from convalias.codec.posted_json import (
    PostedObject,
    UnreadableJson,
    object_of,
    read_object,
    read_within,
    text_of,
)
from convalias.domain.outbound.reports import (
    Bounce,
    BounceKind,
    Complaint,
    DeliveryEvent,
    EventAnswer,
    Report,
    Unsubscribed,
    of_failure,
    status_in,
)
from convalias.ports.ambient import Clock, Telemetry
from convalias.services.inbound.doors import (
    SIGNING_KEY,
    DoorPost,
    EventDoorKind,
    EventDoorNeeds,
    HttpAnswer,
    answer_to_event,
)

SOURCE: Final = "mailgun"
VARIABLE: Final = "convalias"
"""The user variable that holds the receipt token."""
LARGEST: Final = 256 * 1024
"""Octets of one event; Mailgun's own are a few thousand."""
OLDEST_EVENT: Final = timedelta(days=3)
"""So long before its signature an event may have happened."""
_REUSED: Final = HttpAnswer(403, "token: used before with another event")


class _Refused(Exception):
    """The post is not taken; `reason` is the label of the metric."""

    def __init__(self, answer: HttpAnswer, reason: str) -> None:
        super().__init__(answer.text)
        self.answer = answer
        self.reason = reason


def _made(needs: EventDoorNeeds) -> Events:
    return Events(take=needs.take, keys=SigningKeys.parse(needs.keys), clock=needs.clock, telemetry=needs.telemetry)


door: Final = EventDoorKind(make=_made, secret=SIGNING_KEY)
"""Registered for `mailgun`."""


@frozen(kw_only=True)
class Events:
    """Mailgun's webhooks for `delivered`, `failed`, `rejected`, `complained` and `unsubscribed`; others do nothing.

    https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/webhook-payloads
    """

    take: Callable[[DeliveryEvent], Awaitable[EventAnswer]]
    keys: SigningKeys
    clock: Clock
    telemetry: Telemetry
    largest: int = LARGEST

    async def handle(self, post: DoorPost) -> HttpAnswer:
        """Take one post in. May be repeated.

        200: acted on, or nothing to act on. 400: no event. 401, 403: not signed by us, or a token used for another
        event. 413: too large. 503: post it again.
        """
        try:
            event = self._event(await self._read(post))
        except _Refused as refused:
            self.telemetry.measure("mons.delivery.events.refused", 1, source=SOURCE, reason=refused.reason)
            return refused.answer
        return await answer_to_event(self.take, event, reused=_REUSED)

    async def _read(self, post: DoorPost) -> PostedObject:
        body = await read_within(post.chunks, self.largest)
        if body is None:
            raise _Refused(HttpAnswer(413, f"event: more than {self.largest} octets"), "too large")
        try:
            return read_object(post.content_type, body)
        except UnreadableJson as error:
            raise _malformed(str(error)) from None

    def _event(self, posted: PostedObject) -> DeliveryEvent:
        """Verify the signature before anything else is read."""
        signature = object_of(posted, "signature")
        timestamp, token, made = (text_of(signature, key).encode() for key in ("timestamp", "token", "signature"))
        now = self.clock.now()
        signed_at = signed_time(timestamp, now=now)
        if signed_at is None or not token or not self.keys.signed(timestamp=timestamp, token=token, signature=made):
            raise _Refused(HttpAnswer(401, "signature: not ours, or too old or too new"), "signature")
        data = object_of(posted, "event-data")
        event_id = text_of(data, "id")
        if not event_id:
            raise _malformed("event-data.id: expected a text")
        return DeliveryEvent(
            source=SOURCE,
            token=token.decode(),
            id=event_id,
            receipt_token=text_of(object_of(data, "user-variables"), VARIABLE),
            report=_report(data),
            recipient=address_in(text_of(data, "recipient")),
            at=_happened(data.get("timestamp"), signed_at=signed_at, now=now),
        )


def _malformed(text: str) -> _Refused:
    return _Refused(HttpAnswer(400, text), "malformed")


def _report(data: PostedObject) -> Report | None:
    """What happened, in the words of the domain. None: nothing that is acted on."""
    match text_of(data, "event"), text_of(data, "severity"):
        case "delivered", _:
            return Bounce(notification=None, kind=BounceKind.DELIVERED, status="2.0.0")
        case "failed", "temporary":  # Mailgun itself tries again
            return Bounce(notification=None, kind=BounceKind.DELAYED)
        case (("failed" | "rejected"), _):
            return of_failure(_status(object_of(data, "delivery-status")))
        case "complained", _:
            return Complaint(notification=None, feedback="abuse")
        case "unsubscribed", _:
            return Unsubscribed(notification=None)
        case _:
            return None


def _status(told: PostedObject) -> str:
    """The enhanced code, else what code and words of the other server amount to. 605 and its like are Mailgun's own."""
    enhanced = status_in(text_of(told, "enhanced-code"))
    if enhanced:
        return enhanced
    code = told.get("code")
    reply = f"{code} " if isinstance(code, int) else ""
    return status_in(reply + (text_of(told, "message") or text_of(told, "description")))


def _happened(stated: object, *, signed_at: datetime, now: datetime) -> datetime:
    """When it happened: no later than now, and no earlier than what a signature of today may tell of."""
    if not isinstance(stated, int | float) or isinstance(stated, bool):
        return min(signed_at, now)
    try:
        at = datetime.fromtimestamp(stated, UTC)
    except (ValueError, OverflowError, OSError):  # no number, infinite, or beyond every calendar
        return min(signed_at, now)
    return min(at, now) if signed_at - OLDEST_EVENT <= at <= signed_at + AHEAD else min(signed_at, now)
