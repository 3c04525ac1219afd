"""A book of rules is changed by making a new one; a rule belongs to its step, and says what it says in verdicts."""

import re
from functools import partial, wraps
from typing import Any

import pytest
from attrs import evolve

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.errors import InvalidValue
from convalias.domain.mail.reasons import Reason
from convalias.domain.routing import rules
from convalias.domain.routing.decision import route
from convalias.domain.routing.rulebook import (
    AliasCase,
    ArrivalCase,
    AuthorCase,
    Heard,
    MailCase,
    RelayCase,
    Rule,
    WrongVerdict,
    rule,
)
from convalias.domain.routing.rules import RULES
from convalias.domain.routing.verdicts import Hold, RuleName, Verdict
from domain.cases import AUTHOR_CASE, CONTEXT, MAIL, MAIL_CASE, RELAY_CASE, RELAYED


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


@rule(9)
def over_quota(_case: RelayCase) -> Verdict | None:
    """Says what no rule may say."""
    return "no"  # type: ignore[return-value]


@rule(7)
def sure(_case: Any) -> Verdict | None:
    """Says that the mail is fine."""
    return True  # type: ignore[return-value]


def test_what_is_no_verdict_is_refused_with_the_name_of_its_rule() -> None:
    told = "rule 'over-quota' gave str 'no', expected a Verdict or None"
    with pytest.raises(WrongVerdict, match=f"^{told}$"):
        over_quota(RELAY_CASE)
    with pytest.raises(WrongVerdict, match=f"^{told}$"):
        route(MAIL, CONTEXT, rules=RULES.before(rules.empty, over_quota))
    with pytest.raises(WrongVerdict, match="rule 'sure' gave bool True"):
        route(MAIL, CONTEXT, rules=RULES.before(rules.spoofed_sender, sure))


@rule(2)
def suspect(_case: MailCase) -> Verdict | None:
    """Somebody looks first."""
    return Hold(Reason.NEEDS_APPROVAL)


@rule(3)
def new_here(_case: ArrivalCase) -> Verdict | None:
    """Somebody looks first."""
    return Hold(Reason.NEEDS_APPROVAL)


def test_a_hold_before_a_conversation_is_known_is_no_verdict() -> None:
    """Nobody could be asked: such a mail would be in no list of what waits."""
    with pytest.raises(WrongVerdict, match=r"rule 'suspect' gave Hold .*, expected no Hold at step 2, where no"):
        route(MAIL, CONTEXT, rules=RULES.before(rules.blocked_sender, suspect))
    unknown = evolve(MAIL, recipients=(EmailAddress.parse("nobody-1ab131e9@reply.example"),))
    with pytest.raises(WrongVerdict, match=r"rule 'new-here' gave Hold .*, expected no Hold at step 3, where no"):
        route(unknown, CONTEXT, rules=RULES.before(rules.unknown_alias, new_here))


def test_a_rule_is_shown_the_case_of_its_step_alone() -> None:
    with pytest.raises(InvalidValue, match="expected an instance of RelayCase"):
        rules.empty(MAIL_CASE)  # type: ignore[arg-type]
    assert rules.empty(RELAY_CASE) is None


@pytest.mark.parametrize("step", [4, 0, 12, "9", None])
def test_there_are_steps_and_no_others(step: Any) -> None:
    told = f"step of a rule: found {step!r}, expected one of 1, 2, 3, 5, 6, 7, 8, 9, 10, 11"
    with pytest.raises(InvalidValue, match=re.escape(told)):
        rule(step)
    with pytest.raises(InvalidValue, match="step of rule 'x'"):
        Rule(RuleName("x"), step, None, "", lambda _: None)


async def waits(_case: object) -> None: ...
def yields(_case: object) -> Any:
    yield


def of_two(_case: object, _more: object) -> None: ...
def of_none() -> None: ...
def of_one(_case: object, _more: int = 1) -> None: ...
def of_any(*_cases: object) -> None: ...
def of_one_and_a_name(_case: object, *, limit: int) -> None: ...


@wraps(of_two)
def decorated(case: object) -> None:
    of_two(case, 7)


class Quotas:
    """Rules of an object of the host's."""

    def kept(self, _case: object) -> None: ...
    def of_two(self, _case: object, _more: object) -> None: ...


class Waiting:
    """An object that answers only when it is awaited."""

    async def __call__(self, _case: object) -> None: ...


class Silent:
    """An object that does not tell what it takes."""

    __signature__ = 7

    def __call__(self, _case: object) -> None: ...


@pytest.mark.parametrize(
    ("function", "told"),
    [
        (waits, "async or a generator"),
        (yields, "async or a generator"),
        (of_two, "found 'a function of (_case, _more)', expected a function of one RelayCase"),
        (of_none, "found 'a function of ()', expected a function of one RelayCase"),
        (Quotas().of_two, "found 'a function of (_case, _more)'"),
        (of_one_and_a_name, "rule 'of-one-and-a-name': found 'a function of (_case, *, limit)', expected a function"),
        (7, "expected a function with a name"),
        (partial(of_one), "expected a function with a name"),
    ],
)
def test_a_rule_is_a_plain_function_of_one_case(function: Any, told: str) -> None:
    with pytest.raises(InvalidValue, match=re.escape(told)):
        rule(9)(function)


def test_what_can_be_called_with_one_case_may_be_a_rule() -> None:
    assert rule(9)(of_one)(RELAY_CASE) is None
    assert rule(9)(of_any)(RELAY_CASE) is None
    assert rule(9)(Quotas().kept)(RELAY_CASE) is None
    assert rule(9)(decorated)(RELAY_CASE) is None
    assert Rule(RuleName("x"), 9, None, "", partial(of_two, _more=1))(RELAY_CASE) is None
    assert Rule(RuleName("x"), 9, None, "", Silent())(RELAY_CASE) is None
    for waiting in (Waiting(), partial(waits)):
        with pytest.raises(InvalidValue, match=r"rule 'x': found .async or a generator"):
            Rule(RuleName("x"), 9, None, "", waiting)  # type: ignore[arg-type]
    with pytest.raises(InvalidValue, match="rule 'x': found 7, expected a function of one RelayCase"):
        Rule(RuleName("x"), 9, None, "", 7)  # type: ignore[arg-type]


@pytest.mark.parametrize("gone", list(RULES), ids=lambda one: one.name)
def test_a_book_is_edited_and_listened_to_in_each_of_its_tables(gone: Rule[Any]) -> None:
    rest = [one.name for one in RULES if one.name != gone.name]
    assert [one.name for one in RULES.without(gone)] == rest
    assert not set(RULES) & set(RULES.heard_by(lambda _: None))
