"""Answer the core's questions: each group one batch call of one port, all groups at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Final, TypeAlias, TypeVar

from attrs import evolve, field, frozen

from convalias.domain.addresses.email_address import EmailAddress, MailDomains
from convalias.domain.addresses.vouching import vouching_domains
from convalias.domain.aliases.alias import AliasKeys, LegacyAlias
from convalias.domain.conversations.participants import Account, AddressTenure
from convalias.domain.ids import AccountId, ConversationId
from convalias.domain.inbound.held import Admits
from convalias.domain.mail.envelope import ClearFrom, InboundMail, MessageEnvelope
from convalias.domain.migration.rollout import Axis, Stage
from convalias.domain.routing.context import (
    Answers,
    Holders,
    HoldKey,
    ListKey,
    RoutingContext,
    SpeakerKey,
    SubjectsKey,
    TextKey,
    Witness,
)
from convalias.domain.routing.earlier_subjects import topics_of
from convalias.domain.routing.misses import IN_ALL
from convalias.domain.routing.plan import Decision
from convalias.domain.routing.policy import RoutingPolicy
from convalias.domain.routing.questions import Questions, decide_or_ask
from convalias.domain.routing.repeated_texts import heard_at
from convalias.domain.routing.rulebook import RuleBook
from convalias.domain.routing.rules import RULES
from convalias.ports.errors import Unavailable
from convalias.ports.legacy import LegacyRelay
from convalias.ports.people import IdentityDirectory
from convalias.services.conversations.stages import Stages, stage_of
from convalias.services.running.outages import leaves, outage_in
from convalias.services.running.task_group import TaskGroup
from convalias.stores.aliases.aliases import Aliases
from convalias.stores.approvals.holds import Holds
from convalias.stores.conversations.access import ConversationAccess
from convalias.stores.encoding import digest
from convalias.stores.inbound.mails import InboundRecords
from convalias.stores.inbound.misses import Misses
from convalias.stores.inbound.traffic import Traffic

ROUNDS: Final = 8
"""The core needs three; more would be a fault of the core, and an endless loop is worse than an error."""
LAST_HEARD: Final = 20
"""So many events of a conversation are looked at for the message that a short mail answers."""
SUBJECTS: Final = 100
"""So many events at the beginning of a conversation, and at its end, are looked at for their subjects."""
ANSWER_WITHIN: Final = timedelta(seconds=10)

LegacyFacts: TypeAlias = tuple[
    Mapping[EmailAddress, LegacyAlias | None], Mapping[EmailAddress, tuple[AddressTenure, ...]], frozenset[Witness]
]
PeopleFacts: TypeAlias = tuple[Mapping[EmailAddress, Holders], Mapping[AccountId, Account | None], frozenset[Witness]]
PeopleAsked: TypeAlias = tuple[
    Mapping[EmailAddress, tuple[Account, ...]], frozenset[EmailAddress], Mapping[AccountId, Account]
]
Counts: TypeAlias = tuple[Mapping[TextKey, int], Mapping[ConversationId, int]]
_NO_LEGACY: Final[LegacyFacts] = ({}, {}, frozenset())
_NO_PEOPLE: Final[PeopleFacts] = ({}, {}, frozenset())
_NO_COUNTS: Final[Counts] = ({}, {})

K = TypeVar("K")
V = TypeVar("V")


def _no_outages() -> dict[Witness, Unavailable]:
    return {}


@frozen(kw_only=True)
class FactFinder:
    """Looks up what a decision asks for. A witness that is away ends up in `away`, never as "unknown"."""

    domains: MailDomains
    aliases: Aliases
    conversations: ConversationAccess
    sightings: InboundRecords
    identities: IdentityDirectory
    legacy: LegacyRelay | None
    stages: Stages
    traffic: Traffic | None = None
    """None: a policy with a loop guard finds that nothing was there before."""
    approvals: Holds | None = None
    """None: nobody ever lets anything in."""
    misses: Misses | None = None
    """None: nobody who guesses aliases is turned away."""
    keys: AliasKeys | None = None
    within: timedelta = ANSWER_WITHIN
    _outages: dict[Witness, Unavailable] = field(factory=_no_outages, init=False, repr=False, eq=False)

    def outage_of(self, witness: Witness) -> Unavailable:
        """Return the outage that a port raised when it was last asked, by the name that its adapter gives it."""
        return self._outages.get(witness) or Unavailable(witness.value)

    async def decision(
        self,
        mail: InboundMail,
        policy: RoutingPolicy,
        *,
        now: datetime,
        rules: RuleBook = RULES,
        stages: Mapping[ConversationId, Stage] | None = None,
    ) -> Decision:
        """Decide a mail: ask until nothing is open. `stages` are known, and not asked.

        Raises `Unavailable` when our stores are away.
        """
        context = RoutingContext(now=now, domains=self.domains, keys=self.keys, stages=stages or {})
        name = mail_name(mail)
        for _ in range(ROUNDS):
            found = decide_or_ask(mail, context, policy, rules)
            if not isinstance(found, Questions):
                return found
            context = context.learning(await self.answer(found, now=now, name=name))
        raise RuntimeError("the core keeps asking")

    async def answer(self, asked: Questions, *, now: datetime, name: str = "") -> Answers:
        """All groups at once; within a bound. `now`: when the mail was received, `name`: by what it is counted."""
        try:
            async with asyncio.timeout(self.within.total_seconds()):
                return await self._answer(asked, now, name)
        except TimeoutError as late:
            raise Unavailable("facts", retry_after=self.within) from late
        except ExceptionGroup as failed:
            if (away := outage_in(failed)) is not None:
                raise away from failed
            raise

    async def _answer(self, asked: Questions, now: datetime, name: str) -> Answers:
        async with TaskGroup() as group:
            aliases = _begun(group, asked.aliases, self.aliases.find)
            threads = _begun(group, asked.threads, self.conversations.threads)
            stages = _begun(group, asked.stages, self._stages)
            sightings = _begun(group, asked.sightings, partial(self.sightings.sightings, before=now))
            approvals = _begun(group, asked.approvals, self._approvals)
            lists = _begun(group, asked.lists, self._lists)
            misses = _begun(group, asked.misses, partial(self._misses, before=now))
            legacy = group.create_task(self._legacy(asked)) if asked.legacy or asked.tenures else None
            people = group.create_task(self._people(asked)) if asked.holders or asked.accounts else None
            heard = _begun(group, asked.heard, partial(self._heard, before=now))
            subjects = _begun(group, asked.subjects, partial(self._subjects, before=now))
            counts = group.create_task(self._counts(asked, now, name)) if asked.repeats or asked.traffic else None
        repeats, traffic = _NO_COUNTS if counts is None else counts.result()
        known_legacy, tenures, legacy_away = _NO_LEGACY if legacy is None else legacy.result()
        holders, accounts, people_away = _NO_PEOPLE if people is None else people.result()
        known_aliases, known_threads = aliases(), threads()
        return Answers(
            aliases={handle: known_aliases.get(handle) for handle in asked.aliases},
            threads={one: known_threads.get(one) for one in asked.threads},
            stages=stages(),
            sightings=sightings(),
            repeats=repeats,
            heard=heard(),
            subjects=subjects(),
            traffic=traffic,
            approvals=approvals(),
            lists=lists(),
            misses=misses(),
            legacy=known_legacy,
            tenures=tenures,
            holders=holders,
            accounts=accounts,
            away=legacy_away | people_away,
        )

    async def _stages(self, ids: Collection[ConversationId]) -> Mapping[ConversationId, Stage]:
        threads = await self.conversations.threads(ids)
        assigned = await self.stages.of(threads.values(), Axis.INBOUND)
        return {one: stage_of(assigned[one]) if one in assigned else self.stages.unset for one in ids}

    async def _approvals(self, asked: Collection[HoldKey]) -> Mapping[HoldKey, Admits | None]:
        return dict.fromkeys(asked) if self.approvals is None else await self.approvals.approvals(asked)

    async def _lists(self, asked: Collection[ListKey]) -> Mapping[ListKey, bool]:
        return dict.fromkeys(asked, False) if self.approvals is None else await self.approvals.lists(asked)

    async def _misses(self, asked: Collection[str], *, before: datetime) -> Mapping[str, int]:
        if self.misses is None:
            return dict.fromkeys(asked, 0)
        return await self.misses.counts(asked, before=before, most=IN_ALL + 1)

    async def _heard(self, asked: Collection[SpeakerKey], *, before: datetime) -> Mapping[SpeakerKey, datetime | None]:
        """Look among the last events only: of an older message nothing follows."""
        found: dict[SpeakerKey, datetime | None] = {}
        for conversation, who in sorted(asked, key=str):
            events = await self.conversations.ends(conversation, first=0, last=LAST_HEARD)
            found[conversation, who] = heard_at(events, besides=who, before=before)
        return found

    async def _subjects(
        self, asked: Collection[SubjectsKey], *, before: datetime
    ) -> Mapping[SubjectsKey, frozenset[str]]:
        """Look among the first events, where subjects are set, and the last."""
        found: dict[SubjectsKey, frozenset[str]] = {}
        for conversation, mail in sorted(asked, key=str):
            events = await self.conversations.ends(conversation, first=SUBJECTS, last=SUBJECTS)
            found[conversation, mail] = topics_of(events, besides=mail, before=before)
        return found

    async def _counts(self, asked: Questions, now: datetime, name: str) -> Counts:
        if self.traffic is None:
            return dict.fromkeys(asked.repeats, 0), dict.fromkeys(asked.traffic, 0)
        repeats = await _if(asked.repeats, partial(self.traffic.repeats, before=now, besides=name))
        return repeats, await _if(asked.traffic, partial(self.traffic.traffic, before=now, besides=name))

    async def _legacy(self, asked: Questions) -> LegacyFacts:
        """Legacy aliases and the history of addresses; without a legacy relay there are none of either."""
        if self.legacy is None:
            return dict.fromkeys(asked.legacy), dict.fromkeys(asked.tenures, ()), frozenset()
        try:
            known = await _if(asked.legacy, self.legacy.aliases)
            tenures = await _if(asked.tenures, self.legacy.tenures)
        except Unavailable as away:
            self._outages[Witness.LEGACY] = away
            return {}, {}, frozenset({Witness.LEGACY})
        return (
            {one: known.get(one) for one in asked.legacy},
            {one: tenures.get(one, ()) for one in asked.tenures},
            frozenset(),
        )

    async def _people(self, asked: Questions) -> PeopleFacts:
        try:
            at, passed, accounts = await self._asked_people(asked)
        except Unavailable as away:
            self._outages[Witness.IDENTITY] = away
            return {}, {}, frozenset({Witness.IDENTITY})
        holders = {
            address: Holders(at.get(address, ()), authenticated_before=address in passed) for address in asked.holders
        }
        return holders, {one: _vouching(accounts.get(one)) for one in asked.accounts}, frozenset()

    async def _asked_people(self, asked: Questions) -> PeopleAsked:
        """Ask the directory all at once: no answer depends on another. Raises `Unavailable` if that is all that failed."""
        if not asked.holders:
            return {}, frozenset(), await self.identities.get(asked.accounts)
        try:
            async with TaskGroup() as group:
                at = group.create_task(_if(asked.holders, self.identities.at))
                passed = group.create_task(self._passed(asked.holders))
                accounts = await _if(asked.accounts, self.identities.get)
        except ExceptionGroup as failed:
            outages, others = failed.split(Unavailable)
            if outages is None or others is not None:
                raise
            raise next(leaves(outages)) from failed
        return at.result(), passed.result(), accounts

    async def _passed(self, addresses: Collection[EmailAddress]) -> frozenset[EmailAddress]:
        return await self.identities.authenticated(addresses)


def _begun(
    group: TaskGroup, asked: Collection[K], call: Callable[[Collection[K]], Awaitable[Mapping[K, V]]]
) -> Callable[[], Mapping[K, V]]:
    """Its result, once the group has ended. A task costs more than most answers from memory: none for nothing."""
    return group.create_task(_if(asked, call)).result if asked else dict


def _vouching(account: Account | None) -> Account | None:
    """With no company domain where anybody can get a mailbox, whatever a directory says: it vouches for nobody."""
    if account is None or not account.company_domains:
        return account
    return evolve(account, company_domains=vouching_domains(account.company_domains))


async def _if(asked: Collection[K], call: Callable[[Collection[K]], Awaitable[Mapping[K, V]]]) -> Mapping[K, V]:
    """Nothing asked, nobody called."""
    return await call(asked) if asked else {}


def mail_name(mail: InboundMail) -> str:
    """Return the digest by which a mail is counted once, whatever number of posts brings it."""
    message_id = mail.message_id
    if not isinstance(mail, MessageEnvelope) or not isinstance(mail.sender, ClearFrom) or message_id is None:
        return ""
    return digest(mail.sender.address.key, message_id.value)
