"""The rule book: which rules there are, and in what order they are asked."""

from __future__ import annotations

from typing import Final

from convalias.domain.routing.rulebook import RuleBook
from convalias.domain.routing.rules_author import (
    applicant,
    doubtful_participant,
    participant,
    several_accounts,
    unproved_participant,
)
from convalias.domain.routing.rules_mail import (
    ambiguous_from,
    automatic_answer,
    blocked_sender,
    bounce,
    closed_conversation,
    erased_conversation,
    expired_alias,
    forged_alias,
    not_ours,
    over_a_limit,
    own_mail,
    revoked_alias,
    spoofed_sender,
    unknown_alias,
)
from convalias.domain.routing.rules_relay import (
    approved,
    automatic_mail,
    carried_already,
    carried_by_header_alias,
    decided_already,
    empty,
    erased_legacy,
    legacy_alone,
    odd_header,
    over_budget,
    repeated_text,
    replayed_signature,
    second_alias,
    spam,
    spam_for_legacy,
)

RULES: Final = RuleBook(
    mail=(over_a_limit, blocked_sender),
    arrival=(forged_alias, unknown_alias, not_ours),
    alias=(revoked_alias, expired_alias, erased_conversation, closed_conversation),
    sender=(own_mail, bounce, automatic_answer, ambiguous_from, spoofed_sender),
    author=(several_accounts, doubtful_participant, unproved_participant, participant, applicant),
    relay=(automatic_mail, spam, repeated_text, over_budget, empty, approved, odd_header, replayed_signature),
    overlap=(
        second_alias,
        carried_already,
        carried_by_header_alias,
        decided_already,
        erased_legacy,
        spam_for_legacy,
        legacy_alone,
    ),
)
"""The library's own book: the order of decision as the reference of the doors has it."""

__all__ = [
    "RULES",
    "ambiguous_from",
    "applicant",
    "approved",
    "automatic_answer",
    "automatic_mail",
    "blocked_sender",
    "bounce",
    "carried_already",
    "carried_by_header_alias",
    "closed_conversation",
    "decided_already",
    "doubtful_participant",
    "empty",
    "erased_conversation",
    "erased_legacy",
    "expired_alias",
    "forged_alias",
    "legacy_alone",
    "not_ours",
    "odd_header",
    "over_a_limit",
    "over_budget",
    "own_mail",
    "participant",
    "repeated_text",
    "replayed_signature",
    "revoked_alias",
    "second_alias",
    "several_accounts",
    "spam",
    "spam_for_legacy",
    "spoofed_sender",
    "unknown_alias",
    "unproved_participant",
]
