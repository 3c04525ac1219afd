"""One case of the check, told once and built twice: as values of the library, and as the model's world and facts."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property
from typing import Any

from convalias.domain.addresses.email_address import EmailAddress, MailDomains
from convalias.domain.aliases.alias import AliasKey, AliasKeys, ConversationAlias, LegacyAlias
from convalias.domain.conversations.participants import Account, AddressTenure, GivenUp, Participant
from convalias.domain.conversations.threads import ConversationThread, ThreadState
from convalias.domain.ids import AccountId, ConversationId, UseCase
from convalias.domain.mail.authentication import Dmarc, DmarcPolicy, SenderEvidence
from convalias.domain.mail.automation import MailClass
from convalias.domain.mail.envelope import (
    NULL_RETURN_PATH,
    AmbiguousFrom,
    ClearFrom,
    InboundMail,
    MailContent,
    MessageEnvelope,
    Oddity,
    ReturnPath,
    UnreadableMail,
)
from convalias.domain.mail.message_id import MessageId
from convalias.domain.migration.rollout import Stage
from convalias.domain.routing.admission import FREE, LIGHT, STRICT
from convalias.domain.routing.context import Enrolment, RoutingContext, Sighting, Witness
from convalias.domain.routing.policy import BlockedSenders, RoutingPolicy, SenderTrust
from doors import naive_mail as marks
from doors.naive import Plan, expected
from doors.naive_mail import MailFacts

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
JOHN, MARY, CLIENT, STRANGER = "john@home.example", "mary@corp.example", "cli@client.example", "who@else.example"
TEAM = "team@third.example"
ALIAS_DOMAIN, LEGACY_DOMAIN = "reply.example", "relay.example"
SECRET, SECRET_TEXT = b"0123456789abcdef", "MDEyMzQ1Njc4OWFiY2RlZg=="
NO_MAC_OF_OURS = "0bcdfghjkmn7q2w9y"
"""Shaped like a token; its MAC is not what the one key makes of it."""

_DOMAINS = MailDomains({ALIAS_DOMAIN}, {LEGACY_DOMAIN})
_KEYS = AliasKeys([AliasKey(0, SECRET)])
_ADMISSIONS = {one.name: one for one in (FREE, LIGHT, STRICT)}
_MARKS = {
    MailClass.OWN: {marks.OWN_FIELD},
    MailClass.COMPLAINT: {marks.COMPLAINT},
    MailClass.READ_RECEIPT: {marks.READ_RECEIPT},
    MailClass.BOUNCE: {marks.BOUNCE},
    MailClass.OUT_OF_OFFICE: {marks.AUTO_REPLY, marks.AWAY_SUBJECT},
    MailClass.AUTO_REPLY: {marks.AUTO_REPLY},
    MailClass.AUTO_GENERATED: {marks.AUTO_GENERATED},
    MailClass.BULK: {marks.BULK},
    MailClass.CALENDAR: {marks.CALENDAR},
    MailClass.REACTION: {marks.REACTION},
    MailClass.HUMAN: set[str](),
}


@cache
def at(text: str) -> EmailAddress:
    """That address, parsed once."""
    return EmailAddress.parse(text)


@dataclass(frozen=True, slots=True)
class Talk:
    """A conversation."""

    id: str
    accounts: tuple[str, ...] = ("a1",)
    state: str = "open"
    stage: str = "parallel"
    cc_seen: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Listing:
    """An alias of a conversation, or a legacy alias, of a conversation or of none."""

    address: str
    conversation: str | None
    legacy: bool = False
    expires: datetime | None = None
    revoked: datetime | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """An account of the directory."""

    id: str
    addresses: tuple[str, ...] = ()
    authenticates: tuple[str, ...] = ()
    companies: tuple[str, ...] = ()
    speaks_for: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Tenure:
    """An entry of the history of addresses."""

    address: str
    account: str
    since: datetime
    until: datetime | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """An earlier use of a Message-ID."""

    sender: str
    conversation: str
    message_id: str = "1@home.example"


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What stands before the mail comes."""

    talks: tuple[Talk, ...] = ()
    listings: tuple[Listing, ...] = ()
    people: tuple[Person, ...] = ()
    tenures: tuple[Tenure, ...] = ()
    seen: tuple[Seen, ...] = ()
    away: tuple[str, ...] = ()

    @cached_property
    def context(self) -> RoutingContext:
        """For the library."""
        return RoutingContext.of(
            *(_thread(one) for one in self.talks),
            *(Enrolment(ConversationId(one.id), Stage(one.stage)) for one in self.talks),
            *map(_listed, self.listings),
            *map(_account, self.people),
            *map(_tenure, self.tenures),
            *(
                Sighting(MessageId(o.message_id.encode()), at(o.sender), ConversationId(o.conversation))
                for o in self.seen
            ),
            now=NOW,
            domains=_DOMAINS,
            keys=_KEYS,
            away=frozenset(map(Witness, self.away)),
        )

    @cached_property
    def world(self) -> dict[str, Any]:
        """For the model."""
        return {
            "now": NOW.isoformat(),
            "alias_domains": [ALIAS_DOMAIN],
            "legacy_domains": [LEGACY_DOMAIN],
            "keys": [{"id": 0, "secret": SECRET_TEXT}],
            "conversations": [
                {
                    "id": one.id,
                    "state": one.state,
                    "stage": one.stage,
                    "participants": [{"account": account} for account in one.accounts],
                    "cc_seen": list(one.cc_seen),
                }
                for one in self.talks
            ],
            "aliases": [
                {
                    "address": one.address,
                    "conversation": one.conversation,
                    "expires_at": _iso(one.expires),
                    "revoked_at": _iso(one.revoked),
                }
                for one in self.listings
                if not one.legacy
            ],
            "legacy_aliases": [
                {"address": one.address, "conversation": one.conversation} for one in self.listings if one.legacy
            ],
            "accounts": [
                {
                    "id": one.id,
                    "addresses": list(one.addresses),
                    "authenticates": list(one.authenticates),
                    "company_domains": list(one.companies),
                    "speaks_for": list(one.speaks_for),
                }
                for one in self.people
            ],
            "address_history": [
                {
                    "address": one.address,
                    "account": one.account,
                    "from": one.since.isoformat(),
                    "until": _iso(one.until),
                    "reason": one.reason,
                }
                for one in self.tenures
            ],
            "seen": [
                {"message_id": f"<{one.message_id}>", "sender": one.sender, "conversation": one.conversation}
                for one in self.seen
            ],
            "unavailable": list(self.away),
        }


