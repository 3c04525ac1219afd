"""Answers of routing: recipients, verdicts and rulings, each as it could stand in a plan."""

from __future__ import annotations

from typing import Final, TypeAlias

from hypothesis import strategies as st

from convalias.domain.aliases.alias import ConversationAlias
from convalias.domain.conversations.participants import Author
from convalias.domain.conversations.threads import ConversationThread
from convalias.domain.mail.dedup import MailKey
from convalias.domain.mail.reasons import AnyReason, OwnReason, Reason, Severity, reason
from convalias.domain.routing.admission import Admittance, Because
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


_OWN: Final = (
    reason("NO_QUOTA", refusal={"en": "Enough for today.", "de": "Genug für heute."}, retryable=True),
    reason("NO_CONTRACT", severity=Severity.ALARM),
)


def own_reasons() -> st.SearchStrategy[OwnReason]:
    """Reasons of a host's own: of one the sender is told, of the other nobody is."""
    return st.sampled_from(_OWN)


def reasons() -> st.SearchStrategy[AnyReason]:
    """All reasons of the library, and two of a host's own."""
    return st.sampled_from((*Reason, *_OWN))


def own_answers() -> st.SearchStrategy[Because]:
    """Answers of an admission that has a reason of its own."""
    return st.builds(Because, st.sampled_from((Admittance.ASK, Admittance.REFUSE)), own_reasons())


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
    known = st.builds(Hold, reasons(), authors(), mail_keys())
    return st.one_of(known, st.just(Hold(Reason.FROM_AMBIGUOUS)))


def rejections() -> st.SearchStrategy[Reject]:
    """Draw a rejection for every reason."""
    return st.builds(Reject, reasons())


def dismissals() -> st.SearchStrategy[Ignore]:
    """Draw a dismissal for every reason."""
    return st.builds(Ignore, reasons())


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
