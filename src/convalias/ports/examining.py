"""Observations about an engine: settings, permissions and clock, each with what mends it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import Enum
from typing import Final, Protocol, runtime_checkable

from attrs import frozen

SKEW: Final = timedelta(seconds=5)
"""Two clocks that agree better are as good as one: a Date header is of whole seconds, and travels."""
TOO_MUCH: Final = timedelta(minutes=4)
"""At five minutes AWS refuses signed requests."""

_CUT_OFF: Final = timedelta(seconds=1)


class Grade(Enum):
    """The grade of an observation."""

    GOOD = "good"
    WEAK = "weak"
    """It works; something may be lost or held up one day."""
    WRONG = "wrong"
    """It does not work, or breaks what the port promises."""


@frozen(kw_only=True)
class Observation:
    """An observation about an engine. No address and no secret in it."""

    about: str
    """Such as `permissions`, `clock`, `settings`."""
    found: str
    mend: str = ""
    grade: Grade = Grade.GOOD


@runtime_checkable
class Examined(Protocol):
    """An adapter whose engine can be looked at. Looking changes nothing, and may be repeated."""

    async def examine(self) -> Sequence[Observation]:
        """Return every observation, good news too. Raises `Unavailable`."""
        ...


@runtime_checkable
class Probed(Protocol):
    """An adapter that can tell whether a write would be kept now. Cheap; leaves nothing behind; may be repeated."""

    async def probe(self) -> None:
        """Raise `Unavailable` with the reason when it would not."""
        ...


def weak(about: str, found: str, mend: str) -> Observation:
    """Make an observation of something that works, but may lose or delay things one day."""
    return Observation(about=about, found=found, mend=mend, grade=Grade.WEAK)


def wrong(about: str, found: str, mend: str) -> Observation:
    """Make an observation of something that does not work, or breaks a promise of the port."""
    return Observation(about=about, found=found, mend=mend, grade=Grade.WRONG)


def clocks(told: datetime, *, asked: datetime, answered: datetime) -> Observation:
    """The engine's clock, read between two readings of ours. Many tell whole seconds, cut off."""
    if told + _CUT_OFF < asked:
        return _apart(told - asked)
    return _apart(max(told - answered, timedelta(0)))


def _apart(skew: timedelta) -> Observation:
    found = f"the engine's is {abs(skew).total_seconds():.0f} s {'ahead of' if skew > timedelta(0) else 'behind'} ours"
    mend = "set both clocks (NTP): signatures, leases and due times go by them"
    if abs(skew) > TOO_MUCH:
        return wrong("clock", found, mend)
    if abs(skew) > SKEW:
        return weak("clock", found, mend)
    return Observation(about="clock", found="agrees with the engine's")
