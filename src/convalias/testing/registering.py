"""Teach Hypothesis our types: `from_type(MessageEnvelope)` works as soon as both are installed.

Hypothesis calls `register` at the end of its own import, by the entry point `hypothesis`. A strategy is made when its
type is first asked for, so whoever uses Hypothesis for something else pays for the classes of the domain alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Final

from convalias.domain.addresses.email_address import EmailAddress, MailDomains
from convalias.domain.aliases.alias import AliasKeys, ConversationAlias, LegacyAlias
from convalias.domain.conversations.events import ConversationEvent, MessageAdded
from convalias.domain.conversations.participants import (
    Account,
    AccountAuthor,
    AddressTenure,
    Participant,
    PeripheralAuthor,
)
from convalias.domain.conversations.threads import ConversationThread
from convalias.domain.inbound.posts import IncomingMail, Post
from convalias.domain.mail.authentication import SenderEvidence
from convalias.domain.mail.dedup import MailKey
from convalias.domain.mail.envelope import (
    AmbiguousFrom,
    Attachment,
    ClearFrom,
    MailContent,
    MessageEnvelope,
    UnreadableMail,
)
from convalias.domain.mail.message_id import MessageId
from convalias.domain.mail.reasons import OwnReason
from convalias.domain.migration.rollout import Cohort, Rollout
from convalias.domain.outbound.answering import MintingAnswer
from convalias.domain.outbound.delivery import DeliveryDecision
from convalias.domain.routing.admission import Admission, Applicant, Because
from convalias.domain.routing.context import Enrolment, RoutingContext, Sighting
from convalias.domain.routing.plan import RoutingPlan, TryAgain
from convalias.domain.routing.policy import BlockedSenders, RoutingPolicy
from convalias.domain.routing.rulebook import Rule, RuleBook
from convalias.domain.routing.verdicts import (
    HandToLegacy,
    Hold,
    Ignore,
    Reject,
    RelayToConversation,
    Ruling,
    SkipOverlap,
)
from convalias.extras import brought_by

with brought_by("testing"):
    from hypothesis import strategies as st

BY_TYPE: Final[Mapping[type[object], str]] = {
    Account: "accounts",
    AccountAuthor: "authors",
    AddressTenure: "tenures",
    Admission: "admissions",
    AliasKeys: "alias_keys",
    AmbiguousFrom: "froms",
    Applicant: "applicants",
    Attachment: "attachments",
    Because: "own_answers",
    BlockedSenders: "blocked_senders",
    ClearFrom: "froms",
    ConversationAlias: "aliases",
    ConversationEvent: "events",
    ConversationThread: "threads",
    EmailAddress: "addresses",
    Enrolment: "enrolments",
    HandToLegacy: "handovers",
    Hold: "holds",
    Ignore: "dismissals",
    IncomingMail: "incoming_mails",
    LegacyAlias: "legacy_aliases",
    MailContent: "contents",
    MailDomains: "mail_domains",
    MailKey: "mail_keys",
    MessageAdded: "messages",
    MessageEnvelope: "envelopes",
    MessageId: "message_ids",
    OwnReason: "own_reasons",
    Participant: "participants",
    PeripheralAuthor: "authors",
    Post: "posts",
    Reject: "rejections",
    RelayToConversation: "relays",
    Cohort: "cohorts",
    DeliveryDecision: "delivery_decisions",
    MintingAnswer: "minting_answers",
    Rollout: "rollouts",
    RoutingContext: "contexts",
    RoutingPlan: "plans",
    RoutingPolicy: "policies",
    Rule: "rules",
    RuleBook: "rule_books",
    Ruling: "rulings",
    SenderEvidence: "evidences",
    Sighting: "sightings",
    SkipOverlap: "skips",
    TryAgain: "waits",
    UnreadableMail: "unreadable_mails",
}
"""Each type, and the name of what draws it in `strategies`. Of a union only the members of that type are drawn."""


def register() -> None:
    """Tell Hypothesis. Called by Hypothesis itself; may be repeated."""
    for kind, name in BY_TYPE.items():
        st.register_type_strategy(kind, _drawn(kind, name))


def _drawn(kind: type[object], name: str) -> Callable[[type[object]], st.SearchStrategy[object]]:
    def strategy(_kind: type[object]) -> st.SearchStrategy[object]:
        make: Callable[[], st.SearchStrategy[object]] = getattr(_strategies(), name)
        return make().filter(lambda one: isinstance(one, kind))

    return strategy


def _strategies() -> object:
    """The strategies, loaded when the first of them is asked for."""
    return import_module("convalias.testing.strategies")
