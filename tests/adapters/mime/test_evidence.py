"""Authentication-Results: only of trusted servers, only above the first Received, and the worst counts."""

from __future__ import annotations

import pytest

from adapters.mime.expectations import POST
from convalias.adapters.mime import Reader
from convalias.domain.envelope import MessageEnvelope
from convalias.domain.evidence import Dmarc, DmarcPolicy, SenderEvidence
from convalias.domain.inbound import Post

NOTHING = SenderEvidence()
READER = Reader(trusted_authserv_ids=frozenset({"mx.example", "mx2.example"}))


def evidence(
    *lines: str, reader: Reader = READER, post: Post = POST, sender: str = "mary@corp.example"
) -> SenderEvidence:
    head = "\r\n".join(f"Authentication-Results: {line}" for line in lines)
    raw = f"{head}\r\nReceived: from a by mx.example\r\nFrom: {sender}\r\nMessage-ID: <x@y>\r\n\r\ntext"
    mail = reader.read_now(raw.encode(), post).mail
    assert isinstance(mail, MessageEnvelope)
    return mail.evidence


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
        ("mx.example; dkim=pass header.d=corp.example", SenderEvidence(dkim_aligned=True)),
        ("mx.example; dkim=pass header.i=@corp.example", SenderEvidence(dkim_aligned=True)),
        ("mx.example; dkim=pass header.d=evil.example", NOTHING),
        ("mx.example; dkim=pass header.d=example", NOTHING),
        ("other.example; dmarc=pass header.from=corp.example", NOTHING),
        ("mx.example.evil.example; dmarc=pass", NOTHING),
        ("mx.example; dmarc=pass header.from=evil.example", NOTHING),
    ],
)
def test_one_field_is_read(line: str, expected: SenderEvidence) -> None:
    assert evidence(line) == expected


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
