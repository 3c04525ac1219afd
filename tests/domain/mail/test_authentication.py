"""What the results of our border amount to: every cell."""

from itertools import product

import pytest

from convalias.domain.mail.authentication import Authentication, Dmarc, DmarcPolicy, SenderEvidence, judge

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
