"""What a deployment was told about itself: its domains and its routing policy, as plain values to keep."""

from __future__ import annotations

from attrs import evolve, field, frozen

from convalias.domain.addresses import EmailAddress, MailDomains
from convalias.domain.admitting import FREE, LIGHT, STRICT, Admission
from convalias.domain.policy import BlockedSenders, RoutingPolicy, SenderTrust

ADMISSIONS: dict[str, Admission] = {one.name: one for one in (FREE, LIGHT, STRICT)}
"""The admissions that a stored deployment can name. One of one's own is wired in code."""


@frozen(kw_only=True)
class Deployment:
    """Domains and policy of one deployment. `policy` is None where nobody set one."""

    alias_domains: tuple[str, ...] = ()
    legacy_domains: tuple[str, ...] = ()
    admission: str | None = None
    sender_trust: SenderTrust = SenderTrust.ACCEPT_KNOWN
    blocked_addresses: tuple[EmailAddress, ...] = field(default=(), repr=False)
    blocked_domains: tuple[str, ...] = ()
    historical_days: int = 365

    @property
    def domains(self) -> MailDomains:
        """Whose mail each domain takes."""
        return MailDomains(self.alias_domains, self.legacy_domains)

    @property
    def policy(self) -> RoutingPolicy:
        """The routing policy; the defaults where none was set."""
        return RoutingPolicy(
            admission=ADMISSIONS.get(self.admission or LIGHT.name, LIGHT),
            sender_trust=self.sender_trust,
            blocked=BlockedSenders(self.blocked_addresses, self.blocked_domains),
            historical_days=self.historical_days,
        )

    def under(self, policy: RoutingPolicy) -> Deployment:
        """With that policy in the place of this one's."""
        return evolve(
            self,
            admission=policy.admission.name,
            sender_trust=policy.sender_trust,
            blocked_addresses=tuple(sorted(policy.blocked.addresses)),
            blocked_domains=tuple(sorted(policy.blocked.domains)),
            historical_days=policy.historical_days,
        )

    def joined(self, domains: MailDomains) -> Deployment:
        """With those domains besides. Raises `InvalidValue` when one would be both alias and legacy."""
        both = MailDomains({*self.alias_domains, *domains.alias}, {*self.legacy_domains, *domains.legacy})
        return evolve(self, alias_domains=tuple(sorted(both.alias)), legacy_domains=tuple(sorted(both.legacy)))
