"""Says at the end of a run which tests did not run here: one line for each engine that is missing, and for each reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

import pytest

from engines.servers.given import MISSING

_RAISED: Final = "Skipped: "


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the lines below the failures."""
    lines = summary(_reason(report) for report in terminalreporter.getreports("skipped"))
    if lines:
        terminalreporter.section("tests that did not run here", sep="-")
        for line in lines:
            terminalreporter.line(line)


def summary(reasons: Iterable[str]) -> list[str]:
    """How many tests, and why: one line for each engine, then one for each other reason, the most frequent first."""
    # An engine may be missing for more than one reason; the first is told, and mended first.
    engines: dict[str, str] = {}
    counts: Counter[str] = Counter()
    for reason in reasons:
        line = reason.removeprefix(_RAISED)
        if line.startswith(MISSING):
            line = engines.setdefault(line.removeprefix(MISSING).partition(":")[0], line)
        counts[line] += 1
    ordered = sorted(counts.items(), key=lambda counted: (not counted[0].startswith(MISSING), -counted[1], counted[0]))
    return [f"{count:5} {'test' if count == 1 else 'tests'}: {line}" for line, count in ordered]


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    told = report.longrepr
    return str(told[2]) if isinstance(told, tuple) else str(told)
