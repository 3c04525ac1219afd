"""Hunt for a mutant: run seed after seed, until a law breaks that holds without the mutant."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import frozen

from convalias.testing.simulator.findings import Violation
from convalias.testing.simulator.mutant import Mutant
from convalias.testing.simulator.run import Plan, simulate

MAILS = 60
"""Enough for most slips to show, and a run of them takes a second."""


@frozen(kw_only=True)
class Kill:
    """A mutant that was seen."""

    mutant: Mutant
    seed: int
    seeds: int
    """How many runs it took."""
    violation: Violation


def killed(mutant: Mutant, seeds: Iterable[int], *, mails: int = MAILS) -> Kill | None:
    """Return the first seed that shows the mutant: its law breaks, and holds in the run without it. None: it lives."""
    for number, seed in enumerate(seeds, 1):
        seen = _of(mutant.breaks, seed, mails, mutant, mutant)
        if seen and not _of(mutant.breaks, seed, mails, None, mutant):
            return Kill(mutant=mutant, seed=seed, seeds=number, violation=seen[0])
    return None


def _of(law: str, seed: int, mails: int, mutant: Mutant | None, day: Mutant) -> list[Violation]:
    report = simulate(Plan(seed=seed, mails=mails, mutant=mutant, weather=day.weather, hosted=day.hosted))
    return [violation for violation in report.violations if violation.law == law]
