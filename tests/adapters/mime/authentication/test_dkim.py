"""DKIM signatures: what other programs sign is verified, what was changed or proves less is not."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import time
from collections.abc import Callable

import dkim
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.mime.authentication.signing import (
    ED,
    HEAD,
    KEY,
    NOW,
    OTHER,
    PLAIN,
    POST,
    RsaPair,
    Zone,
    signed,
    taken,
    zone,
)
from convalias.adapters.mime.authentication import Authenticator
from convalias.adapters.mime.authentication.canonical import SignedMail
from convalias.adapters.mime.authentication.ed25519 import ed25519_verifies
from convalias.adapters.mime.authentication.keys import public_key
from convalias.adapters.mime.authentication.rsa import rsa_key
from convalias.adapters.mime.tags import read_tags
from convalias.ports.dns import TemporaryFailure

MODES = ["simple/simple", "simple/relaxed", "relaxed/simple", "relaxed/relaxed"]


def is_signed(raw: bytes, names: Zone | None = None) -> bool:
    """Whether an aligned signature passes, with no policy published."""
    found = asyncio.run(Authenticator(resolver=names or zone(policy=None)).evidence(raw, POST))
    return found.dkim_aligned


@pytest.mark.parametrize("mode", MODES)
def test_a_signed_mail_passes(mode: str) -> None:
    assert is_signed(signed(mode=mode))


@pytest.mark.parametrize("mode", ["simple", "relaxed"])
def test_the_body_is_simple_unless_said_otherwise(mode: str) -> None:
    raw = signed(mode=f"{mode}/simple").replace(b"/simple;", b";")
    assert not is_signed(raw)  # what was signed says something else
    assert public_key([KEY.record.encode()], "rsa-sha256") is not None


def test_an_ed25519_signature_passes() -> None:
    assert is_signed(signed(key=ED, selector="ed"))


def test_line_feeds_of_a_file_are_line_ends() -> None:
    assert is_signed(signed().replace(b"\r\n", b"\n"))


def test_an_mbox_line_is_no_field() -> None:
    assert is_signed(b"From bob@corp.example Mon Mar  2 12:00:00 2026\r\n" + signed())


@pytest.mark.parametrize("mode", MODES)
@settings(deadline=None, max_examples=40)
@given(data=st.data())
def test_what_another_program_signs_passes(mode: str, data: st.DataObject) -> None:
    text = st.text(st.sampled_from("ab \t\r\n=;:"), max_size=40).map(
        lambda one: one.replace("\r", "").replace("\n", "\r\n")
    )
    body = data.draw(text).encode() + b"\r\n"  # without one, programs differ; transport always ends in one
    subject = data.draw(st.text(st.sampled_from("ab \t:;"), max_size=20)).encode()
    raw = HEAD.encode() + b"X-Folded: a" + subject + b"\r\n\t b\r\n\r\n" + body
    header, _, rest = mode.encode().partition(b"/")
    made = dkim.sign(
        raw,
        b"s1",
        b"corp.example",
        KEY.pem,
        canonicalize=(header, rest),
        include_headers=[b"from", b"subject", b"x-folded"],
    )
    assert is_signed(made + raw)
    ours = signed(raw, mode=mode, names="from:subject:x-folded:from")
    assert dkim.verify(ours, dnsfunc=lambda name, timeout=5: KEY.record.encode())


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        (b"bob@corp.example>", b"eve@corp.example>"),
        (b"The   job", b"No job"),
        (b"yes.", b"no."),
        (b"h=from:to", b"h=from:cc"),
        (b"a=rsa-sha256", b"a=rsa-sha1"),
        (b"v=1", b"v=2"),
        (b"s=s1", b"s=s2"),
        (b"\r\n\r\nHello", b"\r\n\r\nBuy now\r\nHello"),
    ],
)
def test_a_changed_mail_does_not_pass(was: bytes, becomes: bytes) -> None:
    raw = signed()
    assert was in raw
    assert not is_signed(raw.replace(was, becomes))


@pytest.mark.parametrize(
    "raw",
    [
        signed(extra="l=5; "),
        signed(names="to:subject"),
        signed(extra="x=1772400000; "),  # 2026-03-01
        signed(extra="t=1772500000; x=1772500000; "),
        signed(extra="t=soon; "),
        signed(extra="i=bob@evil.example; "),
        signed(extra="i=bob@notcorp.example; "),
        signed(extra="q=http; "),
        signed(extra="d=corp.example; "),
        signed(mode="nope/simple"),
        signed(domain="example"),
        signed(domain="a..example"),
        signed(selector="[1]"),
        signed(key=OTHER),
        signed(domain="evil.example", key=OTHER),
        signed(names=":".join(["from", *["x"] * 500])),
        signed().replace(b" b=", b" b=!"),
        signed().replace(b"bh=", b"bh=!"),
        signed().replace(b"DKIM-Signature:", b"DKIM-Signature: \xff"),
        signed().replace(b"DKIM-Signature:", b"DKIM-Signature: nothing; "),
        signed().replace(b"DKIM-Signature:", b"DKIM-Signature: " + b"x=1;" * 60),
        signed().replace(b"DKIM-Signature:", b"DKIM-Signature:" + b" " * 17_000),
        b"DKIM-Signature: \r\n" + PLAIN,
    ],
)
def test_a_signature_that_proves_less_does_not_pass(raw: bytes) -> None:
    assert not is_signed(raw)


def test_a_second_from_makes_a_signature_worthless_unless_it_was_signed_away() -> None:
    second = b"From: Bob <other@corp.example>\r\n"
    assert not is_signed(second + signed())
    assert not is_signed(second + signed(names="from:from:to"))


def test_an_identity_below_the_domain_and_an_expiry_to_come_are_fine() -> None:
    assert is_signed(signed(extra="i=bob@mail.corp.example; t=1772400000; x=1772900000; "))


def test_one_good_signature_is_enough_whatever_stands_above_it() -> None:
    raw = signed()
    for _ in range(12):
        raw = signed(raw, names="to", extra="i=@corp.example; ")
    assert is_signed(raw)
    assert is_signed(signed(signed(), key=OTHER))


@pytest.mark.parametrize(
    "record",
    [
        "v=DKIM1; p=",
        "v=DKIM2; p=AAAA",
        "p=AAAA; v=DKIM1",
        "k=rsa",
        "v=DKIM1; p=AAAA",
        KEY.record + "; h=sha1",
        KEY.record + "; s=tlsrpt",
        KEY.record.replace("k=rsa", "k=ed25519"),
        [KEY.record, OTHER.record],
        ED.record,
        TemporaryFailure("SERVFAIL"),
        RsaPair.seeded(3, 512).record,
    ],
)
def test_a_key_that_is_none_proves_nothing(record: str | TemporaryFailure) -> None:
    assert not is_signed(signed(), Zone({"s1._domainkey.corp.example": record}))


@pytest.mark.parametrize(
    "record",
    [
        KEY.record.removeprefix("v=DKIM1; k=rsa; "),
        KEY.record + "; t=y",
        KEY.record + "; t=s; h=sha1:sha256; s=email; n=note",
        f"v=DKIM1; p={base64.b64encode(KEY.bare).decode()}",
        [KEY.record, "something else"],
    ],
)
def test_a_key_may_be_written_in_many_ways(record: str) -> None:
    assert is_signed(signed(), Zone({"s1._domainkey.corp.example": record}))


def test_a_key_may_ask_for_the_exact_domain() -> None:
    strict = Zone({"s1._domainkey.corp.example": KEY.record + "; t=s"})
    assert is_signed(signed(extra="i=bob@corp.example; "), strict)
    assert not is_signed(signed(extra="i=bob@mail.corp.example; "), strict)


def test_a_short_key_is_none() -> None:
    assert rsa_key(RsaPair.seeded(3, 512).public) is None
    assert rsa_key(RsaPair(KEY.p, KEY.q, 2**33 + 1).public) is None
    assert rsa_key(RsaPair(KEY.p, KEY.q, 1).public) is None


@pytest.mark.parametrize("cut", range(0, 160, 7))
def test_a_torn_key_is_none(cut: int) -> None:
    assert rsa_key(KEY.public[:cut]) is None
    assert rsa_key(KEY.bare[:cut]) is None if cut < len(KEY.bare) else True


@given(st.binary(max_size=80))
def test_any_octets_are_a_key_or_none(octets: bytes) -> None:
    assert rsa_key(octets) is None
    assert rsa_key(b"\x30" + octets) is None


def test_other_kinds_of_key_are_none() -> None:
    assert rsa_key(KEY.public.replace(bytes.fromhex("2a864886f70d010101"), bytes.fromhex("2a864886f70d01010a"))) is None
    assert rsa_key(bytes.fromhex("3000")) is None
    assert rsa_key(bytes.fromhex("30060201030400")[:5] + b"") is None
    assert rsa_key(bytes.fromhex("3006040103020103")) is None
    assert rsa_key(bytes.fromhex("300202830102")) is None


# RFC 8032 §7.1, tests 1 to 3.
@pytest.mark.parametrize(
    ("key", "message", "signature"),
    [
        (
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
        ),
        (
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "72",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        ),
        (
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
            "af82",
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
        ),
    ],
)
def test_the_vectors_of_the_standard_verify(key: str, message: str, signature: str) -> None:
    octets = bytes.fromhex(key), bytes.fromhex(signature), bytes.fromhex(message)
    assert ed25519_verifies(*octets)
    assert not ed25519_verifies(octets[0], octets[1], octets[2] + b"!")


@pytest.mark.parametrize(
    ("key", "signature"),
    [
        (b"", b""),
        (ED.public, b"x" * 63),
        (b"\xff" * 32, ED.sign(b"m")),
        (b"\x02" + b"\0" * 31, ED.sign(b"m")),
        (b"\x01" + b"\0" * 30 + b"\x80", ED.sign(b"m")),
        (ED.public, ED.sign(b"m")[:32] + b"\xff" * 32),
        (ED.public, b"\xff" * 32 + ED.sign(b"m")[32:]),
    ],
)
def test_octets_that_are_no_point_or_number_verify_nothing(key: bytes, signature: bytes) -> None:
    assert not ed25519_verifies(key, signature, b"m")


RFC_8463 = b"""\
DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;
 d=football.example.com; i=@football.example.com;
 q=dns/txt; s=brisbane; t=1528637909; h=from : to :
 subject : date : message-id : from : subject : date;
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
 b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus
 Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==
