"""Rules, the part of a case that each may see, and the book that orders them."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping
from itertools import chain
from types import NoneType
from typing import Any, Final, Generic, Literal, Protocol, TypeAlias, TypeGuard, TypeVar, overload

from attrs import evolve, field, frozen

from convalias.domain.conversations.participants import AccountAuthor
from convalias.domain.errors import InvalidValue, shown
from convalias.domain.expecting import check_fields, expect, expect_function
from convalias.domain.ids import ConversationId
from convalias.domain.mail.authentication import Authentication
from convalias.domain.mail.envelope import ClearFrom, InboundMail, MessageEnvelope
from convalias.domain.routing.context import RoutingContext
from convalias.domain.routing.identification import Identification
from convalias.domain.routing.policy import RoutingPolicy, SenderTrust
from convalias.domain.routing.verdicts import (
    AliasRecipient,
    ForeignRecipient,
    HandToLegacy,
    Hold,
    Ignore,
    LegacyRecipient,
    Reject,
    RelayToConversation,
    RuleName,
    Ruling,
    SkipOverlap,
    UnknownRecipient,
    Verdict,
)
from convalias.domain.values import passing

# --- the cases: what is known at each point of the order ---------------------------------------------


@passing
class MailCase:
    """Steps 1 and 2: nothing but the mail."""

    mail: InboundMail
    policy: RoutingPolicy


@passing
class ArrivalCase:
    """Step 3: an address that leads to no conversation."""

    recipient: UnknownRecipient | ForeignRecipient


@passing
class AliasCase:
    """Step 5: the alias that the mail arrived at."""

    recipient: AliasRecipient
    context: RoutingContext


@passing
class SenderCase:
    """Steps 6 and 7: who claims to write, whatever the conversation."""

    mail: MessageEnvelope
    authentication: Authentication
    trust: SenderTrust


@passing
class AuthorCase:
    """Step 8: one clear sender, one open conversation."""

    mail: MessageEnvelope
    sender: ClearFrom
    authentication: Authentication
    trust: SenderTrust
    recipient: AliasRecipient
    identification: Identification
    author: AccountAuthor | None
    """The one account that takes part, where there is one."""
    context: RoutingContext
    policy: RoutingPolicy


@passing
class RelayCase:
    """Step 9: a verdict of steps 7 or 8 stands; and it is asked whether it may."""

    mail: MessageEnvelope
    authentication: Authentication
    recipient: AliasRecipient
    verdict: Verdict
    named: Container[ConversationId]
    """The conversations of which some address, alias or legacy, is in To or Cc."""
    signed_for: Container[ConversationId]
    """Those of which one is in a To or Cc that a passing aligned signature covers."""
    context: RoutingContext
    policy: RoutingPolicy


@passing
class OverlapCase:
    """Steps 10 and 11: a recipient whose conversation may be served through another one of the same mail."""

    mail: MessageEnvelope
    authentication: Authentication
    recipient: AliasRecipient | LegacyRecipient
    first: Ruling | None
    """The ruling of the first good conversation alias of that conversation; never of `recipient` itself."""


AnyCase: TypeAlias = MailCase | ArrivalCase | AliasCase | SenderCase | AuthorCase | RelayCase | OverlapCase

# --- a rule ------------------------------------------------------------------------------------------

C = TypeVar("C", bound=AnyCase)
D = TypeVar("D", bound=AnyCase)

_PHASE_OF_STEP: Final = {1: 0, 2: 0, 3: 1, 5: 2, 6: 3, 7: 3, 8: 4, 9: 5, 10: 6, 11: 6}
_CASES: Final = (MailCase, ArrivalCase, AliasCase, SenderCase, AuthorCase, RelayCase, OverlapCase)
_LAST: Final = 11
_VERDICTS: Final[Mapping[int, tuple[type, ...]]] = {
    # No conversation is known yet: nobody could be asked, and there is nowhere to post.
    **dict.fromkeys((1, 2, 3), (Reject, Ignore)),
    **dict.fromkeys((5, 6, 7, 8, 9), (RelayToConversation, Hold, Reject, Ignore)),
    # What only another recipient can carry, and what is legacy's, is known last.
    **dict.fromkeys((10, _LAST), (RelayToConversation, Hold, Reject, Ignore, HandToLegacy, SkipOverlap)),
}


class WrongVerdict(InvalidValue):
    """A rule gave no verdict, or one that its step or the recipient cannot have."""

    def __init__(self, name: str, found: object, expected: str = "a Verdict or None") -> None:
        """The rule's name, what it gave, and what it should."""
        super().__init__(f"rule {name!r}", found=found, expected=expected)

    def __str__(self) -> str:
        """One line: rule, found, expected."""
        found = (
            self.found.__name__ if isinstance(self.found, type) else f"{type(self.found).__name__} {shown(self.found)}"
        )
        return f"{self.what} gave {found}, expected {self.expected}"


