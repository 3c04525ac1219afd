"""Authentication-Results: only of trusted servers, only above the first Received, and the worst counts."""

from __future__ import annotations

import json

import pytest
from attrs import evolve

from adapters.mime.authentication.cases import CASES, beside
from adapters.mime.expectations import POST
from convalias.adapters.mime import Reader
from convalias.domain.inbound.posts import Post
from convalias.domain.mail.authentication import Dmarc, DmarcPolicy, SenderEvidence
from convalias.domain.mail.envelope import MessageEnvelope

NOTHING = SenderEvidence()
FROM_ALONE = frozenset({"from"})
"""What counts as signed where a passing result names no signature of the mail."""
READER = Reader(trusted_authserv_ids=frozenset({"mx.example", "mx2.example"}))


def whole(*lines: str, reader: Reader = READER, post: Post = POST, sender: str = "mary@corp.example") -> SenderEvidence:
    head = "\r\n".join(f"Authentication-Results: {line}" for line in lines)
    raw = f"{head}\r\nReceived: from a by mx.example\r\nFrom: {sender}\r\nMessage-ID: <x@y>\r\n\r\ntext"
    mail = reader.read_now(raw.encode(), post).mail
    assert isinstance(mail, MessageEnvelope)
    return mail.evidence


def evidence(
    *lines: str, reader: Reader = READER, post: Post = POST, sender: str = "mary@corp.example"
) -> SenderEvidence:
    """Whether anybody looked at SPF set aside."""
    return evolve(whole(*lines, reader=reader, post=post, sender=sender), spf_known=True)


@pytest.mark.parametrize(
    ("line", "is_known"),
    [
        ("mx.example; dmarc=pass header.from=corp.example", False),
        ("mx.example; dkim=pass header.d=corp.example", False),
        ("mx.example; dkim=pass header.d=corp.example; spf=none", True),
        ("mx.example; dkim=pass header.d=corp.example; spf=fail smtp.mailfrom=corp.example", True),
        ("mx.example; dmarc=pass; spf=pass smtp.mailfrom=evil.example", True),
        ("mx.example; none", True),
        ("other.example; dmarc=pass", True),
    ],
)
def test_it_is_known_whether_the_border_looked_at_spf(line: str, *, is_known: bool) -> None:
    assert whole(line).spf_known is is_known


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("mx.example; dmarc=pass header.from=corp.example", SenderEvidence(Dmarc.PASS)),
        (
            "mx.example 1; dmarc=pass (p=REJECT sp=NONE) header.from=corp.example",
            SenderEvidence(Dmarc.PASS, DmarcPolicy.REJECT),
        ),
        ("MX2.example; dmarc=fail policy.dmarc=quarantine", SenderEvidence(Dmarc.FAIL, DmarcPolicy.QUARANTINE)),
        (
            "mx.example; dmarc=fail (p=none dis=none) header.from=corp.example",
            SenderEvidence(Dmarc.FAIL, DmarcPolicy.NONE),
        ),
        ("mx.example; dmarc=bestguesspass", NOTHING),
        ("mx.example; dmarc=temperror", SenderEvidence(Dmarc.TEMPERROR)),
        ("mx.example; dmarc=something", SenderEvidence(Dmarc.PERMERROR)),
        ("mx.example; none", NOTHING),
        ("mx.example; spf=pass smtp.mailfrom=mary@corp.example", SenderEvidence(spf_aligned=True)),
        ("mx.example; spf=pass smtp.mailfrom=corp.example", SenderEvidence(spf_aligned=True)),
        ("mx.example; spf=pass smtp.mailfrom=eve@evil.example", NOTHING),
        ("mx.example; spf=fail smtp.mailfrom=mary@corp.example", NOTHING),
        ("mx.example; dkim=pass header.d=corp.example", SenderEvidence(dkim_aligned=True, dkim_signed=FROM_ALONE)),
        ("mx.example; dkim=pass header.i=@corp.example", SenderEvidence(dkim_aligned=True, dkim_signed=FROM_ALONE)),
        ("mx.example; dkim=pass header.d=evil.example", NOTHING),
        ("mx.example; dkim=pass header.d=example", NOTHING),
        ("other.example; dmarc=pass header.from=corp.example", NOTHING),
        ("mx.example.evil.example; dmarc=pass", NOTHING),
        ("mx.example; dmarc=pass header.from=evil.example", NOTHING),
    ],
)
def test_one_field_is_read(line: str, expected: SenderEvidence) -> None:
    assert evidence(line) == expected


PASSED = SenderEvidence(Dmarc.PASS)
FAILED = SenderEvidence(Dmarc.FAIL)
ALIGNED = SenderEvidence(Dmarc.PASS, spf_aligned=True, dkim_aligned=True, dkim_signed=FROM_ALONE)


