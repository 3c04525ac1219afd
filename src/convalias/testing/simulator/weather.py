"""Which faults a seed has, how often, and until when: drawn once per seed, so that each sees another mixture."""

from __future__ import annotations

from enum import Enum
from itertools import accumulate
from typing import Final

from attrs import Factory, evolve, field, frozen

from convalias.testing.simulator.draws import Draws


class Fault(Enum):
    """A thing that may go wrong at one call of one port."""

    BEFORE = "before"
    """It fails, and nothing was done."""
    AFTER = "after"
    """It fails, and it was done: the answer was lost."""
    HANGS_BEFORE = "hangs before"
    """No answer for longer than anybody waits, and nothing was done."""
    HANGS_AFTER = "hangs after"
    """The same, and it was done."""
    LATE = "late"
    """The caller is told that it failed; it is done a while later."""
    DELAY = "delay"
    """A slow answer."""
    DUPLICATE = "duplicate"
    """Done twice: a queue's job, a log's record, a post."""
    REORDER = "reorder"
    """In any order where no order is promised."""
    PARTIAL = "partial"
    """A batch fails in its middle: some of it was done."""
    CONFLICT = "conflict"
    """Somebody else was faster by a moment."""
    CRASH_BEFORE = "crash before"
    """The process dies with the call on its lips."""
    CRASH_AFTER = "crash after"
    """The process dies before the answer reaches it."""
    STALE = "stale"
    """A cache answers what held a while ago, where a port allows it."""
    AWAY = "away"
    """A dependency is away for minutes, for all processes."""
    FULL = "full"
    """A store takes nothing new for a while, and still reads."""
    CLOCK = "clock"
    """The wall clock of one process is stepped, forward or back."""
    STOPPED = "stopped"
    """A process stands still for minutes (SIGSTOP), and goes on as if nothing had been."""
    REWIND = "rewind"
    """A group of the event log finds itself at an earlier position."""
    FORGET = "forget"
    """A channel forgets a key as soon as it may."""
    LOST = "lost"
    """A queue loses what it holds: somebody empties it. Beyond what a port promises, and it happens."""
    POISON = "poison"
    """A mail that makes whoever works on it fail, or die."""


AT_CALLS: Final = (
    Fault.BEFORE,
    Fault.AFTER,
    Fault.HANGS_BEFORE,
    Fault.HANGS_AFTER,
    Fault.LATE,
    Fault.DELAY,
    Fault.CONFLICT,
    Fault.PARTIAL,
    Fault.CRASH_BEFORE,
    Fault.CRASH_AFTER,
)
"""Those that one call draws for itself."""
_WEIGHTS: Final = {Fault.CRASH_BEFORE: 0.15, Fault.CRASH_AFTER: 0.25, Fault.HANGS_BEFORE: 0.3, Fault.HANGS_AFTER: 0.3}
_LIKELY: Final = 0.6
_RATES: Final = (0.002, 0.01, 0.01, 0.03, 0.06)


def _nothing() -> frozenset[Fault]:
    return frozenset()


@frozen(kw_only=True)
class Weather:
    """The faults of one run. `rate`: the share of port calls that go wrong while they are on."""

    on: frozenset[Fault] = Factory(_nothing)
    rate: float = 0.0
    until: float = 0.0
    """Virtual seconds: from then on nothing goes wrong any more, and everything has to drain."""
    latency: float = 0.01
    """Mean virtual seconds of one port call."""
    _table: tuple[tuple[float, Fault], ...] = field(
        default=Factory(lambda self: _bounds(self.on, self.rate), takes_self=True), init=False, repr=False, eq=False
    )

    def at(self, draw: float, now: float) -> Fault | None:
        """Return what goes wrong with a call that drew this; None: nothing."""
        if draw >= self.rate or now >= self.until:
            return None
        return next((fault for bound, fault in self._table if draw < bound), None)

    def has(self, fault: Fault, now: float) -> bool:
        """Whether it can happen now."""
        return fault in self.on and now < self.until

    def without(self, *faults: Fault) -> Weather:
        """The same day with less of it."""
        return evolve(self, on=self.on - set(faults))


def _bounds(on: frozenset[Fault], rate: float) -> tuple[tuple[float, Fault], ...]:
    """Up to which draw each fault of a call happens."""
    weighted = [(fault, _WEIGHTS.get(fault, 1.0)) for fault in AT_CALLS if fault in on]
    total = sum(weight for _, weight in weighted)
    reached = accumulate(rate * weight / total for _, weight in weighted)
    return tuple(zip(reached, (fault for fault, _ in weighted), strict=True))


CALM: Final = Weather()
"""Weather without any fault."""


def drawn(draws: Draws, *, until: float) -> Weather:
    """The weather of a seed: each kind of fault is on or off (swarm testing), and the rest follows."""
    stream = draws.stream("weather")
    on = frozenset(fault for fault in Fault if stream.chance(_LIKELY))
    return Weather(on=on, rate=stream.choice(_RATES), until=until, latency=stream.choice((0.002, 0.01, 0.05)))
