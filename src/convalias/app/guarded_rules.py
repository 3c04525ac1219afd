"""Guard rules and admissions of a host: an exception becomes "try again", noted with rule, class, file and line."""

from __future__ import annotations

from collections.abc import Callable
from types import NoneType
from typing import Final, TypeVar

from attrs import evolve, field, frozen

from convalias.app.guards import AdapterFaults
from convalias.domain.errors import InvalidValue
from convalias.domain.expecting import expect
from convalias.domain.routing.admission import FREE, LIGHT, STRICT, Admission, Admittance, Because
from convalias.domain.routing.policy import RoutingPolicy
from convalias.domain.routing.rulebook import C, Rule, RuleBook
from convalias.domain.routing.rules import RULES
from convalias.domain.routing.verdicts import AliasRecipient, LegacyRecipient, Verdict
from convalias.ports.errors import AdapterFailed

# By identity: a name can be copied, as by `functools.wraps`, and what listens to a rule is not that rule.
_OUR_RULES: Final = frozenset(one.decide for one in RULES)
_OUR_ADMISSIONS: Final = frozenset(one.decide for one in (FREE, LIGHT, STRICT))
CaseT = TypeVar("CaseT")
AnswerT = TypeVar("AnswerT")


def refuse_wishes(policy: object, rules: object) -> None:
    """Raise `InvalidValue` for a policy or a book that is none."""
    expect(
        "policy", policy, RoutingPolicy, NoneType, expected="a RoutingPolicy, such as RoutingPolicy(admission=LIGHT)"
    )
    expect("rules", rules, RuleBook, NoneType, expected="a RuleBook, such as RULES.before(…)")


def guard_rules(book: RuleBook, faults: AdapterFaults) -> RuleBook:
    """Return the book with each rule of the host's own behind a guard; the library's stay as they are."""

    def guarded(table: tuple[Rule[C], ...]) -> tuple[Rule[C], ...]:
        return tuple(one if one.decide in _OUR_RULES else _rule(one, faults) for one in table)

    return book.by_table(guarded)


def guard_policy(policy: RoutingPolicy, faults: AdapterFaults) -> RoutingPolicy:
    """Return the policy with each admission of the host's own behind a guard."""
    by_use_case = {case: _admission(one, faults) for case, one in policy.admission_by_use_case.items()}
    return evolve(policy, admission=_admission(policy.admission, faults), admission_by_use_case=by_use_case)


@frozen
class _GuardedRule(Rule[C]):
    """A rule of the host: what it raises, and a verdict that its recipient cannot have, is tried again."""

    faults: AdapterFaults = field(repr=False, eq=False)

    def refuse_wrong(self, verdict: Verdict, recipient: AliasRecipient | LegacyRecipient | None = None) -> None:
        """Raise `AdapterFailed` for a verdict that the step or the recipient cannot have."""
        try:
            super().refuse_wrong(verdict, recipient)
        except InvalidValue as wrong:
            raise _failed(f"rules.{self.name}", self.faults, wrong) from wrong
        self.faults.worked(f"rules.{self.name}")


def _rule(one: Rule[C], faults: AdapterFaults) -> Rule[C]:
    return _GuardedRule(one.name, one.step, one.number, one.law, _guarded(one, f"rules.{one.name}", faults), faults)


def _admission(policy: Admission, faults: AdapterFaults) -> Admission:
    if policy.decide in _OUR_ADMISSIONS:
        return policy
    return Admission(policy.name, _guarded(policy.answer, f"admissions.{policy.name}", faults))


def _guarded(decide: Callable[[CaseT], AnswerT], call: str, faults: AdapterFaults) -> Callable[[CaseT], AnswerT]:
    """The same function; what it raises is tried again, within the bounds of all faults of the host.

    It keeps no process from being ready: any stranger may write the mail on which a rule fails.
    """

    def guarded(case: CaseT) -> AnswerT:
        try:
            answer = decide(case)
        except InvalidValue as wrong:
            raise _failed(call, faults, wrong) from wrong
        except Exception as error:
            raise AdapterFailed(call, faults.note(call, error, is_of_one_mail=True)) from error
        if answer is None or isinstance(answer, Admittance | Because):  # a verdict is checked once more
            faults.worked(call)
        return answer

    return guarded


def _failed(call: str, faults: AdapterFaults, wrong: InvalidValue) -> AdapterFailed:
    """An answer that is none. Its text may quote the mail, its parts do not."""
    found = wrong.found if isinstance(wrong.found, type) else type(wrong.found)
    told = f"{wrong.what}, found {found.__name__}, expected {wrong.expected}"
    return AdapterFailed(call, faults.note(call, wrong, told, is_of_one_mail=True))
