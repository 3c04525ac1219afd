"""The rules of the author, each alone."""

import pytest
from attrs import evolve

from convalias.domain.conversations.participants import Account, PeripheralAuthor, Standing
from convalias.domain.ids import AccountId
from convalias.domain.mail.authentication import Authentication
from convalias.domain.mail.dedup import MailKey
from convalias.domain.mail.envelope import ClearFrom
from convalias.domain.mail.reasons import Reason, reason
from convalias.domain.routing import rules
from convalias.domain.routing.admission import FREE, LIGHT, STRICT, Admission, Admittance
from convalias.domain.routing.context import RoutingContext
from convalias.domain.routing.identification import Outsider, Several, Stranger
from convalias.domain.routing.policy import RoutingPolicy, SenderTrust
from convalias.domain.routing.rulebook import AuthorCase
from convalias.domain.routing.rules_author import company_domains
from convalias.domain.routing.verdicts import Hold, Reject, RelayToConversation, Verdict
from convalias.testing.strategies import NOW
from domain.cases import ANN, AUTHOR, AUTHOR_CASE, BOB, BOBS, CONTEXT, DOMAINS, EVE, KEY, MAIL, MESSAGE, RELAYED, THREAD

HELD = Hold(Reason.NEEDS_APPROVAL, AUTHOR, KEY)
NOBODY = evolve(AUTHOR_CASE, author=None, identification=Stranger())
DOUBTFUL = (Authentication.DOUBTFUL, Authentication.SPOOFED)


@pytest.mark.parametrize("authentication", Authentication)
def test_a_repaired_from_is_believed_only_with_proof(authentication: Authentication) -> None:
    sender = evolve(AUTHOR_CASE.sender, repaired=True)
    case = evolve(AUTHOR_CASE, sender=sender, authentication=authentication)
    proved = authentication is Authentication.AUTHENTICATED
    assert rules.doubtful_participant(case) == (None if proved else HELD)
    assert rules.doubtful_participant(evolve(case, trust=SenderTrust.ACCEPT_ANY)) is None


def test_several_accounts() -> None:
    several = evolve(AUTHOR_CASE, author=None, identification=Several((ANN, BOB), Standing.REGISTERED))
    assert rules.several_accounts(several) == Reject(Reason.ACCOUNT_AMBIGUOUS)
    assert rules.several_accounts(AUTHOR_CASE) is None


@pytest.mark.parametrize("authentication", Authentication)
@pytest.mark.parametrize("trust", SenderTrust)
def test_doubtful_participant(authentication: Authentication, trust: SenderTrust) -> None:
    doubtful = authentication in DOUBTFUL and trust is not SenderTrust.ACCEPT_ANY
    case = evolve(AUTHOR_CASE, authentication=authentication, trust=trust)
    assert rules.doubtful_participant(case) == (HELD if doubtful else None)
    assert rules.doubtful_participant(evolve(NOBODY, authentication=authentication, trust=trust)) is None


def test_a_participant_whom_nothing_proves_is_believed_by_default() -> None:
    assert rules.unproved_participant(AUTHOR_CASE) is None
    assert rules.unproved_participant(NOBODY) is None
    assert rules.unproved_participant(evolve(AUTHOR_CASE, context=evolve(CONTEXT, holders={}))) is None


def test_an_address_that_has_passed_before_must_pass() -> None:
    known = RoutingContext.of(Account(ANN, (), frozenset({BOBS})), now=NOW, domains=DOMAINS)
    case = evolve(AUTHOR_CASE, context=known)
    assert rules.unproved_participant(case) == HELD
    assert rules.unproved_participant(evolve(case, trust=SenderTrust.ACCEPT_ANY)) is None
    assert rules.unproved_participant(evolve(case, authentication=Authentication.AUTHENTICATED)) is None


def test_proof_is_required_where_the_policy_says_so() -> None:
    assert rules.unproved_participant(evolve(AUTHOR_CASE, trust=SenderTrust.REQUIRE_ALIGNED)) == HELD


def test_participant() -> None:
    assert rules.participant(AUTHOR_CASE) == RELAYED
    assert rules.participant(NOBODY) is None


def stranger(
    admission: Admission,
    *,
    authentication: Authentication = Authentication.UNPROVED,
    trust: SenderTrust = SenderTrust.ACCEPT_KNOWN,
) -> AuthorCase:
    return evolve(
        NOBODY,
        mail=evolve(MAIL, sender=ClearFrom(EVE)),
        sender=ClearFrom(EVE),
        authentication=authentication,
        trust=trust,
        policy=RoutingPolicy(admission=admission),
    )


def peripheral(*, verified: bool = False) -> PeripheralAuthor:
    return PeripheralAuthor(EVE, verified=verified)


KEY_OF_EVE = MailKey(THREAD.id, EVE, MESSAGE)
ADMITTED = RelayToConversation(THREAD.id, peripheral(), KEY_OF_EVE)
ASKED = Hold(Reason.NEEDS_APPROVAL, peripheral(), KEY_OF_EVE)


@pytest.mark.parametrize(
    ("case", "verdict"),
    [
        (stranger(FREE), ADMITTED),
        (stranger(FREE, authentication=Authentication.DOUBTFUL), ASKED),
        (stranger(FREE, authentication=Authentication.DOUBTFUL, trust=SenderTrust.ACCEPT_ANY), ADMITTED),
        (stranger(FREE, trust=SenderTrust.REQUIRE_ALIGNED), ASKED),
        (
            stranger(FREE, authentication=Authentication.AUTHENTICATED, trust=SenderTrust.REQUIRE_ALIGNED),
            RelayToConversation(THREAD.id, peripheral(verified=True), KEY_OF_EVE),
        ),
        (stranger(LIGHT), evolve(ASKED, by_address=True)),
        (stranger(STRICT), Reject(Reason.UNKNOWN_SENDER)),
        (evolve(stranger(STRICT), identification=Outsider((ANN,))), Reject(Reason.NOT_PARTICIPANT)),
    ],
)
def test_applicant(case: AuthorCase, verdict: Verdict) -> None:
    assert rules.applicant(case) == verdict


def test_company_domains_are_those_of_all_participants_that_are_known() -> None:
    ann = Account(ANN, company_domains=frozenset({"corp.example", "corp.test"}))
    context = RoutingContext.of(ann, now=NOW, domains=DOMAINS)
    assert company_domains(THREAD, context) == {"corp.example", "corp.test"}


@pytest.mark.parametrize("identification", [Stranger(), Outsider((AccountId("eve"),))])
def test_an_admission_gives_its_own_reason(identification: Outsider | Stranger) -> None:
    quota = reason("QUOTA")
    asked = Admission("asks", lambda _: Admittance.ASK.because(quota))
    refused = Admission("refuses", lambda _: Admittance.REFUSE.because(quota))
    case = evolve(NOBODY, identification=identification)
    held = rules.applicant(evolve(case, policy=RoutingPolicy(admission=asked)))
    assert isinstance(held, Hold)
    assert held.reason == quota
    assert rules.applicant(evolve(case, policy=RoutingPolicy(admission=refused))) == Reject(quota)
