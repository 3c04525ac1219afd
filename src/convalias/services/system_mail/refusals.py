"""Refusals: who is told that a mail was refused, when, and in which words."""

from __future__ import annotations

from datetime import timedelta
from typing import Final, Protocol

from attrs import frozen

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.inbound.posts import EnvelopeRecord
from convalias.domain.mail.reasons import CONSEQUENCES, GONE, Reason
from convalias.domain.system_mail.letters import RefusalLetter
from convalias.ports.mail import Outgoing
from convalias.stores.system_mail.outbox import Outbox

REFUSE_AFTER: Final = timedelta(seconds=60)
"""After receipt, whatever the reason: the time of a refusal tells nothing about an alias."""


class RefusalWriter(Protocol):
    """Makes the mail; the reader's adapter does, which knows how to write one."""

    def refusal(self, *, to: EmailAddress, alias: EmailAddress, text: str, key: str) -> bytes:
        """A finished mail: `Auto-Submitted: auto-replied`, nothing of the refused mail in it."""
        ...


@frozen(kw_only=True)
class Notices:
    """Enters refusals in the outbox of the system."""

    outbox: Outbox
    delay: timedelta = REFUSE_AFTER

    async def refuse(
        self, sender: EmailAddress, *, alias: EmailAddress, reason: Reason, to_participant: bool, record: EnvelopeRecord
    ) -> bool:
        """Whether a refusal mail leaves for this mail; at most one per sender, alias and day. Repeatable."""
        received = record.post.received_at
        letter = RefusalLetter(
            sender=sender, alias=alias, reason=reason, to_participant=to_participant, trace=record.trace
        )
        return await self.outbox.enter_refusal(letter, received=received, due=received + self.delay)


@frozen(kw_only=True)
class RefusalLetters:
    """Writes refusals. However late they leave, they are worth sending."""

    writer: RefusalWriter

    async def written(self, letter: RefusalLetter, *, key: str) -> Outgoing:
        """Return the mail to the sender."""
        text = CONSEQUENCES[letter.reason].public_text if letter.to_participant else GONE
        raw = self.writer.refusal(to=letter.sender, alias=letter.alias, text=text, key=key)
        return Outgoing(key=key, raw=raw, to=letter.sender)
