"""SES's events about mail that left, by SNS: prove the post, make a `DeliveryEvent` of it, answer.

https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html (`eventType`), and
https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html (`notificationType`): the same objects in both.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final

from attrs import frozen

from convalias.adapters.ses.certificates import Certificates, fetched
from convalias.adapters.ses.place import TOPICS, topics_in
from convalias.adapters.ses.sns import AHEAD, OLDEST, SignedMessages, SnsMessage
from convalias.codec.addresses import address_in
from convalias.codec.posted_json import PostedObject, UnreadableJson, object_of, objects_of, read_object, text_of
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
from convalias.ports.ambient import Telemetry
from convalias.services.inbound.doors import DoorPost, EventDoorKind, EventDoorNeeds, HttpAnswer, answer_to_event

SOURCE: Final = "ses"
RECEIPT: Final = "x-convalias-receipt"
"""The header fields that carry our proof begin so: `receipt=X-Convalias-Receipt` in the URL of `mail`."""
FIELDS: Final = 1_000
"""Header fields that are looked at; ours stand first."""
DETAILS: Final = 4_096
"""Characters of what the other server said that are looked at."""
_GREETING: Final = "Successfully validated SNS topic"
_NOTHING: Final = HttpAnswer(200, "nothing to do")
_REUSED: Final = HttpAnswer(409, "another event came under its id")
_REFUSALS: Final = {400: "malformed", 401: "signature", 413: "too large"}
_PARTS: Final = {
    "Bounce": "bounce",
    "Complaint": "complaint",
    "Delivery": "delivery",
    "DeliveryDelay": "deliveryDelay",
    "Reject": "reject",
    "Subscription": "subscription",
}
"""Kinds of events that may be acted on, by the object that says more."""
_RECIPIENTS: Final = ("bouncedRecipients", "complainedRecipients", "delayedRecipients")
_CODE: Final = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")
_NO_MAILBOX: Final = "5.1.1"
_SUPPRESSED: Final = frozenset({"Suppressed", "OnAccountSuppressionList"})
"""SES sent nothing, for it had seen an address fail before: that says nothing of the mailbox as it is now."""


@frozen(kw_only=True)
class Events:
    """SES's bounces, complaints, deliveries and unsubscriptions, as SNS posts them; others do nothing."""

    take: Callable[[DeliveryEvent], Awaitable[EventAnswer]]
    messages: SignedMessages
    telemetry: Telemetry

    async def handle(self, post: DoorPost) -> HttpAnswer:
        """Take one post in. May be repeated.

        200: acted on, a subscription confirmed, or nothing to act on. 400: no event. 401: not signed by SNS for a topic
        of ours. 413: too large. 503: post it again.
        """
        found = await self.messages.read(post)
        if isinstance(found, SnsMessage):
            found = await self._taken(found)
        if found.status in _REFUSALS:
            self.telemetry.measure("mons.delivery.events.refused", 1, source=SOURCE, reason=_REFUSALS[found.status])
        return found

    async def _taken(self, message: SnsMessage) -> HttpAnswer:
        if message.text.startswith(_GREETING):
            return _NOTHING
        try:
            posted = read_object("application/json", message.text.encode("utf-8", "surrogatepass"))
        except UnreadableJson as error:
            return HttpAnswer(400, str(error))
        kind = text_of(posted, "eventType") or text_of(posted, "notificationType")
        mail = object_of(posted, "mail")
        if not kind or not text_of(mail, "messageId"):
            return HttpAnswer(400, "eventType and mail.messageId: expected two texts")
        told = object_of(posted, _PARTS.get(kind, ""))
        event = DeliveryEvent(
            source=SOURCE,
            token=message.id,
            id=f"{kind}:{text_of(mail, 'messageId')}:{text_of(told, 'feedbackId') or text_of(told, 'timestamp')}",
            receipt_token=_receipt(mail),
            report=_report(kind, told),
            recipient=address_in(_recipient(told, mail)),
            at=_happened(told, message.at),
        )
        return await answer_to_event(self.take, event, reused=_REUSED)


