"""The approval mail: automatic, to a participant, with a link for each held mail and no more of its sender than helps."""

from __future__ import annotations

from datetime import UTC, datetime
from email import message_from_bytes, policy

import pytest
from attrs import evolve

from convalias.adapters.hub import ApprovalWriter
from convalias.adapters.mime import compose
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.approvals.holds import ApprovalItem, Proof
from convalias.domain.inbound.held import HoldId
from convalias.domain.mail.authentication import Authentication
from convalias.domain.mail.checks import Finding
from convalias.domain.outbound.seals import Seal, Seals
from convalias.domain.system_mail.approval_texts import TEXTS

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ANN = EmailAddress.parse("ann@home.example")
ITEM = ApprovalItem(
    hold=HoldId("m-1"),
    sender="eve@other.example",
    authentication=Authentication.UNPROVED,
    subject="",
    expires_at=NOON,
    proof=Proof.UNPROVED,
    masked="e…@other.example",
)
WRITER = ApprovalWriter(
    compose=compose,
    seals=Seals(Seal(b"m" * 32), Seal(b"r" * 32), Seal(b"l" * 32)),
    alias_domain="reply.example",
    base_url="https://mail.example/",
    via="Acme",
)


def test_it_is_automatic_and_links_to_each_held_mail() -> None:
    raw = WRITER.approval(to=ANN, items=[(ITEM, "t.1"), (ITEM, "t.2")], key="q-1", at=NOON)
    mail = message_from_bytes(raw, policy=policy.default)
    assert (mail["Auto-Submitted"], mail["To"], mail["From"]) == (
        "auto-generated",
        "ann@home.example",
        "Acme <no-reply@reply.example>",
    )
    body = mail.get_content()
    assert "https://mail.example/approvals/t.1\r\n" in body
    assert "https://mail.example/approvals/t.2\r\n" in body
    assert "e…@other.example" in body
    assert "eve@" not in body


def test_the_same_items_are_the_same_bytes() -> None:
    assert WRITER.approval(to=ANN, items=[], key="q", at=NOON) == WRITER.approval(to=ANN, items=[], key="q", at=NOON)


@pytest.mark.parametrize("language", [*TEXTS, "", "xx"])
def test_it_is_in_the_language_of_the_conversation(language: str) -> None:
    words = TEXTS.get(language, TEXTS["en"])
    found = evolve(ITEM, finding=Finding.SPAM, proof=Proof.SIGNED, masked="")
    raw = WRITER.approval(to=ANN, items=[(found, "t.1"), (ITEM, "t.2")], key="q", at=NOON, language=language)
    mail = message_from_bytes(raw, policy=policy.default)
    assert mail["Subject"] == words.subject
    body = mail.get_content().replace("\r\n", "\n")
    assert body.startswith(f"{words.mail_head}\n\n")
    sender = words.mail_sender.format(sender=words.unreadable_sender)
    until = words.mail_until.format(time="2026-03-01 12:00")
    first = f"{sender} {words.findings[Finding.SPAM]} {words.proofs[Proof.SIGNED]}\n{until}\nhttps://mail.example/approvals/t.1\n"
    eves = words.mail_sender.format(sender=ITEM.masked)
    second = f"{eves} {words.proofs[Proof.UNPROVED]}\n{until}\n"
    assert first in body
    assert second in body
    assert body.rstrip().endswith(words.mail_foot)
