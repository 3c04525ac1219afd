"""May somebody who does not take part post all the same? A policy per use case."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Final

from attrs import field, frozen

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations.threads import ConversationThread
from convalias.domain.errors import InvalidValue
from convalias.domain.expecting import check_fields, expect, expect_function
from convalias.domain.ids import AccountId
from convalias.domain.mail.authentication import Authentication
from convalias.domain.mail.reasons import OwnReason


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

    __attrs_post_init__ = check_fields


class Admittance(Enum):
    """The core adds the reason: NEEDS_APPROVAL, or NOT_PARTICIPANT / UNKNOWN_SENDER as the facts say."""

    ADMIT = "relay, as a peripheral author"
    ASK = "hold until a participant has decided"
    REFUSE = "reject"

    def because(self, own: OwnReason) -> Because:
        """Ask or refuse for a reason of one's own. Raises `InvalidValue` of ADMIT, which needs none.

        >>> from convalias.domain.mail.reasons import reason
        >>> Admittance.REFUSE.because(reason("NO_CONTRACT", refusal="There is no contract with your company yet."))
        Because(admittance=<Admittance.REFUSE: 'reject'>, reason=OwnReason(name='NO_CONTRACT'))
        """
        return Because(self, own)


@frozen
class Because:
    """An admittance, and a reason of one's own for it."""

    admittance: Admittance
    reason: OwnReason

    def __attrs_post_init__(self) -> None:
        """Refuse what needs no reason, and what is none."""
        if self.admittance not in {Admittance.ASK, Admittance.REFUSE}:
            raise InvalidValue("admittance for a reason", found=self.admittance, expected="ASK or REFUSE")
        expect("reason of an admittance", self.reason, OwnReason, expected="one made with reason(…)")


@frozen
class Admission:
    """A named, pure policy: called with an `Applicant`, answers an `Admittance`, perhaps `because` of something.

    The name stands in every explanation, and a case is replayed by it. The rules of evidence hold above it: whoever
    is doubtful, or unproved where authentication is required, is held even when admitted.
    """

    name: str
    decide: Callable[[Applicant], Admittance | Because] = field(repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        """Refuse what could not be asked: no plain function of one applicant."""
        check_fields(self)
        expect_function(f"admission {self.name!r}", self.decide, of=Applicant.__name__)

    def __call__(self, applicant: Applicant, /) -> Admittance:
        """Return what the policy says, without the reason; `answer` has both."""
        answer = self.answer(applicant)
        return answer.admittance if isinstance(answer, Because) else answer

    def answer(self, applicant: Applicant, /) -> Admittance | Because:
        """Return what the policy says, with its own reason if it has one. Raises `InvalidValue` for anything else."""
        answer = self.decide(applicant)
        said = f"admission {self.name!r} gave {type(answer).__name__}"
        expect(said, answer, Admittance, Because, expected="an Admittance, or one because of a reason")
        return answer


def admission(name: str) -> Callable[[Callable[[Applicant], Admittance | Because]], Admission]:
    """Make a function a named admission policy (decorator). Raises `InvalidValue` as `rule` does."""
    expect("name of an admission", name, str, expected='text: @admission("partners") above a function')

    def make(decide: Callable[[Applicant], Admittance | Because]) -> Admission:
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
"""Admits senders who do not take part, unless something speaks against their mail."""
LIGHT: Final = Admission("light", _light)
"""Admits senders who do not take part if somebody vouches for them, and holds the others."""
STRICT: Final = Admission("strict", _strict)
"""Refuses senders who do not take part."""
