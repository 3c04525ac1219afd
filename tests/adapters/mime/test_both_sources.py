"""DMARC and forged results over both sources of evidence: our own check and a trusted field. Attack beside honest mail."""

from __future__ import annotations

import asyncio

import pytest

from adapters.mime.authentication.signing import NOW, signed, zone
from adapters.mime.test_replay import DIRECT, FULL, READER, VERIFIED, became, trusted_field
from convalias.adapters.mime.authentication import Authenticator, WithoutSpf
from convalias.domain.inbound.posts import Post
from convalias.domain.mail.authentication import Dmarc, DmarcPolicy, SenderEvidence
from convalias.domain.mail.envelope import MessageEnvelope

REFUSED, HELD = "Reject", "NEEDS_APPROVAL"
HONEST, FORGED = signed(DIRECT, names=FULL), DIRECT
DMARC = {
    # name: the record; what it asks for; what becomes of a mail that fails
    "reject": ("v=DMARC1; p=reject", DmarcPolicy.REJECT, REFUSED),
    "quarantine": ("v=DMARC1; p=quarantine", DmarcPolicy.QUARANTINE, HELD),
    "none": ("v=DMARC1; p=none", DmarcPolicy.NONE, HELD),
    "a percentage of none": ("v=DMARC1; p=reject; pct=0", DmarcPolicy.REJECT, REFUSED),
    "a flaw behind it": ("v=DMARC1; p=reject; ; rua=mailto:a@b.example", DmarcPolicy.REJECT, REFUSED),
    "a flawed address": ("v=DMARC1; p=reject; rua=mailto:\u00e9@b.example", DmarcPolicy.REJECT, REFUSED),
    "a flawed tag": ("v=DMARC1; p=reject; sp=what; adkim=x; 1=2", DmarcPolicy.REJECT, REFUSED),
    "letter case and blanks": (" v = DMARC1 ; P = Reject ", DmarcPolicy.REJECT, REFUSED),
}


def own_check(raw: bytes, record: str) -> SenderEvidence:
    authenticator = Authenticator(resolver=zone(policy=record), without_spf=WithoutSpf.FAIL)
    return asyncio.run(authenticator.evidence(raw, Post(received_at=NOW)))


def as_a_border_says(raw: bytes, policy: DmarcPolicy) -> SenderEvidence:
    """What a border reports that found the same as we do: whether the signature is there."""
    passed = raw is HONEST
    dkim = "dkim=pass header.d=corp.example header.s=s1" if passed else "dkim=none"
    line = (
        f"Authentication-Results: mx.example; dmarc={'pass' if passed else 'fail'} (p={policy.value}) "
        f"header.from=corp.example; {dkim}\r\nReceived: from a by mx.example\r\n"
    )
    return trusted_only(line.encode() + raw)


def trusted_only(raw: bytes) -> SenderEvidence:
    found = READER.read_now(raw, Post(received_at=NOW)).mail
    assert isinstance(found, MessageEnvelope)
    return found.evidence


@pytest.mark.parametrize(("record", "policy", "expected"), DMARC.values(), ids=list(DMARC))
def test_a_mail_that_fails_is_judged_by_the_record_and_an_honest_one_arrives(
    record: str, policy: DmarcPolicy, expected: str
) -> None:
    for evidence in (own_check(FORGED, record), as_a_border_says(FORGED, policy)):
        assert (evidence.dmarc, evidence.policy) == (Dmarc.FAIL, policy)
        assert became(FORGED, evidence) == expected
    for evidence in (own_check(HONEST, record), as_a_border_says(HONEST, policy)):
        assert (evidence.dmarc, evidence.policy) == (Dmarc.PASS, policy)
        assert became(HONEST, evidence) == VERIFIED


RESULTS = {
    # name: fields that a sender writes into the mail
    "results of our border": "Authentication-Results: mx.example; dmarc=pass header.from=corp.example; spf=pass",
    "results of ours, folded": "Authentication-Results:\r\n mx.example;\r\n dmarc=pass\r\n header.from=corp.example",
    "results of nobody": "Authentication-Results: dmarc=pass header.from=corp.example",
    "the provider's flag": "X-Mailgun-Spf: Pass",
    "a verdict on SPF": "Received-SPF: pass (mx.example: domain of corp.example designates 11.22.33.44)",
    "a chain of nobody": "ARC-Authentication-Results: i=1; mx.example; dmarc=pass header.from=corp.example",
}


@pytest.mark.parametrize("fields", RESULTS.values(), ids=list(RESULTS))
def test_results_that_the_sender_wrote_change_nothing(fields: str) -> None:
    written = f"{fields}\r\n".encode()
    for raw in (FORGED, HONEST):
        assert own_check(written + raw, "v=DMARC1; p=reject") == own_check(raw, "v=DMARC1; p=reject")
        below = b"Received: from a by mx.example\r\n" + written + raw
        assert trusted_only(below) == SenderEvidence()
    assert became(FORGED, own_check(written + FORGED, "v=DMARC1; p=reject")) == REFUSED
    assert became(HONEST, own_check(written + HONEST, "v=DMARC1; p=reject")) == VERIFIED
    # The honest look-alike: the same words, above the Received that the border wrote.
    assert trusted_field(HONEST).dmarc is Dmarc.PASS
