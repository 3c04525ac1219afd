"""Messages of Amazon SNS: read, and proved by their signature.

https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from enum import Enum
from typing import Final
from urllib.parse import parse_qs, urlsplit

from attrs import frozen
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, HashAlgorithm

from convalias.adapters.ses.certificates import Certificates, UnusableCertificate
from convalias.adapters.ses.place import region_of
from convalias.codec.posted_json import PostedObject, UnreadableJson, read_object, read_within, text_of
from convalias.ports.ambient import Clock
from convalias.ports.errors import Unavailable
from convalias.services.inbound.doors import DoorPost, HttpAnswer

LARGEST: Final = 1024 * 1024
"""Octets of one post: SNS carries 256 kB, of which each character may be written as six."""
OLDEST: Final = timedelta(days=1)
"""A post is as old at most; SNS tries for an hour."""
AHEAD: Final = timedelta(minutes=5)
"""A clock of SNS may be so much ahead of ours."""
_CLOCK: Final = "the clock of this machine, to which the time of a post that SNS signed does not fit,"
_NO_CERTIFICATE: Final = "the certificate that a post of SNS names"
_JSON: Final = "application/json"
"""SNS says `text/plain`, whatever it posts."""
# Version 1 is the default of a topic; its SHA-1 is no worse than the certificate's host, which TLS proves.
_HASHES: Final[Mapping[str, HashAlgorithm]] = {"1": SHA1(), "2": SHA256()}  # noqa: S303 - what SNS signs with
_CERTIFICATE: Final = re.compile(r"/SimpleNotificationService-[0-9A-Za-z]{1,64}\.pem")
_NOTIFICATION: Final = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
_CONFIRMATION: Final = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
_UNPROVED: Final = HttpAnswer(401, "not signed by SNS for a topic of ours")
# Whoever has an UnsubscribeURL can end a subscription. An unsigned request cannot forbid that when it confirms one.
_ENDED: Final = HttpAnswer(
    200, "subscription ended", Unavailable("a subscription of SNS to this door, which was ended,")
)


class Kind(Enum):
    """Kinds of messages that SNS posts."""

    NOTIFICATION = "Notification"
    SUBSCRIPTION = "SubscriptionConfirmation"
    UNSUBSCRIPTION = "UnsubscribeConfirmation"


@frozen(kw_only=True)
class SnsMessage:
    """A message whose signature was verified."""

    kind: Kind
    id: str
    topic: str
    at: datetime
    text: str
    """What was published; of a confirmation, what a person is told."""


def in_envelope(posted: PostedObject) -> bool:
    """Return whether that is a message of SNS around what was published, and not that itself."""
    return all(isinstance(posted.get(name), str) for name in ("Type", "TopicArn", "Message"))


@frozen(kw_only=True)
class SignedMessages:
    """Proves posts of SNS: by topic, age, and the signature of a certificate of SNS in the topic's own region."""

    topics: frozenset[str]
    certificates: Certificates
    confirm: Callable[[str], Awaitable[bytes]]
    """Fetches a URL: of SNS, to confirm a subscription. Raises `Unavailable`."""
    clock: Clock

    async def read(self, post: DoorPost) -> SnsMessage | HttpAnswer:
        """Return the message of a post, or what SNS is answered. A subscription to a topic of ours is confirmed.

        SNS never posts again after a 4xx. So that is only for what it surely did not sign for us: a post whose time
        does not fit to our clock, or whose certificate is of no use now, is asked for again (503).
        """
        body = await read_within(post.chunks, LARGEST)
        if body is None:
            return HttpAnswer(413, f"request: more than {LARGEST} octets")
        try:
            posted = read_object(_JSON, body)
        except UnreadableJson as error:
            return HttpAnswer(400, str(error))
        try:
            message = await self._proved(posted)
            if message is not None and message.kind is Kind.SUBSCRIPTION:
                return await self._confirmed(message, text_of(posted, "SubscribeURL", most=None))
        except Unavailable as away:
            return HttpAnswer(503, str(away), away)
        if message is None:
            return _UNPROVED
        return _ENDED if message.kind is Kind.UNSUBSCRIPTION else message

    async def _proved(self, posted: PostedObject) -> SnsMessage | None:
        """Only what may be for us makes us fetch a certificate. The time is looked at when it is proved."""
        message = _message(posted)
        if message is None or message.topic not in self.topics:
            return None
        algorithm, signature = _HASHES.get(text_of(posted, "SignatureVersion")), _signature(posted)
        url = text_of(posted, "SigningCertURL") or text_of(posted, "SigningCertUrl")
        if algorithm is None or signature is None or not is_certificate_of(url, message.topic):
            return None
        try:
            key = await self.certificates.key(url)
            key.verify(signature, to_sign(posted), PKCS1v15(), algorithm)
        except InvalidSignature:
            return None
        except UnusableCertificate as error:
            raise Unavailable(_NO_CERTIFICATE) from error
        if not -AHEAD <= self.clock.now() - message.at <= OLDEST:
            raise Unavailable(_CLOCK)
        return message

    async def _confirmed(self, message: SnsMessage, url: str) -> HttpAnswer:
        if not _confirms(url, message.topic):
            return _UNPROVED
        await self.confirm(url)
        return HttpAnswer(200, "subscription confirmed")


def _message(posted: PostedObject) -> SnsMessage | None:
    kind = next((one for one in Kind if one.value == text_of(posted, "Type")), None)
    found, at = text_of(posted, "MessageId"), _time(text_of(posted, "Timestamp"))
    if kind is None or at is None or not found:
        return None
    text = text_of(posted, "Message", most=None)
    return SnsMessage(kind=kind, id=found, topic=text_of(posted, "TopicArn"), at=at, text=text)


def _time(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo is not None else None


def _signature(posted: PostedObject) -> bytes | None:
    try:
        return base64.b64decode(text_of(posted, "Signature").encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        return None


def to_sign(posted: PostedObject) -> bytes:
    """Return what SNS signs: names and values, a line each, without those that are missing."""
    names = _NOTIFICATION if text_of(posted, "Type") == Kind.NOTIFICATION.value else _CONFIRMATION
    lines = [f"{name}\n{value}\n" for name in names if isinstance(value := posted.get(name), str)]
    return "".join(lines).encode("utf-8", "surrogatepass")


def is_certificate_of(url: str, topic: str) -> bool:
    """Return whether a certificate of SNS in the topic's region lies there: no other host can speak for it."""
    return _is_at_sns(url, topic) and _CERTIFICATE.fullmatch(urlsplit(url).path) is not None and "?" not in url


def _confirms(url: str, topic: str) -> bool:
    if not _is_at_sns(url, topic):
        return False
    parts = urlsplit(url)
    asked = parse_qs(parts.query)
    return (
        parts.path in {"", "/"} and asked.get("Action") == ["ConfirmSubscription"] and asked.get("TopicArn") == [topic]
    )


def _is_at_sns(url: str, topic: str) -> bool:
    """Written out, so that no user, port, fragment or other spelling of a host passes."""
    region = region_of(topic)
    end = "amazonaws.com.cn" if topic.startswith("arn:aws-cn:") else "amazonaws.com"
    is_plain = url.isascii() and url.isprintable() and not set(url) & set(" \\#@")
    return bool(region) and is_plain and url.startswith(f"https://sns.{region}.{end}/")
