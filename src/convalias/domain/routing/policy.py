"""The policy of a platform for routing; the defaults are the safe ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Final

from attrs import field, frozen

from convalias.domain.addresses.email_address import EmailAddress, canonical_domain
from convalias.domain.expecting import check_fields, each, whole_number
from convalias.domain.ids import UseCase
from convalias.domain.routing.admission import LIGHT, Admission
from convalias.domain.values import sparse

_NOBODY: Final[frozenset[EmailAddress]] = frozenset()
_NOWHERE: Final[frozenset[str]] = frozenset()


class SenderTrust(Enum):
    """The trust in a sender that nothing proves and nothing disproves."""

    ACCEPT_KNOWN = "accept_known"
    """A participant's own known address, unless it has authenticated before: what passed once must pass."""
    REQUIRE_ALIGNED = "require_aligned"
    """Nobody: hold."""
    ACCEPT_ANY = "accept_any"
    """For tests: nobody is doubtful."""


def _addresses(addresses: Iterable[EmailAddress]) -> frozenset[EmailAddress]:
    return frozenset(each("blocked addresses", addresses, EmailAddress, expected="several EmailAddress"))


def _domains(names: Iterable[str]) -> frozenset[str]:
    texts = each("blocked domains", names, str, expected="several domains, as text")
    return frozenset(canonical_domain(name.removeprefix("@")) for name in texts)


@frozen
class BlockedSenders:
    """The senders whose mail is dropped for every recipient: addresses and whole domains (exact, no subdomains)."""

    addresses: frozenset[EmailAddress] = field(default=_NOBODY, converter=_addresses)
    domains: frozenset[str] = field(default=_NOWHERE, converter=_domains)

    __attrs_post_init__ = check_fields

    def __contains__(self, sender: object) -> bool:
        """Whether mail of that sender is dropped; a null or unknown return path never is."""
        return isinstance(sender, EmailAddress) and (sender in self.addresses or sender.domain in self.domains)

    def __repr__(self) -> str:
        """How many are blocked, never whom."""
        return f"<BlockedSenders: {len(self.addresses)} addresses, {len(self.domains)} domains>"

    def __bool__(self) -> bool:
        """Whether anybody is blocked at all."""
        return bool(self.addresses or self.domains)


@frozen(kw_only=True)
class LoopGuard:
    """The guard against two machines that answer one another."""

    same_text: int = field(default=3, validator=whole_number(least=2))
    """So many mails of one author to one conversation with one text, numbers and dates aside, within an hour are a loop."""
    mails_an_hour: int | None = None
    """Of one conversation, whoever writes; bounds responders that vary their address. None: no bound."""

    __attrs_post_init__ = check_fields


@frozen(kw_only=True)
class RoutingPolicy:
    """`admission` and `sender_trust` hold unless the mapping beside them names another for the use case."""

    admission: Admission = LIGHT
    admission_by_use_case: Mapping[UseCase, Admission] = field(factory=dict[UseCase, Admission], hash=False)
    sender_trust: SenderTrust = SenderTrust.ACCEPT_KNOWN
    trust_by_use_case: Mapping[UseCase, SenderTrust] = field(factory=dict[UseCase, SenderTrust], hash=False)
    blocked: BlockedSenders = BlockedSenders()
    historical_days: int = field(default=365, validator=whole_number(least=0))
    """How long an address that was given up still proves who writes."""
    loop_guard: LoopGuard | None = LoopGuard()
    """None: nothing is counted."""

    __attrs_post_init__ = check_fields

    __repr__ = sparse

    def admission_for(self, use_case: UseCase) -> Admission:
        """The admission policy of that use case."""
        return self.admission_by_use_case.get(use_case, self.admission)

    def trust_for(self, use_case: UseCase) -> SenderTrust:
        """The sender trust of that use case."""
        return self.trust_by_use_case.get(use_case, self.sender_trust)


DEFAULT_POLICY: Final = RoutingPolicy()
