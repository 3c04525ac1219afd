"""What the settings say is laid over the loaded policy, key by key; what they leave out stays."""

from __future__ import annotations

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.deployment.domains_and_policy import Deployment
from convalias.domain.deployment.policy_overlay import Origin, PolicyOverlay, PolicyValue, in_force
from convalias.domain.ids import UseCase
from convalias.domain.routing.admission import FREE, LIGHT, STRICT
from convalias.domain.routing.policy import DEFAULT_POLICY, BlockedSenders, LoopGuard, RoutingPolicy, SenderTrust

EVE = EmailAddress.parse("eve@evil.example")
APPLY, HIRE = UseCase("apply"), UseCase("hire")
LOADED = RoutingPolicy(
    admission=STRICT,
    sender_trust=SenderTrust.REQUIRE_ALIGNED,
    blocked=BlockedSenders([EVE]),
    historical_days=30,
    loop_guard=LoopGuard(same_text=7, mails_an_hour=9),
    admission_by_use_case={APPLY: STRICT},
    trust_by_use_case={APPLY: SenderTrust.ACCEPT_KNOWN},
)

overlays = st.builds(
    PolicyOverlay,
    admission=st.none() | st.sampled_from([FREE, LIGHT]),
    sender_trust=st.none() | st.sampled_from(SenderTrust),
    blocked=st.none() | st.just(BlockedSenders()),
    historical_days=st.none() | st.integers(0, 20),
    admission_by_use_case=st.dictionaries(st.sampled_from([APPLY, HIRE]), st.sampled_from([FREE, LIGHT])),
)


def test_nothing_over_a_policy_is_that_policy() -> None:
    assert PolicyOverlay().over(LOADED) == LOADED
    assert PolicyOverlay().over(DEFAULT_POLICY) == DEFAULT_POLICY


@given(overlays)
def test_each_value_is_the_one_set_or_the_one_below(overlay: PolicyOverlay) -> None:
    policy = overlay.over(LOADED)
    assert policy.admission == (overlay.admission or STRICT)
    assert policy.sender_trust == (overlay.sender_trust or SenderTrust.REQUIRE_ALIGNED)
    assert policy.blocked == (LOADED.blocked if overlay.blocked is None else BlockedSenders())
    assert policy.historical_days == (30 if overlay.historical_days is None else overlay.historical_days)
    assert policy.loop_guard == LOADED.loop_guard
    for case in (APPLY, HIRE):
        below = STRICT if case == APPLY else policy.admission
        assert policy.admission_for(case) == overlay.admission_by_use_case.get(case, below)
    assert overlay.over(policy) == policy


def test_what_one_use_case_is_told_leaves_all_others_as_loaded() -> None:
    policy = PolicyOverlay(admission_by_use_case={HIRE: FREE}).over(LOADED)
    assert (policy.admission_for(HIRE), policy.admission_for(APPLY), policy.admission) == (FREE, STRICT, STRICT)
    assert evolve(policy, admission_by_use_case=LOADED.admission_by_use_case) == LOADED


def test_a_loop_guard_is_laid_over_key_by_key() -> None:
    assert PolicyOverlay(guards_loops=True).over(RoutingPolicy(loop_guard=None)).loop_guard == LoopGuard()
    assert PolicyOverlay(guards_loops=False).over(LOADED).loop_guard is None
    assert PolicyOverlay(guards_loops=True, same_text=2).over(LOADED).loop_guard == LoopGuard(
        same_text=2, mails_an_hour=9
    )
    assert PolicyOverlay(guards_loops=True, mails_an_hour=1).over(LOADED).loop_guard == LoopGuard(
        same_text=7, mails_an_hour=1
    )


def test_each_value_says_who_said_it_and_names_nobody() -> None:
    loaded = Deployment().under(evolve(LOADED, loop_guard=LoopGuard(), admission_by_use_case={}, trust_by_use_case={}))
    overlay = PolicyOverlay(
        historical_days=9,
        guards_loops=True,
        admission_by_use_case={HIRE: FREE},
        trust_by_use_case={HIRE: SenderTrust.ACCEPT_ANY},
    )
    values = {one.key: (one.value, one.origin) for one in in_force(overlay, loaded)}
    assert values == {
        "policy.admission": ("strict", Origin.LOADED),
        "policy.sender_trust": ("require_aligned", Origin.LOADED),
        "policy.blocked_senders": ("1 addresses, 0 domains", Origin.LOADED),
        "policy.historical_days": ("9", Origin.SETTINGS),
        "policy.loop_guard.same_text": ("3", Origin.DEFAULT),
        "policy.loop_guard.mails_an_hour": ("no bound", Origin.DEFAULT),
        "use_case.hire.admission": ("free", Origin.SETTINGS),
        "use_case.hire.sender_trust": ("accept_any", Origin.SETTINGS),
    }
    bounded = PolicyOverlay(guards_loops=True, mails_an_hour=5)
    assert PolicyValue("policy.loop_guard.mails_an_hour", "5", Origin.SETTINGS) in in_force(bounded, Deployment())
    off = PolicyValue("policy.loop_guard", "off", Origin.SETTINGS)
    assert off in in_force(PolicyOverlay(guards_loops=False), Deployment())
    assert {one.origin for one in in_force(PolicyOverlay(), Deployment())} == {Origin.DEFAULT}