@frozen
class Rule(Generic[C]):
    """Sees a case, gives a verdict or None ("nothing to say"). `rule(case)` is `rule.decide(case)`."""

    name: RuleName
    step: int
    """Its place in the order of decision, see the reference of the doors."""
    number: int | None
    """Its line in the table of routing laws; None for what has no line there."""
    law: str = field(repr=False)
    """What it says, in one sentence: the docstring of the function it was made from. Explanations quote it."""
    decide: Callable[[C], Verdict | None] = field(repr=False)

    def __attrs_post_init__(self) -> None:
        """Refuse what could not be asked: an unknown step, or no plain function of one case."""
        expect("name of a rule", self.name, str, expected="text")
        what = f"rule {self.name!r}"
        _refuse_step(f"step of {what}", self.step)
        expect(f"number of {what}", self.number, int, NoneType, expected="a whole number or None")
        expect(f"law of {what}", self.law, str, expected="text")
        expect_function(what, self.decide, of=_CASES[self.phase].__name__)

    def __call__(self, case: C, /) -> Verdict | None:
        """What the rule says about this case. Raises `InvalidValue` for a case of another step, and for no verdict."""
        kind = _CASES[self.phase]
        expect(f"case of rule {self.name!r}", case, kind, expected=f"an instance of {kind.__name__}")
        verdict = self.decide(case)
        if verdict is not None:
            self.refuse_wrong(verdict)
        return verdict

    def refuse_wrong(self, verdict: Verdict, recipient: AliasRecipient | LegacyRecipient | None = None) -> None:
        """Raise `WrongVerdict` unless its step and the recipient, if there is one, can have this verdict.

        Asked of each rule that speaks.
        """
        if type(verdict) not in _VERDICTS[self.step]:
            if type(verdict) not in _VERDICTS[_LAST]:
                raise WrongVerdict(self.name, verdict)
            allowed = ", ".join(one.__name__ for one in _VERDICTS[self.step])
            raise WrongVerdict(self.name, verdict, f"{allowed} or None at step {self.step}")
        match verdict:
            case RelayToConversation() if recipient is not None and verdict.conversation != recipient.conversation:
                raise WrongVerdict(self.name, type(verdict), "one to the conversation that the recipient leads to")
            case HandToLegacy() if isinstance(recipient, AliasRecipient):
                raise WrongVerdict(self.name, type(verdict), "HandToLegacy for a legacy address alone")
            case Hold() if isinstance(recipient, LegacyRecipient) and recipient.thread is None:
                raise WrongVerdict(self.name, type(verdict), "no Hold for a legacy address that leads nowhere here")
            case _:
                pass

    @property
    def phase(self) -> int:
        """Which of the seven tables it belongs into, from 0."""
        return _PHASE_OF_STEP[self.step]


Deciding: TypeAlias = Callable[[C], Verdict | None]


def _refuse_step(what: str, step: object) -> None:
    wanted = f"one of {', '.join(map(str, _PHASE_OF_STEP))}"
    expect(what, step, int, expected=wanted)
    if step not in _PHASE_OF_STEP:
        raise InvalidValue(what, found=step, expected=wanted)


@overload
def rule(step: Literal[1, 2], number: int | None = None) -> Callable[[Deciding[MailCase]], Rule[MailCase]]: ...
@overload
def rule(step: Literal[3], number: int | None = None) -> Callable[[Deciding[ArrivalCase]], Rule[ArrivalCase]]: ...
@overload
def rule(step: Literal[5], number: int | None = None) -> Callable[[Deciding[AliasCase]], Rule[AliasCase]]: ...
@overload
def rule(step: Literal[6, 7], number: int | None = None) -> Callable[[Deciding[SenderCase]], Rule[SenderCase]]: ...
@overload
def rule(step: Literal[8], number: int | None = None) -> Callable[[Deciding[AuthorCase]], Rule[AuthorCase]]: ...
@overload
def rule(step: Literal[9], number: int | None = None) -> Callable[[Deciding[RelayCase]], Rule[RelayCase]]: ...
@overload
def rule(step: Literal[10, 11], number: int | None = None) -> Callable[[Deciding[OverlapCase]], Rule[OverlapCase]]: ...
def rule(step: int, number: int | None = None) -> Callable[[Deciding[C]], Rule[C]]:
    """Make a function a rule: its name (dashes for underscores) and docstring become the rule's (decorator).

    The step fixes the type of the case: a rule that sees more than is known at its step is a type error. Raises
    `InvalidValue` for an unknown step, an `async` function, one of more than a case.
    """
    _refuse_step("step of a rule", step)

    def make(decide: Deciding[C]) -> Rule[C]:
        law, name = " ".join((decide.__doc__ or "").split()), getattr(decide, "__name__", None)
        expect("function of a rule", name, str, expected="a function with a name: def over_quota(case): ...")
        return Rule(RuleName(decide.__name__.strip("_").replace("_", "-")), step, number, law, decide)

    return make


@frozen
class Heard:
    """A rule, the case that it was shown, and its answer."""

    name: RuleName
    step: int
    number: int | None
    law: str
    case: AnyCase
    verdict: Verdict | None


Listener: TypeAlias = Callable[[Heard], None]

# --- the book ----------------------------------------------------------------------------------------


