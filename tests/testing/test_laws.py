"""The laws: each holds for the library, holds for an honest policy of one's own, and is seen to fail on a slip."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from attrs import fields
from hypothesis import Phase, find, settings
from hypothesis.errors import Flaky, NoSuchExample

from convalias.domain.addresses.email_address import MailDomains
from convalias.domain.ids import UseCase
from convalias.domain.mail.authentication import Authentication
from convalias.domain.mail.reasons import Reason
from convalias.domain.routing import rules
from convalias.domain.routing.admission import LIGHT, Admittance, Applicant, admission
from convalias.domain.routing.context import RoutingContext
from convalias.domain.routing.policy import RoutingPolicy
from convalias.domain.routing.questions import Questions
from convalias.domain.routing.rulebook import RelayCase, WrongVerdict, rule
from convalias.domain.routing.verdicts import Hold, RelayToConversation, Verdict
from convalias.testing import laws
from convalias.testing.laws.deciding import answered
from convalias.testing.strategies import Exchange, exchanges
from testing.mutants import MUTANTS, Mutant

SEARCH = settings(max_examples=5_000, database=None, derandomize=True, deadline=None, phases=[Phase.generate])


@admission("partners")
def partners(applicant: Applicant) -> Admittance:
    """Our agencies pass when authenticated; everybody else as in `light`."""
    if applicant.authentication is Authentication.AUTHENTICATED and applicant.address.domain == "list.example":
        return Admittance.ADMIT
    return LIGHT(applicant)


@rule(9)
def japan_is_looked_at_first(case: RelayCase) -> Verdict | None:
    """In the Japanese market somebody looks first."""
    if isinstance(case.verdict, RelayToConversation) and case.recipient.thread.market == "jp":
        return Hold(Reason.NEEDS_APPROVAL, case.verdict.author, case.verdict.dedup_key)
    return None


class TestLawsOfAPolicyOfOnesOwn(laws.PolicyLaws):
    policy = RoutingPolicy(admission_by_use_case={UseCase("apply"): partners})
    rules = rules.RULES.before(rules.empty, japan_is_looked_at_first).without(rules.odd_header)


def breaks(law: laws.Law, mutant: Mutant) -> bool:
    def broken(example: Exchange) -> bool:
        try:
            law(example, mutant.policy, mutant.rules)
        except (AssertionError, WrongVerdict):  # a book asks what a rule gives before a law can
            return True
        return False

    try:
        find(exchanges(), broken, settings=SEARCH)
    except NoSuchExample:
        return False
    except Flaky:
        # What remembers decides otherwise the second time: that is what was to be seen.
        return True
    return True


@pytest.mark.slow
@pytest.mark.parametrize("law", laws.ALL, ids=lambda law: law.__name__)
def test_a_law_fails_on_the_slip_that_it_is_there_for(law: laws.Law) -> None:
    assert breaks(law, MUTANTS[law]), MUTANTS[law].slip


def test_every_law_has_its_mutant_its_test_and_its_sentence() -> None:
    assert set(MUTANTS) == set(laws.ALL)
    tests = {name for name in vars(laws.PolicyLaws) if name.startswith("test_")}
    assert tests == {f"test_{law.__name__}" for law in laws.ALL}
    assert all(law.__doc__ for law in laws.ALL)
    assert {law.__name__ for law in laws.ALL} <= set(laws.__all__)


def test_a_world_that_is_known_whole_answers_every_kind_of_question() -> None:
    kinds = [one.name for one in fields(Questions)]
    asked: dict[str, Any] = {kind: frozenset({kind}) for kind in kinds}
    whole = RoutingContext(
        now=datetime(2026, 3, 1, tzinfo=UTC), domains=MailDomains(alias=frozenset({"reply.example"}))
    )
    answers = answered(Questions(**asked), whole)
    assert {kind: list(getattr(answers, kind)) for kind in kinds} == {kind: [kind] for kind in kinds}
