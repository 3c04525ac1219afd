"""What a mail costs on its whole way on memory, from the door to the notification: CPU by phase, or where it goes.

`python bench/bench_whole.py` prints milliseconds of CPU a mail beside a bare loop of the same process, so that runs on
a busy machine can be compared; `--profile` prints the functions that take the most time of their own.
"""

from __future__ import annotations

import asyncio
import cProfile
import pstats
import sys
import time
from typing import Final, Literal, TypeAlias

from _measure import best, machine
from bench_relay import CONVERSATIONS, mail
from convalias.app.facade import Convalias
from convalias.domain.conversations.participants import Participant
from convalias.domain.ids import UseCase
from convalias.domain.inbound.posts import IncomingMail
from convalias.domain.migration.rollout import Stage

MAILS: Final = 500
ROUNDS: Final = 5
SHOWN: Final = 45
Phase: TypeAlias = Literal["receive", "inbound", "feed", "outbound"]
PHASES: Final[tuple[Phase, ...]] = ("receive", "inbound", "feed", "outbound")


async def peopled() -> tuple[Convalias, list[str]]:
    """Conversations of two and of three, in a deployment whose notifications the hub delivers; an alias of each."""
    cv = Convalias.in_memory(alias_domain="reply.example", legacy_domain="relay.example")
    await cv.__aenter__()
    await cv.rollout.set(UseCase("hiring"), stage=Stage.PARALLEL, basis_points=10_000)
    people = [
        Participant.of("ann", name="Ann Ray", addresses=["ann@home.example"]),
        Participant.of("bob", name="Bob Lee", addresses=["bob@corp.example"]),
        Participant.of("cid", name="Cid Fox", addresses=["cid@else.example"]),
    ]
    aliases: list[str] = []
    for number in range(CONVERSATIONS):
        pair = people[:2] if number % 2 else people
        given = await cv.open_conversation(f"c{number}", use_case="hiring", participants=pair)
        aliases.append(str(given[people[0].account]))
    await cv.run_until_idle()
    return cv, aliases


async def phase(cv: Convalias, aliases: list[str], name: Phase, *, first: int) -> None:
    """One phase for all mails of a round."""
    if name != "receive":
        await cv.run_until_idle(name)
        return
    for number in range(first, first + MAILS):
        alias = aliases[number % CONVERSATIONS]
        await cv.receiver.accept(IncomingMail(mail(number, alias), recipients=[alias], sender="bob@corp.example"))


def bare() -> int:
    """A loop that does nothing but turn: what the machine gives us right now."""
    return sum(number & 7 for number in range(100_000))


async def measure(profile: cProfile.Profile | None) -> None:
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
        took["bare"] = min(took["bare"], best(bare, rounds=1))
    await cv.__aexit__(None, None, None)
    print(f"a mail to 1.5 recipients from the door to the hub, on memory, {machine()}")
    for name in (*PHASES, "whole"):
        each = took[name] / MAILS
        print(f"  {name:10} {each * 1e3:6.2f} ms CPU a mail  {each / took['bare']:7.3f} bare loops")


if __name__ == "__main__":
    profiler = cProfile.Profile() if "--profile" in sys.argv else None
    asyncio.run(measure(profiler))
    if profiler is not None:
        pstats.Stats(profiler).sort_stats("tottime").print_stats(SHOWN)
