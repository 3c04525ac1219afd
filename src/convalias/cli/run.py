"""`convalias run`: receiver and all workers in one process."""

from __future__ import annotations

import click

from convalias.app.facade import Entry
from convalias.app.providers import Providers
from convalias.cli.deployment import At, located
from convalias.cli.exits import Exit
from convalias.cli.logs import logged
from convalias.cli.serving import Address, listen, serve


@click.command("run")
@click.option("--port", type=click.IntRange(0, 65_535), required=True, help="Where to listen; 0: any free port.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at.")
@logged
@located
def command(at: At, port: int, host: str) -> int:
    """Take mail in, and do all the work that follows from it, in one process.

    SIGTERM and SIGINT end it gracefully: requests are answered, work that was taken is finished or released.
    """
    settings = at.settings()
    Providers.of(settings)  # refuses doors without a key, before the port is taken
    at.check_channels()
    with listen(Address(host=host, port=port)) as taken:
        at.run(lambda cv: serve(cv, settings, taken, *at.workers), entry=Entry.HOST)
    return Exit.OK
