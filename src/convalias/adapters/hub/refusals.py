"""The mail that says a mail was refused: automatic, to one sender, with nothing of the refused mail in it."""

from __future__ import annotations

from typing import Final

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.outbound.seals import Seals
from convalias.domain.system_mail.refusal_texts import RefusalText
from convalias.ports.ambient import Clock
from convalias.ports.drafts import Compose, Draft

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

    def refusal(self, *, to: EmailAddress, words: RefusalText, about: str, key: str) -> bytes:
        """The finished mail. It comes from nobody: the refused alias may be one that was never ours to give."""
        draft = Draft(
            sender=EmailAddress.parse(f"{SENDER}@{self._domain}"),
            sender_name=self._via,
            to=to,
            subject=words.subject,
            text=words.text,
            languages=words.languages,
            message_id=self._seals.message_id(key, self._domain),
            date=self._clock.now(),
            in_reply_to=about,  # RFC 3834 §3.1.5
            references=(about,) if about else (),
            auto_submitted="auto-replied",
            mark=key,
        )
        return self._compose(draft)
