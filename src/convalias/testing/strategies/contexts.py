"""Contexts of an arriving mail, and the mail with it: the small worlds that laws of routing are tried on."""

from __future__ import annotations

from typing import Final

from attrs import evolve, frozen
from hypothesis import strategies as st

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.aliases.alias import ConversationAlias, LegacyAlias
from convalias.domain.conversations.participants import Speaker
from convalias.domain.mail.envelope import InboundMail, MessageEnvelope
from convalias.domain.migration.rollout import WHOLE, Rollout, Stage
from convalias.domain.routing.admission import FREE, LIGHT, STRICT, Admission
from convalias.domain.routing.context import Enrolment, Fact, RoutingContext, Sighting, Witness
from convalias.domain.routing.decision import route
from convalias.domain.routing.plan import Decision, RoutingPlan, TryAgain
from convalias.domain.routing.policy import DEFAULT_POLICY, BlockedSenders, LoopGuard, RoutingPolicy, SenderTrust
from convalias.domain.routing.rulebook import RuleBook
from convalias.domain.routing.rules import RULES
from convalias.testing.strategies.addresses import message_ids
from convalias.testing.strategies.mails import envelopes, mails
from convalias.testing.strategies.people import accounts, tenures, threads
from convalias.testing.strategies.places import (
    ACCOUNTS,
    ALIASES,
    CONVERSATIONS,
    DOMAINS,
    LEGACY,
    NOW,
    SENDERS,
    USE_CASES,
    moments,
    mostly,
    some,
)


@frozen
class Exchange:
    """A mail, and everything that is known when it arrives."""

    mail: InboundMail
    context: RoutingContext


def admissions() -> st.SearchStrategy[Admission]:
    """The admission policies of the library."""
    return st.sampled_from((LIGHT, FREE, STRICT))


def policies() -> st.SearchStrategy[RoutingPolicy]:
    """The admission policies of the library under every sender trust, with and without blocked senders."""
    return st.builds(
        RoutingPolicy,
        admission=admissions(),
        sender_trust=st.sampled_from(SenderTrust),
        blocked=blocked_senders(),
        historical_days=st.sampled_from((365, 30, 0)),
        loop_guard=st.sampled_from((None, None, LoopGuard(), LoopGuard(mails_an_hour=1))),
    )


def blocked_senders() -> st.SearchStrategy[BlockedSenders]:
    """Draw blocked senders: nobody, one address, one domain, or both."""
    nobody: tuple[str, ...] = ()
    return st.builds(
        BlockedSenders,
        mostly(st.just(SENDERS[:0]), some(SENDERS, least=1, most=1)),
        mostly(st.just(nobody), st.just(("list.example",))),
    )


def enrolments() -> st.SearchStrategy[Enrolment]:
    """The stage that a conversation is in."""
    return st.builds(Enrolment, st.sampled_from(CONVERSATIONS), st.sampled_from(Stage))


def rollouts() -> st.SearchStrategy[Rollout]:
    """The stage of a use case, the share of conversations that are in it, and the stage of all others."""
    return st.builds(
        Rollout,
        st.sampled_from(USE_CASES),
        st.sampled_from(Stage),
        st.integers(0, WHOLE),
        st.sampled_from(("", "salt")),
        floor=st.sampled_from(Stage),
    )


def sightings() -> st.SearchStrategy[Sighting]:
    """A sender's earlier use of a Message-ID."""
    return st.builds(Sighting, message_ids(), st.sampled_from(SENDERS), st.sampled_from(CONVERSATIONS))