From: Joe SixPack <joe@football.example.com>
To: Suzie Q <suzie@shopping.example.net>
Subject: Is dinner ready?
Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)
Message-ID: <20030712040037.46341.5F8J@football.example.com>

Hi.

We lost the game.  Are you hungry yet?

Joe.
"""


def test_the_signed_mail_of_rfc_8463_verifies() -> None:
    record = "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
    assert is_signed(RFC_8463, Zone({"brisbane._domainkey.football.example.com": record}))


@pytest.mark.parametrize(
    ("body", "simple", "relaxed"),
    [
        # RFC 6376 §3.4.5, and the empty body of §3.4.3 and §3.4.4.
        (b" C \r\nD \t E\r\n\r\n\r\n", b" C \r\nD \t E\r\n", b" C\r\nD E\r\n"),
        (b"", b"\r\n", b""),
        (b"\r\n\r\n", b"\r\n", b""),
        (b"a", b"a\r\n", b"a\r\n"),
        (b"a\r\n", b"a\r\n", b"a\r\n"),
        (b"a \t", b"a \t\r\n", b"a\r\n"),
        (b"a\r\n\r\r\n\r\n", b"a\r\n\r\r\n", b"a\r\n\r\r\n"),
        (b"a\r\n\r", b"a\r\n\r\r\n", b"a\r\n\r\r\n"),
        (b"a\n \n", b"a\r\n \r\n", b"a\r\n"),
        (b" \r\n", b" \r\n", b""),
    ],
)
def test_bodies_are_written_as_the_standard_says(body: bytes, simple: bytes, relaxed: bytes) -> None:
    mail = SignedMail((), body)
    assert mail.body_hash(relaxed=False) == hashlib.sha256(simple).digest()
    assert mail.body_hash(relaxed=True) == hashlib.sha256(relaxed).digest()


def test_fields_are_written_as_the_standard_says() -> None:
    mail = taken(b"A: X\r\nB : Y\t\r\n\tZ  \r\nnothing\r\n\r\n")
    assert [one.canonical(relaxed=True) for one in mail.fields] == [b"a:X", b"b:Y Z"]
    assert [one.canonical(relaxed=False) for one in mail.fields] == [b"A: X", b"B : Y\t\r\n\tZ  "]


@given(st.binary(max_size=120))
def test_any_octets_are_tags_or_none(octets: bytes) -> None:
    read_tags(octets)


@settings(deadline=None)
@given(st.binary(max_size=200), st.binary(max_size=100))
def test_any_mail_and_any_signature_end_in_an_answer(raw: bytes, signature: bytes) -> None:
    is_signed(raw)
    is_signed(b"DKIM-Signature: " + signature + b"\r\n" + PLAIN)


@pytest.mark.parametrize(
    "body",
    [lambda n: b" " * n, lambda n: b"\r\n" * n, lambda n: b"\n" * n, lambda n: b"a  " * n, lambda n: b" \t\r\n" * n],
)
def test_hostile_bodies_cost_linear_time(body: Callable[[int], bytes]) -> None:
    def cost(octets: int) -> float:
        raw = signed()[: -len(b"x")] + body(octets // len(body(1)))
        mail = taken(raw)
        started = time.process_time()
        mail.body_hash(relaxed=True)
        mail.body_hash(relaxed=False)
        return time.process_time() - started

    # A busy machine makes one of the two dearer for once; what is quadratic is so each time.
    assert any(cost(4_000_000) < max(12 * cost(1_000_000), 0.5) for _ in range(5))


def test_a_long_mail_is_hashed_beside_the_loop() -> None:
    assert is_signed(signed(PLAIN + b"x" * 300_000))


def test_now_is_the_time_of_receipt() -> None:
    assert int(NOW.timestamp()) > 1_772_400_000
