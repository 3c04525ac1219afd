"""The pure core: entities, rules, plans. Synchronous; no clock, no randomness, no I/O.

The public names are loaded when they are first used: importing the package costs nothing, and a program that routes
nothing never loads the rules.
"""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False  # what checkers take it for is True; `typing` is not worth its import here

if TYPE_CHECKING:
    from convalias.domain.addresses import EmailAddress as EmailAddress
    from convalias.domain.addresses import MailDomains as MailDomains
    from convalias.domain.admitting import FREE as FREE
    from convalias.domain.admitting import LIGHT as LIGHT
    from convalias.domain.admitting import STRICT as STRICT
    from convalias.domain.admitting import Admission as Admission
    from convalias.domain.admitting import Admittance as Admittance
    from convalias.domain.admitting import Applicant as Applicant
    from convalias.domain.admitting import admission as admission
    from convalias.domain.aliases import ConversationAlias as ConversationAlias
    from convalias.domain.aliases import LegacyAlias as LegacyAlias
    from convalias.domain.automation import MailClass as MailClass
    from convalias.domain.context import Enrolment as Enrolment
    from convalias.domain.context import RoutingContext as RoutingContext
    from convalias.domain.dedup import MessageId as MessageId
    from convalias.domain.effects import claims as claims
    from convalias.domain.effects import commands as commands
    from convalias.domain.envelope import AmbiguousFrom as AmbiguousFrom
    from convalias.domain.envelope import ClearFrom as ClearFrom
    from convalias.domain.envelope import MessageEnvelope as MessageEnvelope
    from convalias.domain.envelope import UnreadableMail as UnreadableMail
    from convalias.domain.events import ConversationEvent as ConversationEvent
    from convalias.domain.evidence import Authentication as Authentication
    from convalias.domain.evidence import Dmarc as Dmarc
    from convalias.domain.evidence import DmarcPolicy as DmarcPolicy
    from convalias.domain.evidence import SenderEvidence as SenderEvidence
    from convalias.domain.ids import AccountId as AccountId
    from convalias.domain.ids import ConversationId as ConversationId
    from convalias.domain.ids import UseCase as UseCase
    from convalias.domain.inbound import IncomingMail as IncomingMail
    from convalias.domain.lacking import questions as questions
    from convalias.domain.outcomes import Reason as Reason
    from convalias.domain.participants import Account as Account
    from convalias.domain.participants import AccountAuthor as AccountAuthor
    from convalias.domain.participants import AddressTenure as AddressTenure
    from convalias.domain.participants import Participant as Participant
    from convalias.domain.participants import ParticipantIdentity as ParticipantIdentity
    from convalias.domain.participants import PeripheralAuthor as PeripheralAuthor
    from convalias.domain.plan import RoutingPlan as RoutingPlan
    from convalias.domain.plan import TryAgain as TryAgain
    from convalias.domain.policy import BlockedSenders as BlockedSenders
    from convalias.domain.policy import RoutingPolicy as RoutingPolicy
    from convalias.domain.policy import SenderTrust as SenderTrust
    from convalias.domain.rollout import Stage as Stage
    from convalias.domain.routing import route as route
    from convalias.domain.rulebook import Rule as Rule
    from convalias.domain.rulebook import RuleBook as RuleBook
    from convalias.domain.rulebook import rule as rule
    from convalias.domain.rules import RULES as RULES
    from convalias.domain.threads import ConversationThread as ConversationThread
    from convalias.domain.threads import ThreadState as ThreadState
    from convalias.domain.verdicts import HandToLegacy as HandToLegacy
    from convalias.domain.verdicts import Hold as Hold
    from convalias.domain.verdicts import Ignore as Ignore
    from convalias.domain.verdicts import Reject as Reject
    from convalias.domain.verdicts import RelayToConversation as RelayToConversation
    from convalias.domain.verdicts import Ruling as Ruling
    from convalias.domain.verdicts import SkipOverlap as SkipOverlap
    from convalias.domain.verdicts import Verdict as Verdict

__all__ = [
    "FREE",
    "LIGHT",
    "RULES",
    "STRICT",
    "Account",
    "AccountAuthor",
    "AccountId",
    "AddressTenure",
    "Admission",
    "Admittance",
    "AmbiguousFrom",
    "Applicant",
    "Authentication",
    "BlockedSenders",
    "ClearFrom",
    "ConversationAlias",
    "ConversationEvent",
    "ConversationId",
    "ConversationThread",
    "Dmarc",
    "DmarcPolicy",
    "EmailAddress",
    "Enrolment",
    "HandToLegacy",
    "Hold",
    "Ignore",
    "IncomingMail",
    "LegacyAlias",
    "MailClass",
    "MailDomains",
    "MessageEnvelope",
    "MessageId",
    "Participant",
    "ParticipantIdentity",
    "PeripheralAuthor",
    "Reason",
    "Reject",
    "RelayToConversation",
    "RoutingContext",
    "RoutingPlan",
    "RoutingPolicy",
    "Rule",
    "RuleBook",
    "Ruling",
    "SenderEvidence",
    "SenderTrust",
    "SkipOverlap",
    "Stage",
    "ThreadState",
    "TryAgain",
    "UnreadableMail",
    "UseCase",
    "Verdict",
    "admission",
    "claims",
    "commands",
    "questions",
    "route",
    "rule",
]

_HOMES = {
    "Account": "participants",
    "AccountAuthor": "participants",
    "AccountId": "ids",
    "AddressTenure": "participants",
    "Admission": "admitting",
    "Admittance": "admitting",
    "AmbiguousFrom": "envelope",
    "Applicant": "admitting",
    "Authentication": "evidence",
    "BlockedSenders": "policy",
    "ClearFrom": "envelope",
    "ConversationAlias": "aliases",
    "ConversationEvent": "events",
    "ConversationId": "ids",
    "ConversationThread": "threads",
    "Dmarc": "evidence",
    "DmarcPolicy": "evidence",
    "EmailAddress": "addresses",
    "Enrolment": "context",
    "FREE": "admitting",
    "HandToLegacy": "verdicts",
    "Hold": "verdicts",
    "Ignore": "verdicts",
    "IncomingMail": "inbound",
    "LIGHT": "admitting",
    "LegacyAlias": "aliases",
    "MailClass": "automation",
    "MailDomains": "addresses",
    "MessageEnvelope": "envelope",
    "MessageId": "dedup",
    "Participant": "participants",
    "ParticipantIdentity": "participants",
    "PeripheralAuthor": "participants",
    "RULES": "rules",
    "Reason": "outcomes",
    "Reject": "verdicts",
    "RelayToConversation": "verdicts",
    "RoutingContext": "context",
    "RoutingPlan": "plan",
    "RoutingPolicy": "policy",
    "Rule": "rulebook",
    "RuleBook": "rulebook",
    "Ruling": "verdicts",
    "STRICT": "admitting",
    "SenderEvidence": "evidence",
    "SenderTrust": "policy",
    "SkipOverlap": "verdicts",
    "Stage": "rollout",
    "ThreadState": "threads",
    "TryAgain": "plan",
    "UnreadableMail": "envelope",
    "UseCase": "ids",
    "Verdict": "verdicts",
    "admission": "admitting",
    "claims": "effects",
    "commands": "effects",
    "questions": "lacking",
    "route": "routing",
    "rule": "rulebook",
}

if not TYPE_CHECKING:  # pragma: no branch - checkers see the imports above, and so every misspelt name

    def __getattr__(name: str) -> object:
        """PEP 562: load the module that a public name lives in."""
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        """What there is, loaded or not."""
        return sorted({*globals(), *__all__})
