"""What a mail costs on its whole way on memory, from the door to the notification: CPU by phase, or where it goes.

`python bench/bench_whole.py` gives milliseconds of CPU a mail beside a bare loop of the same process, so that runs on a
busy machine can be compared; `--profile` prints the functions that take the most time of their own. Aim: 1.6 ms.
"""

from __future__ import annotations

import asyncio
import cProfile
import pstats
import sys
import time
from typing import Final, Literal, TypeAlias

from _measure import TURNING, Row, best, machine, row, tell, turning
from bench_relay import MAILS, opened, posted
from convalias.app.facade import Convalias

ROUNDS: Final = 5
SHOWN: Final = 45
Phase: TypeAlias = Literal["receive", "inbound", "feed", "outbound"]
PHASES: Final[tuple[Phase, ...]] = ("receive", "inbound", "feed", "outbound")


async def peopled() -> tuple[Convalias, list[str]]:
    """Conversations of two and of three, in a deployment whose notifications the hub delivers; an alias of each."""
    cv = Convalias.in_memory(alias_domain="reply.example", legacy_domain="relay.example")
    await cv.__aenter__()
    return cv, await opened(cv)


async def phase(cv: Convalias, aliases: list[str], name: Phase, *, first: int) -> None:
    """One phase for all mails of a round."""
    if name == "receive":
        await posted(cv, aliases, first=first)
    else:
        await cv.run_until_idle(name)


async def measure(profile: cProfile.Profile | None) -> list[Row]:
    took: dict[str, float] = dict.fromkeys((*PHASES, "whole", "bare"), float("inf"))
    cv, aliases = await peopled()
    for turn in range(ROUNDS):
        whole = 0.0
        for name in PHASES:
            started = time.process_time()
            if profile is not None:
                profile.enable()
            await phase(cv, aliases, name, first=turn * MAILS)
            if profile is not None:
                profile.disable()
            spent = time.process_time() - started
            whole += spent
            took[name] = min(took[name], spent)
        took["whole"] = min(took["whole"], whole)
        took["bare"] = min(took["bare"], best(turning, rounds=1))
    await cv.__aexit__(None, None, None)
    print(f"a mail to 1.5 recipients from the door to the hub, on memory, best of {ROUNDS} rounds, {machine()}")
    turned = (TURNING, took["bare"] * 1e3)
    return [
        row(
            f"{name} on memory" if name == "whole" else f"whole on memory, {name}",
            ours=took[name] / MAILS * 1e3,
            rival=turned,
            unit="ms CPU a mail",
            aim="<= 1.6" if name == "whole" else None,
        )
        for name in (*PHASES, "whole")
    ]


if __name__ == "__main__":
    profiler = cProfile.Profile() if "--profile" in sys.argv else None
    tell(lambda: asyncio.run(measure(profiler)))
    if profiler is not None:
        pstats.Stats(profiler).sort_stats("tottime").print_stats(SHOWN)
