"""Mailgun's events: authenticate, bound, turn the JSON of one event into a `DeliveryEvent`, answer."""

from __future__ import annotations

import json
from collections.abc import AsyncIterable, Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Final, TypeAlias, TypeGuard

from attrs import frozen

from convalias.adapters.mailgun.signature import AHEAD, SigningKeys, signed_time
from convalias.adapters.mailgun.webhook import HttpAnswer
from convalias.codec.addresses import read_address
from convalias.domain.addresses.email_address import EmailAddress, InvalidAddress
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
from convalias.ports.errors import Unavailable
from convalias.services.inbound.doors import SIGNING_KEY, DoorPost, EventDoorKind, EventDoorNeeds

SOURCE: Final = "mailgun"
VARIABLE: Final = "convalias"
"""The user variable that holds the receipt token."""
LARGEST: Final = 256 * 1024
"""Octets of one event; Mailgun's own are a few thousand."""
OLDEST_EVENT: Final = timedelta(days=3)
"""So long before its signature an event may have happened."""
LONGEST: Final = 1_024
"""Characters of any text of an event that is looked at."""
_DONE: Final = HttpAnswer(200, "done")
_ANSWERS: Final[Mapping[EventAnswer, HttpAnswer]] = MappingProxyType(
    {
        EventAnswer.DONE: _DONE,
        EventAnswer.IGNORED: HttpAnswer(200, "nothing to do"),
        # 200: it is about other mail of the same account, and another post of it would be as well.
        EventAnswer.UNPROVED: HttpAnswer(200, "not about mail of ours"),
        EventAnswer.REUSED: HttpAnswer(403, "token: used before with another event"),
    }
)
_Object: TypeAlias = Mapping[str, object]


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
            event = self._event(_parsed(post.content_type, await self._read(post.chunks)))
            return _ANSWERS[await self.take(event)]
        except _Refused as refused:
            self.telemetry.measure("mons.delivery.events.refused", 1, source=SOURCE, reason=refused.reason)
            return refused.answer
        except Unavailable as away:
            return HttpAnswer(503, str(away), away)

    async def _read(self, body: AsyncIterable[bytes]) -> bytes:
        octets = bytearray()
        async for chunk in body:
            octets += chunk
            if len(octets) > self.largest:
                raise _Refused(HttpAnswer(413, f"event: more than {self.largest} octets"), "too large")
        return bytes(octets)

    def _event(self, posted: _Object) -> DeliveryEvent:
        """Verify the signature before anything else is read."""
        signature = _object(posted, "signature")
        timestamp, token, made = (_text(signature, key).encode() for key in ("timestamp", "token", "signature"))
        now = self.clock.now()
        signed_at = signed_time(timestamp, now=now)
        if signed_at is None or not token or not self.keys.signed(timestamp=timestamp, token=token, signature=made):
            raise _Refused(HttpAnswer(401, "signature: not ours, or too old or too new"), "signature")
        data = _object(posted, "event-data")
        event_id = _text(data, "id")
        if not event_id:
            raise _malformed("event-data.id: expected a text")
        return DeliveryEvent(
            source=SOURCE,
            token=token.decode(),
            id=event_id,
            receipt_token=_text(_object(data, "user-variables"), VARIABLE),
            report=_report(data),
            recipient=_address(_text(data, "recipient")),
            at=_happened(data.get("timestamp"), signed_at=signed_at, now=now),
        )


def _parsed(content_type: str, body: bytes) -> _Object:
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise _malformed("content type: expected application/json")
    try:
        found: object = json.loads(body)
    except (ValueError, RecursionError):  # no JSON, no UTF-8, a number of too many digits, too deep
        raise _malformed("body: expected JSON") from None
    if not _is_object(found):
        raise _malformed("body: expected a JSON object")
    return found


def _malformed(text: str) -> _Refused:
    return _Refused(HttpAnswer(400, text), "malformed")


def _is_object(value: object) -> TypeGuard[_Object]:
    return isinstance(value, dict)


def _object(data: _Object, key: str) -> _Object:
    """The object under that key; empty where something else stands, as `[]` for variables that there are none of."""
    found = data.get(key)
    return found if _is_object(found) else {}


def _text(data: _Object, key: str) -> str:
    """The text under that key, cut, in characters that can be encoded; empty where something else stands."""
    found = data.get(key)
    return found[:LONGEST].encode("utf-8", "replace").decode() if isinstance(found, str) else ""


def _report(data: _Object) -> Report | None:
    """What happened, in the words of the domain. None: nothing that is acted on."""
    match _text(data, "event"), _text(data, "severity"):
        case "delivered", _:
            return Bounce(notification=None, kind=BounceKind.DELIVERED, status="2.0.0")
        case "failed", "temporary":  # Mailgun itself tries again
            return Bounce(notification=None, kind=BounceKind.DELAYED)
        case (("failed" | "rejected"), _):
            return of_failure(_status(_object(data, "delivery-status")))
        case "complained", _:
            return Complaint(notification=None, feedback="abuse")
        case "unsubscribed", _:
            return Unsubscribed(notification=None)
        case _:
            return None


def _status(told: _Object) -> str:
    """The enhanced code, else what code and words of the other server amount to. 605 and its like are Mailgun's own."""
    enhanced = status_in(_text(told, "enhanced-code"))
    if enhanced:
        return enhanced
    code = told.get("code")
    reply = f"{code} " if isinstance(code, int) else ""
    return status_in(reply + (_text(told, "message") or _text(told, "description")))


def _address(text: str) -> EmailAddress | None:
    try:
        return read_address(text)
    except InvalidAddress:
        return None


def _happened(stated: object, *, signed_at: datetime, now: datetime) -> datetime:
    """When it happened: no later than now, and no earlier than what a signature of today may tell of."""
    if not isinstance(stated, int | float) or isinstance(stated, bool):
        return min(signed_at, now)
    try:
        at = datetime.fromtimestamp(stated, UTC)
    except (ValueError, OverflowError, OSError):  # no number, infinite, or beyond every calendar
        return min(signed_at, now)
    return min(at, now) if signed_at - OLDEST_EVENT <= at <= signed_at + AHEAD else min(signed_at, now)
