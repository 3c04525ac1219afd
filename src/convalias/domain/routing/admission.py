"""May somebody who does not take part post all the same? A policy per use case."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Final

from attrs import field, frozen

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations.threads import ConversationThread
from convalias.domain.ids import AccountId
from convalias.domain.mail.authentication import Authentication


@frozen(kw_only=True)
class Applicant:
    """A sender who writes to a conversation without taking part in it."""

    address: EmailAddress
    authentication: Authentication
    thread: ConversationThread
    accounts: tuple[AccountId, ...] = ()
    """Whom the directory or the history knows under that address; none of them takes part."""
    company_domains: frozenset[str] = frozenset()
    """Verified company domains of the participants."""


class Admittance(Enum):
    """The core adds the reason: NEEDS_APPROVAL, or NOT_PARTICIPANT / UNKNOWN_SENDER as the facts say."""

    ADMIT = "relay, as a peripheral author"
    ASK = "hold until a participant has decided"
    REFUSE = "reject"


@frozen
class Admission:
    """A named, pure policy: called with an `Applicant`, answers an `Admittance`, never raises.

    The name stands in every explanation, and a case is replayed by it. The rules of evidence hold above it: whoever
    is doubtful, or unproved where authentication is required, is held even when admitted.
    """

    name: str
    decide: Callable[[Applicant], Admittance] = field(repr=False, eq=False)

    def __call__(self, applicant: Applicant, /) -> Admittance:
        """What the policy says."""
        return self.decide(applicant)


def admission(name: str) -> Callable[[Callable[[Applicant], Admittance]], Admission]:
    """Make a function a named admission policy (decorator)."""

    def make(decide: Callable[[Applicant], Admittance]) -> Admission:
        return Admission(name, decide)

    return make


def _free(_applicant: Applicant) -> Admittance:
    """Any sender is admitted."""
    return Admittance.ADMIT


def _light(applicant: Applicant) -> Admittance:
    """Authenticated addresses that something vouches for are admitted, everybody else is asked about.

    What vouches: the verified company domain of a participant (exact), or a Cc that a registered participant
    carried in authenticated mail earlier in this thread.
    """
    vouched = applicant.address in applicant.thread.cc_seen or applicant.address.domain in applicant.company_domains
    authenticated = applicant.authentication is Authentication.AUTHENTICATED
    return Admittance.ADMIT if authenticated and vouched else Admittance.ASK


def _strict(_applicant: Applicant) -> Admittance:
    """Participants only."""
    return Admittance.REFUSE


FREE: Final = Admission("free", _free)
LIGHT: Final = Admission("light", _light)
STRICT: Final = Admission("strict", _strict)
