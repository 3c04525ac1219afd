"""SES's mail by SNS over HTTPS: prove the post, take in its mail, say if it was kept."""

from __future__ import annotations

from typing import Final

from attrs import frozen

from convalias.adapters.ses.certificates import Certificates, fetched
from convalias.adapters.ses.objects import MailObjects
from convalias.adapters.ses.place import BUCKETS, TOPICS, buckets_in, topics_in
from convalias.adapters.ses.received import DENIED, FOREIGN, MISSING, SOURCE, MailTaker
from convalias.adapters.ses.sns import SignedMessages, SnsMessage
from convalias.services.inbound.doors import DoorKind, DoorNeeds, DoorPost, HttpAnswer, answer_to_mail, mail_of_message

UNREADABLE: Final = 400
_KEPT: Final = 200
# Only damage to what is stored comes here: SNS never gives one id to two texts.
_REUSED: Final = HttpAnswer(409, "another message came under its id")


@frozen(kw_only=True)
class Webhook:
    """Takes notifications of SNS. SNS posts again for an hour at most, and never after a 4xx.

    So what may get better is answered 503: a mail that is not in its bucket yet, or in a bucket that is not set yet,
    too. What SNS signed and nobody can read is kept for a person, as quarantined mail.
    https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html
    """

    messages: SignedMessages
    mails: MailTaker

    async def handle(self, post: DoorPost) -> HttpAnswer:
        """Take one post in. May be repeated.

        200: kept and queued, kept for a person, a subscription confirmed, or nothing to do. 400: no post of SNS. 401:
        not signed by SNS for a topic of ours. 409: another mail was kept as that one. 413: too large. 503: post it
        again.
        """
        found = await self.messages.read(post)
        if not isinstance(found, SnsMessage):
            return found
        answer = await self.mails.take(found.text)
        if answer.status in {FOREIGN, DENIED, MISSING}:
            return HttpAnswer(503, answer.text, answer.error)
        return await self._for_a_person(found, answer) if answer.status == UNREADABLE else answer

    async def _for_a_person(self, message: SnsMessage, answer: HttpAnswer) -> HttpAnswer:
        mail = mail_of_message(SOURCE, message.text, reason="unparseable", token=message.id, token_at=message.at)
        kept = await answer_to_mail(self.mails.accept, mail, reused=_REUSED)
        return HttpAnswer(200, f"kept for a person: {answer.text}") if kept.status == _KEPT else kept


def taker(needs: DoorNeeds) -> MailTaker:
    """Make what takes messages of a queue."""
    return MailTaker(
        accept=needs.accept,
        objects=MailObjects(buckets_in(needs.options.get(BUCKETS.name, ""))),
        topics=topics_in(needs.keys),
        mail_limit=needs.mail_limit,
        trust_spam_flag=needs.trust_spam_flag,
    )


def _made(needs: DoorNeeds) -> Webhook:
    return Webhook(
        messages=SignedMessages(
            topics=topics_in(needs.keys),
            certificates=Certificates(needs.clock),
            confirm=fetched,
            clock=needs.clock,
        ),
        mails=taker(needs),
    )


door: Final = DoorKind(make=_made, addresses=("",), secret=TOPICS, options=(BUCKETS,), reads=taker)
"""Registered for `ses`."""
