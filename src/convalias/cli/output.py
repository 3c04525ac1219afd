"""Output of commands: JSON for scripts, else lines or a table for people."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

import click

from convalias.domain.printable import visible
from convalias.extras import brought_by

Row = Mapping[str, object]
_NOTHING: Final = "nothing"


def answer(value: object, *, as_json: bool, text: Callable[[], str]) -> None:
    """The value as JSON, or the text for people, which is only made when it is wanted. No control of others acts."""
    click.echo(json.dumps(value, indent=2) if as_json else visible(text(), lines=True))


def listing(rows: Sequence[Row], *, as_json: bool, columns: Sequence[str]) -> None:
    """A JSON array of the rows, or a table of some of their columns."""
    if as_json:
        click.echo(json.dumps(rows, indent=2))
    elif not rows:
        click.echo(_NOTHING)
    else:
        _table(rows, columns)


def lines(row: Row) -> str:
    """`name: value`, a line each; what is itself a list or an object stays out."""
    return "\n".join(
        f"{name}: {visible(_shown(value))}" for name, value in row.items() if not isinstance(value, (dict, list, tuple))
    )


def _table(rows: Sequence[Row], columns: Sequence[str]) -> None:
    with brought_by("cli"):
        from rich.box import SIMPLE  # noqa: PLC0415 - only where people read
        from rich.console import Console  # noqa: PLC0415
        from rich.table import Table  # noqa: PLC0415
        from rich.text import Text  # noqa: PLC0415

    table = Table(box=SIMPLE, show_edge=False, pad_edge=False)
    for column in columns:
        table.add_column(column.replace("_", " "), overflow="fold")
    for row in rows:
        # `Text`: what somebody wrote in square brackets is no markup
        table.add_row(*[Text(_shown(row.get(column))) for column in columns])
    console = Console()
    # an id that is cut cannot be copied: where nobody sees the width, lines are as long as they need be
    (console if console.is_terminal else Console(width=10_000)).print(table)


def _shown(value: object) -> str:
    match value:
        case None | "":
            return "-"
        case bool():
            return "yes" if value else "no"
        case _:
            return visible(str(value), lines=True)


@contextmanager
def progress(what: str, *, total: int | None = None, hidden: bool) -> Generator[Callable[[], None]]:
    """A count on standard error while somebody watches; call what is yielded once for each thing that is done."""
    if hidden or not sys.stderr.isatty():
        yield _ignored
        return
    with brought_by("cli"):
        from rich.console import Console  # noqa: PLC0415 - only where people watch
        from rich.progress import Progress  # noqa: PLC0415

    with Progress(console=Console(stderr=True), transient=True) as bars:
        bar = bars.add_task(what, total=total)
        yield lambda: bars.advance(bar)


def _ignored() -> None:
    """Nobody watches."""
