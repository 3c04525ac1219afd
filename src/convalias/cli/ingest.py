"""`convalias ingest`: mail from files, through the same receiver as mail from the web."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Final

import click

from convalias.app.facade import Convalias, Entry
from convalias.cli.deployment import At, located
from convalias.cli.exits import Exit
from convalias.cli.logs import logged
from convalias.cli.mail_files import FiledMail, mails
from convalias.cli.output import Row, answer, progress
from convalias.domain.inbound.posts import IncomingMail
from convalias.services.inbound.receiver import Kept

PLACE_WITHIN: Final = timedelta(seconds=2)
"""How long the store is waited for, without which mail is kept all the same."""


@click.command("ingest")
@click.argument("paths", metavar="PATH...", nargs=-1, required=True)
@logged
@located
def command(at: At, paths: tuple[str, ...]) -> int:
    """Keep and queue mail from .eml files, mbox files, maildirs and folders of .eml files.

    A file says nothing about its envelope: the recipients are taken from the mail's own fields. An inbound worker
    does the rest.
    """
    found = mails(paths, limit=at.settings().mail_limit)
    rows = at.run(lambda cv: _ingest(cv, found, hidden=at.as_json), entry=Entry.KEEPING)
    answer(rows, as_json=at.as_json, text=lambda: f"{len(rows)} mails kept and queued")
    return Exit.OK


async def _ingest(cv: Convalias, found: Iterable[FiledMail], *, hidden: bool) -> Sequence[Row]:
    await cv.check_place(within=PLACE_WITHIN)
    rows: list[Row] = []
    with progress("ingesting", hidden=hidden) as advance:
        for mail in found:
            rows.append(await _keep(cv, mail))
            advance()
    return rows


async def _keep(cv: Convalias, mail: FiledMail) -> Row:
    quarantine = "too_large" if mail.too_large else None
    receipt = await cv.receiver.accept(IncomingMail(mail.raw, source="file", quarantine=quarantine))
    kept = receipt if isinstance(receipt, Kept) else None
    return {
        "path": mail.place,
        "record": receipt.record,
        "trace_id": None if kept is None else kept.trace,
        "quarantined": quarantine,
    }
