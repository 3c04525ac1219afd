"""Admission: whom free, light and strict let in."""

import pytest
from attrs import evolve
from hypothesis import given

from convalias.domain.errors import InvalidValue
from convalias.domain.mail.authentication import Authentication
from convalias.domain.mail.reasons import Reason, reason
from convalias.domain.routing.admission import FREE, LIGHT, STRICT, Admittance, Applicant, Because, admission
from convalias.testing import strategies
from domain.cases import EVE, THREAD

PROVED = Applicant(address=EVE, authentication=Authentication.AUTHENTICATED, thread=THREAD)


def test_free_admits_and_strict_refuses_everybody() -> None:
    assert FREE(PROVED) is Admittance.ADMIT
    assert STRICT(PROVED) is Admittance.REFUSE


def test_light_admits_who_is_proved_and_vouched_for() -> None:
    by_company = evolve(PROVED, company_domains=frozenset({"else.example"}))
    by_copy = evolve(PROVED, thread=evolve(THREAD, cc_seen=frozenset({EVE})))
    assert LIGHT(PROVED) is Admittance.ASK
    for vouched in (by_company, by_copy):
        assert LIGHT(vouched) is Admittance.ADMIT
        assert LIGHT(evolve(vouched, authentication=Authentication.UNPROVED)) is Admittance.ASK


def test_a_company_domain_vouches_for_no_subdomain() -> None:
    above = evolve(PROVED, company_domains=frozenset({"example"}))
    assert LIGHT(above) is Admittance.ASK


@given(strategies.applicants())
def test_light_never_refuses_and_never_admits_the_unproved(applicant: Applicant) -> None:
    answer = LIGHT(applicant)
    assert answer is not Admittance.REFUSE
    assert answer is Admittance.ASK or applicant.authentication is Authentication.AUTHENTICATED


def test_a_policy_of_ones_own_has_a_name() -> None:
    @admission("nobody")
    def nobody(_applicant: Applicant) -> Admittance:
        return Admittance.REFUSE

    assert nobody.name == "nobody"
    assert nobody(PROVED) is Admittance.REFUSE


NO_CONTRACT = reason("NO_CONTRACT", refusal="There is no contract with your company yet.")


def test_a_policy_may_ask_or_refuse_for_a_reason_of_its_own() -> None:
    @admission("contracts")
    def contracts(_applicant: Applicant) -> Admittance | Because:
        return Admittance.ASK.because(NO_CONTRACT)

    assert contracts(PROVED) is Admittance.ASK
    assert contracts.answer(PROVED) == Because(Admittance.ASK, NO_CONTRACT)
    assert LIGHT.answer(PROVED) is Admittance.ASK


def test_who_is_admitted_needs_no_reason_and_a_reason_is_one_of_ones_own() -> None:
    with pytest.raises(InvalidValue, match="expected ASK or REFUSE"):
        Admittance.ADMIT.because(NO_CONTRACT)
    with pytest.raises(InvalidValue, match="expected one made with reason"):
        Admittance.ASK.because(Reason.SPAM)  # type: ignore[arg-type]


def test_a_policy_that_answers_something_else_is_named() -> None:
    bare = admission("bare")(lambda _: True)  # type: ignore[arg-type,return-value]
    with pytest.raises(InvalidValue, match="admission 'bare' gave bool: found True, expected an Admittance"):
        bare(PROVED)


async def waits(_applicant: Applicant) -> Admittance:
    return Admittance.ADMIT


def of_two(_applicant: Applicant, *, limit: int) -> Admittance:
    return Admittance.ADMIT


class Contracts:
    """Admissions of an object of the host's."""

    def known(self, _applicant: Applicant) -> Admittance:
        return Admittance.ASK


def test_an_admission_is_a_plain_function_of_one_applicant() -> None:
    with pytest.raises(InvalidValue, match=r"admission 'x': found 'async .*expected a plain function of one Applicant"):
        admission("x")(waits)  # type: ignore[arg-type]
    with pytest.raises(
        InvalidValue, match=r"admission 'x': found 'a function of \(_applicant, \*, limit\)', expected a f"
    ):
        admission("x")(of_two)  # type: ignore[arg-type]
    assert admission("x")(Contracts().known)(PROVED) is Admittance.ASK
