"""The domains and the routing policy of a deployment, as plain values to keep."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from attrs import evolve, field, frozen

from convalias.domain.addresses.email_address import EmailAddress, MailDomains, canonical_domain
from convalias.domain.errors import InvalidValue
from convalias.domain.expecting import each
from convalias.domain.routing.admission import FREE, LIGHT, STRICT, Admission
from convalias.domain.routing.policy import BlockedSenders, RoutingPolicy, SenderTrust
from convalias.domain.values import sparse

ADMISSIONS: Final[Mapping[str, Admission]] = MappingProxyType({one.name: one for one in (FREE, LIGHT, STRICT)})
"""The admissions that a stored deployment can name. One of one's own is wired in code."""


def _names(names: Iterable[str]) -> tuple[str, ...]:
    texts = each("domains", names, str, expected="several domains, as text")
    return tuple(dict.fromkeys(map(canonical_domain, texts)))


@frozen(kw_only=True)
class Deployment:
    """Domains and policy of one deployment."""

    alias_domains: tuple[str, ...] = field(default=(), converter=_names)
    """The first is the one under which new aliases are made."""
    legacy_domains: tuple[str, ...] = field(default=(), converter=_names)
    admission: str | None = None
    """By name; None where nobody set a policy."""
    sender_trust: SenderTrust = SenderTrust.ACCEPT_KNOWN
    blocked_addresses: tuple[EmailAddress, ...] = field(default=(), repr=False)
    blocked_domains: tuple[str, ...] = ()
    historical_days: int = 365
    foreign_tokens: bool = False
    """It was given v3 aliases that keys of others made: a token counts when it is listed, whatever its MAC."""

    __repr__ = sparse

    @property
    def domains(self) -> MailDomains:
        """Return the kind of each domain."""
        return MailDomains(self.alias_domains, self.legacy_domains)

    @property
    def policy(self) -> RoutingPolicy:
        """The routing policy; the defaults where none was set. Raises `InvalidValue` for an unknown admission."""
        admission = LIGHT if self.admission is None else ADMISSIONS.get(self.admission)
        if admission is None:
            raise InvalidValue("admission", found=self.admission, expected=" or ".join(ADMISSIONS))
        return RoutingPolicy(
            admission=admission,
            sender_trust=self.sender_trust,
            blocked=BlockedSenders(self.blocked_addresses, self.blocked_domains),
            historical_days=self.historical_days,
        )

    def under(self, policy: RoutingPolicy) -> Deployment:
        """Return a copy with the given policy. Raises `InvalidValue` when it holds more than can be kept."""
        told = evolve(
            self,
            admission=policy.admission.name,
            sender_trust=policy.sender_trust,
            blocked_addresses=tuple(sorted(policy.blocked.addresses)),
            blocked_domains=tuple(sorted(policy.blocked.domains)),
            historical_days=policy.historical_days,
        )
        if told.policy != policy:
            raise InvalidValue(
                "policy", found="one per use case, or a loop guard", expected="one for all: wire any other in code"
            )
        return told

    def at(self, *, alias: Iterable[str], legacy: Iterable[str]) -> Deployment:
        """Return a copy with the given domains. Raises `InvalidValue` when one would be both."""
        moved = evolve(self, alias_domains=alias, legacy_domains=legacy)
        _ = moved.domains  # refuses what is in both
        return moved

    def joined(self, domains: MailDomains) -> Deployment:
        """Return a copy with more domains behind its own, so that new aliases stay where they were.

        Raises `InvalidValue`.
        """
        return self.at(
            alias=(*self.alias_domains, *sorted(domains.alias)), legacy=(*self.legacy_domains, *sorted(domains.legacy))
        )
