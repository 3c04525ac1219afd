"""A violation made short: the fewest acts, and the fewest kinds of faults, that still break the same law."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final, Protocol, TypeVar

from attrs import define, evolve, field, frozen

from convalias.testing.simulator.acts import drawn_acts
from convalias.testing.simulator.draws import Draws
from convalias.testing.simulator.findings import Violation
from convalias.testing.simulator.run import Plan, Report, simulate
from convalias.testing.simulator.weather import Fault, Weather, drawn

T = TypeVar("T")

RUNS: Final = 150
"""How often it is tried at most. Short plans run in a moment; most of the time goes into the first ones."""
_NEIGHBOURS: Final = 3
_HALVINGS: Final = 6
_ENDS_AFTER: Final = 60.0
"""Virtual seconds from the last act until the faults stop, as `run` has it."""


class Told(Protocol):
    """Called after every run: how many there were, and the shortest plan so far."""

    def __call__(self, runs: int, shortest: Plan, /) -> None:
        """Show it to who waits."""
        ...


@frozen(kw_only=True)
class Shrunk:
    """The shortest plan that was found, and its run, recorded."""

    plan: Plan
    report: Report
    violation: Violation
    """The first one of the law that was asked about."""
    command: Plan
    """The shortest one that the command line can repeat: seed, number of mails and mutant alone."""
    runs: int


def shrink(
    report: Report,
    law: str,
    *,
    runs: int = RUNS,
    told: Told | None = None,
    run: Callable[[Plan], Report] = simulate,
) -> Shrunk | None:
    """The shortest story of that law's violation that `runs` runs find. None: the report has no such violation.

    Draws hang on seed, actor and call, so what is left out leaves what stays as it was; yet it may make room for
    something else, so fewer acts are not always enough for fewer: neighbours are tried, and nothing is promised to be
    the shortest of all. The same report gives the same answer.
    """
    if not any(one.law == law for one in report.violations):
        return None
    search = _Search(law=law, run=run, left=runs, told=told, best=report.plan)
    _fewer_mails(search)
    command = search.best
    search.best = pinned(search.best)
    _shorter(search)
    _rarer_faults(search)
    while _fewer_faults(search) | _fewer_acts(search):
        pass
    _rarer_faults(search)
    last = run(evolve(search.best, recording=True))
    violation = next(one for one in last.violations if one.law == law)
    return Shrunk(plan=search.best, report=last, violation=violation, command=command, runs=search.done)


def pinned(plan: Plan) -> Plan:
    """The same run, with its acts and its weather written out instead of drawn."""
    acts = drawn_acts(Draws(plan.seed), plan.mails, hosted=plan.hosted)
    ends = (acts[-1].at if acts else 0.0) + _ENDS_AFTER
    return evolve(
        plan,
        acts=frozenset(act.number for act in acts if plan.acts is None or act.number in plan.acts),
        weather=drawn(Draws(plan.seed), until=ends) if plan.weather is None else plan.weather,
    )


@define(kw_only=True)
class _Search:
    """How far it has come."""

    law: str
    run: Callable[[Plan], Report]
    left: int
    told: Told | None
    best: Plan
    done: int = 0
    _seen: set[tuple[object, ...]] = field(factory=set[tuple[object, ...]])

    def still(self, plan: Plan) -> bool:
        """Whether that plan breaks the law too; then it is the best. Never twice the same, and none when no run is left."""
        known = (plan.mails, None if plan.acts is None else frozenset(plan.acts), plan.weather)
        if self.left <= 0 or known in self._seen:
            return False
        self._seen.add(known)
        self.left -= 1
        self.done += 1
        broken = any(one.law == self.law for one in self.run(plan).violations)
        if broken:
            self.best = plan
        if self.told is not None:
            self.told(self.done, self.best)
        return broken


def _fewer_mails(search: _Search) -> None:
    plan = search.best
    _smallest(plan.mails, lambda mails: search.still(evolve(plan, mails=mails)))


def _shorter(search: _Search) -> None:
    """The shortest prefix of the acts."""
    plan, acts = search.best, _acts(search.best)
    _smallest(len(acts), lambda count: search.still(evolve(plan, acts=frozenset(acts[:count]))))


def _fewer_acts(search: _Search) -> bool:
    plan, acts = search.best, _acts(search.best)
    return _without(acts, lambda left: search.still(evolve(plan, acts=frozenset(left))))


def _fewer_faults(search: _Search) -> bool:
    plan, weather = search.best, _weather(search.best)
    on = sorted(weather.on, key=list(Fault).index)
    return _without(on, lambda left: search.still(evolve(plan, weather=evolve(weather, on=frozenset(left)))))


def _rarer_faults(search: _Search) -> None:
    """A lower rate keeps some of the faults where they were, and drops the others: none, or the lowest that is enough."""
    plan, weather = search.best, _weather(search.best)
    low, high = 0.0, weather.rate
    if not high or search.still(evolve(plan, weather=evolve(weather, rate=0.0))):
        return
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if search.still(evolve(plan, weather=evolve(weather, rate=middle))):
            high = middle
        else:
            low = middle


def _acts(plan: Plan) -> list[int]:
    return sorted(plan.acts or ())


def _weather(plan: Plan) -> Weather:
    return plan.weather or Weather()


def _smallest(count: int, enough: Callable[[int], bool]) -> int:
    """The smallest number that is enough, as far as doubling, halving and its neighbours tell; `count` is enough."""
    low, high, step = 0, count, 1
    while step < count:
        if enough(step):
            high = step
            break
        low, step = step, step * 2
    while high - low > 1:
        middle = (low + high) // 2
        if enough(middle):
            high = middle
        else:
            low = middle
    while smaller := next((n for n in range(high - 1, max(high - 1 - _NEIGHBOURS, 0), -1) if enough(n)), None):
        high = smaller
    return high


def _without(of: Sequence[T], enough: Callable[[Sequence[T]], bool]) -> bool:
    """Leave out halves, then quarters, down to single ones, while what is left is enough. Whether anything went."""
    left, size, went = list(of), len(of), False
    while size:
        for rest in _rests(left, size):
            if enough(rest):
                left, went = list(rest), True
                break
        else:
            size //= 2
    return went


def _rests(of: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Without each piece of that size, the last piece first: what came later is most often what came of it."""
    for start in range((len(of) - 1) // size * size, -1, -size):
        if of:
            yield [*of[:start], *of[start + size :]]
