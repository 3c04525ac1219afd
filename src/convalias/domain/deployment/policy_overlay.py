"""Settings laid over the policy that was loaded, key by key; and which value comes from where."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum

from attrs import evolve, field, frozen

from convalias.domain.deployment.domains_and_policy import Deployment
from convalias.domain.ids import UseCase
from convalias.domain.routing.admission import Admission
from convalias.domain.routing.policy import BlockedSenders, LoopGuard, RoutingPolicy, SenderTrust
from convalias.domain.values import sparse


@frozen(kw_only=True)
class PolicyOverlay:
    """The values that settings give for the policy. What is absent (None, no key) leaves the value below."""

    admission: Admission | None = None
    sender_trust: SenderTrust | None = None
    blocked: BlockedSenders | None = None
    historical_days: int | None = None
    guards_loops: bool | None = None
    """False: no loop guard. True: one, with the default counts where there is none below."""
    same_text: int | None = None
    mails_an_hour: int | None = None
    admission_by_use_case: Mapping[UseCase, Admission] = field(factory=dict[UseCase, Admission], hash=False)
    trust_by_use_case: Mapping[UseCase, SenderTrust] = field(factory=dict[UseCase, SenderTrust], hash=False)

    __repr__ = sparse

    def over(self, below: RoutingPolicy) -> RoutingPolicy:
        """The policy in force: these values over those.

        >>> PolicyOverlay(historical_days=30).over(RoutingPolicy(sender_trust=SenderTrust.REQUIRE_ALIGNED)).sender_trust
        <SenderTrust.REQUIRE_ALIGNED: 'require_aligned'>
        """
        return RoutingPolicy(
            admission=self.admission or below.admission,
            sender_trust=self.sender_trust or below.sender_trust,
            blocked=below.blocked if self.blocked is None else self.blocked,
            historical_days=below.historical_days if self.historical_days is None else self.historical_days,
            loop_guard=self._guard(below.loop_guard),
            admission_by_use_case={**below.admission_by_use_case, **self.admission_by_use_case},
            trust_by_use_case={**below.trust_by_use_case, **self.trust_by_use_case},
        )

    def _guard(self, below: LoopGuard | None) -> LoopGuard | None:
        if not self.guards_loops:
            return below if self.guards_loops is None else None
        guard = below or LoopGuard()
        return evolve(
            guard,
            same_text=guard.same_text if self.same_text is None else self.same_text,
            mails_an_hour=guard.mails_an_hour if self.mails_an_hour is None else self.mails_an_hour,
        )


class Origin(Enum):
    """The source of a value of the policy."""

    SETTINGS = "settings"
    LOADED = "loaded"
    DEFAULT = "default"


@frozen
class PolicyValue:
    """A policy value in force, as people read it. Blocked senders are counted, never named."""

    key: str
    value: str
    origin: Origin


def in_force(overlay: PolicyOverlay, deployment: Deployment) -> Iterator[PolicyValue]:
    """The policy of a deployment under its settings, value by value, by the keys of the settings."""
    policy = overlay.over(deployment.policy)
    below = Origin.DEFAULT if deployment.admission is None else Origin.LOADED

    def said(key: str, value: object, *, is_set: bool) -> PolicyValue:
        return PolicyValue(key, str(value), Origin.SETTINGS if is_set else below)

    yield said("policy.admission", policy.admission.name, is_set=overlay.admission is not None)
    yield said("policy.sender_trust", policy.sender_trust.value, is_set=overlay.sender_trust is not None)
    blocked = f"{len(policy.blocked.addresses)} addresses, {len(policy.blocked.domains)} domains"
    yield said("policy.blocked_senders", blocked, is_set=overlay.blocked is not None)
    yield said("policy.historical_days", policy.historical_days, is_set=overlay.historical_days is not None)
    guard = policy.loop_guard  # a world that is loaded says nothing of it
    if guard is None:
        yield PolicyValue("policy.loop_guard", "off", Origin.SETTINGS)
    else:
        bound = "no bound" if guard.mails_an_hour is None else str(guard.mails_an_hour)
        for key, value, told in (
            ("same_text", str(guard.same_text), overlay.same_text),
            ("mails_an_hour", bound, overlay.mails_an_hour),
        ):
            yield PolicyValue(f"policy.loop_guard.{key}", value, Origin.DEFAULT if told is None else Origin.SETTINGS)
    for case, admission in sorted(policy.admission_by_use_case.items()):
        yield PolicyValue(f"use_case.{case}.admission", admission.name, Origin.SETTINGS)
    for case, trust in sorted(policy.trust_by_use_case.items()):
        yield PolicyValue(f"use_case.{case}.sender_trust", trust.value, Origin.SETTINGS)