@pytest.mark.parametrize(
    ("honest", "expected", "attack", "found"),
    [
        (
            "mx.example; dmarc=pass header.from=corp.example;",
            PASSED,
            "mx.example; dmarc=fail header.from=corp.example;",
            FAILED,
        ),
        (
            "mx.example;; dmarc=pass header.from=corp.example ; ;",
            PASSED,
            "mx.example;; dmarc=fail header.from=corp.example ; ;",
            FAILED,
        ),
        (
            "mx.example; iprev=pass policy.iprev=2001:db8::1; dmarc=pass header.from=corp.example",
            PASSED,
            "mx.example; iprev=pass policy.iprev=2001:db8::1; dmarc=fail header.from=corp.example",
            FAILED,
        ),
        (
            "mx.example; spf=pass smtp.remote-ip=2001:db8::1 smtp.mailfrom=b\N{LATIN SMALL LETTER E WITH ACUTE}@corp.example",
            SenderEvidence(spf_aligned=True),
            "mx.example; spf=pass smtp.remote-ip=2001:db8::1 smtp.mailfrom=corp.example@evil.example",
            NOTHING,
        ),
        (
            "(by a border) mx.example; dmarc=pass header.from=corp.example",
            PASSED,
            "(by a border) mx.example; dmarc=fail header.from=corp.example",
            FAILED,
        ),
        (
            "mx.example(v1); dmarc (a) = (b (c)) pass (d) header (e) . (f) from (g) = (h) corp.example",
            PASSED,
            "(a (b) c) mx.example (d) 1 (e); dmarc=fail (mx2.example; dmarc=pass)",
            FAILED,
        ),
        (
            "other.example ((; dmarc=pass",
            NOTHING,
            "((((((((( mx.example; dmarc=fail header.from=corp.example",
            SenderEvidence(Dmarc.PERMERROR),
        ),
        (
            "mx.example.; dmarc/1=Pass header.from=Corp.Example",
            PASSED,
            "mx.example.evil.example; dmarc/1=Pass header.from=Corp.Example",
            NOTHING,
        ),
        (
            "mx.example; dmarc=pass action=none header.from=corp.example;compauth=pass reason=100",
            PASSED,
            "mx.example; dmarc=fail action=none header.from=corp.example;compauth=pass reason=100",
            FAILED,
        ),
        (
            (
                "mx.example; dkim=pass (2048-bit key; unprotected) header.d=corp.example header.i=@corp.example header.b=Ab/+d;"
                " spf=pass smtp.mailfrom=bob@corp.example; dmarc=pass(p=REJECT) header.from=corp.example;"
            ),
            evolve(ALIGNED, policy=DmarcPolicy.REJECT),
            'mx.example; dkim=none reason="; dkim=pass header.d=corp.example; dmarc=pass (p=none)"; dmarc=fail (p=reject)',
            SenderEvidence(Dmarc.FAIL, DmarcPolicy.REJECT),
        ),
        (
            (
                "mx.example; dkim=pass reason=good signature header.d=corp.example; spf=pass smtp.mailfrom=corp.example;"
                " bimi=pass policy.authority-uri=https://corp.example/x?y=1; x-vouch=a b; dmarc=pass header.from=corp.example"
            ),
            ALIGNED,
            "mx.example; dkim=pass reason=header.d=corp.example header.d=evil.example; dmarc=fail (policy=none)",
            SenderEvidence(Dmarc.FAIL, DmarcPolicy.NONE),
        ),
        (
            (
                "mx.example; spf=pass (x: permitted sender) client-ip=192.0.2.1; envelope-from=bob@corp.example; helo=a.example;"
                " dmarc=pass header.from=corp.example;"
            ),
            PASSED,
            'mx.example; spf=pass smtp.mailfrom="mx.example; dmarc=pass"@evil.example; dmarc=fail; dkim=',
            FAILED,
        ),
        (
            'mx.example; spf=none smtp.mailfrom=<>; dmarc=pass header.from="corp.example"',
            PASSED,
            "mx.example; dmarc=fail header.from=corp.example; dkim=p(a)ss",
            FAILED,
        ),
    ],
)
def test_a_field_means_what_it_means_however_it_is_written(
    honest: str, expected: SenderEvidence, attack: str, found: SenderEvidence
) -> None:
    assert evidence(honest) == expected
    assert evidence(attack) == found


