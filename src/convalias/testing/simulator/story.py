"""A violation as a story: the law, how to see it again, who did what when, and a picture."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Final

from convalias.testing.simulator.concerned import Line, concerned
from convalias.testing.simulator.findings import Violation
from convalias.testing.simulator.run import Plan, Report
from convalias.testing.simulator.weather import Fault, Weather
from convalias.testing.simulator.wording import FAULTS, LAWS, shortened

_NOT_DONE: Final = frozenset({"before", "hangs before", "crash before"})


def story(report: Report, violation: Violation, *, command: Plan | None = None) -> str:
    """A dozen lines and a Mermaid diagram. The report must be of a plan with `recording=True`.

    `command`: the plan that the command line can repeat, where the report's own cannot be said there.
    """
    lines = concerned(report, violation)
    return "\n".join([
        f"{violation.law} is broken: {LAWS.get(violation.law, violation.law)}.",
        f"{shortened(violation.what)}",
        "",
        f"  again:  {command_of(report.plan if command is None else command)}",
        f"  alone:  {python_of(report.plan)}",
        "",
        *map(_told, lines),
        f"{'':>12}  So: {shortened(violation.what)}.",
        "",
        "```mermaid",
        diagram(lines, violation),
        "```",
    ])  # fmt: skip


def command_of(plan: Plan) -> str:
    """Return the command that shows it again."""
    words = ["convalias", "simulate", "--seed", str(plan.seed), "--mails", str(plan.mails)]
    if plan.mutant is not None:
        words += ["--mutant", plan.mutant.name]
    if plan.hosted and not (plan.mutant is not None and plan.mutant.hosted):
        words.append("--hosted")
    return shlex.join(words)


def python_of(plan: Plan) -> str:
    """The same for a regression test: the plan with what was left out of it."""
    said = [f"seed={plan.seed}", f"mails={plan.mails}"]
    if plan.mutant is not None:
        said.append(f'mutant=MUTANTS["{plan.mutant.name}"]')
    if plan.acts is not None:
        said.append(f"acts={{{', '.join(map(str, sorted(plan.acts)))}}}" if plan.acts else "acts=()")
    if plan.weather is not None:
        said.append(f"weather={_weather(plan.weather)}")
    if plan.hosted:
        said.append("hosted=True")
    return f"Plan({', '.join(said)})"


def diagram(lines: Sequence[Line], violation: Violation) -> str:
    """The same lines as a Mermaid `sequenceDiagram`."""
    names = list(dict.fromkeys(name for line in lines for name in (line.who, line.whom)))
    numbers = {name: f"p{number}" for number, name in enumerate(names)}
    drawn = ["sequenceDiagram", *(f"  participant {numbers[name]} as {_escaped(name)}" for name in names)]
    for line in lines:
        arrow = "--x" if line.came_to in _NOT_DONE else "->>"
        drawn.append(f"  {numbers[line.who]}{arrow}{numbers[line.whom]}: {_escaped(_what(line))}")
    if names:
        over = numbers[names[0]] if len(names) == 1 else f"{numbers[names[0]]},{numbers[names[-1]]}"
        drawn.append(f"  Note over {over}: {_escaped(f'{violation.law}: {shortened(violation.what)}')}")
    return "\n".join(drawn)


def _told(line: Line) -> str:
    hours, rest = divmod(line.at, 3600)
    minutes, seconds = divmod(rest, 60)
    whom = "" if line.whom == line.who else f" [{line.whom}]"
    return f"{int(hours):>2}:{int(minutes):02}:{seconds:06.3f}  {line.who:<12} {_what(line)}{whom}"


def _what(line: Line) -> str:
    times = "" if line.times == 1 else f", {line.times} times"
    fault = f" - {FAULTS.get(line.came_to, line.came_to)}" if line.came_to else ""
    return f"{line.what}{times}{fault}"


def _weather(weather: Weather) -> str:
    on = ", ".join(f"Fault.{fault.name}" for fault in Fault if fault in weather.on)
    faults = f"frozenset({{{on}}})" if on else "frozenset()"
    return f"Weather(on={faults}, rate={weather.rate!r}, until={weather.until!r}, latency={weather.latency!r})"


def _escaped(text: str) -> str:
    """Mermaid reads `#` and `;` as its own."""
    return text.translate({ord("#"): "#35;", ord(";"): "#59;"})
