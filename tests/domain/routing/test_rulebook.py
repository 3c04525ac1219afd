"""A book of rules is changed by making a new one; a rule belongs to its step, and says what it says in verdicts."""

from typing import Any

import pytest
from attrs import evolve

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.errors import InvalidValue
from convalias.domain.ids import ConversationId
from convalias.domain.mail.reasons import Reason
from convalias.domain.routing import rules
from convalias.domain.routing.context import RoutingContext
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
from convalias.domain.routing.verdicts import HandToLegacy, Hold, RelayToConversation, RuleName, SkipOverlap, Verdict
from convalias.testing.strategies import NOW
from domain.cases import (
    ALIAS,
    AUTHOR,
    AUTHOR_CASE,
    BOBS_ACCOUNT,
    CONTEXT,
    DOMAINS,
    KEY,
    LEGACY,
    MAIL,
    MAIL_CASE,
    RELAY_CASE,
    RELAYED,
    SECOND,
    STORED,
    THREAD,
    saying,
)


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


def test_a_step_that_there_is_not_is_refused() -> None:
    with pytest.raises(InvalidValue, match=r"step of rule 'silent': found 4, expected one of 1, 2, 3, 5, .*, 11$"):
        Rule(RuleName("silent"), 4, None, "", lambda _case: None)


def test_a_function_that_does_not_tell_what_it_takes_is_taken_at_its_word() -> None:
    """As some that are not written in Python."""
    assert Rule(RuleName("silent"), 9, None, "", vars).name == "silent"  # type: ignore[arg-type]


def test_what_the_step_of_a_rule_cannot_say_is_refused() -> None:
    """Before step 5 nobody could be asked: such a mail would be in no list of what waits."""
    with pytest.raises(WrongVerdict, match=r"rule 'suspect' gave Hold .*, expected Reject, Ignore or None at step 2$"):
        route(MAIL, CONTEXT, rules=RULES.before(rules.blocked_sender, suspect))
    unknown = evolve(MAIL, recipients=(EmailAddress.parse("nobody-1ab131e9@reply.example"),))
    with pytest.raises(WrongVerdict, match=r"rule 'new-here' gave Hold .*, expected Reject, Ignore or None at step 3$"):
        route(unknown, CONTEXT, rules=RULES.before(rules.unknown_alias, new_here))
    told = "expected RelayToConversation, Hold, Reject, Ignore or None at step 9$"
    for verdict in (SkipOverlap(ALIAS), HandToLegacy()):
        with pytest.raises(WrongVerdict, match=f"rule 'saying' gave {type(verdict).__name__} .*, {told}"):
            route(MAIL, CONTEXT, rules=RULES.before(rules.empty, saying(verdict)))


def test_a_mail_goes_nowhere_but_where_its_recipient_leads() -> None:
    elsewhere = RelayToConversation(ConversationId("c2"), AUTHOR, KEY)
    with pytest.raises(
        WrongVerdict,
        match=r"^rule .saying. gave RelayToConversation, expected one to the conversation that the recipient leads to$",
    ):
        route(MAIL, CONTEXT, rules=RULES.before(rules.empty, saying(elsewhere)))
    both = evolve(MAIL, recipients=(ALIAS, SECOND))
    two = RoutingContext.of(THREAD, STORED, evolve(STORED, address=SECOND), BOBS_ACCOUNT, now=NOW, domains=DOMAINS)
    with pytest.raises(WrongVerdict, match="expected HandToLegacy for a legacy address alone"):
        route(both, two, rules=RULES.before(rules.second_alias, saying(HandToLegacy(), 10)))
    lost = evolve(MAIL, recipients=(LEGACY,), to=())
    with pytest.raises(WrongVerdict, match="expected no Hold for a legacy address that leads nowhere here"):
        route(lost, CONTEXT, rules=RULES.before(rules.carried_already, saying(Hold(Reason.NEEDS_APPROVAL), 11)))
