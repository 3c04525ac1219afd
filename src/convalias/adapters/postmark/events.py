"""Postmark's events: authenticate, bound, turn the JSON of one event into a `DeliveryEvent`, answer.

https://postmarkapp.com/developer/webhooks/bounce-webhook
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final

from attrs import evolve, frozen

from convalias.adapters.postmark.credentials import CREDENTIALS, Credentials
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
from convalias.services.inbound.doors import DoorPost, EventDoorKind, EventDoorNeeds, HttpAnswer, answer_to_event

SOURCE: Final = "postmark"
LARGEST: Final = 1024 * 1024
"""Octets of one event; it holds the text of a bounce where Postmark is asked for that."""
OLDEST: Final = timedelta(days=3)
"""So long ago an event may have happened; Postmark posts it again for half a day."""
DETAILS: Final = 4_096
"""Characters of what the other server said that are looked at."""
_REUSED: Final = HttpAnswer(409, "another event came under its digest")
# https://postmarkapp.com/developer/api/bounce-api#bounce-types
_FAILED: Final = frozenset(
    {
        "HardBounce",
        "DnsError",
        "SpamNotification",
        "SoftBounce",
        "VirusNotification",
        "ManuallyDeactivated",
        "Blocked",
        "SMTPApiError",
        "DMARCPolicy",
        "Undeliverable",
    }
)
_NO_ADDRESS: Final = "5.1.3"
"""RFC 3463 §3.2: bad destination mailbox address syntax."""


@frozen(kw_only=True)
class Events:
    """Postmark's webhooks for deliveries, bounces, spam complaints and changes of subscription; others do nothing."""

    take: Callable[[DeliveryEvent], Awaitable[EventAnswer]]
    credentials: Credentials
    clock: Clock
    telemetry: Telemetry

    async def handle(self, post: DoorPost) -> HttpAnswer:
        """Take one post in. May be repeated.

        200: acted on, or nothing to act on. 400: no event. 401: not ours. 413: too large. 503: post it again.
        """
        if not self.credentials.prove(post.headers.get("authorization", "")):
            return self._refused(HttpAnswer(401, "authorization: not ours"), "signature")
        body = await read_within(post.chunks, LARGEST)
        if body is None:
            return self._refused(HttpAnswer(413, f"event: more than {LARGEST} octets"), "too large")
        try:
            posted = read_object(post.content_type, body)
        except UnreadableJson as error:
            return self._refused(HttpAnswer(400, str(error)), "malformed")
        kind, mail = text_of(posted, "RecordType"), text_of(posted, "MessageID")
        if not kind or not mail:
            return self._refused(HttpAnswer(400, "RecordType and MessageID: expected two texts"), "malformed")
        return await answer_to_event(self.take, self._event(posted, kind, mail), reused=_REUSED)

    def _refused(self, answer: HttpAnswer, reason: str) -> HttpAnswer:
        self.telemetry.measure("mons.delivery.events.refused", 1, source=SOURCE, reason=reason)
        return answer

    def _event(self, posted: PostedObject, kind: str, mail: str) -> DeliveryEvent:
        number = posted.get("ID")
        shown = number if isinstance(number, int) and abs(number) < 2**63 else ""
        event = DeliveryEvent(
            source=SOURCE,
            token="",
            id=f"{kind}:{mail}:{shown}",
            receipt_token=_receipt(object_of(posted, "Metadata")),
            report=_report(posted, kind),
            recipient=address_in(text_of(posted, "Email") or text_of(posted, "Recipient")),
            at=self._happened(posted),
        )
        return evolve(event, token=event.digest)  # nothing is signed: an event is bound to what it says

    def _happened(self, posted: PostedObject) -> datetime:
        """When it happened; now, where that cannot be read or cannot be."""
        now = self.clock.now()
        for key in ("BouncedAt", "DeliveredAt", "ChangedAt"):
            try:
                at = datetime.fromisoformat(text_of(posted, key))
            except ValueError:
                continue
            if at.tzinfo is not None and now - OLDEST <= at <= now:
                return at.astimezone(now.tzinfo)
        return now


def _receipt(metadata: PostedObject) -> str:
    """The token of our mail, which left in two header fields: see `receipt` in the URL of a mail server."""
    by_name = {name.lower(): name for name in metadata}
    parts = [text_of(metadata, by_name.get(f"convalias-{part}", "")) for part in ("id", "mac")]
    return ".".join(parts) if all(parts) else ""


def _report(posted: PostedObject, kind: str) -> Report | None:
    """What happened, in the words of the domain. None: nothing that is acted on."""
    match kind, text_of(posted, "Type"):
        case "Delivery", _:
            return Bounce(notification=None, kind=BounceKind.DELIVERED, status="2.0.0")
        case ("SpamComplaint", _) | ("Bounce", "SpamComplaint"):
            return Complaint(notification=None, feedback="abuse")
        case "Bounce", "Transient":  # Postmark itself tries again
            return Bounce(notification=None, kind=BounceKind.DELAYED)
        case "Bounce", "BadEmailAddress":
            return of_failure(_NO_ADDRESS)
        case "Bounce", cause if cause in _FAILED:
            return of_failure(status_in(text_of(posted, "Details", most=DETAILS)))
        case "SubscriptionChange", _ if _is_wish(posted):
            return Unsubscribed(notification=None)
        case _:
            return None


def _is_wish(posted: PostedObject) -> bool:
    """Whether the recipient unsubscribed: https://postmarkapp.com/developer/webhooks/subscription-change-webhook .

    Bounces and complaints end a subscription too, and have events of their own.
    """
    return (
        posted.get("SuppressSending") is True
        and text_of(posted, "Origin") == "Recipient"
        and text_of(posted, "SuppressionReason") == "ManualSuppression"
    )


def _made(needs: EventDoorNeeds) -> Events:
    return Events(
        take=needs.take, credentials=Credentials.parse(needs.keys), clock=needs.clock, telemetry=needs.telemetry
    )


door: Final = EventDoorKind(make=_made, secret=CREDENTIALS)
"""Registered for `postmark`."""
