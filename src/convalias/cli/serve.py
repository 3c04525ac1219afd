"""`convalias serve`: the receiver alone."""

from __future__ import annotations

import click

from convalias.app.facade import Entry
from convalias.app.providers import Providers
from convalias.cli.deployment import At, located
from convalias.cli.exits import Exit
from convalias.cli.logs import logged
from convalias.cli.serving import Address, listen, serve


@click.command("serve")
@click.option("--port", type=click.IntRange(0, 65_535), required=True, help="Where to listen; 0: any free port.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at.")
@logged
@located
def command(at: At, port: int, host: str) -> int:
    """Take mail in by webhook: POST /inbound/mailgun/mime and /inbound/mailgun; /healthz, /readyz.

    The signing key stands in CONVALIAS_MAILGUN_SIGNING_KEY. The setting `inbound` names other doors, such as postmark;
    each says at start which variable it needs.
    Prints one line once it listens. SIGTERM ends it when the requests under way are answered.
    """
    settings = at.settings()
    Providers.of(settings)  # refuses doors without a key, before the port is taken
    with listen(Address(host=host, port=port)) as taken:
        at.run(lambda cv: serve(cv, settings, taken), entry=Entry.RECEIVER)
    return Exit.OK
