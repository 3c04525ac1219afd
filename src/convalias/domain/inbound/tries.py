"""The next step after the tries of a mail: failures, overruns, faults of the host's adapters, deaths, outages."""

from __future__ import annotations

from datetime import timedelta
from enum import Enum
from typing import Final, assert_never

from attrs import frozen

AWAY_FOR: Final = timedelta(seconds=5)
"""How long work waits when a dependency is away and does not say for how long."""


@frozen(kw_only=True)
class Patience:
    """Bounds of the tries of a mail: the 3rd recorded failure is the last; in between, backoff with jitter.

    A mail that takes longer than the limit may be slow itself, or what it needs may be: it is given up too, but only
    after many tries, hours apart in all. No outage is as patient, and what was given up can be redriven.
    """

    failures: int = 3
    receives: int = 20
    """Poison that kills its workers is never recorded as a failure; so many deaths bound it."""
    suspect: int = 3
    """After so many receives it is written down when work begins and ends, to tell deaths from outages."""
    overruns: int = 20
    """After so many tries that took longer than the limit it is given up."""
    faults: int = 100
    """After so many tries, a day in all, on which an adapter of the host raised what its port does not name."""
    first_pause: timedelta = timedelta(seconds=2)
    longest_pause: timedelta = timedelta(minutes=15)

    def is_suspect(self, receives: int) -> bool:
        """Return whether a mail that was received so often may be what stops its workers."""
        return receives > self.suspect


class Trouble(Enum):
    """The trouble that ended a try. An outage is none: however long a dependency is away, no mail dies of it."""

    FAILURE = "it failed"
    OVERRUN = "it took longer than the limit"
    FAULT = "an adapter of the host raised what its port does not name"
    DEATH = "its worker died"


@frozen
class Retry:
    """Try again after the pause that so many tries call for."""

    tries: int
    because: str


@frozen
class GiveUp:
    """The mail becomes a dead letter."""

    tries: int
    because: str


@frozen
class GoOn:
    """The step of beginning the try, with nothing to wait for."""


def after_trouble(trouble: Trouble, count: int, because: str, patience: Patience) -> Retry | GiveUp:
    """Return what follows when a try ended in that trouble, which was counted `count` times for this mail."""
    match trouble:
        case Trouble.FAILURE:
            limit, told = patience.failures, f"failed {count} of {patience.failures} times: {because}"
        case Trouble.OVERRUN:
            limit, told = patience.overruns, f"{because}, {count} of {patience.overruns} times"
        case Trouble.FAULT:
            limit, told = patience.faults, f"{because}, {count} of {patience.faults} times"
        case Trouble.DEATH:
            limit, told = patience.receives - patience.suspect, because
        case _:
            assert_never(trouble)
    return GiveUp(count, because) if count >= limit else Retry(count, told)


def before_try(deaths: int, patience: Patience) -> GoOn | GiveUp:
    """Return whether a suspect mail is tried once more after that many deaths."""
    after = after_trouble(Trouble.DEATH, deaths, f"stopped its worker {deaths} times", patience)
    return after if isinstance(after, GiveUp) else GoOn()


def after_outage(retry_after: timedelta | None) -> timedelta:
    """Return how long a mail waits for a dependency that is away."""
    return retry_after or AWAY_FOR