def _receipt(mail: PostedObject) -> str:
    """The token of our mail, which left in two header fields. Empty unless there is one of each."""
    found: dict[str, list[str]] = {"id": [], "mac": []}
    for header in (objects_of(mail, "headers") or [])[:FIELDS]:
        start, _, part = text_of(header, "name").lower().rpartition("-")
        if start == RECEIPT and part in found:
            found[part].append(text_of(header, "value").strip())
    parts = [values[0] if len(values) == 1 else "" for values in found.values()]
    return ".".join(parts) if all(parts) else ""


def _recipient(told: PostedObject, mail: PostedObject) -> str:
    """A mail of ours goes to one recipient, whom the event names; else whom the mail was for, if that is one."""
    for key in _RECIPIENTS:
        if people := objects_of(told, key):
            return text_of(people[0], "emailAddress")
    for place in (told.get("recipients"), mail.get("destination")):
        match place:
            case [str(one)]:
                return one
            case _:
                continue
    return ""


def _happened(told: PostedObject, posted: datetime) -> datetime:
    """When it happened, as far as that fits to when SNS signed it; else that."""
    try:
        at = datetime.fromisoformat(text_of(told, "timestamp"))
    except ValueError:
        return posted
    if at.tzinfo is None or not -AHEAD <= posted - at <= OLDEST:
        return posted
    return at.astimezone(posted.tzinfo)


def _report(kind: str, told: PostedObject) -> Report | None:
    """What happened, in the words of the domain. None: nothing that is acted on."""
    match kind:
        case "Delivery":
            return Bounce(notification=None, kind=BounceKind.DELIVERED, status="2.0.0")
        case "DeliveryDelay":
            return Bounce(notification=None, kind=BounceKind.DELAYED)
        case "Bounce":
            return _bounce(told)
        case "Complaint" if text_of(told, "complaintSubType") in _SUPPRESSED:
            return of_failure("")
        case "Complaint":
            return Complaint(notification=None, feedback=text_of(told, "complaintFeedbackType").lower() or "abuse")
        case "Reject":
            return of_failure("")
        case "Subscription" if object_of(told, "newTopicPreferences").get("unsubscribeAll") is True:
            return Unsubscribed(notification=None)
        case _:
            return None


def _bounce(told: PostedObject) -> Bounce:
    """By the code that the other server gave, not by `bounceType`: SES's Permanent is any refusal, of a policy too.

    https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html#bounce-types
    """
    kind, more = text_of(told, "bounceType"), text_of(told, "bounceSubType")
    if more in _SUPPRESSED:
        return of_failure("")
    status = _status(told)
    if kind == "Transient" and not status:  # an answer of somebody who is away, most often: nothing has failed
        return Bounce(notification=None, kind=BounceKind.DELAYED)
    if kind == "Permanent" and more == "NoEmail" and not status:
        return of_failure(_NO_MAILBOX)
    return of_failure(status if kind == "Permanent" else "")


def _status(told: PostedObject) -> str:
    """The code in its own place; where that says nothing, the one in the words of the other server."""
    for person in objects_of(told, "bouncedRecipients") or ():
        code, words = text_of(person, "status"), text_of(person, "diagnosticCode", most=DETAILS)
        if _CODE.fullmatch(code) and not code.endswith(".0.0"):
            return code
        return status_in(words) or (code if _CODE.fullmatch(code) else "")
    return ""


def _made(needs: EventDoorNeeds) -> Events:
    messages = SignedMessages(
        topics=topics_in(needs.keys), certificates=Certificates(needs.clock), confirm=fetched, clock=needs.clock
    )
    return Events(take=needs.take, messages=messages, telemetry=needs.telemetry)


door: Final = EventDoorKind(make=_made, secret=TOPICS)
"""Registered for `ses`."""
