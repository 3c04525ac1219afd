"""`convalias dead`: what was given up, and why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import click

from convalias.app.facade import Convalias
from convalias.cli import views
from convalias.cli.deployment import At, located
from convalias.cli.errors import Failed
from convalias.cli.exits import Exit
from convalias.cli.output import Row, answer, lines, listing
from convalias.domain.conversations import storable
from convalias.domain.inbound.dead_letters import DeadLetter, DeadLetterId
from convalias.services.inbound.relay import LANE as INBOUND
from convalias.stores.conversations.parking import CONVERSATIONS, RECORDS
from convalias.stores.outbound.letters import LANE as DELIVERIES

LANES: Final = (INBOUND, DELIVERIES, CONVERSATIONS, RECORDS)
_COLUMNS: Final = ("id", "lane", "subject", "recipients", "reason", "attempts", "explanation", "trace_id", "at")


@click.group("dead")
def command() -> None:
    """Show what was given up; `convalias replay --dead` tries all of it again, `replay --job ID` one of them."""


@command.command("list")
@click.option("--lane", type=click.Choice(LANES), help="Only those of this kind of work.")
@located
def list_(at: At, lane: str | None) -> int:
    """All dead letters: for whom, why, and what was decided before."""
    letters = at.run(lambda cv: _letters(cv, lane))
    view = views.dead if at.as_json else views.dead_line
    listing([view(letter) for letter in letters], as_json=at.as_json, columns=_COLUMNS)
    return Exit.OK


@command.command("discard")
@click.argument("letter", metavar="ID")
@located
def discard(at: At, letter: str) -> int:
    """Drop one dead letter for good: nothing of it is tried again. Its mail stays kept."""
    row = at.run(lambda cv: _discarded(cv, DeadLetterId(storable.typed("id of a dead letter", letter))))
    answer(row, as_json=at.as_json, text=lambda: lines(row))
    return Exit.OK


async def _letters(cv: Convalias, lane: str | None) -> Sequence[DeadLetter]:
    letters = cv.services.stores.dead_letters
    lanes = LANES if lane is None else (lane,)
    return [letter for name in lanes async for letter in letters.list(name)]


async def _discarded(cv: Convalias, letter_id: DeadLetterId) -> Row:
    letters = cv.services.stores.dead_letters
    for lane in LANES:
        letter = await letters.get(lane, letter_id)
        if letter is not None and await letters.drop(letter):
            return {**views.dead(letter), "discarded": True}
    raise Failed(f"dead letter {letter_id}: there is none with this id; see convalias dead list", Exit.NO_INPUT)