@dataclass(frozen=True, slots=True)
class Proof:
    """What the border says of the sender."""

    dmarc: str = "pass"
    policy: str | None = None
    spf: bool = False
    dkim: bool = False
    signed: tuple[str, ...] | None = None
    """Fields that passing signatures cover; None: not known."""


PROVED, UNPROVED, DOUBTFUL, SPOOFED = Proof(), Proof("none"), Proof("fail", "none"), Proof("fail", "reject")


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One mail. `sender` None: From is ambiguous; `return_path` None: unknown, "": null."""

    recipients: tuple[str, ...] = ()
    to: tuple[str, ...] = ()
    cc: tuple[str, ...] = ()
    delivered: tuple[str, ...] = ()
    sender: str | None = JOHN
    readings: tuple[str, ...] = ()
    return_path: str | None = JOHN
    kind: MailClass = MailClass.HUMAN
    proof: Proof = PROVED
    spam: bool = False
    date: datetime | None = NOW
    message_id: str | None = "1@home.example"
    empty: bool = False
    repaired: bool = False
    odd: bool = False
    odd_body: bool = False
    malformed: bool = False

    def mail(self) -> InboundMail:
        """For the library."""
        readings = frozenset(map(at, self.readings))
        if self.malformed:
            return UnreadableMail(
                limit="size",
                found=1,
                received_at=NOW,
                recipients=tuple(map(at, self.recipients)),
                header_recipients=tuple(map(at, (*self.to, *self.cc, *self.delivered))),
                readings=readings if self.sender is None else frozenset({at(self.sender)}),
                return_path=self._path(),
            )
        oddities = {Oddity.HEADER: self.odd, Oddity.BODY: self.odd_body}
        evidence = self.proof
        return MessageEnvelope(
            sender=AmbiguousFrom(readings)
            if self.sender is None
            else ClearFrom(at(self.sender), repaired=self.repaired),
            message_id=self.canonical_id(),
            received_at=NOW,
            recipients=tuple(map(at, self.recipients)),
            return_path=self._path(),
            to=tuple(map(at, self.to)),
            cc=tuple(map(at, self.cc)),
            delivered_to=tuple(map(at, self.delivered)),
            date=self.date,
            mail_class=self.kind,
            evidence=SenderEvidence(
                Dmarc(evidence.dmarc),
                None if evidence.policy is None else DmarcPolicy(evidence.policy),
                spf_aligned=evidence.spf,
                dkim_aligned=evidence.dkim,
                dkim_signed=None if evidence.signed is None else frozenset(evidence.signed),
            ),
            spam=self.spam,
            oddities=frozenset(oddity for oddity, there in oddities.items() if there),
            content=MailContent(empty=self.empty),
        )

    def canonical_id(self) -> MessageId:
        """The one that a dedup key must hold."""
        if self.message_id is None:
            return MessageId(b"s-0", synthetic=True)
        return MessageId(self.message_id.encode())

    def _path(self) -> ReturnPath:
        if self.return_path is None:
            return None
        return at(self.return_path) if self.return_path else NULL_RETURN_PATH

    def facts(self) -> MailFacts:
        """For the model."""
        return MailFacts(
            sender=self.sender,
            readings=frozenset(self.readings if self.sender is None else (self.sender,)),
            to=tuple(self.to),
            cc=tuple(self.cc),
            shown=frozenset({"from", "subject", "date"}),
            delivered=self.delivered,
            marks=frozenset(_MARKS[self.kind]),
            message_id=None if self.message_id is None else f"<{self.message_id}>",
            date=self.date,
            empty=self.empty,
            repaired=self.repaired,
            odd_fields=self.odd,
            mime_ambiguous=self.odd or self.odd_body,
            malformed=self.malformed,
        )

    def passing(self) -> dict[str, Any]:
        """The part of the model's world that belongs to this one mail."""
        envelope: dict[str, Any] = {"recipients": list(self.recipients)}
        if self.return_path is not None:
            envelope["sender"] = self.return_path
        proof = self.proof
        authentication = {"dmarc": proof.dmarc, "spf_aligned": proof.spf, "dkim_aligned": proof.dkim}
        if proof.signed is not None:
            authentication["dkim_signed"] = list(proof.signed)
        if proof.policy is not None:
            authentication["policy"] = proof.policy
        return {"envelope": envelope, "authentication": authentication, "spam": self.spam}


