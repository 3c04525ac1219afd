"""What a deployment was told about itself: nothing it was told is lost, or taken for something else."""

from __future__ import annotations

import pytest
from attrs import evolve

from convalias.domain.addresses.email_address import EmailAddress, MailDomains
from convalias.domain.deployment.domains_and_policy import Deployment
from convalias.domain.errors import InvalidValue
from convalias.domain.ids import UseCase
from convalias.domain.routing.admission import FREE, LIGHT, STRICT, Admission, Admittance
from convalias.domain.routing.policy import DEFAULT_POLICY, BlockedSenders, LoopGuard, RoutingPolicy, SenderTrust

OURS = Deployment(alias_domains=("reply.example",), legacy_domains=("relay.example",))
EVERYBODY = Admission("everybody", lambda _: Admittance.ADMIT)


def test_nothing_told_means_the_defaults() -> None:
    assert Deployment().policy == DEFAULT_POLICY
    assert Deployment().domains == MailDomains(())


@pytest.mark.parametrize("admission", [FREE, LIGHT, STRICT])
@pytest.mark.parametrize("trust", SenderTrust)
def test_a_policy_comes_back_as_it_was_told(admission: Admission, trust: SenderTrust) -> None:
    policy = RoutingPolicy(
        admission=admission,
        sender_trust=trust,
        blocked=BlockedSenders([EmailAddress.parse("eve@evil.example")], ["bad.example"]),
        historical_days=7,
    )
    told = OURS.under(policy)
    assert told.policy == policy
    assert told.domains == OURS.domains
    assert told.under(DEFAULT_POLICY).policy == DEFAULT_POLICY


@pytest.mark.parametrize(
    "policy",
    [
        RoutingPolicy(admission=EVERYBODY),
        RoutingPolicy(admission_by_use_case={UseCase("apply"): STRICT}),
        RoutingPolicy(trust_by_use_case={UseCase("apply"): SenderTrust.REQUIRE_ALIGNED}),
        RoutingPolicy(loop_guard=LoopGuard(same_text=5)),
        RoutingPolicy(loop_guard=None),
    ],
    ids=[
        "an admission of one's own",
        "an admission per use case",
        "a trust per use case",
        "another loop guard",
        "no loop guard",
    ],
)
def test_a_policy_that_cannot_be_kept_whole_is_refused(policy: RoutingPolicy) -> None:
    with pytest.raises(InvalidValue):
        OURS.under(policy)


def test_an_admission_that_nobody_knows_is_never_taken_for_the_default() -> None:
    with pytest.raises(InvalidValue, match="strict"):
        _ = evolve(OURS, admission="stricter").policy


def test_further_domains_stand_behind_those_that_are_there() -> None:
    joined = OURS.joined(MailDomains({"a.example", "Reply.example"}, {"b.example"}))
    assert joined.alias_domains == ("reply.example", "a.example")
    assert joined.legacy_domains == ("relay.example", "b.example")
    assert joined.joined(joined.domains) == joined


@pytest.mark.parametrize("domains", [MailDomains({"relay.example"}), MailDomains((), {"reply.example"})])
def test_no_domain_becomes_both(domains: MailDomains) -> None:
    with pytest.raises(InvalidValue, match="never both"):
        OURS.joined(domains)


def test_domains_are_canonical_and_named_once() -> None:
    assert Deployment(alias_domains=("Reply.Example", "reply.example.")).alias_domains == ("reply.example",)


def test_whom_it_blocks_is_not_shown() -> None:
    told = OURS.under(RoutingPolicy(blocked=BlockedSenders([EmailAddress.parse("eve@evil.example")])))
    assert "eve" not in repr(told)