class EachTable(Protocol):
    """A change of a table, whichever of the seven it is."""

    def __call__(self, table: tuple[Rule[C], ...], /) -> tuple[Rule[C], ...]:
        """Return what stands in the place of the table."""
        ...


@frozen(kw_only=True)
class RuleBook:
    """Seven tables, in the order of decision; in each the first rule that speaks decides.

    Immutable: a changed book is a new one. `name` is what cases are replayed under; a book of one's own gets its own.
    """

    name: str = "convalias/1"
    mail: tuple[Rule[MailCase], ...] = ()
    arrival: tuple[Rule[ArrivalCase], ...] = ()
    alias: tuple[Rule[AliasCase], ...] = ()
    sender: tuple[Rule[SenderCase], ...] = ()
    author: tuple[Rule[AuthorCase], ...] = ()
    relay: tuple[Rule[RelayCase], ...] = ()
    overlap: tuple[Rule[OverlapCase], ...] = ()

    def __attrs_post_init__(self) -> None:
        """Refuse a rule in the table of another step."""
        check_fields(self)
        for phase, table in enumerate(self.tables):
            for one in table:
                if one.phase != phase:
                    kind = _CASES[phase].__name__
                    raise InvalidValue("rules", found=one, expected=f"rules that see a {kind} in its table")

    @property
    def tables(self) -> tuple[tuple[Rule[Any], ...], ...]:
        """The seven tables, in the order of decision."""
        return self.mail, self.arrival, self.alias, self.sender, self.author, self.relay, self.overlap

    def __repr__(self) -> str:
        """The name, and how many rules there are: a book stands as a default in signatures."""
        return f"<RuleBook {self.name!r}, {sum(map(len, self.tables))} rules>"

    def __iter__(
        self,
    ) -> Iterator[
        Rule[MailCase]
        | Rule[ArrivalCase]
        | Rule[AliasCase]
        | Rule[SenderCase]
        | Rule[AuthorCase]
        | Rule[RelayCase]
        | Rule[OverlapCase]
    ]:
        """All rules, in the order of decision."""
        return chain(self.mail, self.arrival, self.alias, self.sender, self.author, self.relay, self.overlap)

    def replacing(self, old: Rule[C], new: Rule[C]) -> RuleBook:
        """Return a book with `new` in the place of `old`. `InvalidValue` if `old` is not in the book."""
        return self._edited(old, (new,))

    def before(self, anchor: Rule[C], new: Rule[C]) -> RuleBook:
        """Return a book with `new` just before `anchor`. `InvalidValue` if `anchor` is not in the book."""
        return self._edited(anchor, (new, anchor))

    def without(self, gone: Rule[C]) -> RuleBook:
        """Return a book without `gone`. `InvalidValue` if it is not in the book."""
        return self._edited(gone, ())

    def heard_by(self, listener: Listener) -> RuleBook:
        """The same rules, each telling the listener what it was shown and what it said."""

        def listened_to(table: tuple[Rule[C], ...]) -> tuple[Rule[C], ...]:
            return tuple(_telling(one, listener) for one in table)

        return self.by_table(listened_to)

    def by_table(self, change: EachTable) -> RuleBook:
        """Return a book of the same name with each of the seven tables changed by this function."""
        return RuleBook(
            name=self.name,
            mail=change(self.mail),
            arrival=change(self.arrival),
            alias=change(self.alias),
            sender=change(self.sender),
            author=change(self.author),
            relay=change(self.relay),
            overlap=change(self.overlap),
        )

    def _edited(self, at: Rule[C], by: tuple[Rule[C], ...]) -> RuleBook:
        for one in (at, *by):
            expect("rule", one, Rule, expected="a rule: @rule(9) above a function makes one")
        if at.name not in {one.name for one in self}:
            raise InvalidValue("rule", found=at.name, expected=f"one of {', '.join(one.name for one in self)}")

        def spliced(table: tuple[Rule[D], ...]) -> tuple[Rule[D], ...]:
            return _spliced(table, at, by)

        return evolve(self.by_table(spliced), name=f"{self.name}, edited")


def _of_one_phase(rules: tuple[Rule[C], ...], example: Rule[D]) -> TypeGuard[tuple[Rule[D], ...]]:
    """Whether these rules see what that one sees; the step decides, see `rule`."""
    return all(one.phase == example.phase for one in rules)


def _spliced(table: tuple[Rule[D], ...], at: Rule[C], by: tuple[Rule[C], ...]) -> tuple[Rule[D], ...]:
    """The table with `by` in the place of the rule that has the name of `at`; as it is where there is none."""
    for place, here in enumerate(table):
        if here.name == at.name:
            if not _of_one_phase(by, here):
                raise InvalidValue("rule", found=[one.step for one in by], expected=f"a rule of the step {here.step}")
            return (*table[:place], *by, *table[place + 1 :])
    return table


def _telling(one: Rule[C], listener: Listener) -> Rule[C]:
    def decide(case: C) -> Verdict | None:
        verdict = one.decide(case)
        listener(Heard(one.name, one.step, one.number, one.law, case, verdict))
        return verdict

    return Rule(one.name, one.step, one.number, one.law, decide)