def test_a_u_label_is_the_domain_that_it_names() -> None:
    line = (
        "mx.example; dmarc=pass header.from=b\N{LATIN SMALL LETTER U WITH DIAERESIS}cher.example; dkim=pass header.d={}"
    )
    domain = "b\N{LATIN SMALL LETTER U WITH DIAERESIS}cher.example"
    sender = "bob@xn--bcher-kva.example"
    signed = SenderEvidence(dkim_aligned=True, dkim_signed=FROM_ALONE)
    assert evidence(line.format(domain), sender=sender) == evolve(signed, dmarc=Dmarc.PASS)
    assert evidence(line.format(f'"{domain}"'), sender=sender) == evolve(signed, dmarc=Dmarc.PASS)
    assert evidence(line.format("bucher.example"), sender="bob@bucher.example") == signed
    # U-labels of IDNA 2003 name another domain, or none.
    fass = "mx.example; dmarc=pass header.from=fa\N{LATIN SMALL LETTER SHARP S}.example"
    assert evidence(fass, sender="bob@fass.example") == NOTHING


def test_a_server_may_be_listed_by_its_u_label() -> None:
    reader = Reader(trusted_authserv_ids=frozenset({"mx.B\N{LATIN SMALL LETTER U WITH DIAERESIS}cher.example."}))
    for name in ("mx.xn--bcher-kva.example", "MX.b\N{LATIN SMALL LETTER U WITH DIAERESIS}cher.example"):
        assert evidence(f"{name}; dmarc=fail", reader=reader) == FAILED
    kelvin = Reader(trusted_authserv_ids=frozenset({"mx.k.example"}))
    assert evidence("mx.\N{KELVIN SIGN}.example; dmarc=pass", reader=kelvin) == NOTHING


def test_a_failure_stands_beside_a_field_that_cannot_be_read() -> None:
    assert evidence("mx.example; dmarc=fail (p=none)", "mx.example; dmarc=pass ((").policy is DmarcPolicy.NONE
    assert evidence("mx.example; dmarc=fail (p=none)", "mx.example; dmarc=pass ((").dmarc is Dmarc.FAIL


@beside
def test_the_shared_fields_keep_their_verdict() -> None:
    reader = Reader(trusted_authserv_ids=frozenset({"mx.border.example"}))
    for line in json.loads((CASES / "authentication-results.json").read_text("utf-8")):
        assert evidence(line, reader=reader) == PASSED, line
        assert evidence(line.replace("dmarc=pass", "dmarc=fail"), reader=reader) == FAILED, line


@pytest.mark.parametrize(
    "lines",
    [
        ("mx.example; dmarc=pass; dmarc=fail",),
        ("mx.example; dmarc=pass", "mx2.example; dmarc=fail"),
        ("mx.example; dmarc=fail", "mx.example; dmarc=pass"),
    ],
)
def test_of_two_results_the_worst_counts(lines: tuple[str, ...]) -> None:
    assert evidence(*lines).dmarc is Dmarc.FAIL


def test_of_two_signatures_one_that_fails_is_enough() -> None:
    assert not evidence("mx.example; dkim=pass header.d=corp.example; dkim=fail header.d=corp.example").dkim_aligned


def test_a_parent_domain_may_sign_for_its_child() -> None:
    assert evidence("mx.example; dkim=pass header.d=corp.example", sender="mary@mail.corp.example").dkim_aligned
    assert not evidence("mx.example; dkim=pass header.d=mail.corp.example").dkim_aligned


def test_nothing_below_the_first_received_counts() -> None:
    raw = (
        b"Received: from a by mx.example\r\nAuthentication-Results: mx.example; dmarc=pass\r\n"
        b"From: mary@corp.example\r\n\r\ntext"
    )
    mail = READER.read_now(raw, POST).mail
    assert isinstance(mail, MessageEnvelope)
    assert mail.evidence == NOTHING


def test_without_a_received_no_field_is_known_to_be_ours() -> None:
    raw = b"Authentication-Results: mx.example; dmarc=pass\r\nFrom: mary@corp.example\r\n\r\ntext"
    mail = READER.read_now(raw, POST).mail
    assert isinstance(mail, MessageEnvelope)
    assert mail.evidence == NOTHING


def test_nobody_is_trusted_by_default() -> None:
    assert evidence("mx.example; dmarc=pass", reader=Reader()) == NOTHING


@pytest.mark.parametrize(
    "line",
    [
        "mx.example; dmarc",
        "mx.example; dmarc=pass; ===",
        f"mx.example; dmarc=pass {'(' * 50}",
        f"mx.example; {'a=b ' * 5_000}",
    ],
)
def test_a_trusted_field_that_cannot_be_read_hides_no_failure(line: str) -> None:
    assert evidence(line).dmarc is Dmarc.PERMERROR


def test_what_the_source_itself_proved_stands() -> None:
    proved = SenderEvidence(Dmarc.PASS, DmarcPolicy.REJECT)
    assert evidence("mx.example; dmarc=fail", post=Post(received_at=POST.received_at, evidence=proved)) == proved
