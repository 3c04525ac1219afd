"""The mail that asks participants about held mail: automatic, with one link for each, and nothing of what is held."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.approvals.holds import ApprovalItem
from convalias.domain.outbound.seals import Seals
from convalias.ports.drafts import Compose, Draft

SUBJECT: Final = "Messages wait for your approval"
SENDER: Final = "no-reply"
_HEAD: Final = "Messages to one of your conversations wait until somebody who takes part has looked at them."
_FOOT: Final = "Each link shows one message and asks before anything happens. It is meant for you alone."


class ApprovalWriter:
    """Writes approval mails. Their return path is null, and they are marked as automatic (RFC 3834 §3)."""

    def __init__(self, *, compose: Compose, seals: Seals, alias_domain: str, base_url: str, via: str = "") -> None:
        """`base_url` (https): under it lies the page of a link. `via`: the platform's name, shown as the sender's."""
        self._compose = compose
        self._seals = seals
        self._domain = alias_domain
        self._base_url = base_url.rstrip("/")
        self._via = via

    def approval(self, *, to: EmailAddress, items: Sequence[tuple[ApprovalItem, str]], key: str, at: datetime) -> bytes:
        """The finished mail; the same items at the same time are the same bytes."""
        draft = Draft(
            sender=EmailAddress.parse(f"{SENDER}@{self._domain}"),
            sender_name=self._via,
            to=to,
            subject=SUBJECT,
            text="\n".join([_HEAD, "", *(self._paragraph(item, token) for item, token in items), _FOOT, ""]),
            message_id=self._seals.message_id(key, self._domain),
            date=at,
            auto_submitted="auto-generated",
            mark=key,
        )
        return self._compose(draft)

    def _paragraph(self, item: ApprovalItem, token: str) -> str:
        until = f"{item.expires_at:%Y-%m-%d %H:%M} UTC"
        return f"From {item.masked}. {item.proof}\nIt waits until {until}:\n{self._base_url}/approvals/{token}\n"
