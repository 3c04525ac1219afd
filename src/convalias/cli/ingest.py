"""`convalias ingest`: mail from files or a pipe, through the same receiver as mail from the web."""

from __future__ import annotations

import sys
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
from convalias.cli.piped_mail import STDIN, or_again, read_piped
from convalias.domain.inbound.posts import IncomingMail
from convalias.services.inbound.receiver import Kept

PLACE_WITHIN: Final = timedelta(seconds=2)
"""How long the store is waited for, without which mail is kept all the same."""


@click.command("ingest")
@click.argument("paths", metavar="PATH...", nargs=-1, required=True)
@click.option("--recipient", "recipients", multiple=True, help="With -: a recipient of the envelope; may be repeated.")
@click.option("--sender", help="With -: the envelope's sender; empty or <> for the null return path.")
@logged
@located
def command(at: At, paths: tuple[str, ...], recipients: tuple[str, ...], sender: str | None) -> int:
    """Keep and queue mail from .eml files, mbox files, maildirs, folders of .eml files, or a pipe (-).

    A file says nothing about its envelope: the recipients are taken from the mail's own fields. An inbound worker
    does the rest. With - the exit status tells a mail server what to do: 0 kept, 65 no mail, 67 no address, 75 try
    again.
    """
    if STDIN in paths:
        if len(paths) > 1:
            raise click.UsageError("- is one mail from standard input; leave the other paths out")
        return _piped(at, recipients, sender)
    if recipients or sender is not None:
        raise click.UsageError("--recipient and --sender go with -, one mail from standard input")
    found = mails(paths, limit=at.settings().mail_limit)
    rows = at.run(lambda cv: _ingest(cv, found, hidden=at.as_json), entry=Entry.KEEPING)
    answer(rows, as_json=at.as_json, text=lambda: f"{len(rows)} mails kept and queued")
    return Exit.OK


def _piped(at: At, recipients: tuple[str, ...], sender: str | None) -> int:
    try:
        limit = at.settings().mail_limit
        mail = read_piped(sys.stdin.buffer, recipients, sender, limit=limit)
        row = at.run(lambda cv: _kept_at_once(cv, mail), entry=Entry.KEEPING)
    except Exception as error:  # whatever it is: the mail server must try again
        raise or_again(error) from error
    answer([row], as_json=at.as_json, text=lambda: "1 mail kept and queued")
    return Exit.OK


async def _kept_at_once(cv: Convalias, mail: IncomingMail) -> Row:
    await cv.check_place(within=PLACE_WITHIN)
    await cv.check_keys(within=PLACE_WITHIN)  # with others, mail of ours is cut as a stranger's is
    return await _accepted(cv, mail, STDIN)


async def _ingest(cv: Convalias, found: Iterable[FiledMail], *, hidden: bool) -> Sequence[Row]:
    await cv.check_place(within=PLACE_WITHIN)
    await cv.check_keys(within=PLACE_WITHIN)  # with others, mail of ours is cut as a stranger's is
    rows: list[Row] = []
    with progress("ingesting", hidden=hidden) as advance:
        for mail in found:
            rows.append(await _keep(cv, mail))
            advance()
    return rows


async def _keep(cv: Convalias, mail: FiledMail) -> Row:
    quarantine = "too_large" if mail.too_large else None
    return await _accepted(cv, IncomingMail(mail.raw, source="file", quarantine=quarantine), mail.place)


async def _accepted(cv: Convalias, mail: IncomingMail, place: str) -> Row:
    receipt = await cv.receiver.accept(mail)
    kept = receipt if isinstance(receipt, Kept) else None
    return {
        "path": place,
        "record": receipt.record,
        "trace_id": None if kept is None else kept.trace,
        "quarantined": mail.quarantine,
    }
