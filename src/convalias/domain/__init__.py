"""The pure core: entities, rules, plans. Synchronous; no clock, no randomness, no I/O.

It offers what `convalias` offers of it, and what only somebody needs who writes rules, sets stages or catches errors.

The public names are loaded when they are first used: importing the package costs nothing, and a program that routes
nothing never loads the rules.
"""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False  # what checkers take it for is True; `typing` is not worth its import here

if TYPE_CHECKING:
    from convalias.domain.addresses.email_address import EmailAddress as EmailAddress
    from convalias.domain.addresses.email_address import InvalidAddress as InvalidAddress
    from convalias.domain.addresses.email_address import MailDomains as MailDomains
    from convalias.domain.aliases.alias import ConversationAlias as ConversationAlias
    from convalias.domain.aliases.alias import LegacyAlias as LegacyAlias
    from convalias.domain.conversations.events import ConversationEvent as ConversationEvent
    from convalias.domain.conversations.events import MessageAdded as MessageAdded
    from convalias.domain.conversations.participants import Account as Account
    from convalias.domain.conversations.participants import AccountAuthor as AccountAuthor
    from convalias.domain.conversations.participants import AddressTenure as AddressTenure
    from convalias.domain.conversations.participants import Participant as Participant
    from convalias.domain.conversations.participants import ParticipantIdentity as ParticipantIdentity
    from convalias.domain.conversations.participants import PeripheralAuthor as PeripheralAuthor
    from convalias.domain.conversations.threads import ConversationThread as ConversationThread
    from convalias.domain.conversations.threads import ThreadState as ThreadState
    from convalias.domain.errors import InvalidValue as InvalidValue
    from convalias.domain.ids import AccountId as AccountId
    from convalias.domain.ids import ConversationId as ConversationId
    from convalias.domain.ids import UseCase as UseCase
    from convalias.domain.inbound.posts import IncomingMail as IncomingMail
    from convalias.domain.mail.authentication import Authentication as Authentication
    from convalias.domain.mail.authentication import Dmarc as Dmarc
    from convalias.domain.mail.authentication import DmarcPolicy as DmarcPolicy
    from convalias.domain.mail.authentication import SenderEvidence as SenderEvidence
    from convalias.domain.mail.automation import MailClass as MailClass
    from convalias.domain.mail.envelope import AmbiguousFrom as AmbiguousFrom
    from convalias.domain.mail.envelope import ClearFrom as ClearFrom
    from convalias.domain.mail.envelope import MessageEnvelope as MessageEnvelope
    from convalias.domain.mail.envelope import UnreadableMail as UnreadableMail
    from convalias.domain.mail.message_id import MessageId as MessageId
    from convalias.domain.mail.reasons import AnyReason as AnyReason
    from convalias.domain.mail.reasons import OwnReason as OwnReason
    from convalias.domain.mail.reasons import Reason as Reason
    from convalias.domain.mail.reasons import Severity as Severity
    from convalias.domain.mail.reasons import reason as reason
    from convalias.domain.migration.rollout import Axis as Axis
    from convalias.domain.migration.rollout import Rollout as Rollout
    from convalias.domain.migration.rollout import Stage as Stage
    from convalias.domain.routing import rules as rules
    from convalias.domain.routing.admission import FREE as FREE
    from convalias.domain.routing.admission import LIGHT as LIGHT
    from convalias.domain.routing.admission import STRICT as STRICT
    from convalias.domain.routing.admission import Admission as Admission
    from convalias.domain.routing.admission import Admittance as Admittance
    from convalias.domain.routing.admission import Applicant as Applicant
    from convalias.domain.routing.admission import Because as Because
    from convalias.domain.routing.admission import admission as admission
    from convalias.domain.routing.commands import claims as claims
    from convalias.domain.routing.commands import commands as commands
    from convalias.domain.routing.context import Enrolment as Enrolment
    from convalias.domain.routing.context import RoutingContext as RoutingContext
    from convalias.domain.routing.decision import route as route
    from convalias.domain.routing.plan import RoutingPlan as RoutingPlan
    from convalias.domain.routing.plan import TryAgain as TryAgain
    from convalias.domain.routing.policy import BlockedSenders as BlockedSenders
    from convalias.domain.routing.policy import RoutingPolicy as RoutingPolicy
    from convalias.domain.routing.policy import SenderTrust as SenderTrust
    from convalias.domain.routing.questions import questions as questions
    from convalias.domain.routing.rulebook import AliasCase as AliasCase
    from convalias.domain.routing.rulebook import ArrivalCase as ArrivalCase
    from convalias.domain.routing.rulebook import AuthorCase as AuthorCase
    from convalias.domain.routing.rulebook import MailCase as MailCase
    from convalias.domain.routing.rulebook import OverlapCase as OverlapCase
    from convalias.domain.routing.rulebook import RelayCase as RelayCase
    from convalias.domain.routing.rulebook import Rule as Rule
    from convalias.domain.routing.rulebook import RuleBook as RuleBook
    from convalias.domain.routing.rulebook import SenderCase as SenderCase
    from convalias.domain.routing.rulebook import rule as rule
    from convalias.domain.routing.rules import RULES as RULES
    from convalias.domain.routing.verdicts import HandToLegacy as HandToLegacy
    from convalias.domain.routing.verdicts import Hold as Hold
    from convalias.domain.routing.verdicts import Ignore as Ignore
    from convalias.domain.routing.verdicts import Reject as Reject
    from convalias.domain.routing.verdicts import RelayToConversation as RelayToConversation
    from convalias.domain.routing.verdicts import Ruling as Ruling
    from convalias.domain.routing.verdicts import SkipOverlap as SkipOverlap
    from convalias.domain.routing.verdicts import Verdict as Verdict

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
    "AliasCase",
    "AmbiguousFrom",
    "AnyReason",
    "Applicant",
    "ArrivalCase",
    "Authentication",
    "AuthorCase",
    "Axis",
    "Because",
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
    "InvalidAddress",
    "InvalidValue",
    "LegacyAlias",
    "MailCase",
    "MailClass",
    "MailDomains",
    "MessageAdded",
    "MessageEnvelope",
    "MessageId",
    "OverlapCase",
    "OwnReason",
    "Participant",
    "ParticipantIdentity",
    "PeripheralAuthor",
    "Reason",
    "Reject",
    "RelayCase",
    "RelayToConversation",
    "Rollout",
    "RoutingContext",
    "RoutingPlan",
    "RoutingPolicy",
    "Rule",
    "RuleBook",
    "Ruling",
    "SenderCase",
    "SenderEvidence",
    "SenderTrust",
    "Severity",
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
    "reason",
    "route",
    "rule",
    "rules",
]

