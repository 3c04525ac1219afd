"""The refusal as a mail: automatic, an answer to the refused mail, with nothing of it but its id."""

from __future__ import annotations

from datetime import UTC, datetime
from email import message_from_bytes, policy

from convalias.adapters import memory
from convalias.adapters.hub import RefusalWriter
from convalias.adapters.mime import compose
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.outbound.seals import Seal, Seals
from convalias.domain.system_mail.refusal_texts import RefusalText

SEALS = Seals(Seal(b"message-ids-0123"), Seal(b"return-paths-012"), Seal(b"links-0123456789"))
WORDS = RefusalText(subject="Nicht zugestellt / 未配信", text="Grüße.\n\n無効です。\n", languages=("de", "ja"))


def refusal(about: str) -> bytes:
    clock = memory.Clock(datetime(2026, 3, 1, 12, tzinfo=UTC))
    writer = RefusalWriter(compose=compose, seals=SEALS, alias_domain="reply.example", clock=clock, via="Jobs")
    return writer.refusal(to=EmailAddress.parse("bob@corp.example"), words=WORDS, about=about, key="refusal-1")


def test_it_answers_the_refused_mail_and_says_its_languages() -> None:
    mail = message_from_bytes(refusal("<a@h.example>"), policy=policy.default)
    assert (mail["In-Reply-To"], mail["References"]) == ("<a@h.example>", "<a@h.example>")
    assert (mail["Content-Language"], mail["Auto-Submitted"]) == ("de, ja", "auto-replied")
    assert mail["Subject"] == WORDS.subject
    assert mail.get_content().replace("\r\n", "\n") == WORDS.text


def test_an_id_that_cannot_be_written_is_not_named() -> None:
    for about in ("", "<a b@h.example>", "<a\r\nBcc: eve@evil.example>", "<\\xff@h>\n"):
        mail = message_from_bytes(refusal(about), policy=policy.default)
        assert mail["In-Reply-To"] is None
        assert mail["Bcc"] is None
