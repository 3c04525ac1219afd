"""The mail that says a mail was refused: automatic, to one sender, with nothing of the refused mail in it."""

from __future__ import annotations

from typing import Final

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.outbound.seals import Seals
from convalias.ports.ambient import Clock
from convalias.ports.drafts import Compose, Draft

SUBJECT: Final = "Your message was not delivered"
SENDER: Final = "no-reply"


class RefusalWriter:
    """Writes refusals. Their return path is null, and they are marked as automatic (RFC 3834 §3)."""

    def __init__(self, *, compose: Compose, seals: Seals, alias_domain: str, clock: Clock, via: str = "") -> None:
        """`via`: the platform's name, shown as the sender's."""
        self._compose = compose
        self._seals = seals
        self._domain = alias_domain
        self._clock = clock
        self._via = via

    def refusal(self, *, to: EmailAddress, alias: EmailAddress, text: str, key: str) -> bytes:
        """The finished mail. It comes from nobody: the refused alias may be one that was never ours to give."""
        del alias
        draft = Draft(
            sender=EmailAddress.parse(f"{SENDER}@{self._domain}"),
            sender_name=self._via,
            to=to,
            subject=SUBJECT,
            text=f"{text}\n",
            message_id=self._seals.message_id(key, self._domain),
            date=self._clock.now(),
            auto_submitted="auto-replied",
            mark=key,
        )
        return self._compose(draft)
