"""Refusals: who is told that a mail was refused, when, and in which words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final, Protocol

from attrs import frozen

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.inbound.posts import EnvelopeRecord
from convalias.domain.mail.message_id import MessageId, named
from convalias.domain.mail.reasons import AnyReason
from convalias.domain.system_mail.letters import RefusalLetter
from convalias.domain.system_mail.refusal_texts import DEFAULT_LANGUAGES, RefusalText, refusal_text
from convalias.ports.mail import Outgoing
from convalias.stores.system_mail.outbox import Outbox

REFUSE_AFTER: Final = timedelta(seconds=60)
"""After receipt, whatever the reason: the time of a refusal tells nothing about an alias."""


class RefusalWriter(Protocol):
    """Makes the mail; the reader's adapter does, which knows how to write one."""

    def refusal(self, *, to: EmailAddress, words: RefusalText, about: str, key: str) -> bytes:
        """A finished mail: `Auto-Submitted: auto-replied`, an answer to `about`, nothing of the refused mail in it."""
        ...


@frozen(kw_only=True)
class Notices:
    """Enters refusals in the outbox of the system."""

    outbox: Outbox
    delay: timedelta = REFUSE_AFTER

    async def refuse(
        self,
        sender: EmailAddress,
        *,
        alias: EmailAddress,
        reason: AnyReason,
        record: EnvelopeRecord,
        about: MessageId | None,
        to_participant: bool = False,
        language: str = "",
    ) -> bool:
        """Whether a refusal mail leaves for this mail; at most one per sender, alias and day. Repeatable.

        `about`: the id of the refused mail. `language`: that of its conversation; only a participant is told in it.
        """
        received = record.post.received_at
        letter = RefusalLetter(
            sender=sender,
            alias=alias,
            reason=reason,
            to_participant=to_participant,
            trace=record.trace,
            about=named(about),
            language=language if to_participant else "",
        )
        return await self.outbox.enter_refusal(letter, received=received, due=received + self.delay)


@frozen(kw_only=True)
class RefusalLetters:
    """Writes refusals. However late they leave, they are worth sending."""

    writer: RefusalWriter
    languages: Sequence[str] = DEFAULT_LANGUAGES
    """In which strangers are told, all in one mail."""

    async def written(self, letter: RefusalLetter, *, key: str) -> Outgoing:
        """Return the mail to the sender."""
        words = refusal_text(letter, self.languages)
        raw = self.writer.refusal(to=letter.sender, words=words, about=letter.about, key=key)
        return Outgoing(key=key, raw=raw, to=letter.sender)
