"""The mail that asks participants about held mail: automatic, with one link for each, and nothing of what is held."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.approvals.holds import ApprovalItem
from convalias.domain.outbound.seals import Seals
from convalias.domain.system_mail.approval_texts import TEXTS, ApprovalTexts
from convalias.ports.drafts import Compose, Draft

SENDER: Final = "no-reply"
_DEFAULT: Final = "en"


class ApprovalWriter:
    """Writes approval mails. Their return path is null, and they are marked as automatic (RFC 3834 §3)."""

    def __init__(self, *, compose: Compose, seals: Seals, alias_domain: str, base_url: str, via: str = "") -> None:
        """`base_url` (https): under it lies the page of a link. `via`: the platform's name, shown as the sender's."""
        self._compose = compose
        self._seals = seals
        self._domain = alias_domain
        self._base_url = base_url.rstrip("/")
        self._via = via

    def approval(
        self, *, to: EmailAddress, items: Sequence[tuple[ApprovalItem, str]], key: str, at: datetime, language: str = ""
    ) -> bytes:
        """The finished mail; the same items at the same time are the same bytes. In English if it has no such language."""
        words = TEXTS.get(language, TEXTS[_DEFAULT])
        paragraphs = (self._paragraph(item, token, words) for item, token in items)
        draft = Draft(
            sender=EmailAddress.parse(f"{SENDER}@{self._domain}"),
            sender_name=self._via,
            to=to,
            subject=words.subject,
            text="\n".join([words.mail_head, "", *paragraphs, words.mail_foot, ""]),
            message_id=self._seals.message_id(key, self._domain),
            date=at,
            auto_submitted="auto-generated",
            mark=key,
        )
        return self._compose(draft)

    def _paragraph(self, item: ApprovalItem, token: str, words: ApprovalTexts) -> str:
        found = [words.findings[one] for one in (item.finding,) if one is not None and one in words.findings]
        said = " ".join(
            [words.mail_sender.format(sender=item.masked or words.unreadable_sender), *found, words.proofs[item.proof]]
        )
        until = words.mail_until.format(time=f"{item.expires_at:%Y-%m-%d %H:%M}")
        return f"{said}\n{until}\n{self._base_url}/approvals/{token}\n"
