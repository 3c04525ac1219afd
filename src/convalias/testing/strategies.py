"""Hypothesis strategies for mails and the small worlds they arrive in: what laws about routing are tried on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar

from attrs import frozen
from hypothesis import strategies as st

from convalias.domain.addresses import EmailAddress, MailDomains
from convalias.domain.admitting import FREE, LIGHT, STRICT, Applicant
from convalias.domain.aliases import ConversationAlias, LegacyAlias
from convalias.domain.automation import MailClass
from convalias.domain.context import Enrolment, Fact, RoutingContext, Sighting, Witness
from convalias.domain.dedup import MessageId
from convalias.domain.envelope import (
    NULL_RETURN_PATH,
    AmbiguousFrom,
    ClearFrom,
    From,
    InboundMail,
    MailContent,
    MessageEnvelope,
    Oddity,
    ReturnPath,
    UnreadableMail,
)
from convalias.domain.evidence import Authentication, Dmarc, DmarcPolicy, SenderEvidence
from convalias.domain.ids import AccountId, ConversationId, UseCase
from convalias.domain.participants import Account, AddressTenure, GivenUp, Participant
from convalias.domain.policy import BlockedSenders, RoutingPolicy, SenderTrust
from convalias.domain.rollout import Stage
from convalias.domain.threads import ConversationThread, ThreadState

NOW: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
DOMAINS: Final = MailDomains({"reply.example", "talk.example"}, {"relay.example"})
ACCOUNTS: Final = tuple(AccountId(f"a{number}") for number in range(4))
CONVERSATIONS: Final = tuple(ConversationId(f"c{number}") for number in range(3))
SENDERS: Final = tuple(
    EmailAddress.parse(text)
    for text in ("ann@home.example", "bob@corp.example", "eve@corp.example", "bot@list.example", "loop@reply.example")
)
ALIASES: Final = tuple(
    EmailAddress.parse(text)
    for text in (
        *(f"ann-1ab131e{number}@reply.example" for number in range(4)),
        "bob-0123456789abcdefg@reply.example",
        "bob-0123456789abcdefh@talk.example",
        "1ab131e2-9b14-4a49-93bc-56cb01e413a6@talk.example",
    )
)
LEGACY: Final = tuple(EmailAddress.parse(f"x{number}@relay.example") for number in range(4))
ELSEWHERE: Final = EmailAddress.parse("team@else.example")

T = TypeVar("T")


@frozen
class Exchange:
    """A mail, and everything that is known when it arrives."""

    mail: InboundMail
    context: RoutingContext


def _some(values: tuple[T, ...], *, most: int = 3) -> st.SearchStrategy[tuple[T, ...]]:
    """A few of these, each once."""
    return st.lists(st.sampled_from(values), max_size=most, unique=True).map(tuple)


def _moments() -> st.SearchStrategy[datetime]:
    """Around now, and now itself."""
    days = st.sampled_from((-500, -366, -365, -2, -1, 0, 1, 30))
    return st.builds(_after, days, st.sampled_from((-1, 0, 1)))


def _after(days: int, seconds: int) -> datetime:
    return NOW + timedelta(days, seconds)


def evidences() -> st.SearchStrategy[SenderEvidence]:
    """Every result, every policy."""
    policies = st.none() | st.sampled_from(DmarcPolicy)
    flags = st.booleans()
    return st.builds(SenderEvidence, st.sampled_from(Dmarc), policies, spf_aligned=flags, dkim_aligned=flags)


def policies() -> st.SearchStrategy[RoutingPolicy]:
    """The admission policies of the library under every sender trust."""
    return st.builds(
        RoutingPolicy,
        admission=st.sampled_from((FREE, LIGHT, STRICT)),
        sender_trust=st.sampled_from(SenderTrust),
        blocked=st.builds(BlockedSenders, _some(SENDERS, most=1), st.sampled_from(((), (), ("list.example",)))),
        historical_days=st.sampled_from((0, 30, 365)),
    )


def threads(conversation: ConversationId) -> st.SearchStrategy[ConversationThread]:
    """That conversation, mostly open."""
    return st.builds(
        ConversationThread,
        st.just(conversation),
        st.sampled_from((UseCase("apply"), UseCase("sourcing"))),
        _some(ACCOUNTS).map(lambda accounts: tuple(Participant(one) for one in accounts)),
        st.sampled_from((ThreadState.OPEN, ThreadState.OPEN, ThreadState.OPEN, *ThreadState)),
        cc_seen=_some(SENDERS, most=1).map(frozenset),
    )


def accounts(account: AccountId) -> st.SearchStrategy[Account]:
    """That account, with addresses it may share."""
    return st.builds(
        Account,
        st.just(account),
        _some(SENDERS[:4], most=2),
        _some(SENDERS[:4], most=1).map(frozenset),
        st.sampled_from((frozenset[str](), frozenset({"corp.example"}))),
        _some(ACCOUNTS, most=2).map(frozenset),
    )


@st.composite
def contexts(draw: st.DrawFn) -> RoutingContext:
    """A whole small world."""
    facts: list[Fact] = [draw(threads(one)) for one in CONVERSATIONS]
    facts += [draw(accounts(one)) for one in draw(_some(ACCOUNTS, most=4))]
    facts += [Enrolment(one, draw(st.sampled_from(Stage))) for one in CONVERSATIONS]
    some_time = st.none() | _moments()
    facts += [
        ConversationAlias(
            address=address,
            conversation=draw(st.sampled_from(CONVERSATIONS)),
            stands_for=draw(st.sampled_from(ACCOUNTS)),
            expires_at=draw(some_time),
            revoked_at=draw(st.none() | st.none() | _moments()),
        )
        for address in draw(_some(ALIASES, most=len(ALIASES)))
    ]
    places = st.none() | st.sampled_from(CONVERSATIONS)
    facts += [LegacyAlias(address, draw(places)) for address in draw(_some(LEGACY, most=4))]
    tenures = st.builds(
        AddressTenure,
        st.sampled_from(SENDERS),
        st.sampled_from(ACCOUNTS),
        _moments(),
        some_time,
        st.none() | st.sampled_from(GivenUp),
    )
    facts += draw(st.lists(tenures, max_size=3))
    seen = st.builds(Sighting, _message_ids(), st.sampled_from(SENDERS), st.sampled_from(CONVERSATIONS))
    facts += draw(st.lists(seen, max_size=2))
    away = draw(st.sampled_from((frozenset[Witness](), frozenset[Witness](), *map(_only, Witness))))
    return RoutingContext.of(*facts, now=NOW, domains=DOMAINS, away=away)


def _only(witness: Witness) -> frozenset[Witness]:
    return frozenset({witness})


def _message_ids() -> st.SearchStrategy[MessageId]:
    return st.sampled_from((MessageId(b"1@corp.example"), MessageId(b"2@corp.example")))


def arrivals() -> st.SearchStrategy[EmailAddress]:
    """Addresses to send to: ours as listed, renamed, wrapped, unknown, and somebody else's."""
    listed = st.sampled_from((*ALIASES, *LEGACY))
    return st.one_of(
        listed,
        listed,
        st.builds(_wrapped, listed, st.sampled_from(("{}+tag@{}", "prvs=0123abcdef={}@{}", "btv1==00==ab=={}+x+y@{}"))),
        st.sampled_from(("other-0123456789abcdefg@reply.example", "nobody@talk.example")).map(EmailAddress.parse),
        st.just(ELSEWHERE),
    )


