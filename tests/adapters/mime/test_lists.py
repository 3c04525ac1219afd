"""A From that a configured list rewrote, read from real fields."""

from __future__ import annotations

import pytest

from adapters.mime.expectations import NOW
from convalias.adapters.mime import Reader
from convalias.adapters.mime.fields import read_block
from convalias.adapters.mime.lists import list_fields
from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.inbound.posts import Post
from convalias.domain.mail.authentication import Dmarc, SenderEvidence
from convalias.domain.mail.envelope import ClearFrom, MessageEnvelope

BOB = EmailAddress.parse("bob@corp.example")
RAW = (
    b"From: 'Bob' via Team <team@lists.example>\r\nReply-To: Bob <bob@corp.example>\r\n"
    b"X-Original-From: Bob <Bob@corp.example>\r\nList-ID: The team <team.lists.example>\r\n\r\nHello\r\n"
)


def author(reader: Reader, raw: bytes = RAW, dmarc: Dmarc = Dmarc.PASS) -> EmailAddress | None:
    mail = reader.read_now(raw, Post(received_at=NOW, evidence=SenderEvidence(dmarc))).mail
    assert isinstance(mail, MessageEnvelope)
    return mail.sender.address if isinstance(mail.sender, ClearFrom) else None


def test_only_a_configured_list_names_its_author() -> None:
    assert author(Reader(rewriters=frozenset({"Lists.example"}))) == BOB
    assert author(Reader()) == EmailAddress.parse("team@lists.example")
    assert author(Reader(rewriters=frozenset({"other.example"}))) == EmailAddress.parse("team@lists.example")
    assert author(Reader(rewriters=frozenset({"lists.example"})), dmarc=Dmarc.NONE) != BOB


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (b"<team.lists.example>", "team.lists.example"),
        (b"Team <team.lists.example> ", "team.lists.example"),
        (b"team.lists.example", "team.lists.example"),
        (b"<a> <b>", "b"),
        (b"<<<", "<<<"),
    ],
)
def test_a_list_id_is_what_stands_in_the_last_angles(value: bytes, name: str) -> None:
    raw = b"List-Id: " + value + b"\r\n\r\n"
    assert list_fields(read_block(raw, 0, len(raw))).list_ids == (name,)
