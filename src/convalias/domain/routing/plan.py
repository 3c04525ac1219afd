"""A decision whole: the rulings, what the sender may learn, and the case that it was made from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, TypeAlias

from attrs import Factory, field, frozen

from convalias.domain.addresses.email_address import EmailAddress
from convalias.domain.mail.envelope import InboundMail
from convalias.domain.routing.context import RoutingContext, Witness
from convalias.domain.routing.policy import RoutingPolicy
from convalias.domain.routing.rulebook import RuleBook
from convalias.domain.routing.verdicts import Ruling, Verdict

if TYPE_CHECKING:
    from convalias.domain.routing.explanation import Explanation


@frozen
class Case:
    """All that went into a decision; the same case gives the same plan, for ever. Sensitive: it holds the mail."""

    mail: InboundMail = field(repr=False)
    context: RoutingContext = field(repr=False)
    policy: RoutingPolicy
    rules: RuleBook = field(repr=False)


@frozen
class RoutingPlan:
    """The plan for a mail: one ruling for each distinct recipient, in canonical order of addresses."""

    rulings: tuple[Ruling, ...]
    tell_sender: bool
    """Whether the sender may be told of refusals at all; each refusal's reason says whether of it."""
    case: Case = field(eq=False, repr=False)
    _by_address: Mapping[EmailAddress, Ruling] = field(
        default=Factory(lambda self: {one.recipient.address: one for one in self.rulings}, takes_self=True),
        init=False,
        eq=False,
        repr=False,
    )
    """A mail may have ten thousand recipients, and each is asked for several times."""

    def __iter__(self) -> Iterator[Ruling]:
        """The rulings, in canonical order."""
        return iter(self.rulings)

    def __len__(self) -> int:
        """How many recipients got a verdict."""
        return len(self.rulings)

    def __getitem__(self, recipient: EmailAddress) -> Verdict:
        """The verdict of that (canonical) recipient. `KeyError` when the mail did not arrive there."""
        return self.of(recipient).verdict

    def of(self, recipient: EmailAddress) -> Ruling:
        """The whole ruling about that (canonical) recipient. `KeyError` when the mail did not arrive there."""
        return self._by_address[recipient]

    def explain(self) -> Explanation:
        """Explain the plan. Decides the case again, listening; costs nothing until it is called."""
        from convalias.domain.routing.explanation import explain  # noqa: PLC0415 - an explanation is made of a plan

        return explain(self.case)


@frozen
class TryAgain:
    """No verdicts: somebody who must be heard is away, and guessing would risk a mail twice."""

    waiting_for: frozenset[Witness]
    case: Case = field(eq=False, repr=False)

    def explain(self) -> Explanation:
        """Explain the decision."""
        from convalias.domain.routing.explanation import explain  # noqa: PLC0415 - an explanation is made of a plan

        return explain(self.case)


Decision: TypeAlias = RoutingPlan | TryAgain
