"""Digests by which a mail is found: keyed, and the same for every spelling that the receiver takes."""

from __future__ import annotations

import pytest

from convalias.domain.addresses.email_address import EmailAddress, MailDomains
from convalias.domain.deployment.keyring import Keyring, RootKey
from convalias.domain.operations.mail_index import IndexKeys, Known, recipient_value, recipient_values, typed_message_id

OURS = MailDomains({"reply.example"}, {"relay.example"})
ALIAS = "john-smith-1ab131e2@reply.example"
TOKEN = "0123456789abcdefg"


@pytest.mark.parametrize(
    ("spelling", "value"),
    [
        (ALIAS, ALIAS),
        ("John-Smith-1AB131E2@Reply.example.", ALIAS),
        (f"prvs=1234567={ALIAS}", ALIAS),
        (ALIAS.replace("@", "+a+b@"), ALIAS),
        ("SRS0=aa=bb=reply.example=john-smith-1ab131e2@relay.example", ALIAS),
        (f"anybody-{TOKEN}@reply.example", f"{TOKEN}@reply.example"),
        (f"{TOKEN.upper()}+x@reply.example", f"{TOKEN}@reply.example"),
        (f"anybody-{TOKEN}@else.example", f"anybody-{TOKEN}@else.example"),
        ("bob+tag@else.example", "bob+tag@else.example"),
    ],
)
def test_spellings_of_one_alias_have_one_value(spelling: str, value: str) -> None:
    assert recipient_value(EmailAddress.parse(spelling), OURS) == value


def test_each_recipient_counts_once() -> None:
    twice = [EmailAddress.parse(ALIAS), EmailAddress.parse(ALIAS.replace("@", "+x@"))]
    assert recipient_values(twice, OURS) == (ALIAS,)


def test_a_digest_needs_the_key_and_names_what_it_is_of() -> None:
    old, new = RootKey(0, b"o" * 32), RootKey(1, b"n" * 32)
    before, after = IndexKeys.of(Keyring((old,))), IndexKeys.of(Keyring((new, old)))
    digest = before.digest(Known.SENDER, "bob@corp.example")
    assert len(digest) == 40
    assert digest in after.digests(Known.SENDER, "bob@corp.example")
    assert after.digest(Known.SENDER, "bob@corp.example") != digest
    assert before.digest(Known.RECIPIENT, "bob@corp.example") != digest
    assert "ooo" not in repr(before)


@pytest.mark.parametrize("text", ["<1@x>", " 1@x ", "1@x", "< 1@\tx >"])
def test_a_message_id_is_read_as_people_type_it(text: str) -> None:
    assert typed_message_id(text).value == b"1@x"


def test_what_is_no_message_id_is_the_empty_id_that_no_mail_has() -> None:
    assert typed_message_id("<>").value == b""
