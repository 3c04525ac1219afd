"""What is proved of a From address, and by whom."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from attrs import evolve, frozen
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.mime.authentication.signing import ED, PLAIN, POST, Zone, signed, zone
from convalias.adapters.mime.authentication import Authenticator, WithoutSpf
from convalias.domain.inbound.posts import Post
from convalias.domain.mail.authentication import Authentication, Dmarc, DmarcPolicy, SenderEvidence, judge
from convalias.ports.dns import TxtAnswer, TxtRecords
from convalias.ports.mail import SenderAuthenticator

REJECT = DmarcPolicy.REJECT
SIGNED = frozenset({"from", "to", "subject", "date", "message-id"})
"""What the signatures of these tests cover."""


def evidence(
    raw: bytes, names: Zone | None = None, *, post: Post = POST, spf: WithoutSpf = WithoutSpf.ASK
) -> SenderEvidence:
    authenticator: SenderAuthenticator = Authenticator(resolver=names or zone(), without_spf=spf)
    return asyncio.run(authenticator.evidence(raw, post))


def border(*, spf: bool, dmarc: Dmarc = Dmarc.NONE) -> Post:
    return evolve(POST, evidence=SenderEvidence(dmarc, spf_aligned=spf))


def test_a_signed_mail_is_authenticated() -> None:
    assert evidence(signed()) == SenderEvidence(Dmarc.PASS, REJECT, dkim_aligned=True, dkim_signed=SIGNED)
    assert evidence(signed(), zone(policy=None)) == SenderEvidence(dkim_aligned=True, dkim_signed=SIGNED)
    assert judge(evidence(signed(key=ED, selector="ed"))) is Authentication.AUTHENTICATED


def test_bytes_alone_prove_no_spf_so_an_unsigned_mail_is_a_question() -> None:
    assert evidence(PLAIN) == SenderEvidence(Dmarc.PERMERROR, REJECT)
    assert evidence(PLAIN, spf=WithoutSpf.FAIL) == SenderEvidence(Dmarc.FAIL, REJECT)
    assert evidence(PLAIN, zone(policy=None)) == SenderEvidence()


def test_a_border_that_looked_at_spf_settles_it() -> None:
    assert evidence(PLAIN, post=border(spf=True)) == SenderEvidence(Dmarc.PASS, REJECT, spf_aligned=True)
    assert evidence(PLAIN, post=border(spf=False)) == SenderEvidence(Dmarc.FAIL, REJECT)


@pytest.mark.parametrize("dmarc", [one for one in Dmarc if one is not Dmarc.NONE])
def test_what_a_border_found_stands(dmarc: Dmarc) -> None:
    names = zone()
    post = border(spf=False, dmarc=dmarc)
    assert evidence(signed(), names, post=post) == post.evidence
    assert names.asked == []


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"Subject: x\r\n\r\n",
        b"From: a@corp.example, b@evil.example\r\n\r\n",
        b"From: bob@corp.example\r\n" + b"X: y\r\n" * 1_001 + b"\r\n",
    ],
)
def test_without_one_domain_in_from_nothing_is_proved(raw: bytes) -> None:
    assert evidence(raw) == SenderEvidence()
    assert evidence(raw, post=border(spf=True)) == SenderEvidence(spf_aligned=True)


def test_two_mailboxes_of_one_domain_are_that_domain() -> None:
    raw = PLAIN.replace(b"Bob <bob@corp.example>", b"bob@corp.example, ann@corp.example")
    assert evidence(signed(raw)).dmarc is Dmarc.PASS


@frozen
class Silent:
    """A resolver that never answers."""

    async def txt(self, name: str) -> TxtAnswer:
        await asyncio.Event().wait()
        return TxtRecords()


def test_a_resolver_that_never_answers_is_a_temporary_error() -> None:
    authenticator = Authenticator(resolver=Silent(), within=timedelta(0))
    assert asyncio.run(authenticator.evidence(signed(), POST)) == SenderEvidence(Dmarc.TEMPERROR)
    assert asyncio.run(authenticator.evidence(signed(), border(spf=True))).spf_aligned


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_end_in_evidence(raw: bytes) -> None:
    assert not evidence(raw).dkim_aligned
    evidence(b"From: bob@corp.example\r\nARC-Seal: " + raw)
