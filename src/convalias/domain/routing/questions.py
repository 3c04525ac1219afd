"""Which facts a decision still lacks. The shell asks, the core says what."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from typing import Generic, TypeVar

from attrs import evolve, field, frozen

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.aliases.alias import AliasHandle, ConversationAlias, LegacyAlias
from convalias.domain.conversations.participants import Account, AddressTenure
from convalias.domain.conversations.threads import ConversationThread
from convalias.domain.ids import AccountId, ConversationId
from convalias.domain.inbound.held import Admits
from convalias.domain.mail.envelope import ClearFrom, InboundMail, MessageEnvelope
from convalias.domain.migration.rollout import Stage
from convalias.domain.routing.arrival import NamedConversations
from convalias.domain.routing.context import (
    Holders,
    HoldKey,
    ListKey,
    RoutingContext,
    SightingKey,
    SpeakerKey,
    SubjectsKey,
    TextKey,
    Witness,
)
from convalias.domain.routing.decision import route
from convalias.domain.routing.plan import Case, Decision
from convalias.domain.routing.policy import DEFAULT_POLICY, RoutingPolicy
from convalias.domain.routing.repeated_texts import text_key
from convalias.domain.routing.rulebook import RuleBook
from convalias.domain.routing.rules import RULES


@frozen(kw_only=True)
class Questions:
    """Open look-ups; each group is one batch call of one port. Falsy when nothing is open.

    Group for group what `context.Answers` answers: every key that is asked must be a key of the answer, or it stays
    open. A port that is away goes into `Answers.away` instead and is not asked again.
    """

    aliases: frozenset[AliasHandle] = frozenset()
    legacy: frozenset[EmailAddress] = frozenset()
    threads: frozenset[ConversationId] = frozenset()
    stages: frozenset[ConversationId] = frozenset()
    holders: frozenset[EmailAddress] = frozenset()
    accounts: frozenset[AccountId] = frozenset()
    tenures: frozenset[EmailAddress] = frozenset()
    sightings: frozenset[SightingKey] = frozenset()
    repeats: frozenset[TextKey] = frozenset()
    heard: frozenset[SpeakerKey] = frozenset()
    subjects: frozenset[SubjectsKey] = frozenset()
    traffic: frozenset[ConversationId] = frozenset()
    approvals: frozenset[HoldKey] = frozenset()
    lists: frozenset[ListKey] = frozenset()
    misses: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        """Whether anything is open."""
        return any(map(len, self.groups()))

    def groups(self) -> tuple[Collection[object], ...]:
        """All groups, in the order of the fields."""
        return (
            self.aliases,
            self.legacy,
            self.threads,
            self.stages,
            self.holders,
            self.accounts,
            self.tenures,
            self.sightings,
            self.repeats,
            self.heard,
            self.subjects,
            self.traffic,
            self.approvals,
            self.lists,
            self.misses,
        )


def questions(
    mail: InboundMail,
    known: RoutingContext,
    policy: RoutingPolicy = DEFAULT_POLICY,
    rules: RuleBook = RULES,
) -> Questions:
    """Return the questions to look up next.

    Empty after at most four rounds: the last asks only about what would be held.

    Found by deciding over what is known and noting which facts were missed; rules of one's own are heard too. So,
    once this is empty, further facts never change the plan: nobody looked at any. And what was answered is never
    asked again.
    """
    found = decide_or_ask(mail, known, policy, rules)
    return found if isinstance(found, Questions) else Questions()


def decide_or_ask(
    mail: InboundMail,
    known: RoutingContext,
    policy: RoutingPolicy = DEFAULT_POLICY,
    rules: RuleBook = RULES,
) -> Decision | Questions:
    """Decide a mail if nothing is lacking; otherwise return the questions to look up next.

    The decision is the one that `route` makes over `known`. Finding out that nothing is lacking has made it already,
    so the rules run once a round and not once more at the end.
    """
    if known.whole:
        return route(mail, known, policy, rules)
    noting = _Noting(known)
    decision = route(mail, noting.context, policy, rules)
    if isinstance(mail, MessageEnvelope):
        noting.look_ahead(mail, policy)
    lacking = noting.questions()
    # The case must hold the facts themselves: it is kept, explained and compared, and the notes are of this round.
    return lacking or evolve(decision, case=Case(mail, known, policy, rules))


K = TypeVar("K")
V = TypeVar("V")


@frozen(eq=False)
class _Noted(Mapping[K, V], Generic[K, V]):
    """A mapping that notes which keys were looked for in vain.

    Its parameters stand where it is declared, not where it is made: there they cost more than the object.
    """

    known: Mapping[K, V]
    missing: set[K] = field(factory=set[K])

    def __getitem__(self, key: K) -> V:
        try:
            return self.known[key]
        except KeyError:
            self.missing.add(key)
            raise

    def __iter__(self) -> Iterator[K]:
        return iter(self.known)

    def __len__(self) -> int:
        return len(self.known)


class _Noting:
    """A context of which every group notes what was missed."""

    def __init__(self, known: RoutingContext) -> None:
        self.aliases: _Noted[AliasHandle, ConversationAlias | None] = _Noted(known.aliases)
        self.legacy: _Noted[EmailAddress, LegacyAlias | None] = _Noted(known.legacy)
        self.threads: _Noted[ConversationId, ConversationThread | None] = _Noted(known.threads)
        self.stages: _Noted[ConversationId, Stage] = _Noted(known.stages)
        self.holders: _Noted[EmailAddress, Holders] = _Noted(known.holders)
        self.accounts: _Noted[AccountId, Account | None] = _Noted(known.accounts)
        self.tenures: _Noted[EmailAddress, tuple[AddressTenure, ...]] = _Noted(known.tenures)
        self.sightings: _Noted[SightingKey, frozenset[ConversationId]] = _Noted(known.sightings)
        self.repeats: _Noted[TextKey, int] = _Noted(known.repeats)
        self.heard: _Noted[SpeakerKey, datetime | None] = _Noted(known.heard)
        self.subjects: _Noted[SubjectsKey, frozenset[str]] = _Noted(known.subjects)
        self.traffic: _Noted[ConversationId, int] = _Noted(known.traffic)
        self.approvals: _Noted[HoldKey, Admits | None] = _Noted(known.approvals)
        self.lists: _Noted[ListKey, bool] = _Noted(known.lists)
        self.misses: _Noted[str, int] = _Noted(known.misses)
        self.context = evolve(
            known,
            aliases=self.aliases,
            legacy=self.legacy,
            threads=self.threads,
            stages=self.stages,
            holders=self.holders,
            accounts=self.accounts,
            tenures=self.tenures,
            sightings=self.sightings,
            repeats=self.repeats,
            heard=self.heard,
            subjects=self.subjects,
            traffic=self.traffic,
            approvals=self.approvals,
            lists=self.lists,
            misses=self.misses,
        )

    def look_ahead(self, mail: MessageEnvelope, policy: RoutingPolicy) -> None:
        """Ask along what the next round would: a round costs more than a fact that proves needless."""
        if self.aliases.missing or self.legacy.missing:
            _ = None in NamedConversations((*mail.to, *mail.cc), self.context)
        elif (self.threads.missing or self.stages.missing or self.holders.missing) and isinstance(
            mail.sender, ClearFrom
        ):
            sender = mail.sender.address
            self.holders.get(sender)
            self.sightings.get((mail.message_id, sender))
            if policy.loop_guard is not None:
                for conversation in self.threads.missing:
                    if (text := text_key(mail, conversation)) is not None:
                        self.repeats.get(text)
                    if policy.loop_guard.mails_an_hour is not None:
                        self.traffic.get(conversation)

    def questions(self) -> Questions:
        """What was missed, but for what only an absent witness could tell."""
        away = self.context.away
        legacy, identity = Witness.LEGACY not in away, Witness.IDENTITY not in away
        return Questions(
            aliases=frozenset(self.aliases.missing),
            legacy=frozenset(self.legacy.missing if legacy else ()),
            threads=frozenset(self.threads.missing),
            stages=frozenset(self.stages.missing),
            holders=frozenset(self.holders.missing if identity else ()),
            accounts=frozenset(self.accounts.missing if identity else ()),
            tenures=frozenset(self.tenures.missing if legacy else ()),
            sightings=frozenset(self.sightings.missing),
            repeats=frozenset(self.repeats.missing),
            heard=frozenset(self.heard.missing),
            subjects=frozenset(self.subjects.missing),
            traffic=frozenset(self.traffic.missing),
            approvals=frozenset(self.approvals.missing),
            lists=frozenset(self.lists.missing),
            misses=frozenset(self.misses.missing),
        )
