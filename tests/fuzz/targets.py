"""What is fuzzed: each target takes any octets and raises nothing but `AssertionError`, when a promise is broken."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Final

from adapters.mime.expectations import MAILS, POST
from convalias.adapters.mailgun.form import Bounds, UnreadableForm, read_form
from convalias.adapters.mailgun.rebuilt_mail import CannotRebuild, as_posted, rebuild
from convalias.adapters.mime import Reader
from convalias.adapters.mime.charsets import decode as read_charset
from convalias.adapters.mime.dates import read_date
from convalias.adapters.mime.mailboxes import recipients
from convalias.adapters.mime.message_id import canonical, listed, right_side
from convalias.adapters.mime.parameters import read_parameters
from convalias.codec.doors import InvalidWorld, read_world
from convalias.domain.addresses.email_address import EmailAddress, InvalidAddress, MailDomains
from convalias.domain.aliases.alias import AliasKeys
from convalias.domain.aliases.unwrapping import bare, decode, unwrapped
from convalias.domain.mail.envelope import ClearFrom, MessageEnvelope, UnreadableMail
from mails.answers.made import answers

READER: Final = Reader(
    alias_domains=frozenset({"reply.example"}),
    legacy_domains=frozenset({"relay.example"}),
    trusted_authserv_ids=frozenset({"mx.example"}),
)
DOMAINS: Final = MailDomains(alias={"reply.example"}, legacy={"relay.example"})
KEYS: Final = AliasKeys.of({0: b"k" * 32})
BOUNDS: Final = Bounds(mail=8_000, request=32_000, fields=40, files=5)
BOUNDARY: Final = b"----b"


def reader(raw: bytes) -> None:
    """An envelope or a refusal; its texts can be stored, and a text that was there is still shown."""
    mail = READER.read_now(raw, POST).mail
    assert isinstance(mail, MessageEnvelope | UnreadableMail)
    if isinstance(mail, UnreadableMail):
        return
    content = mail.content
    names = [one.name for one in content.attachments]
    display = mail.sender.display if isinstance(mail.sender, ClearFrom) else ""
    for text in (content.subject, content.text, content.full_text, content.html or "", display, *names):
        text.encode("utf-8")
    assert "\n" not in content.subject + display + "".join(names)
    assert content.full_text.startswith(content.text)
    assert bool(content.text.strip()) == bool(content.full_text.strip())
    assert 0 < len(mail.message_id.value) <= 998
    str(mail.message_id).encode("utf-8")


def addresses(octets: bytes) -> None:
    """Every address that is found is one, and stays itself."""
    for one in recipients([octets]):
        assert EmailAddress.parse(one.key) == one
        assert one.domain == one.key.rpartition("@")[2]
    try:
        address = EmailAddress.parse(octets.decode("utf-8", "replace"))
    except InvalidAddress:
        return
    assert EmailAddress.parse(address.key) == address


def message_ids(octets: bytes) -> None:
    """An id is bounded, has no white space, and is read again as itself."""
    for one in (canonical(octets), *listed([octets])):
        if one is not None:
            assert 0 < len(one.value) <= 998
            assert not one.value.split()[1:]
            assert canonical(b"<" + one.value + b">") == one
    right_side(octets)


def aliases(octets: bytes) -> None:
    """What is unwrapped lies at a domain of ours; what is decoded is decoded alike in capitals."""
    try:
        address = bare(octets.decode("utf-8", "replace"))
    except InvalidAddress:
        return
    for one in (address, *unwrapped(address, DOMAINS)):
        decode(one)
        found = decode(one, KEYS)
        if one.key.isascii() and not one.local.startswith('"'):
            assert decode(EmailAddress.parse(one.key.upper()), KEYS) == found


def fields(octets: bytes) -> None:
    """Dates, parameters and charsets of any octets."""
    read_date(octets)
    labels = read_parameters(octets)
    labels.text("filename").encode("utf-8")
    labels.octets("boundary")
    label, _, text = octets.partition(b"\n")
    read_charset(text, label.decode("latin-1")).encode("utf-8")


def form(octets: bytes) -> None:
    """A form that is refused or read; what is rebuilt of it is a mail."""
    kind = "application/x-www-form-urlencoded"
    if BOUNDARY in octets:
        kind = f"multipart/form-data; boundary={BOUNDARY.decode()}"
    try:
        read = asyncio.run(read_form(kind, _chunks(octets), bounds=BOUNDS))
        read.digest()
        as_posted(read)
        mail = rebuild(read)
    except (UnreadableForm, CannotRebuild):
        return
    assert mail == rebuild(read)
    assert isinstance(READER.read_now(mail, POST).mail, MessageEnvelope | UnreadableMail)


async def _chunks(octets: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(octets), 997):
        yield octets[at : at + 997]


def world(octets: bytes) -> None:
    """A world, or its faults in words."""
    try:
        document = json.loads(octets)
    except (ValueError, RecursionError):
        return
    try:
        read_world(document)
    except InvalidWorld as error:
        faults = error
    else:
        return
    assert faults.problems
    assert len(str(faults)) < 20_000


def _posted() -> bytes:
    named = {
        b"timestamp": b"1772445240", b"token": b"t" * 50, b"signature": b"0" * 64, b"recipient": b"a-1ab131e2@reply.example",
        b"sender": b"mary@corp.example", b"from": b"Mary <mary@corp.example>", b"From": b"Mary <mary@corp.example>",
        b"body-plain": b"Yes.\r\n", b"body-html": b"<p>Yes.</p>", b"attachment-count": b"1",
        b"message-headers": b'[["From", "Mary <mary@corp.example>"], ["Message-Id", "<x@y>"], ["Subject", "a\\nb"]]',
    }  # fmt: skip
    parts = [b'Content-Disposition: form-data; name="%b"\r\n\r\n%b' % one for one in named.items()]
    parts.append(
        b'Content-Disposition: form-data; name="attachment-1"; filename="a.pdf"\r\nContent-Type: application/pdf\r\n\r\n%PDF'
    )
    return b"".join(b"--%b\r\n%b\r\n" % (BOUNDARY, part) for part in parts) + b"--%b--\r\n" % BOUNDARY


WORLD: Final = json.dumps(
    {
        "format": 1, "now": "2026-03-01T12:00:00Z", "alias_domains": ["reply.example"], "legacy_domains": ["relay.example"],
        "policy": {"admission": "light", "sender_trust": "accept_known", "blocked_senders": ["@x.yz"], "historical_days": 365},
        "conversations": [{"id": "c1", "use_case": "apply", "state": "open", "stage": "parallel",
                           "participants": [{"account": "a1", "role": "candidate", "name": "J"}], "cc_seen": ["q@r.st"]}],
        "aliases": [{"address": "j-1ab131e2@reply.example", "conversation": "c1", "participant": "a1",
                     "expires_at": None, "revoked_at": "2026-03-01T12:00:00.5+01:00"}],
        "legacy_aliases": [{"address": "xyz@relay.example", "conversation": "c1"}],
        "accounts": [{"id": "a1", "addresses": ["j@home.example"], "authenticates": [], "company_domains": ["h.example"],
                      "speaks_for": []}],
        "address_history": [{"address": "old@home.example", "account": "a1", "from": "2024-01-01T00:00:00Z",
                             "until": None, "reason": None}],
        "seen": [{"message_id": "<x@y>", "sender": "j@home.example", "conversation": "c2"}],
        "envelope": {"recipients": ["j-1ab131e2@reply.example"], "sender": "<>"},
        "authentication": {"dmarc": "pass", "policy": "reject", "spf_aligned": False, "dkim_aligned": True},
        "keys": [{"id": 0, "secret": "a2V5"}], "spam": False, "unavailable": ["legacy"],
    }, indent=1,
).encode()  # fmt: skip
_ALIASES: Final = (
    b"1ab131e2-9b14-4a49-93bc-56cb01e413a6@reply.example", b"john-smith-1ab131e2@reply.example",
    b"john-smith-0abcdefghjkmnpqrs@reply.example", b"0abcdefghjkmnpqrs+tag@reply.example", b"xyz@relay.example.",
    b"prvs=1234abcdef=john-smith-1ab131e2@reply.example", b"btv1==123==a-1ab131e2@reply.example",
    b"SRS0=hash=tt=reply.example=john-smith-1ab131e2@fwd.example", b'"a-1ab131e2"@reply.example', b"<a-1ab131e2@reply.example>",
    b"SRS1=h=f.example==hash=tt=reply.example=a-1ab131e2@fwd.example",
)  # fmt: skip


def corpora() -> Mapping[str, list[bytes]]:
    """What each target's inputs are made of."""
    mails = [path.read_bytes() for path in sorted(MAILS.glob("*.eml"))]
    mails += [one.raw for one in answers()]
    heads = [raw.partition(b"\r\n\r\n")[0] for raw in mails]
    values = [line.partition(b":")[2] for head in heads for line in head.split(b"\r\n") if b":" in line]
    named = [
        line for head in heads for line in head.split(b"\r\n") if line.lower().startswith((b"from:", b"to:", b"cc:"))
    ]
    return {
        "reader": mails,
        "addresses": [line.partition(b":")[2] for line in named],
        "message_ids": [value for value in values if b"<" in value],
        "aliases": list(_ALIASES),
        "fields": [
            *values,
            b"iso-2022-jp\n\x1b$B;3ED\x1b(B",
            b"euc-jp\n\xbb\xb3\xff",
            b"gb2312\n\x80\xd6\xd0",
            b"utf-16\n\0\xdc",
        ],
        "form": [_posted(), b"recipient=a%40b.cd&body-plain=x+y&message-headers=%5B%5B%22A%22%2C%22b%22%5D%5D"],
        "world": [WORLD],
    }


TARGETS: Final[Mapping[str, Callable[[bytes], None]]] = {
    "reader": reader,
    "addresses": addresses,
    "message_ids": message_ids,
    "aliases": aliases,
    "fields": fields,
    "form": form,
    "world": world,
}
