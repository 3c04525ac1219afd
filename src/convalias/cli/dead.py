"""`convalias dead`: what was given up, and why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import click

from convalias.app.facade import Convalias
from convalias.cli import views
from convalias.cli.deployment import At, located
from convalias.cli.exits import Exit
from convalias.cli.output import Row, listing
from convalias.services.inbound_relay import LANE as INBOUND
from convalias.services.outbound_deciding import LANE as DELIVERIES
from convalias.stores.parking import CONVERSATIONS, RECORDS

LANES: Final = (INBOUND, DELIVERIES, CONVERSATIONS, RECORDS)
_COLUMNS: Final = ("id", "lane", "reason", "attempts", "trace_id", "at")


@click.group("dead")
def command() -> None:
    """What was given up; `convalias replay --dead` tries it again."""


@command.command("list")
@located
def list_(at: At) -> int:
    """All dead letters: inbound mails, deliveries, and what waits because this release cannot read it."""
    listing(at.run(_letters), as_json=at.as_json, columns=_COLUMNS)
    return Exit.OK


async def _letters(cv: Convalias) -> Sequence[Row]:
    letters = cv.services.stores.dead_letters
    return [views.dead(letter) for lane in LANES async for letter in letters.list(lane)]
