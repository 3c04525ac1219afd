"""Give every participant of a conversation an e-mail address, and turn the mail sent there into its messages.

The pure core (`route` and what it decides on) and the façade (`Convalias`). Names are loaded when they are first used.
"""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False  # what checkers take it for is True; `typing` is not worth its import here

if TYPE_CHECKING:
    from convalias.app import Convalias as Convalias
    from convalias.domain import (
        FREE as FREE,
    )
    from convalias.domain import (
        LIGHT as LIGHT,
    )
    from convalias.domain import (
        RULES as RULES,
    )
    from convalias.domain import (
        STRICT as STRICT,
    )
    from convalias.domain import (
        Account as Account,
    )
    from convalias.domain import (
        AccountAuthor as AccountAuthor,
    )
    from convalias.domain import (
        AccountId as AccountId,
    )
    from convalias.domain import (
        AddressTenure as AddressTenure,
    )
    from convalias.domain import (
        Admission as Admission,
    )
    from convalias.domain import (
        Admittance as Admittance,
    )
    from convalias.domain import (
        AmbiguousFrom as AmbiguousFrom,
    )
    from convalias.domain import (
        Applicant as Applicant,
    )
    from convalias.domain import (
        Authentication as Authentication,
    )
    from convalias.domain import (
        BlockedSenders as BlockedSenders,
    )
    from convalias.domain import (
        ClearFrom as ClearFrom,
    )
    from convalias.domain import (
        ConversationAlias as ConversationAlias,
    )
    from convalias.domain import (
        ConversationEvent as ConversationEvent,
    )
    from convalias.domain import (
        ConversationId as ConversationId,
    )
    from convalias.domain import (
        ConversationThread as ConversationThread,
    )
    from convalias.domain import (
        Dmarc as Dmarc,
    )
    from convalias.domain import (
        DmarcPolicy as DmarcPolicy,
    )
    from convalias.domain import (
        EmailAddress as EmailAddress,
    )
    from convalias.domain import (
        Enrolment as Enrolment,
    )
    from convalias.domain import (
        HandToLegacy as HandToLegacy,
    )
    from convalias.domain import (
        Hold as Hold,
    )
    from convalias.domain import (
        Ignore as Ignore,
    )
    from convalias.domain import (
        IncomingMail as IncomingMail,
    )
    from convalias.domain import (
        LegacyAlias as LegacyAlias,
    )
    from convalias.domain import (
        MailClass as MailClass,
    )
    from convalias.domain import (
        MailDomains as MailDomains,
    )
    from convalias.domain import (
        MessageEnvelope as MessageEnvelope,
    )
    from convalias.domain import (
        MessageId as MessageId,
    )
    from convalias.domain import (
        Participant as Participant,
    )
    from convalias.domain import (
        ParticipantIdentity as ParticipantIdentity,
    )
    from convalias.domain import (
        PeripheralAuthor as PeripheralAuthor,
    )
    from convalias.domain import (
        Reason as Reason,
    )
    from convalias.domain import (
        Reject as Reject,
    )
    from convalias.domain import (
        RelayToConversation as RelayToConversation,
    )
    from convalias.domain import (
        RoutingContext as RoutingContext,
    )
    from convalias.domain import (
        RoutingPlan as RoutingPlan,
    )
    from convalias.domain import (
        RoutingPolicy as RoutingPolicy,
    )
    from convalias.domain import (
        Rule as Rule,
    )
    from convalias.domain import (
        RuleBook as RuleBook,
    )
    from convalias.domain import (
        Ruling as Ruling,
    )
    from convalias.domain import (
        SenderEvidence as SenderEvidence,
    )
    from convalias.domain import (
        SenderTrust as SenderTrust,
    )
    from convalias.domain import (
        SkipOverlap as SkipOverlap,
    )
    from convalias.domain import (
        Stage as Stage,
    )
    from convalias.domain import (
        ThreadState as ThreadState,
    )
    from convalias.domain import (
        TryAgain as TryAgain,
    )
    from convalias.domain import (
        UnreadableMail as UnreadableMail,
    )
    from convalias.domain import (
        UseCase as UseCase,
    )
    from convalias.domain import (
        Verdict as Verdict,
    )
    from convalias.domain import (
        admission as admission,
    )
    from convalias.domain import (
        claims as claims,
    )
    from convalias.domain import (
        commands as commands,
    )
    from convalias.domain import (
        questions as questions,
    )
    from convalias.domain import (
        route as route,
    )
    from convalias.domain import (
        rule as rule,
    )

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
    "Convalias",
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

if not TYPE_CHECKING:  # pragma: no branch - checkers see the imports above, and so every misspelt name

    def __getattr__(name: str) -> object:
        """PEP 562: load a public name from where it lives."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        home = import_module("convalias.app" if name == "Convalias" else "convalias.domain")
        value = getattr(home, name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        """What there is, loaded or not."""
        return sorted({*globals(), *__all__})
