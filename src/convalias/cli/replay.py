"""`convalias replay`: decide kept mails anew, and try again what was given up."""

from __future__ import annotations

import click

from convalias.app.facade import Convalias
from convalias.cli.deployment import At, located
from convalias.cli.errors import Failed
from convalias.cli.exits import Exit
from convalias.cli.output import Row, answer, lines
from convalias.codec import CodecError
from convalias.domain.dead_letters import DeadLetter, DeadLetterId
from convalias.domain.inbound import RecordKey
from convalias.services.inbound_relay import LANE as INBOUND
from convalias.services.outbound_deciding import LANE as DELIVERIES
from convalias.services.redriving import Redriven
from convalias.services.replay import Replayed
from convalias.stores.errors import Parked
from convalias.stores.parking import CONVERSATIONS, RECORDS


@click.command("replay")
@click.option("--all", "everything", is_flag=True, help="Every mail that is still kept.")
@click.option("--job", metavar="ID", help="One: its envelope record, or the id of its dead letter.")
@click.option("--dead", is_flag=True, help="All that was given up, deliveries too.")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@located
def command(at: At, job: str | None, *, everything: bool, dead: bool, dry_run: bool) -> int:
    """Decide mails anew. Safe to repeat: what was relayed, handed over or skipped is left alone; nobody is mailed."""
    if (everything, job is not None, dead).count(True) != 1:
        raise click.UsageError("expected one of --all, --job ID, --dead")

    async def work(cv: Convalias) -> Row:
        if job is not None:
            return await _job(cv, job, dry_run=dry_run)
        if dead:
            return await _dead(cv, dry_run=dry_run)
        return _row(await cv.replay.all(dry_run=dry_run))

    done = {**at.run(work), "dry_run": dry_run}
    answer(done, as_json=at.as_json, text=lambda: lines(done))
    return Exit.OK


async def _job(cv: Convalias, job: str, *, dry_run: bool) -> Row:
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


async def _dead(cv: Convalias, *, dry_run: bool) -> Row:
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


def _row(done: Replayed, deliveries: Redriven | None = None) -> Row:
    again = deliveries or Redriven()
    return {
        "looked_at": done.looked_at,
        "final": done.final,
        "decided": done.decided,
        "events": done.events,
        "waiting": done.waiting,
        "failed": done.failed + again.failed,
        "deliveries": again.due,
        "deliveries_cancelled": again.cancelled,
        "deliveries_too_late": again.too_late,
    }
