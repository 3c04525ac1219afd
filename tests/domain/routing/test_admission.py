"""Admission: whom free, light and strict let in."""

from attrs import evolve
from hypothesis import given

from convalias.domain.mail.authentication import Authentication
from convalias.domain.routing.admission import FREE, LIGHT, STRICT, Admittance, Applicant, admission
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
