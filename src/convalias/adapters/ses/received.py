"""A notification that mail was received, made into an `IncomingMail`: by what SES knows, and no more.

https://docs.aws.amazon.com/ses/latest/dg/receiving-email-notifications-contents.html
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Final, Protocol

from attrs import frozen

from convalias.adapters.ses.objects import Denied, FoundMail, NotOurs, UnfetchableKey
from convalias.adapters.ses.place import is_bucket
from convalias.adapters.ses.sns import in_envelope
from convalias.codec.addresses import address_in
from convalias.codec.posted_json import PostedObject, UnreadableJson, list_of, object_of, read_object, text_of
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.inbound.posts import IncomingMail
from convalias.domain.mail.authentication import Dmarc, DmarcPolicy, SenderEvidence
from convalias.domain.mail.envelope import NULL_RETURN_PATH, ReturnPath
from convalias.ports.errors import Unavailable
from convalias.services.inbound.doors import HttpAnswer, answer_to_mail
from convalias.services.inbound.receiver import STRANGERS_KEPT, Receipt

SOURCE: Final = "ses"
KEPT: Final = STRANGERS_KEPT
"""Octets that are kept of a mail over the limit."""
RECIPIENTS: Final = 1_000
"""That are looked at; SES takes 100 in one session."""
# Written to a topic when SES is told to use it.
_GREETING: Final = "Successfully validated SNS topic"
_NOTHING: Final = HttpAnswer(200, "nothing to do")
_FOREIGN_TOPIC: Final = HttpAnswer(401, "topic: not one of those that are set")
FOREIGN: Final = 401
"""Status of a topic or a bucket that is not set."""
DENIED: Final = 403
"""Status of a mail that our credentials may not read."""
MISSING: Final = 404
"""Status of a mail that is not in its bucket, or not yet."""
_UNFETCHABLE: Final = HttpAnswer(400, "receipt.action.objectKey: expected no empty part, and none of dots")
_MISSING: Final = HttpAnswer(404, "the mail is not in its bucket")
# Only damage to what is stored comes here: what its token binds is made of the same facts.
_REUSED: Final = HttpAnswer(409, "kept before as another mail")
_DMARC: Final[Mapping[str, Dmarc]] = {
    "PASS": Dmarc.PASS,
    "FAIL": Dmarc.FAIL,
    "GRAY": Dmarc.NONE,  # no policy, or none that asks for anything: nothing is proved
    "PROCESSING_FAILED": Dmarc.TEMPERROR,
}


class _Objects(Protocol):
    async def get(self, bucket: str, key: str, *, most: int, kept: int) -> FoundMail | None: ...


@frozen(kw_only=True)
class MailTaker:
    """Takes in the mail that a notification tells of: from its bucket, or out of the notification itself.

    The same mail for the same recipients is one mail, by however many ways and however often it is told of.
    """

    accept: Callable[[IncomingMail], Awaitable[Receipt]]
    objects: _Objects
    topics: frozenset[str]
    mail_limit: int
    """Octets of one mail."""
    trust_spam_flag: bool = False
    """Whether SES's own verdicts on spam and viruses count."""

    async def message(self, body: str) -> HttpAnswer:
        """Take a message of a queue that subscribes to a topic: as it was published, or in SNS's envelope.

        Nothing is verified but the topic: whoever may write to the queue is who its policy says.
        """
        try:
            posted = read_object("application/json", body.encode("utf-8", "surrogatepass"))
        except UnreadableJson as error:
            return HttpAnswer(400, str(error))
        if not in_envelope(posted):
            return await self._taken(posted)
        if text_of(posted, "TopicArn") not in self.topics:
            return _FOREIGN_TOPIC
        return await self.take(text_of(posted, "Message", most=None))

    async def take(self, text: str) -> HttpAnswer:
        """Take in what was published. May be repeated.

        200: kept and queued, or no mail. 400: not what SES publishes of mail. 401: the mail is in a bucket that is not
        set, and is not fetched. 403: our credentials may not read it. 404: it is not there yet. 503: try again.
        """
        if text.startswith(_GREETING):
            return _NOTHING
        try:
            posted = read_object("application/json", text.encode("utf-8", "surrogatepass"))
        except UnreadableJson as error:
            return HttpAnswer(400, str(error))
        return await self._taken(posted)

    async def _taken(self, posted: PostedObject) -> HttpAnswer:
        kind = text_of(posted, "notificationType") or text_of(posted, "eventType")
        if kind and kind != "Received":
            return _NOTHING
        receipt, about = object_of(posted, "receipt"), object_of(posted, "mail")
        recipients, message = _texts(receipt, "recipients"), text_of(about, "messageId")
        if not message or not recipients:
            return HttpAnswer(400, "receipt.recipients and mail.messageId: expected a list of texts and a text")
        try:
            found = await self._octets(object_of(receipt, "action"), posted)
        except Denied as denied:
            return HttpAnswer(DENIED, str(denied), denied)
        except Unavailable as away:
            return HttpAnswer(503, str(away), away)
        if isinstance(found, HttpAnswer):
            return found
        mail = self._mail(found, receipt, about, recipients)
        return await answer_to_mail(self.accept, mail, reused=_REUSED)

    async def _octets(self, action: PostedObject, posted: PostedObject) -> FoundMail | HttpAnswer:
        match text_of(action, "type"):
            case "S3":
                bucket, key = text_of(action, "bucketName"), text_of(action, "objectKey", most=None)
                try:
                    found = await self.objects.get(bucket, key, most=self.mail_limit, kept=KEPT)
                except NotOurs:
                    return _foreign(bucket)
                except UnfetchableKey:
                    return _UNFETCHABLE
                return found or _MISSING
            case "SNS":
                octets = _content(text_of(posted, "content", most=None), text_of(action, "encoding"))
                if octets is None:
                    return HttpAnswer(400, "content: expected the mail, in the encoding that is told")
                is_whole = len(octets) <= self.mail_limit
                return FoundMail(octets if is_whole else octets[:KEPT], is_whole=is_whole)
            case _:
                return HttpAnswer(400, "receipt.action.type: expected S3 or SNS")

    def _mail(
        self, found: FoundMail, receipt: PostedObject, about: PostedObject, recipients: tuple[str, ...]
    ) -> IncomingMail:
        addresses = _addresses(recipients)
        fault = None if addresses else "unreadable_recipient"
        if self.trust_spam_flag and _verdict(receipt, "virusVerdict") == "FAIL":
            fault = "virus"
        if not found.is_whole:
            fault = "too_large"
        named = _named(text_of(about, "messageId"), recipients)
        return IncomingMail(
            found.octets,
            source=SOURCE,
            recipients=addresses,
            sender=_sender(about),
            evidence=_evidence(receipt),
            spam=self.trust_spam_flag and _verdict(receipt, "spamVerdict") == "FAIL",
            quarantine=fault,
            token=named,
            token_at=_time(text_of(about, "timestamp")),
            digest=named,
        )


