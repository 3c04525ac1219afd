"""The list that a mail came by: proved by a signature of the list's own domain that covers List-Id, and by nothing else."""

from __future__ import annotations

import asyncio

import pytest

from adapters.mime.authentication.signing import KEY, NOW, OTHER, PLAIN, signed, zone
from convalias.adapters.mime import Reader
from convalias.adapters.mime.authentication import Authenticator
from convalias.adapters.mime.fields import read_block
from convalias.adapters.mime.lists import list_id
from convalias.domain.inbound.posts import Post
from convalias.domain.mail.authentication import Dmarc
from convalias.domain.mail.envelope import MessageEnvelope
from convalias.ports.dns import TemporaryFailure

LIST = "dev.lists.example"
NAMES = "from:to:subject:date:message-id:list-id"
READER = Reader(trusted_authserv_ids=frozenset({"mx.example"}))
BY_AUTHOR = signed(PLAIN)


def by_list(
    raw: bytes = BY_AUTHOR,
    *,
    listed: str = "Dev <dev.lists.example>",
    names: str = NAMES,
    domain: str = "lists.example",
) -> bytes:
    """The mail as a list posts it that changes nothing: its List-Id, and its signature over that."""
    return signed(f"List-Id: {listed}\r\n".encode() + raw, domain=domain, selector="l1", key=OTHER, names=names)


HONEST = by_list()
FORGED = {
    "without a signature": b"List-Id: Dev <dev.lists.example>\r\n" + BY_AUTHOR,
    "signed without List-Id": by_list(names="from:to:subject"),
    "signed by another domain": by_list(domain="corp.example"),
    "signed by a part of the name": by_list(listed="<dev.evil-lists.example>"),
    "two List-Ids": b"List-Id: <dev.lists.example>\r\n" + by_list(),
    "another List-Id put in its place": HONEST.replace(b"<dev.", b"<men."),
    "a List-Id that is no name": by_list(listed="<Our Shop>"),
    "a name of one word": by_list(listed="<lists>"),
}


def own_check(raw: bytes) -> str | None:
    names = zone(l1___domainkey__lists__example=OTHER.record, l1___domainkey__corp__example=KEY.record)
    found = asyncio.run(Authenticator(resolver=names).evidence(raw, Post(received_at=NOW)))
    assert found.dmarc is Dmarc.PASS
    return found.via_list


def border(
    raw: bytes, results: str = "dkim=pass header.d=corp.example; dkim=pass header.d=lists.example"
) -> str | None:
    head = f"Authentication-Results: mx.example; dmarc=pass header.from=corp.example; {results}\r\nReceived: by mx\r\n"
    mail = READER.read_now(head.encode() + raw, Post(received_at=NOW)).mail
    assert isinstance(mail, MessageEnvelope)
    return mail.evidence.via_list


@pytest.mark.parametrize(
    "listed", ["Dev <dev.lists.example>", "<DEV.lists.example>", "dev.lists.example", "<lists.example>"]
)
def test_a_list_that_signs_its_name_is_known_by_it(listed: str) -> None:
    name = "lists.example" if listed == "<lists.example>" else LIST
    for proof in (own_check, border):
        assert proof(by_list(listed=listed)) == name


@pytest.mark.parametrize("raw", FORGED.values(), ids=list(FORGED))
def test_anything_else_is_known_by_no_name(raw: bytes) -> None:
    assert own_check(raw) is None
    if raw != FORGED["another List-Id put in its place"]:  # a border would say that this signature fails
        assert border(raw) is None


def test_what_the_border_did_not_find_to_pass_names_no_list() -> None:
    for results in (
        "dkim=pass header.d=corp.example",
        "dkim=fail header.d=lists.example",
        "spf=pass smtp.mailfrom=lists.example",
    ):
        assert border(HONEST, results) is None
    # A signature of the same domain that somebody added, and that signs less: nobody knows which of them passed.
    assert border(by_list(HONEST, names="from", listed="x")) is None


def test_of_a_list_with_many_signatures_two_are_looked_at() -> None:
    broken = HONEST
    for _ in range(3):
        broken = signed(broken, domain="lists.example", selector="no", key=OTHER, names=NAMES)
    names = zone(l1___domainkey__lists__example=OTHER.record)
    found = asyncio.run(Authenticator(resolver=names).evidence(broken, Post(received_at=NOW)))
    assert (found.dmarc, found.via_list) == (Dmarc.PASS, None)
    assert names.asked.count("no._domainkey.lists.example") == 1


def test_a_list_whose_key_cannot_be_looked_up_now_is_not_known() -> None:
    names = zone(l1___domainkey__lists__example=TemporaryFailure())
    found = asyncio.run(Authenticator(resolver=names).evidence(HONEST, Post(received_at=NOW)))
    assert (found.dmarc, found.via_list) == (Dmarc.PASS, None)


@pytest.mark.parametrize(
    "raw", [b"\r\n", b"List-Id:\r\n\r\n", b"List-Id: <a.b>\r\nList-Id: <a.b>\r\n\r\n", b"List-Id: <a..b>\r\n\r\n"]
)
def test_no_list_has_no_name(raw: bytes) -> None:
    assert list_id(read_block(raw, 0, len(raw))) is None
