"""Books of rules and policies with one plausible slip each: for every law the one that breaks it."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from convalias.domain.conversations.participants import AccountAuthor
from convalias.domain.ids import ConversationId
from convalias.domain.mail.dedup import MailKey
from convalias.domain.mail.envelope import MessageEnvelope
from convalias.domain.mail.message_id import MessageId
from convalias.domain.mail.reasons import Reason
from convalias.domain.routing import rules
from convalias.domain.routing.policy import DEFAULT_POLICY, BlockedSenders, RoutingPolicy
from convalias.domain.routing.rulebook import (
    AliasCase,
    ArrivalCase,
    AuthorCase,
    MailCase,
    OverlapCase,
    RelayCase,
    RuleBook,
    SenderCase,
    rule,
)
from convalias.domain.routing.verdicts import (
    AliasRecipient,
    Hold,
    Ignore,
    Reject,
    RelayToConversation,
    SkipOverlap,
    Verdict,
)
from convalias.testing import laws
from convalias.testing.strategies import SENDERS

RULES = rules.RULES


@frozen
class Mutant:
    """What is wrong with it, and what is to be tried."""

    slip: str
    rules: RuleBook = RULES
    policy: RoutingPolicy = DEFAULT_POLICY


@rule(8)
def by_market(case: AuthorCase) -> Verdict | None:
    """Forgets that a conversation may have no market."""
    market: str = case.recipient.thread.market  # type: ignore[assignment]  # the slip itself
    return Hold(Reason.NEEDS_APPROVAL) if market.startswith("j") else None


@rule(3)
def bare_reason(_case: ArrivalCase) -> Verdict | None:
    """Says why, but not what."""
    return Reason.UNKNOWN_ALIAS  # type: ignore[return-value]  # the slip itself


@rule(2)
def counts_as_listed(case: MailCase) -> Verdict | None:
    """Counts one recipient that is listed twice as two."""
    return Reject(Reason.TOO_MANY_RECIPIENTS) if len(case.mail.recipients) > 3 else None


@rule(9)
def looks_around(case: RelayCase) -> Verdict | None:
    """Iterates over what happens to be known instead of asking for what it needs."""
    return Hold(Reason.NEEDS_APPROVAL) if len(case.context.sightings) > 1 else None


def remembering() -> RuleBook:
    """A rule with a memory of its own."""
    seen: set[MessageId] = set()

    @rule(6)
    def seen_before(case: SenderCase) -> Verdict | None:
        """Ignores what it was shown before."""
        if case.mail.message_id in seen:
            return Ignore(Reason.LOOP)
        seen.add(case.mail.message_id)
        return None

    return RULES.before(rules.own_mail, seen_before)


@rule(10, number=8)
def skips_the_second(case: OverlapCase) -> Verdict | None:
    """Takes it for granted that the first alias carries the mail."""
    return None if case.first is None else SkipOverlap(case.first.recipient.address)


@rule(10, number=8)
def relays_the_second(case: OverlapCase) -> Verdict | None:
    """Gives the second alias what the first one got."""
    both = case.first is not None and isinstance(case.recipient, AliasRecipient)
    return case.first.verdict if both and case.first is not None else None


@rule(8)
def into_the_first(case: AuthorCase) -> Verdict | None:
    """Posts to the sender's oldest conversation."""
    oldest: ConversationId = min(case.context.threads)
    if case.author is None:
        return None
    return RelayToConversation(oldest, case.author, MailKey(oldest, case.sender.address, case.mail.message_id))


@rule(8)
def keyed_by_alias(case: AuthorCase) -> Verdict | None:
    """Tells mails apart by the alias they came to: a mail to two of them is two."""
    place = case.recipient.thread.id
    key = MailKey(place, case.recipient.address, case.mail.message_id)
    return None if case.author is None else RelayToConversation(place, case.author, key)


@rule(8)
def a_colleague_will_do(case: AuthorCase) -> Verdict | None:
    """Takes everybody of a company for the one who takes part."""
    thread = case.recipient.thread
    if case.sender.address.domain != "corp.example" or not thread.participants:
        return None
    author = AccountAuthor(thread.participants[0].account)
    return RelayToConversation(thread.id, author, MailKey(thread.id, case.sender.address, case.mail.message_id))


@rule(2)
def blocked_by_from(case: MailCase) -> Verdict | None:
    """Looks at From alone, and only where it is clear."""
    mail = case.mail
    found = isinstance(mail, MessageEnvelope) and getattr(mail.sender, "address", None) in case.policy.blocked
    return Ignore(Reason.BLOCKED_SENDER) if found else None


@rule(5)
def grace_for_the_expired(case: AliasCase) -> Verdict | None:
    """Asks first before it refuses an alias that has expired."""
    alias = case.recipient.alias
    expired = alias is not None and alias.expires_at is not None and alias.expires_at <= case.context.now
    return Hold(Reason.NEEDS_APPROVAL) if expired else None


MUTANTS: Mapping[laws.Law, Mutant] = {
    laws.every_mail_is_decided: Mutant("a fact that may be missing", RULES.before(rules.participant, by_market)),
    laws.every_recipient_has_one_verdict: Mutant("no verdict", RULES.before(rules.unknown_alias, bare_reason)),
    laws.order_case_and_duplicates_change_nothing: Mutant(
        "duplicates count", RULES.before(rules.blocked_sender, counts_as_listed)
    ),
    laws.what_is_asked_for_is_enough: Mutant("looks around", RULES.before(rules.empty, looks_around)),
    laws.explaining_decides_nothing_else: Mutant("a memory", remembering()),
    laws.nothing_is_skipped_unless_it_is_carried: Mutant(
        "skips what is held", RULES.replacing(rules.second_alias, skips_the_second)
    ),
    laws.a_conversation_takes_a_mail_once: Mutant("twice", RULES.replacing(rules.second_alias, relays_the_second)),
    laws.nothing_crosses_conversations: Mutant("elsewhere", RULES.before(rules.participant, into_the_first)),
    laws.a_mail_is_told_by_its_sender_and_id: Mutant("by alias", RULES.before(rules.participant, keyed_by_alias)),
    laws.legacy_is_no_way_around_a_decision: Mutant("legacy asked anew", RULES.without(rules.decided_already)),
    laws.what_was_let_in_waits_no_more: Mutant("never let in", RULES.without(rules.approved)),
    laws.nobody_posts_in_the_name_of_another: Mutant(
        "a colleague", RULES.before(rules.several_accounts, a_colleague_will_do)
    ),
    laws.who_fails_authentication_posts_nothing: Mutant("doubt", RULES.without(rules.doubtful_participant)),
    laws.the_blocked_are_dropped_everywhere: Mutant(
        "one reading",
        RULES.replacing(rules.blocked_sender, blocked_by_from),
        RoutingPolicy(blocked=BlockedSenders(SENDERS[:2])),
    ),
    laws.refused_aliases_are_alike: Mutant("grace", RULES.replacing(rules.expired_alias, grace_for_the_expired)),
}
