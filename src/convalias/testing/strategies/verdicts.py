"""Answers of routing: recipients, verdicts and rulings, each as it could stand in a plan."""

from __future__ import annotations

from typing import TypeAlias

from hypothesis import strategies as st

from convalias.domain.aliases.alias import ConversationAlias
from convalias.domain.conversations.participants import Author
from convalias.domain.conversations.threads import ConversationThread
from convalias.domain.mail.dedup import MailKey
from convalias.domain.mail.reasons import Reason
from convalias.domain.routing.rulebook import (
    AliasCase,
    ArrivalCase,
    AuthorCase,
    MailCase,
    OverlapCase,
    RelayCase,
    Rule,
    RuleBook,
    SenderCase,
)
from convalias.domain.routing.rules import RULES, odd_header, replayed_signature
from convalias.domain.routing.verdicts import (
    AliasRecipient,
    ForeignRecipient,
    HandToLegacy,
    Hold,
    Ignore,
    LegacyRecipient,
    Recipient,
    Reject,
    RelayToConversation,
    RuleName,
    Ruling,
    SkipOverlap,
    Source,
    UnknownRecipient,
    Verdict,
)
from convalias.testing.strategies.addresses import aliases, message_ids
from convalias.testing.strategies.people import authors, threads
from convalias.testing.strategies.places import ALIASES, CONVERSATIONS, ELSEWHERE, LEGACY, SENDERS

AnyRule: TypeAlias = (
    Rule[MailCase]
    | Rule[ArrivalCase]
    | Rule[AliasCase]
    | Rule[SenderCase]
    | Rule[AuthorCase]
    | Rule[RelayCase]
    | Rule[OverlapCase]
)

_SOURCES = st.sampled_from(Source)


def recipients() -> st.SearchStrategy[Recipient]:
    """Conversation aliases, legacy aliases, unknown and foreign addresses."""
    return st.one_of(
        st.builds(_arrived, aliases(), _SOURCES, threads()),
        st.builds(LegacyRecipient, st.sampled_from(LEGACY), _SOURCES, st.none() | threads()),
        st.builds(UnknownRecipient, st.sampled_from(ALIASES), _SOURCES, st.booleans()),
        st.builds(ForeignRecipient, st.just(ELSEWHERE), _SOURCES),
    )


def _arrived(alias: ConversationAlias, source: Source, thread: ConversationThread) -> AliasRecipient:
    return AliasRecipient(alias.address, source, alias, thread)


def mail_keys() -> st.SearchStrategy[MailKey]:
    """Dedup keys of mails."""
    return st.builds(MailKey, st.sampled_from(CONVERSATIONS), st.sampled_from(SENDERS), message_ids())


def relays() -> st.SearchStrategy[RelayToConversation]:
    """Draw a relay to a conversation, as anybody."""
    return st.builds(_relayed, authors(), mail_keys())


def handovers() -> st.SearchStrategy[HandToLegacy]:
    """Return the only handover that there is."""
    return st.just(HandToLegacy())


def skips() -> st.SearchStrategy[SkipOverlap]:
    """Carried by some alias."""
    return st.builds(SkipOverlap, st.sampled_from(ALIASES))


def holds() -> st.SearchStrategy[Hold]:
    """Draw a hold with an author and a key, or with neither, where From is ambiguous."""
    known = st.builds(Hold, st.sampled_from(Reason), authors(), mail_keys())
    return st.one_of(known, st.just(Hold(Reason.FROM_AMBIGUOUS)))


def rejections() -> st.SearchStrategy[Reject]:
    """Draw a rejection for every reason."""
    return st.builds(Reject, st.sampled_from(Reason))


def dismissals() -> st.SearchStrategy[Ignore]:
    """Draw a dismissal for every reason."""
    return st.builds(Ignore, st.sampled_from(Reason))


def verdicts() -> st.SearchStrategy[Verdict]:
    """All six kinds, with every reason."""
    return st.one_of(relays(), handovers(), skips(), holds(), rejections(), dismissals())


def _relayed(author: Author, key: MailKey) -> RelayToConversation:
    return RelayToConversation(key.conversation, author, key)


def rulings() -> st.SearchStrategy[Ruling]:
    """A recipient and a verdict; drawn apart, so only `decisions` are sure to make sense."""
    names = st.sampled_from(tuple(one.name for one in RULES))
    return st.builds(Ruling, recipients(), verdicts(), names.map(RuleName))


def rules() -> st.SearchStrategy[AnyRule]:
    """The rules of the library's book."""
    return st.sampled_from(tuple(RULES))


def rule_books() -> st.SearchStrategy[RuleBook]:
    """The library's book, and what is left of it without a rule that a platform may do without."""
    return st.sampled_from((RULES, RULES.without(odd_header), RULES.without(replayed_signature)))
