"""What a platform decides: per use case, and whom it blocks."""

import pytest

from convalias.domain.ids import UseCase
from convalias.domain.mail.envelope import NULL_RETURN_PATH
from convalias.domain.routing.admission import FREE, LIGHT
from convalias.domain.routing.policy import BlockedSenders, LoopGuard, RoutingPolicy, SenderTrust
from domain.cases import BOBS, EVE

APPLY, SOURCING = UseCase("apply"), UseCase("sourcing")


def test_a_use_case_has_its_own_admission_and_trust() -> None:
    policy = RoutingPolicy(
        admission_by_use_case={SOURCING: FREE}, trust_by_use_case={SOURCING: SenderTrust.REQUIRE_ALIGNED}
    )
    assert (policy.admission_for(APPLY), policy.admission_for(SOURCING)) == (LIGHT, FREE)
    assert policy.trust_for(APPLY) is SenderTrust.ACCEPT_KNOWN
    assert policy.trust_for(SOURCING) is SenderTrust.REQUIRE_ALIGNED


def test_addresses_and_whole_domains_are_blocked() -> None:
    blocked = BlockedSenders((EVE,), ("@CORP.example",))
    assert EVE in blocked
    assert BOBS in blocked
    assert EVE not in BlockedSenders()
    assert NULL_RETURN_PATH not in blocked
    assert bool(blocked)
    assert not BlockedSenders()


def test_values_that_cannot_be_meant_are_refused() -> None:
    with pytest.raises(ValueError, match="historical_days"):
        RoutingPolicy(historical_days=-1)
    with pytest.raises(ValueError, match="same_text"):
        LoopGuard(same_text=1)
