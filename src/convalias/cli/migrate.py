"""`convalias migrate`: make the indexes that the store stands on."""

from __future__ import annotations

import asyncio

import click

from convalias.app.engines import migrate
from convalias.cli.deployment import At, located
from convalias.cli.exits import Exit
from convalias.cli.output import answer


@click.command("migrate")
@located
def command(at: At) -> int:
    """Make what a store needs before it is used: the indexes of MongoDB.

    May be repeated, and run beside a working deployment. The embedded backend makes its own at the first use.
    """
    made = asyncio.run(migrate(at.settings()))
    lines = [f"{setting}: made {', '.join(names) or 'nothing; all is there'}" for setting, names in made.items()]
    answer({"made": made}, as_json=at.as_json, text=lambda: "\n".join(lines) or "nothing to migrate")
    return Exit.OK
