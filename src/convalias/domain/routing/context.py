"""Every fact a routing decision needs, already looked up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import Enum
from types import NoneType
from typing import TypeAlias, get_args

from attrs import evolve, field, frozen

from convalias.domain.addresses.email_address import EmailAddress, MailDomains
from convalias.domain.aliases.alias import AliasHandle, AliasKeys, ByName, ConversationAlias, LegacyAlias, Token
from convalias.domain.aliases.unwrapping import decode
from convalias.domain.conversations.participants import Account, AddressTenure, Speaker
from convalias.domain.conversations.threads import ConversationThread
from convalias.domain.expecting import check_fields, check_time, each, expect
from convalias.domain.ids import AccountId, ConversationId
from convalias.domain.inbound.held import Admits, HoldId
from convalias.domain.mail.message_id import MessageId
from convalias.domain.migration.rollout import Stage


class Witness(Enum):
    """A port that is asked for facts and may be away."""

    LEGACY = "legacy"
    IDENTITY = "identity"


@frozen
class Sighting:
    """A sighting: this sender has used this Message-ID in this conversation before."""

    message_id: MessageId
    sender: EmailAddress
    conversation: ConversationId

    __attrs_post_init__ = check_fields


@frozen
class Enrolment:
    """The stage a conversation is in: a flag's answer, not a part of the conversation. None told: legacy."""

    conversation: ConversationId
    stage: Stage

    __attrs_post_init__ = check_fields


@frozen
class Holders:
    """The holders of an address: its present accounts, and whether it has ever authenticated."""

    accounts: tuple[Account, ...] = ()
    authenticated_before: bool = False


Fact: TypeAlias = ConversationThread | Enrolment | ConversationAlias | LegacyAlias | Account | AddressTenure | Sighting


@frozen
class HoldKey:
    """The key of an approval: the mail as it would be held, and its sender (None: From is ambiguous)."""

    conversation: ConversationId
    hold: HoldId
    sender: EmailAddress | None
    content_digest: str = ""
    """Tells the held mail from another that borrows its Message-ID."""


SightingKey: TypeAlias = tuple[MessageId, EmailAddress]
TextKey: TypeAlias = tuple[ConversationId, EmailAddress, str]
"""Conversation, canonical sender and `MailContent.repeat_digest`."""
SubjectsKey: TypeAlias = tuple[ConversationId, MessageId]
"""A conversation, and the mail that is compared with those before it."""
ListKey: TypeAlias = tuple[ConversationId, str]
"""A conversation, and a List-Id in lower case."""
SpeakerKey: TypeAlias = tuple[ConversationId, Speaker]
"""A conversation, and somebody who writes to it."""


@frozen(kw_only=True)
class Answers:
    """Facts by what they are asked by. A missing key: not asked; an empty value: "there is none"."""

    aliases: Mapping[AliasHandle, ConversationAlias | None] = field(
        factory=dict[AliasHandle, "ConversationAlias | None"]
    )
    legacy: Mapping[EmailAddress, LegacyAlias | None] = field(factory=dict[EmailAddress, "LegacyAlias | None"])
    threads: Mapping[ConversationId, ConversationThread | None] = field(
        factory=dict[ConversationId, "ConversationThread | None"]
    )
    stages: Mapping[ConversationId, Stage] = field(factory=dict[ConversationId, Stage])
    """Of conversations that have legacy aliases."""
    holders: Mapping[EmailAddress, Holders] = field(factory=dict[EmailAddress, Holders])
    accounts: Mapping[AccountId, Account | None] = field(factory=dict[AccountId, "Account | None"])
    tenures: Mapping[EmailAddress, tuple[AddressTenure, ...]] = field(
        factory=dict[EmailAddress, tuple[AddressTenure, ...]]
    )
    sightings: Mapping[SightingKey, frozenset[ConversationId]] = field(
        factory=dict[SightingKey, frozenset[ConversationId]]
    )
    """In which conversations that sender has used that Message-ID."""
    repeats: Mapping[TextKey, int] = field(factory=dict[TextKey, int])
    """How many other mails of that sender with that text counted there within the hour before now."""
    heard: Mapping[SpeakerKey, datetime | None] = field(factory=dict[SpeakerKey, "datetime | None"])
    """When the newest message was added there, before now, that somebody else wrote. Asked only of short answers."""
    subjects: Mapping[SubjectsKey, frozenset[str]] = field(factory=dict[SubjectsKey, frozenset[str]])
    """The topics of other mails there, before now. Asked only of a mail that says nothing but its subject."""
    traffic: Mapping[ConversationId, int] = field(factory=dict[ConversationId, int])
    """How many other mails that conversation took within the hour before now."""
    approvals: Mapping[HoldKey, Admits | None] = field(factory=dict[HoldKey, "Admits | None"])
    """What participants let in: that mail, or whatever its address sends there. Asked only of what would be held."""
    lists: Mapping[ListKey, bool] = field(factory=dict[ListKey, bool])
    """Whether a participant let that mailing list in there. Asked only of what would be held for want of it."""
    misses: Mapping[str, int] = field(factory=dict[str, int])
    """How many addresses that are no alias a source, or all, tried within the hour before now. Asked only of strangers."""
    away: frozenset[Witness] = frozenset()
    """Who was asked and did not answer: unknown is not absent."""