def _foreign(bucket: str) -> HttpAnswer:
    """Its name is for the log, where a person finds what to set. Told only if it is one: it came from outside."""
    named = f"the bucket {bucket}" if is_bucket(bucket) else "a bucket"
    return HttpAnswer(FOREIGN, "bucket: not one of those that are set", Unavailable(f"{named}, which is not set,"))


def _named(message: str, recipients: tuple[str, ...]) -> str:
    """What a mail is known by: SES's id, and for whom; each receipt rule tells of its own recipients."""
    sha = hashlib.sha256()
    for part in (message, *sorted(recipients)):
        sha.update(b"%d:" % len(part) + part.encode("utf-8", "surrogatepass"))
    return sha.hexdigest()


def _texts(data: PostedObject, key: str) -> tuple[str, ...]:
    return tuple(one for one in list_of(data, key)[:RECIPIENTS] if isinstance(one, str))


def _addresses(recipients: tuple[str, ...]) -> tuple[EmailAddress, ...]:
    return tuple(address for one in recipients if (address := address_in(one)) is not None)


def _sender(about: PostedObject) -> ReturnPath:
    """The envelope's sender; None if what stands there is none that can be read."""
    source = about.get("source")
    if not isinstance(source, str):
        return None
    return NULL_RETURN_PATH if source.strip() in {"", "<>"} else address_in(source.strip())


def _verdict(receipt: PostedObject, key: str) -> str:
    return text_of(object_of(receipt, key), "status").upper()


def _evidence(receipt: PostedObject) -> SenderEvidence | None:
    """DMARC as SES found it. Its SPF and DKIM verdicts name no domain, so they prove nothing of the From."""
    dmarc = _DMARC.get(_verdict(receipt, "dmarcVerdict"))
    if dmarc is None:
        return None
    policy = text_of(receipt, "dmarcPolicy").lower()
    known = next((one for one in DmarcPolicy if one.value == policy), None)
    return SenderEvidence(dmarc, known, spf_known=False)


def _content(text: str, encoding: str) -> bytes | None:
    if encoding.upper() != "BASE64":
        return text.encode() or None
    try:
        return base64.b64decode("".join(text.split()).encode("ascii"), validate=True) or None
    except (UnicodeEncodeError, binascii.Error):
        return None


def _time(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo is not None else None
