"""Notifications as SES and SNS make them: the documented fields, with values and a certificate of our own.

https://docs.aws.amazon.com/ses/latest/dg/receiving-email-notifications-contents.html
"""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from convalias.adapters import memory
from convalias.adapters.ses import Certificates, MailTaker, SignedMessages, Webhook
from convalias.adapters.ses.objects import Denied, FoundMail, NotOurs, UnfetchableKey
from convalias.adapters.ses.sns import to_sign
from convalias.codec import loads
from convalias.domain.inbound.posts import EnvelopeRecord
from convalias.ports.errors import Unavailable
from convalias.services.inbound.doors import DoorPost, HttpAnswer
from convalias.services.inbound.receiver import Receiver

NOON: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
TOPIC: Final = "arn:aws:sns:eu-west-1:123456789012:mail"
CERTIFICATE: Final = (
    "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef0123456789abcdef.pem"
)
ALIAS: Final = "john-smith-1ab131e2@reply.example"
RAW: Final = (
    b"From: mary@corp.example\r\nTo: john-smith-1ab131e2@reply.example\r\nSubject: Gr\xfc\xdfe\r\n\r\nHello\r\n"
)
BUCKET: Final = "my-mail"
KEY: Final = "in/d6iitobk75ur44p8kdnnp7g2n800"


@cache
def signer() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65_537, key_size=2_048)


@cache
def certificate(begins: datetime = NOON - timedelta(days=30), *, days: int = 365) -> bytes:
    """A certificate of the signer's, as it lies at SNS."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    built = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(signer().public_key())
    built = built.serial_number(7).not_valid_before(begins).not_valid_after(begins + timedelta(days=days))
    return built.sign(signer(), SHA256()).public_bytes(Encoding.PEM)


def signed(posted: Mapping[str, Any], *, version: str = "1") -> dict[str, Any]:
    """The same, with a signature of SNS."""
    whole = {**posted, "SignatureVersion": version, "SigningCertURL": CERTIFICATE}
    hashed = SHA1() if version == "1" else SHA256()  # noqa: S303 - as SNS does
    signature = signer().sign(to_sign(whole), padding.PKCS1v15(), hashed)
    return {**whole, "Signature": base64.b64encode(signature).decode()}


def sns(text: str, *, topic: str = TOPIC, at: datetime = NOON, **more: Any) -> dict[str, Any]:
    """What SNS posts of a text that was published, before it is signed."""
    return {
        "Type": "Notification",
        "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
        "TopicArn": topic,
        "Subject": "Amazon SES Email Receipt Notification",
        "Message": text,
        "Timestamp": f"{at:%Y-%m-%dT%H:%M:%S.000Z}",
        "UnsubscribeURL": "https://sns.eu-west-1.amazonaws.com/?Action=Unsubscribe",
        **more,
    }


def confirmation(**more: Any) -> dict[str, Any]:
    url = f"https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=2336412f37"
    return {
        "Type": "SubscriptionConfirmation",
        "MessageId": "165545c9-2a5c-472c-8df2-7ff2be2b3b1b",
        "Token": "2336412f37",
        "TopicArn": TOPIC,
        "Message": "You have chosen to subscribe to the topic.",
        "SubscribeURL": url,
        "Timestamp": "2026-03-01T12:00:00.000Z",
        **more,
    }


def received(
    action: Mapping[str, Any] | None = None,
    *,
    mail: Mapping[str, Any] | None = None,
    content: str | None = None,
    **receipt: Any,
) -> str:
    """What SES publishes of a mail that it received."""
    verdicts = dict.fromkeys(("spfVerdict", "dkimVerdict", "dmarcVerdict", "spamVerdict", "virusVerdict"))
    told = {
        "notificationType": "Received",
        "receipt": {
            "timestamp": "2026-03-01T12:00:00.000Z",
            "processingTimeMillis": 222,
            "recipients": [ALIAS],
            **{name: {"status": "PASS"} for name in verdicts},
            "action": {"type": "S3", "topicArn": TOPIC, "bucketName": BUCKET, "objectKey": KEY, **(action or {})},
            **receipt,
        },
        "mail": {
            "timestamp": "2026-03-01T11:59:59.000Z",
            "source": "mary@corp.example",
            "messageId": "d6iitobk75ur44p8kdnnp7g2n800",
            "destination": [ALIAS],
            "headersTruncated": False,
            "headers": [{"name": "From", "value": "mary@corp.example"}],
            "commonHeaders": {"from": ["mary@corp.example"], "to": [ALIAS]},
            **(mail or {}),
        },
    }
    return json.dumps(told if content is None else {**told, "content": content})


class Bucketful:
    """The objects of a bucket, and how often one was asked for."""

    def __init__(self, **objects: bytes) -> None:
        self.objects = {f"{BUCKET}/{KEY}": RAW, **objects}
        self.asked: list[str] = []
        self.is_away = False
        self.is_denied = False

    async def get(self, bucket: str, key: str, *, most: int, kept: int) -> FoundMail | None:
        if bucket != BUCKET:
            raise NotOurs("not set")
        if "//" in key:
            raise UnfetchableKey("no client can ask for it")
        self.asked.append(key)
        if self.is_away:
            raise Unavailable("the bucket of received mail")
        if self.is_denied:
            raise Denied("the bucket of received mail")
        found = self.objects.get(f"{bucket}/{key}")
        if found is None:
            return None
        return FoundMail(found if len(found) <= most else found[:kept], is_whole=len(found) <= most)


class Post:
    """A door of SES in memory, its bucket, and all that it fetched from SNS."""

    def __init__(self, *, mail_limit: int = 100_000, trust_spam_flag: bool = False) -> None:
        self.clock = memory.Clock(NOON)
        self.blobs = memory.Blobs()
        self.queue = memory.JobQueue(self.clock)
        self.telemetry = memory.Telemetry()
        self.receiver = Receiver(blobs=self.blobs, queue=self.queue, clock=self.clock, telemetry=self.telemetry)
        self.bucket = Bucketful()
        self.at_sns = {CERTIFICATE: certificate()}
        self.fetched: list[str] = []
        self.mails = MailTaker(
            accept=self.receiver.accept,
            objects=self.bucket,
            topics=frozenset({TOPIC}),
            mail_limit=mail_limit,
            trust_spam_flag=trust_spam_flag,
        )
        self.door = Webhook(
            messages=SignedMessages(
                topics=frozenset({TOPIC}),
                certificates=Certificates(self.clock, self.fetch),
                confirm=self.fetch,
                clock=self.clock,
            ),
            mails=self.mails,
        )

    async def fetch(self, url: str) -> bytes:
        self.fetched.append(url)
        if url not in self.at_sns:
            raise Unavailable("Amazon SNS")
        return self.at_sns[url]

    async def post(self, body: Mapping[str, Any] | bytes) -> HttpAnswer:
        async def chunks() -> AsyncIterator[bytes]:
            yield body if isinstance(body, bytes) else json.dumps(body).encode()

        return await self.door.handle(DoorPost(chunks=chunks(), content_type="text/plain; charset=UTF-8"))

    async def records(self) -> list[EnvelopeRecord]:
        """Of each mail that is kept."""
        names = await self.blobs.names("envelopes/", after="", limit=1_000)
        bodies = [await self.blobs.get(name) for name in names]
        return [loads(body, EnvelopeRecord) for body in bodies if body is not None]

    async def raw(self) -> bytes | None:
        """The one mail that is kept."""
        (record,) = await self.records()
        return await self.blobs.get(record.raw)
