"""A book of rules is changed by making a new one; a rule belongs to its step."""

import pytest

from convalias.domain.errors import InvalidValue
from convalias.domain.mail.reasons import Reason
from convalias.domain.routing import rules
from convalias.domain.routing.rulebook import AliasCase, AuthorCase, Heard, RelayCase, rule
from convalias.domain.routing.rules import RULES
from convalias.domain.routing.verdicts import Hold, Verdict
from domain.cases import AUTHOR_CASE, MAIL_CASE, RELAY_CASE, RELAYED


@rule(9, number=99)
def looked_at_first(case: RelayCase) -> Verdict | None:
    """Somebody   looks first."""
    return Hold(Reason.NEEDS_APPROVAL) if case.verdict == RELAYED else None


def test_a_function_becomes_a_rule_with_its_name_and_its_law() -> None:
    assert (looked_at_first.name, looked_at_first.step, looked_at_first.number) == ("looked-at-first", 9, 99)
    assert looked_at_first.law == "Somebody looks first."
    assert looked_at_first(RELAY_CASE) == Hold(Reason.NEEDS_APPROVAL)


def test_a_function_without_a_docstring_has_no_law() -> None:
    @rule(5)
    def silent(_case: AliasCase) -> Verdict | None:
        return None

    assert silent.law == ""


def test_every_rule_of_the_library_says_its_law_and_is_named_once() -> None:
    names = [one.name for one in RULES]
    assert len(names) == len(set(names)) == 36
    assert all(one.law.endswith(".") for one in RULES)
    assert set(rules.__all__) == {"RULES", *(name.replace("-", "_") for name in names)}


def test_the_rules_stand_in_the_order_of_their_steps() -> None:
    steps = [one.step for one in RULES]
    assert steps == sorted(steps)


def test_a_rule_is_replaced() -> None:
    book = RULES.replacing(rules.empty, looked_at_first)
    assert book.relay[5] is looked_at_first
    assert len(book.relay) == len(RULES.relay)
    assert book.name != RULES.name


def test_a_rule_is_put_before_another() -> None:
    book = RULES.before(rules.empty, looked_at_first)
    assert book.relay[5:7] == (looked_at_first, rules.empty)


def test_a_rule_is_left_out() -> None:
    assert rules.empty not in RULES.without(rules.empty).relay


def test_a_rule_that_is_not_in_the_book_is_named() -> None:
    with pytest.raises(InvalidValue, match="looked-at-first"):
        RULES.without(looked_at_first)


def test_a_rule_of_another_step_is_refused() -> None:
    @rule(8)
    def too_early(_case: AuthorCase) -> Verdict | None:
        return None

    with pytest.raises(InvalidValue, match="a rule of the step 9"):
        RULES.before(rules.empty, too_early)  # type: ignore[misc]  # the checkers refuse it as well
    assert too_early(AUTHOR_CASE) is None


def test_a_listener_hears_every_rule_and_changes_nothing() -> None:
    heard: list[Heard] = []
    book = RULES.heard_by(heard.append)
    assert [one.name for one in book] == [one.name for one in RULES]
    assert book.mail[0](MAIL_CASE) is None
    assert heard == [
        Heard(rules.over_a_limit.name, 1, None, rules.over_a_limit.law, MAIL_CASE, None),
    ]
