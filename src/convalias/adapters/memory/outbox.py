"""OutgoingMail in memory, and the mailboxes it filled."""

from __future__ import annotations

from collections.abc import Sequence

from convalias.domain.addresses.email_address import EmailAddress
from convalias.ports.hub import FOR_EVER, Answer, Guarantee, NotSent, Sent
from convalias.ports.mail import Outgoing


class Outbox:
    """`ports.RememberingMail`. Idempotent per key for ever, and can be asked."""

    def __init__(self) -> None:
        """Nothing left yet."""
        self._mails: dict[str, Outgoing] = {}

    @property
    def guarantee(self) -> Guarantee:
        """State that no key is ever forgotten."""
        return Guarantee(FOR_EVER, self.ask)

    async def send(self, mail: Outgoing) -> None:
        """Keep it; the same key is the same mail."""
        self._mails.setdefault(mail.key, mail)

    async def ask(self, key: str) -> Answer:
        """Whether a mail with that key left. For `Guarantee.ask`."""
        return Sent() if key in self._mails else NotSent()

    @property
    def mails(self) -> Sequence[Outgoing]:
        """All that left, in order."""
        return tuple(self._mails.values())

    def mailbox(self, address: EmailAddress) -> Sequence[Outgoing]:
        """Return what was sent to that address, in order."""
        return tuple(mail for mail in self._mails.values() if mail.to == address)
