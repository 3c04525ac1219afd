"""The rules of the author: step 8. Who of an open conversation writes, and what is believed of him."""

from __future__ import annotations

from typing import Final, assert_never

from convalias.domain.conversations.participants import Author, PeripheralAuthor
from convalias.domain.conversations.threads import ConversationThread
from convalias.domain.inbound.held import Admits
from convalias.domain.mail.authentication import Authentication, is_weak
from convalias.domain.mail.dedup import MailKey
from convalias.domain.mail.reasons import Reason
from convalias.domain.routing.admission import Admittance, Applicant, Because
from convalias.domain.routing.context import RoutingContext
from convalias.domain.routing.identification import Outsider, Several
from convalias.domain.routing.let_in import has_passed, is_doubtful, is_from_there, let_in
from convalias.domain.routing.policy import SenderTrust
from convalias.domain.routing.rulebook import AuthorCase, rule
from convalias.domain.routing.verdicts import Hold, Reject, RelayToConversation, Verdict

# Members that every mail is compared with, named once: Python 3.11 looks one up by a function call.
_AUTHENTICATED: Final = Authentication.AUTHENTICATED
_REQUIRE_ALIGNED: Final = SenderTrust.REQUIRE_ALIGNED


@rule(8)
def several_accounts(case: AuthorCase) -> Verdict | None:
    """Where several accounts of the conversation fit the address, nobody is guessed."""
    return Reject(Reason.ACCOUNT_AMBIGUOUS) if isinstance(case.identification, Several) else None


@rule(8)
def doubtful_participant(case: AuthorCase) -> Verdict | None:
    """A participant whose authentication failed, though not for good, waits for approval."""
    return _held(case, case.author) if case.author is not None and _doubtful(case) else None


@rule(8)
def unproved_participant(case: AuthorCase) -> Verdict | None:
    """A participant whom nothing proves waits, where proof is required or the address has passed before."""
    if case.author is None or _proved(case) or case.trust is SenderTrust.ACCEPT_ANY:
        return None
    must_pass = case.trust is _REQUIRE_ALIGNED or _has_passed(case)
    return _held(case, case.author) if must_pass else None


@rule(8, number=1)
def participant(case: AuthorCase) -> Verdict | None:
    """A participant's mail becomes a message of the conversation."""
    return None if case.author is None else _relayed(case, case.author)


@rule(8, number=7)
def applicant(case: AuthorCase) -> Verdict | None:
    """Of somebody who does not take part the admission policy decides; evidence stands above it."""
    thread, known = case.recipient.thread, case.identification
    accounts = known.accounts if isinstance(known, Outsider) else ()
    answer = case.policy.admission_for(thread.use_case).answer(
        Applicant(
            address=case.sender.address,
            authentication=case.authentication,
            thread=thread,
            accounts=accounts,
            company_domains=company_domains(thread, case.context),
        )
    )
    author = PeripheralAuthor(case.sender.address, verified=_proved(case) and case.mail.signed_as_shown)
    admittance, own = (answer.admittance, answer.reason) if isinstance(answer, Because) else (answer, None)
    match admittance:
        case Admittance.REFUSE:
            return Reject(own or (Reason.NOT_PARTICIPANT if accounts else Reason.UNKNOWN_SENDER))
        case Admittance.ASK:
            held = Hold(own or Reason.NEEDS_APPROVAL, author, _key(case), by_address=True)
            return _relayed(case, author) if _address_let_in(case, held) else held
        case Admittance.ADMIT:
            return _held(case, author) if _doubtful(case) or _lacks_proof(case) else _relayed(case, author)
        case _:
            assert_never(admittance)


def company_domains(thread: ConversationThread, context: RoutingContext) -> frozenset[str]:
    """The verified company domains of all participants."""
    accounts = (context.accounts.get(one.account) for one in thread.participants)
    return frozenset(domain for account in accounts if account is not None for domain in account.company_domains)


def _proved(case: AuthorCase) -> bool:
    """Whether the mail is authenticated and not weak."""
    return case.authentication is _AUTHENTICATED and not is_weak(case.mail.evidence)


def _doubtful(case: AuthorCase) -> bool:
    return is_doubtful(case.sender, proof=case.authentication, trust=case.trust)


def _lacks_proof(case: AuthorCase) -> bool:
    return case.trust is _REQUIRE_ALIGNED and not _proved(case)


def _address_let_in(case: AuthorCase, hold: Hold) -> bool:
    """Whether a participant let the address in, and nothing speaks against this mail's being from there."""
    if let_in(case.context, case.mail, case.recipient.thread.id, hold) is not Admits.THIS_ADDRESS:
        return False
    return is_from_there(case.context, case.mail, proof=case.authentication, trust=case.trust)


def _has_passed(case: AuthorCase) -> bool:
    return has_passed(case.context, case.sender.address)


def _key(case: AuthorCase) -> MailKey:
    return MailKey(case.recipient.thread.id, case.sender.address, case.mail.message_id)


def _held(case: AuthorCase, author: Author) -> Hold:
    return Hold(Reason.NEEDS_APPROVAL, author, _key(case))


def _relayed(case: AuthorCase, author: Author) -> RelayToConversation:
    return RelayToConversation(case.recipient.thread.id, author, _key(case))
