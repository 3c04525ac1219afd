"""Timing that a noisy machine does not spoil: CPU time, the best of several rounds, rivals side by side."""

from __future__ import annotations

import gc
import platform
import time
from collections.abc import Callable, Mapping
from typing import Final

ROUNDS: Final = 7


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


def machine() -> str:
    """What a figure was measured on."""
    return f"{platform.python_implementation()} {platform.python_version()}, {platform.machine()}"
