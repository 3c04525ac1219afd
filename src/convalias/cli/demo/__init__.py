"""`convalias demo`: the whole system at work, as a story of a minute that leaves its files behind."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import click
from attrs import asdict

from convalias.cli.demo.story import tell_story
from convalias.cli.exits import Exit
from convalias.cli.output import answer

__all__ = ["command"]


@click.command("demo")
@click.option("--folder", metavar="DIR", help="Where to leave everything; a new temporary folder by default.")
@click.option("--json", "as_json", is_flag=True, help="Tell the story as JSON.")
def command(folder: str | None, *, as_json: bool) -> int:
    """Run the whole system on this machine: real mail in by signed webhook, notifications out into files, and by SMTP.

    Nothing leaves the machine. The folder stays, to be looked at.
    """
    place = Path(folder) if folder is not None else Path(tempfile.mkdtemp(prefix="convalias-demo-"))
    told = asyncio.run(tell_story(place, _say_nothing if as_json else click.echo))
    if as_json:
        answer({"folder": str(place), "steps": [asdict(act) for act in told]}, as_json=True, text=str)
    return Exit.OK


def _say_nothing(_: str) -> None:
    """All of it comes at the end."""
