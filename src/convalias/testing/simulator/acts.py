"""Acts of people, providers and operators: each numbered, each drawing only from its own number."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, Final

from attrs import frozen

from convalias.testing.simulator.draws import Draws, Stream
from convalias.testing.simulator.operators import Operators
from convalias.testing.simulator.people import People
from convalias.testing.simulator.residents import Residents
from convalias.testing.simulator.world import World
from convalias.testing.simulator.writers import Writers

MAILS: Final = ("mail", "reply", "stranger", "auto_reply", "spoof", "again", "poison", "borrow")
_WEIGHTS: Final[Mapping[str, float]] = {
    "mail": 40,
    "reply": 14,
    "stranger": 3,
    "auto_reply": 2,
    "spoof": 1,
    "again": 5,
    "poison": 0.4,
    "borrow": 2,
    "chat": 14,
    "move": 2,
    "flag": 3,
    "turn": 2,
    "leave": 2,
    "revoke": 1,
    "read": 2,
    "replay": 0.4,
    "redrive": 0.6,
    "give_back": 1,
    "restart": 1,
    "stop": 3,
    "rewind": 0.5,
    "empty": 0.6,
    "rotate": 0.2,
    "clock": 0.5,
    "open": 3,
}
_AT_A_HOST: Final[Mapping[str, float]] = {
    "chat": 24,
    "read": 4,
    "turn": 3,
    "leave": 4,
    "edit": 3,
    "withdraw": 3,
    "look": 2,
    "fill": 1.5,
}
"""Where a platform keeps the conversations, its own people do more in them."""
_BUSY: Final = 6.0
"""Mean virtual seconds between two acts."""


@frozen
class Act:
    """The `number`-th thing that happens, at virtual second `at`."""

    number: int
    at: float
    kind: str


def drawn_acts(draws: Draws, mails: int, *, begin: float = 5.0, hosted: bool = False) -> Sequence[Act]:
    """Acts until so many mails are among them, with what else happens meanwhile."""
    weights = _WEIGHTS if not hosted else {**_WEIGHTS, **_AT_A_HOST}
    stream = draws.stream("acts")
    total, acts, written, at = sum(weights.values()), list[Act](), 0, begin
    while written < mails:
        burst = stream.chance(0.3)
        at += 0.02 if burst else stream.between(0.0, 2 * _BUSY)
        draw = stream.unit() * total
        for kind, weight in weights.items():
            draw -= weight
            if draw < 0:
                acts.append(Act(len(acts), at, kind))
                written += kind in MAILS
                break
    return acts


class Script:
    """Performs acts upon a world. What an act finds is drawn from its own number, whatever acts before it were left out."""

    def __init__(self, world: World, people: People) -> None:
        """Nothing happened yet."""
        self._world = world
        writers, operators = Writers(world, people), Operators(world, people)
        residents = None if world.engines.platform is None else Residents(world, people, world.engines.platform)
        self._performing: Mapping[str, Callable[[Stream, str], Coroutine[Any, Any, None]]] = {
            "mail": writers.mail,
            "reply": writers.reply,
            "stranger": writers.stranger,
            "auto_reply": writers.auto_reply,
            "spoof": writers.spoof,
            "again": writers.again,
            "poison": writers.poison,
            "borrow": writers.borrow,
            "chat": writers.chat,
            "read": writers.read,
            "open": writers.open,
            "move": operators.move,
            "flag": operators.flag,
            "turn": operators.turn,
            "leave": operators.leave,
            "revoke": operators.revoke,
            "replay": operators.replay,
            "redrive": operators.redrive,
            "give_back": operators.give_back,
            "restart": operators.restart,
            "stop": operators.stop,
            "rewind": operators.rewind,
            "empty": operators.empty,
            "rotate": operators.rotate,
            "clock": operators.clock,
            **({} if residents is None else residents.acts),
        }

    async def perform(self, acts: Sequence[Act]) -> None:
        """Each at its time; none waits for another's end."""
        for act in acts:
            await asyncio.sleep(max(act.at - self._world.now, 0.0))
            draws = self._world.draws.stream(f"act {act.number}")
            self._world.trace.note(self._world.now, "outside", act.kind, str(act.number), "")
            _ = self._world.outside(self._performing[act.kind](draws, f"m{act.number}"))