_THREADS: Final = tuple(threads(one) for one in CONVERSATIONS)
_ACCOUNTS: Final = {one: accounts(one) for one in ACCOUNTS}
# Mostly everybody is known and most aliases live, or hardly a mail would come further than its first rule.
_SOME_ACCOUNTS: Final = st.sampled_from(((), ACCOUNTS[:2], ACCOUNTS, ACCOUNTS, ACCOUNTS))
_STAGES: Final = st.sampled_from(Stage)
_CONVERSATIONS: Final = st.sampled_from(CONVERSATIONS)
_SOME_CONVERSATION: Final = st.sampled_from((*CONVERSATIONS, None))
_STANDS_FOR: Final = st.sampled_from(ACCOUNTS)
_SOME_ALIASES: Final = st.sampled_from((ALIASES[:1], ALIASES[:3], ALIASES))
_SOME_LEGACY: Final = some(LEGACY, most=4)
_SELDOM: Final = mostly(st.none(), moments())
_HISTORY: Final = st.lists(tenures(), max_size=3)
_SEEN: Final = st.lists(sightings(), max_size=2)
_NOBODY: Final = frozenset[Witness]()
_AWAY: Final = mostly(st.just(_NOBODY), st.sampled_from(tuple(frozenset({one}) for one in Witness)))
_REPEATS: Final = st.dictionaries(
    st.tuples(_CONVERSATIONS, st.sampled_from(SENDERS), st.just("0a")), st.integers(0, 3), max_size=1
)
_SUBJECTS: Final = st.dictionaries(
    st.tuples(_CONVERSATIONS, message_ids()), st.sampled_from((frozenset({"hello"}), frozenset[str]())), max_size=2
)
_SPEAKERS: Final[st.SearchStrategy[Speaker]] = st.sampled_from(ACCOUNTS) | st.sampled_from(SENDERS)
_HEARD: Final = st.dictionaries(st.tuples(_CONVERSATIONS, _SPEAKERS), st.none() | moments(), max_size=2)
_TRAFFIC: Final = st.dictionaries(_CONVERSATIONS, st.integers(0, 2), max_size=1)


@st.composite
def contexts(draw: st.DrawFn) -> RoutingContext:
    """A whole small world: what is not in it does not exist."""
    facts: list[Fact] = [draw(one) for one in _THREADS]
    facts += [draw(_ACCOUNTS[one]) for one in draw(_SOME_ACCOUNTS)]
    facts += [Enrolment(one, draw(_STAGES)) for one in CONVERSATIONS]
    facts += [_alias(draw, address) for address in draw(_SOME_ALIASES)]
    facts += [LegacyAlias(address, draw(_SOME_CONVERSATION)) for address in draw(_SOME_LEGACY)]
    facts += draw(_HISTORY)
    facts += draw(_SEEN)
    whole = RoutingContext.of(*facts, now=NOW, domains=DOMAINS, away=draw(_AWAY))
    return evolve(whole, repeats=draw(_REPEATS), heard=draw(_HEARD), subjects=draw(_SUBJECTS), traffic=draw(_TRAFFIC))


def _alias(draw: st.DrawFn, address: EmailAddress) -> ConversationAlias:
    return ConversationAlias(
        address=address,
        conversation=draw(_CONVERSATIONS),
        stands_for=draw(_STANDS_FOR),
        expires_at=draw(_SELDOM),
        revoked_at=draw(_SELDOM),
    )


_CONTEXTS: Final = contexts()


@st.composite
def exchanges(draw: st.DrawFn) -> Exchange:
    """A mail and the world that it arrives in; it mostly goes to addresses that this world lists."""
    context = draw(_CONTEXTS)
    return Exchange(draw(mails(_listed(context))), context)


def _listed(context: RoutingContext) -> tuple[EmailAddress, ...]:
    aliases = (alias.address for alias in context.aliases.values() if alias is not None)
    return tuple(sorted({*aliases, *context.legacy})) or (*ALIASES, *LEGACY)


def decisions(policy: RoutingPolicy = DEFAULT_POLICY, rules: RuleBook = RULES) -> st.SearchStrategy[Decision]:
    """Draw what `route` makes of drawn exchanges: plans, and refusals to guess."""
    return exchanges().map(lambda one: route(one.mail, one.context, policy, rules))


def plans() -> st.SearchStrategy[RoutingPlan]:
    """Plans of the library's own policy and rules: of worlds in which everybody answers."""
    return st.builds(_decided, mails(), contexts())


def _decided(mail: InboundMail, context: RoutingContext) -> RoutingPlan:
    decision = route(mail, evolve(context, away=frozenset()))
    assert isinstance(decision, RoutingPlan)  # noqa: S101 - nobody is away, so nobody is waited for
    return decision


def waits() -> st.SearchStrategy[TryAgain]:
    """Decisions put off: mails to a legacy address while the legacy relay does not answer."""
    return st.builds(_put_off, envelopes(), contexts())


def _put_off(mail: MessageEnvelope, context: RoutingContext) -> TryAgain:
    decision = route(evolve(mail, recipients=LEGACY[:1]), evolve(context, away=frozenset({Witness.LEGACY})))
    assert isinstance(decision, TryAgain)  # noqa: S101 - unknown is not absent
    return decision
