"""What proves that a mail is from the address in its From."""

from __future__ import annotations

from enum import Enum
from typing import assert_never

from attrs import field, frozen


class Dmarc(Enum):
    """Result of DMARC for the From domain (RFC 7489 §11.2)."""

    PASS = "pass"  # noqa: S105 - a result, no password
    FAIL = "fail"
    NONE = "none"
    PERMERROR = "permerror"
    TEMPERROR = "temperror"


class DmarcPolicy(Enum):
    """What the From domain asks for (RFC 7489 §6.3, tag `p`)."""

    NONE = "none"
    QUARANTINE = "quarantine"
    REJECT = "reject"


@frozen
class SenderEvidence:
    """Results that our own border stamped; the default is: nothing is proved."""

    dmarc: Dmarc = Dmarc.NONE
    policy: DmarcPolicy | None = None
    """None: unknown, and then treated as `reject`."""
    spf_aligned: bool = field(default=False, kw_only=True)
    dkim_aligned: bool = field(default=False, kw_only=True)


class Authentication(Enum):
    """What the evidence amounts to."""

    AUTHENTICATED = "authenticated"
    UNPROVED = "unproved"
    DOUBTFUL = "doubtful"
    """A failure that is no refusal: `fail` under p=none or quarantine, permerror, temperror."""
    SPOOFED = "spoofed"
    """`fail` under p=reject, or under a policy that nobody told us."""


def judge(evidence: SenderEvidence) -> Authentication:
    """What the results amount to. Total over all 5 x 4 x 2 x 2 cells; RFC 7489 §6.6.2.

    Authenticated is a DMARC pass, or no DMARC record and aligned SPF or DKIM. Whatever fails is never lifted by
    the methods under it: DMARC has looked at them already.
    """
    match evidence.dmarc:
        case Dmarc.PASS:
            return Authentication.AUTHENTICATED
        case Dmarc.NONE:
            aligned = evidence.spf_aligned or evidence.dkim_aligned
            return Authentication.AUTHENTICATED if aligned else Authentication.UNPROVED
        case Dmarc.FAIL if evidence.policy in (None, DmarcPolicy.REJECT):
            return Authentication.SPOOFED
        case Dmarc.FAIL | Dmarc.PERMERROR | Dmarc.TEMPERROR:
            return Authentication.DOUBTFUL
        case _:
            assert_never(evidence.dmarc)
