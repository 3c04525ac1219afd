"""`convalias simulate`: a made-up day with faults at every step, and whether the promises held."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Final

import click
from attrs import frozen

from convalias.cli.errors import Failed
from convalias.cli.exits import Exit
from convalias.cli.output import Row, answer, listing, progress
from convalias.testing.simulator import Mutant, Plan, Report, shrink, simulate, story
from convalias.testing.simulator.shrinking import RUNS

TESTS: Final = Path(__file__).resolve().parents[3] / "tests"
"""The tests of the checkout that this package is run from. An installed package has none."""


def mutants(tests: Path = TESTS) -> Mapping[str, Mutant]:
    """Load the mutants of the checkout, by name. They patch private methods, so those of another release would not fit.

    Raises:
        Failed: 69, the package is not run from a checkout.
    """
    if not (tests / "testing" / "simulator" / "mutants" / "__init__.py").is_file():
        raise Failed(
            "mutants are part of the tests, which are not installed; "
            "clone the repository and run pip install -e '.[cli,mime]' in it",
            Exit.UNAVAILABLE,
        )
    if str(tests) not in sys.path:
        sys.path.insert(0, str(tests))
    found: Mapping[str, Mutant] = import_module("testing.simulator.mutants").MUTANTS
    return found


def _mutant(context: click.Context, option: click.Parameter, name: str | None) -> Mutant | None:
    if name is None:
        return None
    known = mutants()
    if name not in known:
        raise click.BadParameter(f"there is no {name!r}, there are {', '.join(sorted(known))}", context, option)
    return known[name]


@click.command("simulate")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="What everything is drawn from.")
@click.option("--mails", type=click.IntRange(min=1), default=100, show_default=True, help="How many are written.")
@click.option("--seeds", type=click.IntRange(min=1), help="So many seeds from --seed on; the first violation ends it.")
@click.option(
    "--mutant",
    callback=_mutant,
    metavar="NAME",
    help="With this slip built in: the laws have to see it (in a checkout alone).",
)
@click.option("--hosted", is_flag=True, help="A platform keeps the conversations in tables of its own.")
@click.option("--list-mutants", is_flag=True, help="The slips that there are, and the law that each breaks.")
@click.option("--no-shrink", is_flag=True, help="Tell the violations only, not the shortest story of the first.")
@click.option("--json", "as_json", is_flag=True, help="For scripts: an object, or an array of them with --seeds.")
def command(
    *,
    seed: int,
    mails: int,
    seeds: int | None,
    mutant: Mutant | None,
    hosted: bool,
    list_mutants: bool,
    no_shrink: bool,
    as_json: bool,
) -> int:
    """Run the real services for a while under virtual time: mail, chat, operators, and faults at every call.

    The same seed gives the same trace, everywhere. Exit status: 0 when every law held, 1 when one was broken.
    """
    if list_mutants:
        listing([_slip(one) for one in mutants().values()], as_json=as_json, columns=("name", "breaks", "slip"))
        return Exit.OK
    weather = None if mutant is None else mutant.weather
    hosted = hosted or (mutant is not None and mutant.hosted)
    plans = [
        Plan(seed=one, mails=mails, mutant=mutant, weather=weather, hosted=hosted)
        for one in range(seed, seed + (seeds or 1))
    ]
    reports = list(_reports(plans, hidden=as_json))
    answer(
        _objects(reports) if seeds is not None else _object(reports[-1]),
        as_json=as_json,
        text=lambda: _Told(reports, shrinking=not no_shrink).text(),
    )
    return Exit.BROKEN if reports[-1].violations else Exit.OK


def _reports(plans: Sequence[Plan], *, hidden: bool) -> Iterator[Report]:
    """Seed by seed, up to the first that broke a law."""
    with progress("simulating", total=len(plans), hidden=hidden) as advance:
        for plan in plans:
            report = simulate(plan)
            advance()
            yield report
            if report.violations:
                return


def _slip(mutant: Mutant) -> Row:
    return {"name": mutant.name, "breaks": mutant.breaks, "slip": mutant.slip}


def _objects(reports: Sequence[Report]) -> Sequence[Row]:
    return [_object(one) for one in reports]


def _object(report: Report) -> Row:
    return {
        "seed": report.plan.seed,
        "mails": report.mails,
        "virtual_seconds": round(report.virtual_seconds, 6),
        "faults": dict(report.faults),
        "trace_digest": report.trace_digest,
        "violations": [{"law": one.law, "what": one.what, "about": list(one.about)} for one in report.violations],
        "states": dict(report.states),
    }


@frozen
class _Told:
    """What people read of it."""

    reports: Sequence[Report]
    shrinking: bool

    def text(self) -> str:
        """A line for each seed or for all, then what is wrong with the last."""
        last = self.reports[-1]
        lines = [_line(last)] if len(self.reports) == 1 else [self._all()]
        lines += [f"{one.law}: {one.what}" for one in last.violations]
        if last.plan.mutant is not None:
            lines.append(self._seen(last, last.plan.mutant))
        if last.violations and self.shrinking:
            lines += ["", _story(last)]
        return "\n".join(lines)

    def _all(self) -> str:
        mails = sum(one.mails for one in self.reports)
        faults = sum(sum(one.faults.values()) for one in self.reports)
        hours = math.fsum(one.virtual_seconds for one in self.reports) / 3600
        return f"{len(self.reports)} seeds: {mails} mails, {faults} faults, {hours:.0f} virtual hours"

    def _seen(self, last: Report, mutant: Mutant) -> str:
        if last.violations:
            return f"mutant {mutant.name} ({mutant.slip}): seen by seed {last.plan.seed}"
        return f"mutant {mutant.name} ({mutant.slip}): not seen by {len(self.reports)} seeds"


def _line(report: Report) -> str:
    faults = sum(report.faults.values())
    hours = report.virtual_seconds / 3600
    outcome = f"{len(report.violations)} violations" if report.violations else "every law held"
    return (
        f"seed {report.plan.seed}: {report.mails} mails, {report.calls} calls, {faults} faults, "
        f"{hours:.1f} virtual hours, digest {report.trace_digest}: {outcome}"
    )


def _story(report: Report) -> str:
    with progress("looking for the shortest story", total=RUNS, hidden=False) as advance:
        shrunk = shrink(report, report.violations[0].law, told=lambda _runs, _shortest: advance())
    return "" if shrunk is None else story(shrunk.report, shrunk.violation, command=shrunk.command)
