"""Evidence that a mail is from the address in its From."""

from __future__ import annotations

from enum import Enum
from typing import Final, assert_never

from attrs import evolve, field, frozen

from convalias.domain.expecting import check_fields
from convalias.domain.values import sparse


class Dmarc(Enum):
    """Result of DMARC for the From domain (RFC 7489 §11.2)."""

    PASS = "pass"  # noqa: S105 - a result, no password
    FAIL = "fail"
    NONE = "none"
    PERMERROR = "permerror"
    TEMPERROR = "temperror"


class DmarcPolicy(Enum):
    """The policy that a From domain publishes (RFC 7489 §6.3, tag `p`)."""

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
    dkim_signed: frozenset[str] | None = field(default=None, kw_only=True)
    """Fields, in lower case, whose every occurrence passing aligned signatures cover. None: not known."""
    spf_known: bool = field(default=True, kw_only=True)
    """Whether anybody looked at SPF. False: `spf_aligned` says nothing, and may be found out."""
    via_list: str | None = field(default=None, kw_only=True)
    """The List-Id, in lower case, that a passing signature of the list's own domain covers. None: none, or not known."""

    __repr__ = sparse

    __attrs_post_init__ = check_fields


class Authentication(Enum):
    """The result of judging evidence."""

    AUTHENTICATED = "authenticated"
    UNPROVED = "unproved"
    DOUBTFUL = "doubtful"
    """A failure that is no refusal: `fail` under p=none or quarantine, permerror, temperror."""
    SPOOFED = "spoofed"
    """`fail` under p=reject, or under a policy that nobody told us."""


def judge(evidence: SenderEvidence) -> Authentication:
    """Judge evidence. Total over all 5 x 4 x 2 x 2 cells; RFC 7489 §6.6.2.

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


def rests_on_dkim_alone(evidence: SenderEvidence) -> bool:
    """Whether nothing but a signature speaks for the sender, and it is known which fields it covers.

    Whoever received a signed mail can send it on: a signature says who wrote a mail, not who sends it here.
    """
    return evidence.dkim_signed is not None and evidence.dkim_aligned and not evidence.spf_aligned


def is_weak(evidence: SenderEvidence) -> bool:
    """Whether the mail rests on DKIM alone and no signature says to whom it was written."""
    signed = evidence.dkim_signed
    return rests_on_dkim_alone(evidence) and signed is not None and signed.isdisjoint(_TO_WHOM)


_TO_WHOM: Final = frozenset({"to", "cc"})


def is_proved(evidence: SenderEvidence) -> bool:
    """Whether the mail is authenticated and not weak: what sender trust means where it asks for proof."""
    return judge(evidence) is Authentication.AUTHENTICATED and not is_weak(evidence)


def may_lack_spf(evidence: SenderEvidence) -> bool:
    """Whether the sender is proved, and SPF, which nobody looked at, would prove more."""
    return not evidence.spf_known and not evidence.spf_aligned and judge(evidence) is Authentication.AUTHENTICATED


def requiring_dkim(evidence: SenderEvidence) -> SenderEvidence:
    """The evidence of a domain whose mail counts as authenticated by DKIM only.

    Servers that many customers share pass SPF for each of them, whoever of them writes.
    """
    if evidence.dkim_aligned:
        return evidence
    dmarc = Dmarc.NONE if evidence.dmarc is Dmarc.PASS else evidence.dmarc
    return evolve(evidence, dmarc=dmarc, spf_aligned=False)
