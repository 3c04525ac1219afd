"""Measures so that a noisy machine spoils nothing, and gives what was found as rows of one kind.

Times are of CPU, the best of several rounds, rivals side by side. A question has one function that returns rows, and
ends with `tell(that function)`: run alone it prints them, run by `bench/run.py` it hands them on as well.
"""

from __future__ import annotations

import gc
import json
import math
import os
import platform
import re
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from attrs import asdict, frozen

# Helpers that tests share: the servers of engines, mails, records that count.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

ROUNDS: Final = 7
HANDED_ON: Final = "CONVALIAS_BENCH_ROWS"
"""The variable that names the file for the rows, where a runner asks for them."""
AIM: Final = re.compile(r"(?P<of>ratio )?(?P<sign><=|>=) (?P<figure>\d+(?:\.\d+)?)")


@frozen
class Row:
    """One figure beside its rival's, of the same run.

    `ratio` says how many times better ours is than the rival: above 1 is better, below 1 is worse, None is better than
    a figure can say because one side is nothing. `aim` is a bound on
    `ours` (`"<= 7"`) or on the ratio (`"ratio >= 5"`); None, as `met` is then, where nothing is asked.
    """

    name: str
    ours: float
    rival: float
    rival_name: str
    ratio: float | None
    unit: str
    aim: str | None
    met: bool | None


def row(
    name: str,
    *,
    ours: float,
    rival: tuple[str, float],
    unit: str,
    aim: str | None = None,
    more_is_better: bool = False,
) -> Row:
    """Compare ours with a named rival. `unit` is of both figures; raises ValueError for an aim that cannot be read."""
    rival_name, theirs = rival
    better, worse = (ours, theirs) if more_is_better else (theirs, ours)
    ratio = better / worse if worse else float(better == worse) or math.inf
    shown = None if ratio == math.inf else _short(ratio)
    return Row(name, _short(ours), _short(theirs), rival_name, shown, unit, aim, _met(aim, ours, ratio))


def _met(aim: str | None, ours: float, ratio: float) -> bool | None:
    if aim is None:
        return None
    read = AIM.fullmatch(aim)
    if read is None:
        raise ValueError(f"an aim is '<= 7', '>= 7' or such of the ratio, 'ratio >= 5'; found {aim!r}")
    found, figure = (ratio if read["of"] else ours), float(read["figure"])
    return found <= figure if read["sign"] == "<=" else found >= figure


def _short(figure: float) -> float:
    """Four digits: more would claim what was not measured."""
    return float(f"{figure:.4g}")


def _said(ratio: float | None) -> str:
    return "beyond measure" if ratio is None else f"{ratio:g}"


def best(work: Callable[[], object], *, rounds: int = ROUNDS) -> float:
    """Seconds of CPU of the fastest round."""
    times: list[float] = []
    for _ in range(rounds):
        gc.collect()
        started = time.process_time()
        work()
        times.append(time.process_time() - started)
    return min(times)


def side_by_side(rivals: Mapping[str, Callable[[], object]], *, rounds: int = ROUNDS) -> dict[str, float]:
    """The same for several, their rounds interleaved, so that they share what the machine was doing."""
    found = dict.fromkeys(rivals, float("inf"))
    for _ in range(rounds):
        for name, work in rivals.items():
            found[name] = min(found[name], best(work, rounds=1))
    return found


def turning() -> int:
    """Turn a bare loop 100,000 times: what the machine gives right now, as a rival of what has no other."""
    return sum(number & 7 for number in range(100_000))


TURNING: Final = "bare loop of 100,000 turns"


def machine() -> str:
    """What a figure was measured on."""
    return f"{platform.python_implementation()} {platform.python_version()}, {platform.machine()}"


def left_out(what: str, why: object) -> list[Row]:
    """Say in one line what cannot be measured here; no rows."""
    print(f"  left out: {what}: {' '.join(str(why).split())}")
    return []


def tell(question: Callable[[], Sequence[Row]]) -> None:
    """Answer a question: print its rows, and hand them on to a runner that asks for them."""
    from engines.servers.given import EngineMissing  # noqa: PLC0415 - the tests' own, found by the path above

    try:
        rows = question()
    except EngineMissing as missing:
        rows = left_out("what needs an engine", missing)
    for one in rows:
        aim = "" if one.aim is None else f"   (aim: {one.aim}, {'met' if one.met else 'MISSED'})"
        print(f"  {one.name}: {one.ours:g} {one.unit}, {one.rival_name} {one.rival:g}, ratio {_said(one.ratio)}{aim}")
    asked = os.environ.get(HANDED_ON)
    if asked:
        Path(asked).write_text(json.dumps([asdict(one) for one in rows]), encoding="utf-8")
