"""Laws that hold for every mail under every policy and every book of rules: functions that assert them.

To hold them against a policy, or a book of rules, of one's own, one class is enough under pytest (or unittest, beside
`unittest.TestCase`); elsewhere `check(law, policy, rules)` for each law of `ALL`. Needs `convalias[testing]`.
"""

# ruff: noqa: D102 - a test of `PolicyLaws` is named for its law, which has the docstring

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from convalias.domain.routing.policy import DEFAULT_POLICY, RoutingPolicy
from convalias.domain.routing.rulebook import RuleBook
from convalias.domain.routing.rules import RULES
from convalias.extras import brought_by
from convalias.testing.laws.carrying import (
    a_conversation_takes_a_mail_once,
    a_mail_is_told_by_its_sender_and_id,
    legacy_is_no_way_around_a_decision,
    nothing_crosses_conversations,
    nothing_is_skipped_unless_it_is_carried,
    what_was_let_in_waits_no_more,
)
from convalias.testing.laws.deciding import (
    answered,
    every_mail_is_decided,
    every_recipient_has_one_verdict,
    explaining_decides_nothing_else,
    order_case_and_duplicates_change_nothing,
    what_is_asked_for_is_enough,
)
from convalias.testing.laws.speaking import (
    given_by_evidence,
    nobody_posts_in_the_name_of_another,
    refused_aliases_are_alike,
    the_blocked_are_dropped_everywhere,
    who_fails_authentication_posts_nothing,
)
from convalias.testing.strategies import Exchange, exchanges

with brought_by("testing"):
    from hypothesis import given

__all__ = [
    "ALL",
    "Law",
    "PolicyLaws",
    "a_conversation_takes_a_mail_once",
    "a_mail_is_told_by_its_sender_and_id",
    "answered",
    "check",
    "every_mail_is_decided",
    "every_recipient_has_one_verdict",
    "explaining_decides_nothing_else",
    "given_by_evidence",
    "legacy_is_no_way_around_a_decision",
    "nobody_posts_in_the_name_of_another",
    "nothing_crosses_conversations",
    "nothing_is_skipped_unless_it_is_carried",
    "order_case_and_duplicates_change_nothing",
    "refused_aliases_are_alike",
    "the_blocked_are_dropped_everywhere",
    "what_is_asked_for_is_enough",
    "what_was_let_in_waits_no_more",
    "who_fails_authentication_posts_nothing",
]

Law: TypeAlias = Callable[[Exchange, RoutingPolicy, RuleBook], None]
"""Raises `AssertionError` when it does not hold for this mail in this world."""

ALL: Final[tuple[Law, ...]] = (
    every_mail_is_decided,
    every_recipient_has_one_verdict,
    order_case_and_duplicates_change_nothing,
    what_is_asked_for_is_enough,
    explaining_decides_nothing_else,
    nothing_is_skipped_unless_it_is_carried,
    a_conversation_takes_a_mail_once,
    nothing_crosses_conversations,
    a_mail_is_told_by_its_sender_and_id,
    legacy_is_no_way_around_a_decision,
    what_was_let_in_waits_no_more,
    nobody_posts_in_the_name_of_another,
    who_fails_authentication_posts_nothing,
    the_blocked_are_dropped_everywhere,
    refused_aliases_are_alike,
)
"""All of them; a policy or a book of one's own must hold them too."""


def check(law: Law, policy: RoutingPolicy = DEFAULT_POLICY, rules: RuleBook = RULES) -> None:
    """Try one law on as many drawn exchanges as Hypothesis is set to; raises with the smallest that breaks it."""

    @given(exchanges())
    def holds(example: Exchange) -> None:
        law(example, policy, rules)

    holds()


class PolicyLaws:
    """All laws as tests: `class TestLaws(laws.PolicyLaws): policy = OURS` runs them under pytest."""

    policy: RoutingPolicy = DEFAULT_POLICY
    rules: RuleBook = RULES

    def test_every_mail_is_decided(self) -> None:
        check(every_mail_is_decided, self.policy, self.rules)

    def test_every_recipient_has_one_verdict(self) -> None:
        check(every_recipient_has_one_verdict, self.policy, self.rules)

    def test_order_case_and_duplicates_change_nothing(self) -> None:
        check(order_case_and_duplicates_change_nothing, self.policy, self.rules)

    def test_what_is_asked_for_is_enough(self) -> None:
        check(what_is_asked_for_is_enough, self.policy, self.rules)

    def test_explaining_decides_nothing_else(self) -> None:
        check(explaining_decides_nothing_else, self.policy, self.rules)

    def test_nothing_is_skipped_unless_it_is_carried(self) -> None:
        check(nothing_is_skipped_unless_it_is_carried, self.policy, self.rules)

    def test_a_conversation_takes_a_mail_once(self) -> None:
        check(a_conversation_takes_a_mail_once, self.policy, self.rules)

    def test_nothing_crosses_conversations(self) -> None:
        check(nothing_crosses_conversations, self.policy, self.rules)

    def test_a_mail_is_told_by_its_sender_and_id(self) -> None:
        check(a_mail_is_told_by_its_sender_and_id, self.policy, self.rules)

    def test_legacy_is_no_way_around_a_decision(self) -> None:
        check(legacy_is_no_way_around_a_decision, self.policy, self.rules)

    def test_what_was_let_in_waits_no_more(self) -> None:
        check(what_was_let_in_waits_no_more, self.policy, self.rules)

    def test_nobody_posts_in_the_name_of_another(self) -> None:
        check(nobody_posts_in_the_name_of_another, self.policy, self.rules)

    def test_who_fails_authentication_posts_nothing(self) -> None:
        check(who_fails_authentication_posts_nothing, self.policy, self.rules)

    def test_the_blocked_are_dropped_everywhere(self) -> None:
        check(the_blocked_are_dropped_everywhere, self.policy, self.rules)

    def test_refused_aliases_are_alike(self) -> None:
        check(refused_aliases_are_alike, self.policy, self.rules)