@dataclass(frozen=True)
class Policy:
    """What the platform decides."""

    admission: str = "light"
    trust: str = "accept_known"
    days: int = 365
    blocked: tuple[str, ...] = ()

    @cached_property
    def routing(self) -> RoutingPolicy:
        """For the library."""
        return RoutingPolicy(
            admission=_ADMISSIONS[self.admission],
            sender_trust=SenderTrust(self.trust),
            historical_days=self.days,
            blocked=BlockedSenders(
                [at(one) for one in self.blocked if not one.startswith("@")],
                [one for one in self.blocked if one.startswith("@")],
            ),
        )

    @cached_property
    def world(self) -> dict[str, Any]:
        """For the model."""
        return {
            "admission": self.admission,
            "sender_trust": self.trust,
            "historical_days": self.days,
            "blocked_senders": list(self.blocked),
        }


@dataclass(frozen=True, slots=True)
class Case:
    """A mail in a world under a policy."""

    standing: Standing
    letter: Letter
    policy: Policy = field(default_factory=Policy)

    def wanted(self) -> Plan:
        """What the model says."""
        world = {**self.standing.world, "policy": self.policy.world, **self.letter.passing()}
        return expected(b"", world, self.letter.facts())


def _thread(one: Talk) -> ConversationThread:
    return ConversationThread(
        ConversationId(one.id),
        UseCase("apply"),
        tuple(_participant(account) for account in one.accounts),
        ThreadState(one.state),
        cc_seen=frozenset(map(at, one.cc_seen)),
    )


@cache
def _participant(account: str) -> Participant:
    return Participant(AccountId(account))


def _listed(one: Listing) -> ConversationAlias | LegacyAlias:
    conversation = None if one.conversation is None else ConversationId(one.conversation)
    if one.legacy or conversation is None:
        return LegacyAlias(at(one.address), conversation)
    return ConversationAlias(
        address=at(one.address),
        conversation=conversation,
        stands_for=AccountId("a9"),
        expires_at=one.expires,
        revoked_at=one.revoked,
    )


@cache
def _account(one: Person) -> Account:
    return Account(
        AccountId(one.id),
        tuple(map(at, one.addresses)),
        frozenset(map(at, one.authenticates)),
        frozenset(one.companies),
        frozenset(map(AccountId, one.speaks_for)),
    )


def _tenure(one: Tenure) -> AddressTenure:
    reason = None if one.reason is None else GivenUp(one.reason)
    return AddressTenure(at(one.address), AccountId(one.account), one.since, one.until, reason)


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
