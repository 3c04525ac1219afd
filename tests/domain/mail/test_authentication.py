"""What the results of our border amount to: every cell."""

from itertools import product

import pytest
from attrs import evolve

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.mail.authentication import (
    Authentication,
    Dmarc,
    DmarcPolicy,
    SenderEvidence,
    is_proved,
    is_weak,
    judge,
    may_lack_spf,
    requiring_dkim,
    rests_on_dkim_alone,
)
from convalias.domain.mail.envelope import AmbiguousFrom, ClearFrom, evidence_of

CELLS = list(product(Dmarc, (None, *DmarcPolicy), (False, True), (False, True)))


def expected(dmarc: Dmarc, policy: DmarcPolicy | None, *, aligned: bool) -> Authentication:
    if dmarc is Dmarc.PASS or (dmarc is Dmarc.NONE and aligned):
        return Authentication.AUTHENTICATED
    if dmarc is Dmarc.NONE:
        return Authentication.UNPROVED
    if dmarc is Dmarc.FAIL and policy in (None, DmarcPolicy.REJECT):
        return Authentication.SPOOFED
    return Authentication.DOUBTFUL


@pytest.mark.parametrize(("dmarc", "policy", "spf", "dkim"), CELLS)
def test_every_cell(dmarc: Dmarc, policy: DmarcPolicy | None, spf: bool, dkim: bool) -> None:  # noqa: FBT001
    evidence = SenderEvidence(dmarc, policy, spf_aligned=spf, dkim_aligned=dkim)
    assert judge(evidence) is expected(dmarc, policy, aligned=spf or dkim)


def test_nothing_is_proved_by_default() -> None:
    assert judge(SenderEvidence()) is Authentication.UNPROVED


SIGNED = frozenset({"from", "to", "subject", "date"})


@pytest.mark.parametrize(
    ("evidence", "alone", "weak"),
    [
        (SenderEvidence(Dmarc.PASS, dkim_aligned=True), False, False),
        (SenderEvidence(Dmarc.PASS, dkim_signed=SIGNED), False, False),
        (SenderEvidence(Dmarc.PASS, spf_aligned=True, dkim_aligned=True, dkim_signed=frozenset()), False, False),
        (SenderEvidence(Dmarc.PASS, dkim_aligned=True, dkim_signed=SIGNED), True, False),
        (SenderEvidence(dkim_aligned=True, dkim_signed=frozenset({"cc"})), True, False),
        (SenderEvidence(dkim_aligned=True, dkim_signed=frozenset({"To", "from"})), True, True),
        (SenderEvidence(Dmarc.PASS, dkim_aligned=True, dkim_signed=frozenset()), True, True),
    ],
)
def test_a_signature_alone_is_weak_where_it_names_nobody(evidence: SenderEvidence, alone: bool, weak: bool) -> None:  # noqa: FBT001 - columns
    assert rests_on_dkim_alone(evidence) is alone
    assert is_weak(evidence) is weak
    assert is_proved(evidence) is not weak


def test_what_is_not_authenticated_is_not_proved() -> None:
    assert not is_proved(SenderEvidence())
    assert not is_proved(SenderEvidence(Dmarc.FAIL, dkim_aligned=True, dkim_signed=SIGNED))


@pytest.mark.parametrize(
    ("evidence", "counts"),
    [
        (SenderEvidence(Dmarc.PASS, spf_aligned=True), SenderEvidence()),
        (SenderEvidence(spf_aligned=True), SenderEvidence()),
        (SenderEvidence(Dmarc.PASS), SenderEvidence()),
        (SenderEvidence(Dmarc.FAIL, spf_aligned=True), SenderEvidence(Dmarc.FAIL)),
        (SenderEvidence(Dmarc.PASS, spf_aligned=True, dkim_aligned=True), None),
    ],
)
def test_where_dkim_is_required_a_pass_by_spf_alone_is_none(
    evidence: SenderEvidence, counts: SenderEvidence | None
) -> None:
    assert requiring_dkim(evidence) == (counts or evidence)
    shared, elsewhere = frozenset({"corp.example"}), frozenset({"else.example"})
    sender = EmailAddress.parse("bob@corp.example")
    for one in (ClearFrom(sender), AmbiguousFrom(frozenset({sender}))):
        assert evidence_of(one, evidence, require_dkim=shared) == (counts or evidence)
        assert evidence_of(one, evidence, require_dkim=elsewhere) == evidence


def test_spf_may_lack_where_nobody_looked_and_the_sender_is_proved() -> None:
    proved = SenderEvidence(Dmarc.PASS, spf_known=False)
    assert may_lack_spf(proved)
    assert may_lack_spf(SenderEvidence(dkim_aligned=True, spf_known=False))
    for other in (
        evolve(proved, spf_known=True),
        evolve(proved, spf_aligned=True),
        evolve(proved, dmarc=Dmarc.FAIL),
        evolve(proved, dmarc=Dmarc.NONE),
    ):
        assert not may_lack_spf(other)
