"""Postmark's inbound webhook: authenticate, bound, make an `IncomingMail` of the JSON, say if it was kept.

https://postmarkapp.com/developer/webhooks/inbound-webhook
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from attrs import evolve, frozen

from convalias.adapters.postmark.credentials import CREDENTIALS, Credentials
from convalias.adapters.postmark.rebuilt_mail import CannotRebuild, rebuild
from convalias.codec.addresses import address_in
from convalias.codec.posted_json import PostedObject, UnreadableJson, objects_of, read_object, read_within
from convalias.codec.posted_json import text_of as text_under
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.inbound.posts import IncomingMail
from convalias.services.inbound.doors import DoorKind, DoorNeeds, DoorPost, HttpAnswer, answer_to_mail
from convalias.services.inbound.receiver import STRANGERS_KEPT, Receipt

OF_POSTMARK: Final = "inbound.postmarkapp.com"
"""Where the mailbox of each server lies: mail that was forwarded there has its alias in the header fields alone."""
TIMES: Final = 4
"""A request may be so many times as long as a mail: it holds the raw mail and, once more, all its parts."""
KEPT: Final = STRANGERS_KEPT
"""Octets that are kept of a mail over the limit."""
_MARK: Final = b"X-Convalias-Post: postmark\r\n\r\n"
_UNPROVED: Final = HttpAnswer(401, "authorization: not ours")
# Its token is made of digest and recipient: only damage to what is stored comes here.
_REUSED: Final = HttpAnswer(409, "kept before with another body")
_NO_RECIPIENT: Final = HttpAnswer(400, "OriginalRecipient: missing")


@frozen(kw_only=True)
class Webhook:
    """Takes mail as JSON: the raw mail where it is included (`RawEmail`), else put together from its parts.

    Postmark posts again on every status but 200, for about ten hours, and never again after 403, which is not used:
    https://postmarkapp.com/support/article/understanding-inbound-webhook-retries-in-postmark
    """

    accept: Callable[[IncomingMail], Awaitable[Receipt]]
    credentials: Credentials
    mail_limit: int
    """Octets of one mail."""
    trust_spam_flag: bool = False
    """Whether the provider's own spam flag counts as an opinion of ours."""

    async def handle(self, post: DoorPost) -> HttpAnswer:
        """Take one post in. May be repeated.

        200: kept and queued. 400: no JSON, or no recipient. 401: not ours; nothing of the body was read then. 413:
        longer than four times the largest mail. 503: post it again.
        """
        if not self.credentials.prove(post.headers.get("authorization", "")):
            return _UNPROVED
        body = await read_within(post.chunks, TIMES * self.mail_limit)
        if body is None:
            return HttpAnswer(413, f"request: more than {TIMES * self.mail_limit} octets")
        try:
            posted = read_object(post.content_type, body)
        except UnreadableJson as error:
            return HttpAnswer(400, str(error))
        mail = self.read(posted, body)
        if mail is None:
            return _NO_RECIPIENT
        return await answer_to_mail(self.accept, mail, reused=_REUSED)

    def read(self, posted: PostedObject, body: bytes) -> IncomingMail | None:
        """Return the mail that a post stands for; None if it names no recipient.

        The envelope's sender is not posted, so it is not known.
        """
        recipient = text_under(posted, "OriginalRecipient").strip()
        if not recipient:
            return None
        octets, fault = _octets(posted, body)
        if len(octets) > self.mail_limit:
            octets, fault = octets[:KEPT], "too_large"
        mail = IncomingMail(octets, source="postmark", spam=self.trust_spam_flag and _is_spam(posted), quarantine=fault)
        address = address_in(recipient)
        if address is None:
            return evolve(mail, quarantine=fault or "unreadable_recipient")
        return evolve(mail, recipients=_envelope(address))


def _envelope(address: EmailAddress) -> tuple[EmailAddress, ...]:
    """The envelope's recipient; none where it is Postmark's own mailbox, so that header fields stand in."""
    return () if address.domain == OF_POSTMARK else (address,)


def _octets(posted: PostedObject, body: bytes) -> tuple[bytes, str | None]:
    """The mail itself, and why it must not be routed."""
    raw = text_under(posted, "RawEmail", most=None)
    if raw:
        return raw.encode(), None
    try:
        return rebuild(posted), None
    except CannotRebuild:
        return _MARK + body, "unparseable"


def _is_spam(posted: PostedObject) -> bool:
    """Whether SpamAssassin says so: https://postmarkapp.com/developer/user-guide/inbound/parse-an-email ."""
    return any(
        text_under(header, "Name").lower() == "x-spam-status"
        and text_under(header, "Value").strip().lower().startswith("yes")
        for header in objects_of(posted, "Headers") or ()
    )


def _made(needs: DoorNeeds) -> Webhook:
    return Webhook(
        accept=needs.accept,
        credentials=Credentials.parse(needs.keys),
        mail_limit=needs.mail_limit,
        trust_spam_flag=needs.trust_spam_flag,
    )


door: Final = DoorKind(make=_made, addresses=("",), secret=CREDENTIALS)
"""Registered for `postmark`."""
