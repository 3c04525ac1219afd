"""`convalias replay`: decide kept mails anew, and try again what was given up."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, TypeAlias

import click
from attrs import evolve

from convalias.app.facade import Convalias
from convalias.cli.deployment import At, located
from convalias.cli.errors import Failed
from convalias.cli.exits import Exit
from convalias.cli.output import answer, lines
from convalias.cli.why import read_time
from convalias.codec import CodecError
from convalias.domain.conversations import storable
from convalias.domain.inbound.dead_letters import DeadLetter, DeadLetterId
from convalias.domain.inbound.posts import RecordKey
from convalias.domain.outbound.redrives import Redriven
from convalias.domain.printable import counted
from convalias.services.inbound.relay import LANE as INBOUND
from convalias.services.operations.replay import EVERYTHING, Replayed, Selection
from convalias.stores.conversations.parking import CONVERSATIONS, RECORDS
from convalias.stores.errors import Parked
from convalias.stores.outbound.letters import LANE as DELIVERIES

Done: TypeAlias = dict[str, Any]
"""What is answered."""


def _time(context: click.Context, option: click.Parameter, text: str | None) -> datetime | None:
    del context, option
    return None if text is None else read_time(text)


@click.command("replay")
@click.option("--all", "everything", is_flag=True, help="Every mail that is still kept.")
@click.option("--since", metavar="TIME", callback=_time, help="Mail received then or later (RFC 3339).")
@click.option("--until", metavar="TIME", callback=_time, help="Mail received before that.")
@click.option("--conversation", metavar="ID", help="Mail that leads into that conversation.")
@click.option("--notify", is_flag=True, help="Let people hear of what --all, --since, --until or --conversation add.")
@click.option(
    "--recent",
    is_flag=True,
    help="Restore mail of the last six hours too that has no outcome: after a backup was put back. Needs --until.",
)
@click.option("--job", metavar="ID", help="One: its envelope record, or the id of its dead letter.")
@click.option("--dead", is_flag=True, help="All that was given up, deliveries too.")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@located
def command(  # noqa: PLR0913 - one parameter for each option
    at: At,
    *,
    job: str | None,
    since: datetime | None,
    until: datetime | None,
    conversation: str | None,
    everything: bool,
    notify: bool,
    recent: bool,
    dead: bool,
    dry_run: bool,
) -> int:
    """Decide mails anew. Safe to repeat: what was relayed, handed over or skipped is left alone.

    --all, --since, --until and --conversation restore: nobody hears of what they add, unless --notify is given.
    Without --recent they leave mail without an outcome that came within six hours to the workers, who tell of it.
    --dead and --job try again what nobody has heard of.
    """
    place = None if conversation is None else storable.conversation_id(conversation)
    selected = Selection(since=since, until=until, conversation=place, notify=notify, recent=recent)
    restores = everything or evolve(selected, notify=False, recent=False) != EVERYTHING
    if (restores, job is not None, dead).count(True) != 1:
        raise click.UsageError("expected one of --all (or --since, --until, --conversation), --job ID, --dead")
    if notify and not restores:
        raise click.UsageError("--notify goes with --all, --since, --until or --conversation")

    if recent and (until is None or notify):
        raise click.UsageError("--recent goes with --until, the time of the loss, and without --notify")

    async def work(cv: Convalias) -> Done:
        await cv.check_place()  # mail that lies elsewhere would count as expired
        if job is not None:
            return await _job(cv, storable.typed("id of a job", job), dry_run=dry_run)
        if dead:
            return await _dead(cv, dry_run=dry_run)
        return _row(await cv.replay.all(dry_run=dry_run, of=selected))

    done: Done = {**at.run(work), "dry_run": dry_run}
    answer(done, as_json=at.as_json, text=lambda: lines(done))
    for warning in done["warnings"]:
        click.echo(f"warning: {warning}", err=True)
    return Exit.OK


async def _job(cv: Convalias, job: str, *, dry_run: bool) -> Done:
    letters = cv.services.stores.dead_letters
    if (letter := await letters.get(INBOUND, DeadLetterId(job))) is not None:
        done = await cv.replay.one(RecordKey(letter.subject), dry_run=dry_run)
        if done.decided and not dry_run:
            await letters.drop(letter)
        return _row(done)
    if (letter := await letters.get(DELIVERIES, DeadLetterId(job))) is not None:
        return _row(Replayed(), await cv.outbound.redriving.guarded(letter, dry_run=dry_run))
    for lane in (CONVERSATIONS, RECORDS):
        if (letter := await letters.get(lane, DeadLetterId(job))) is not None:
            return {**_row(Replayed()), lane: await _redrive(cv, letter, dry_run=dry_run)}
    record = RecordKey(job)
    if await cv.ports.blobs.get(record) is None:
        raise Failed(f"job {job}: there is none with this id; see convalias dead list, or why", Exit.NO_INPUT)
    return _row(await cv.replay.one(record, dry_run=dry_run))


async def _dead(cv: Convalias, *, dry_run: bool) -> Done:
    # Parked conversations first: what waits for them goes on behind them, in order.
    conversations, parked = await _take_up(cv, CONVERSATIONS, dry_run=dry_run)
    rows, _ = await _take_up(cv, RECORDS, dry_run=dry_run)
    inbound = await cv.replay.dead(dry_run=dry_run)
    deliveries = await cv.outbound.redriving.all(dry_run=dry_run)
    return {**_row(inbound, deliveries), "conversations": conversations, "records": rows, "parked": parked}


async def _take_up(cv: Convalias, lane: str, *, dry_run: bool) -> tuple[int, int]:
    """How many of that lane were taken up, and how many still cannot be read."""
    done = parked = 0
    for letter in [one async for one in cv.services.stores.dead_letters.list(lane)]:
        try:
            done += await _redrive(cv, letter, dry_run=dry_run)
        except (Parked, CodecError):
            parked += 1
    return done, parked


async def _redrive(cv: Convalias, letter: DeadLetter, *, dry_run: bool) -> int:
    return 1 if dry_run else int(await cv.outbound.redrive(letter))


def _row(done: Replayed, deliveries: Redriven | None = None) -> Done:
    again = deliveries or Redriven()
    return {
        "looked_at": done.looked_at,
        "final": done.final,
        "decided": done.decided,
        "events": done.events,
        "waiting": done.waiting,
        "failed": done.failed + again.failed,
        "lost": done.lost,
        "lost_records": list(done.lost_records),
        "deliveries": again.due,
        "deliveries_cancelled": again.cancelled,
        "deliveries_too_late": again.too_late,
        "warnings": list(_warnings(done)),
    }


def _warnings(done: Replayed) -> Iterator[str]:
    if done.lost:
        yield (
            f"of {counted(done.lost, 'mail')} the outcome says that it was added, and its conversation does not have it: "
            f"events and outcomes are not of one backup; {', '.join(done.lost_records)}"
        )
    if done.young and done.young == done.looked_at - done.final:
        yield (
            "all that is not final came within six hours and is left to the workers, who tell of it; after a restored "
            "backup: --until LOSS --recent restores it, and tells nobody"
        )