def _wrapped(address: EmailAddress, form: str) -> EmailAddress:
    return EmailAddress.parse(form.format(address.local, address.domain))


def froms() -> st.SearchStrategy[From]:
    """Mostly clear."""
    clear = st.sampled_from(SENDERS).map(ClearFrom)
    return st.one_of(clear, clear, clear, _some(SENDERS, most=2).map(lambda some: AmbiguousFrom(frozenset(some))))


@st.composite
def mails(draw: st.DrawFn) -> InboundMail:
    """One mail as one source posted it; a few over a limit of the reader."""
    recipients = tuple(draw(st.lists(arrivals(), max_size=4)))
    fields = st.lists(arrivals(), max_size=2).map(tuple)
    return_path = draw(st.sampled_from((None, *SENDERS, NULL_RETURN_PATH)))
    if draw(st.integers(0, 19)) == 0:
        return _unreadable(recipients, draw(fields), return_path)
    return MessageEnvelope(
        sender=draw(froms()),
        message_id=draw(_message_ids()),
        received_at=NOW,
        recipients=recipients,
        return_path=return_path,
        to=draw(fields),
        cc=draw(fields),
        date=draw(st.none() | _moments()),
        mail_class=draw(st.sampled_from((MailClass.HUMAN, MailClass.HUMAN, MailClass.HUMAN, *MailClass))),
        evidence=draw(evidences()),
        spam=draw(st.sampled_from((False, False, False, True))),
        oddities=draw(st.sampled_from((frozenset[Oddity](), frozenset[Oddity](), frozenset(Oddity)))),
        content=MailContent(text="Hello", empty=draw(st.sampled_from((False, False, False, True)))),
    )


def _unreadable(
    recipients: tuple[EmailAddress, ...], fields: tuple[EmailAddress, ...], return_path: ReturnPath
) -> UnreadableMail:
    return UnreadableMail(
        limit="parts",
        found=1001,
        received_at=NOW,
        recipients=recipients,
        header_recipients=fields,
        return_path=return_path,
    )


def exchanges() -> st.SearchStrategy[Exchange]:
    """A mail and the world that it arrives in."""
    return st.builds(Exchange, mails(), contexts())


def applicants() -> st.SearchStrategy[Applicant]:
    """Somebody who does not take part and writes all the same."""
    return st.builds(
        Applicant,
        address=st.sampled_from(SENDERS),
        authentication=st.sampled_from(Authentication),
        thread=st.sampled_from(CONVERSATIONS).flatmap(threads),
        accounts=_some(ACCOUNTS, most=1),
        company_domains=st.sampled_from((frozenset[str](), frozenset({"corp.example"}))),
    )