@frozen(kw_only=True)
class RoutingContext(Answers):
    """All answers so far, and what was known without asking.

    `route` treats a fact that is missing as one that does not exist (it is total); `questions` tells the two apart.
    """

    now: datetime
    """When the mail was received; aware."""
    domains: MailDomains
    keys: AliasKeys | None = None
    """None: MACs of v3 aliases are not checked."""
    whole: bool = False
    """What is not here does not exist, so nothing need be asked."""

    def __attrs_post_init__(self) -> None:
        """Refuse a time without a zone. Facts are checked where a host makes them: a context is made anew at each look."""
        if type(self.now) is not datetime or self.now.tzinfo is None:
            check_time("RoutingContext.now", self.now)
        if type(self.domains) is not MailDomains:
            expect("RoutingContext.domains", self.domains, MailDomains, expected="a MailDomains")

    @classmethod
    def of(
        cls,
        *facts: Fact,
        now: datetime,
        domains: MailDomains,
        keys: AliasKeys | None = None,
        away: frozenset[Witness] = frozenset(),
    ) -> RoutingContext:
        """A whole small world, indexed: what is not among the facts does not exist. For tests, tools, examples."""
        for one in facts:
            expect(
                "fact", one, *get_args(Fact), expected="one of " + ", ".join(kind.__name__ for kind in get_args(Fact))
            )
        expect("keys", keys, AliasKeys, NoneType, expected="AliasKeys or None")
        each("away", away, Witness, expected="several Witness")
        accounts = [one for one in facts if isinstance(one, Account)]
        return cls(
            now=now,
            domains=domains,
            keys=keys,
            whole=True,
            away=away,
            aliases=alias_index(one for one in facts if isinstance(one, ConversationAlias)),
            legacy={one.address: one for one in facts if isinstance(one, LegacyAlias)},
            threads={one.id: one for one in facts if isinstance(one, ConversationThread)},
            stages={one.conversation: one.stage for one in facts if isinstance(one, Enrolment)},
            holders=holder_index(accounts),
            accounts={one.id: one for one in accounts},
            tenures=tenure_index(one for one in facts if isinstance(one, AddressTenure)),
            sightings=sighting_index(one for one in facts if isinstance(one, Sighting)),
        )

    def learning(self, answers: Answers) -> RoutingContext:
        """Return this context with further answers; of two answers to one question the later counts."""
        return evolve(
            self,
            aliases={**self.aliases, **answers.aliases},
            legacy={**self.legacy, **answers.legacy},
            threads={**self.threads, **answers.threads},
            stages={**self.stages, **answers.stages},
            holders={**self.holders, **answers.holders},
            accounts={**self.accounts, **answers.accounts},
            tenures={**self.tenures, **answers.tenures},
            sightings={**self.sightings, **answers.sightings},
            repeats={**self.repeats, **answers.repeats},
            heard={**self.heard, **answers.heard},
            subjects={**self.subjects, **answers.subjects},
            traffic={**self.traffic, **answers.traffic},
            approvals={**self.approvals, **answers.approvals},
            lists={**self.lists, **answers.lists},
            misses={**self.misses, **answers.misses},
            away=self.away | answers.away,
        )


def alias_index(aliases: Iterable[ConversationAlias]) -> dict[AliasHandle, ConversationAlias | None]:
    """Aliases by what they are looked up by: each by its address, a v3 alias by its token too.

    Of two that wear one token the first in canonical order has it; minting never makes two.
    """
    index: dict[AliasHandle, ConversationAlias | None] = {}
    for alias in sorted(aliases, key=lambda one: one.address.key):
        index[ByName(alias.address)] = alias
        match decode(alias.address):
            case Token() as token:
                index.setdefault(token, alias)
            case _:
                pass
    return index


def holder_index(accounts: Iterable[Account]) -> dict[EmailAddress, Holders]:
    """Index holders by address, with whether it has ever authenticated; accounts in the given order."""
    having: dict[EmailAddress, list[Account]] = {}
    passed: set[EmailAddress] = set()
    for account in accounts:
        for address in dict.fromkeys(account.addresses):
            having.setdefault(address, []).append(account)
        passed |= account.authenticates
    return {
        address: Holders(tuple(having.get(address, ())), authenticated_before=address in passed)
        for address in [*having, *sorted(passed.difference(having))]
    }


def tenure_index(tenures: Iterable[AddressTenure]) -> dict[EmailAddress, tuple[AddressTenure, ...]]:
    """The history of each address, in the given order."""
    index: dict[EmailAddress, list[AddressTenure]] = {}
    for one in tenures:
        index.setdefault(one.address, []).append(one)
    return {address: tuple(found) for address, found in index.items()}


def sighting_index(sightings: Iterable[Sighting]) -> dict[SightingKey, frozenset[ConversationId]]:
    """Index the conversations in which each sender has used each Message-ID."""
    index: dict[SightingKey, set[ConversationId]] = {}
    for one in sightings:
        index.setdefault((one.message_id, one.sender), set()).add(one.conversation)
    return {key: frozenset(found) for key, found in index.items()}
