"""People, their accounts and the conversations they take part in."""

from __future__ import annotations

from hypothesis import strategies as st

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.conversations.participants import (
    Account,
    AccountAuthor,
    AddressTenure,
    Author,
    GivenUp,
    Participant,
    ParticipantKind,
    PeripheralAuthor,
    Standing,
)
from convalias.domain.conversations.threads import ConversationThread, ThreadState
from convalias.domain.ids import AccountId, ConversationId
from convalias.domain.mail.authentication import Authentication
from convalias.domain.routing.admission import Applicant
from convalias.testing.strategies.places import ACCOUNTS, CONVERSATIONS, SENDERS, USE_CASES, moments, mostly, some

_COMPANY = st.sampled_from((frozenset[str](), frozenset({"corp.example"})))


def participants(account: AccountId | None = None) -> st.SearchStrategy[Participant]:
    """Draw a participant: that account, or any."""
    return st.builds(
        Participant,
        st.sampled_from(ACCOUNTS) if account is None else st.just(account),
        role=st.sampled_from(("", "candidate", "employer")),
        name=st.sampled_from(("", "Ann Ray", "José Núñez", "山田 花子", 'Lee, "Bob"')),
        region=st.sampled_from((None, "eu", "jp")),
        addresses=some(SENDERS[:4], most=1),
        kind=st.sampled_from(ParticipantKind),
    )


def threads(conversation: ConversationId | None = None) -> st.SearchStrategy[ConversationThread]:
    """Draw that conversation, or any; mostly open, with up to three participants."""
    return st.builds(
        ConversationThread,
        st.sampled_from(CONVERSATIONS) if conversation is None else st.just(conversation),
        st.sampled_from(USE_CASES),
        some(ACCOUNTS, most=4).map(lambda accounts: tuple(Participant(one) for one in accounts)),
        mostly(st.just(ThreadState.OPEN), st.sampled_from(ThreadState), one_in=5),
        market=st.sampled_from((None, "jp", "de")),
        cc_seen=some(SENDERS, most=1).map(frozenset),
    )


def accounts(account: AccountId | None = None) -> st.SearchStrategy[Account]:
    """Draw that account, or any: mostly with an address of its own, sometimes with a shared one."""
    own = {one: SENDERS[number : number + 1] for number, one in enumerate(ACCOUNTS)}
    addresses = some(SENDERS[:4], most=2)
    return st.builds(
        Account,
        st.sampled_from(ACCOUNTS) if account is None else st.just(account),
        addresses if account is None else mostly(st.just(own[account]), addresses, one_in=4),
        mostly(st.just(frozenset[EmailAddress]()), some(SENDERS[:4], most=1).map(frozenset), one_in=4),
        _COMPANY,
        mostly(st.just(frozenset[AccountId]()), some(ACCOUNTS, most=2).map(frozenset), one_in=3),
    )


def tenures() -> st.SearchStrategy[AddressTenure]:
    """Stretches of time in which an address was an account's: current, past, given up for a reason."""
    return st.builds(
        AddressTenure,
        st.sampled_from(SENDERS),
        st.sampled_from(ACCOUNTS),
        moments(),
        st.none() | moments(),
        st.none() | st.sampled_from(GivenUp),
    )


def authors() -> st.SearchStrategy[Author]:
    """Accounts of every standing, and strangers; verified or not."""
    return st.one_of(
        st.builds(AccountAuthor, st.sampled_from(ACCOUNTS), st.sampled_from(Standing), verified=st.booleans()),
        st.builds(PeripheralAuthor, st.sampled_from(SENDERS), verified=st.booleans()),
    )


def applicants(*, authentication: Authentication | None = None) -> st.SearchStrategy[Applicant]:
    """Draw an author who does not take part and writes all the same: an admission policy decides on him."""
    return st.builds(
        Applicant,
        address=st.sampled_from(SENDERS),
        authentication=st.sampled_from(Authentication) if authentication is None else st.just(authentication),
        thread=threads(),
        accounts=some(ACCOUNTS, most=1),
        company_domains=_COMPANY,
    )