_HOMES = {
    "FREE": "routing.admission",
    "LIGHT": "routing.admission",
    "RULES": "routing.rules",
    "STRICT": "routing.admission",
    "Account": "conversations.participants",
    "AccountAuthor": "conversations.participants",
    "AccountId": "ids",
    "AddressTenure": "conversations.participants",
    "Admission": "routing.admission",
    "Admittance": "routing.admission",
    "AliasCase": "routing.rulebook",
    "AmbiguousFrom": "mail.envelope",
    "AnyReason": "mail.reasons",
    "Applicant": "routing.admission",
    "ArrivalCase": "routing.rulebook",
    "Authentication": "mail.authentication",
    "AuthorCase": "routing.rulebook",
    "Axis": "migration.rollout",
    "Because": "routing.admission",
    "BlockedSenders": "routing.policy",
    "ClearFrom": "mail.envelope",
    "ConversationAlias": "aliases.alias",
    "ConversationEvent": "conversations.events",
    "ConversationId": "ids",
    "ConversationThread": "conversations.threads",
    "Dmarc": "mail.authentication",
    "DmarcPolicy": "mail.authentication",
    "EmailAddress": "addresses.email_address",
    "Enrolment": "routing.context",
    "HandToLegacy": "routing.verdicts",
    "Hold": "routing.verdicts",
    "Ignore": "routing.verdicts",
    "IncomingMail": "inbound.posts",
    "InvalidAddress": "addresses.email_address",
    "InvalidValue": "errors",
    "LegacyAlias": "aliases.alias",
    "MailCase": "routing.rulebook",
    "MailClass": "mail.automation",
    "MailDomains": "addresses.email_address",
    "MessageAdded": "conversations.events",
    "MessageEnvelope": "mail.envelope",
    "MessageId": "mail.message_id",
    "OverlapCase": "routing.rulebook",
    "OwnReason": "mail.reasons",
    "Participant": "conversations.participants",
    "ParticipantIdentity": "conversations.participants",
    "PeripheralAuthor": "conversations.participants",
    "Reason": "mail.reasons",
    "Reject": "routing.verdicts",
    "RelayCase": "routing.rulebook",
    "RelayToConversation": "routing.verdicts",
    "Rollout": "migration.rollout",
    "RoutingContext": "routing.context",
    "RoutingPlan": "routing.plan",
    "RoutingPolicy": "routing.policy",
    "Rule": "routing.rulebook",
    "RuleBook": "routing.rulebook",
    "Ruling": "routing.verdicts",
    "SenderCase": "routing.rulebook",
    "SenderEvidence": "mail.authentication",
    "SenderTrust": "routing.policy",
    "Severity": "mail.reasons",
    "SkipOverlap": "routing.verdicts",
    "Stage": "migration.rollout",
    "ThreadState": "conversations.threads",
    "TryAgain": "routing.plan",
    "UnreadableMail": "mail.envelope",
    "UseCase": "ids",
    "Verdict": "routing.verdicts",
    "admission": "routing.admission",
    "claims": "routing.commands",
    "commands": "routing.commands",
    "questions": "routing.questions",
    "reason": "mail.reasons",
    "route": "routing.decision",
    "rule": "routing.rulebook",
}

if not TYPE_CHECKING:  # pragma: no branch - checkers see the imports above, and so every misspelt name

    def __getattr__(name: str) -> object:
        """PEP 562: load the module that a public name lives in."""
        if name == "rules":
            return import_module(f"{__name__}.routing.rules")
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        """What there is, loaded or not."""
        return sorted({*globals(), *__all__})
