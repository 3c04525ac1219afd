"""The mail that tells an account at its current address that an old address of its was used."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.outbound.seals import Seals
from convalias.ports.drafts import Compose, Draft

SUBJECT: Final = "An old address of yours was used"
SENDER: Final = "no-reply"


class AnnouncementWriter:
    """Writes announcements. Their return path is null, and they are marked as automatic (RFC 3834 §3)."""

    def __init__(self, *, compose: Compose, seals: Seals, alias_domain: str, via: str = "") -> None:
        """`via`: the platform's name, shown as the sender's."""
        self._compose = compose
        self._seals = seals
        self._domain = alias_domain
        self._via = via

    def announcement(self, *, to: EmailAddress, old: EmailAddress, key: str, at: datetime) -> bytes:
        """The finished mail; the same announcement is the same bytes."""
        draft = Draft(
            sender=EmailAddress.parse(f"{SENDER}@{self._domain}"),
            sender_name=self._via,
            to=to,
            subject=SUBJECT,
            text=(
                f"A message from {old.written} came in on {at:%Y-%m-%d}. That was an address of yours, so the message was\n"
                "taken as yours. If it was not you, somebody else reads that mailbox now: please tell us.\n"
                "You will not hear of further messages from there.\n"
            ),
            message_id=self._seals.message_id(key, self._domain),
            date=at,
            auto_submitted="auto-generated",
            mark=key,
        )
        return self._compose(draft)
