"""`convalias worker`: one kind of work, until stopped or until nothing is due."""

from __future__ import annotations

import asyncio

import click

from convalias.app.facade import Convalias, Entry
from convalias.app.workers import ALL_WORKERS, Idle, Worker
from convalias.cli.deployment import At, located
from convalias.cli.errors import Failed
from convalias.cli.exits import Exit
from convalias.cli.logs import logged
from convalias.cli.output import answer
from convalias.cli.serving import stopping


@click.command("worker")
@click.argument("name", metavar="inbound|feed|outbound|handlers", type=click.Choice(ALL_WORKERS))
@click.option("--once", is_flag=True, help="Do what is due now, then end.")
@logged
@located
def command(at: At, name: str, *, once: bool) -> int:
    """Do one kind of work.

    inbound: kept mail becomes messages. feed: events are published. outbound: participants are told. handlers:
    functions that your program (--app) gave to `Convalias.on` are called.
    With --once: work that a dead process of this machine held is due at once, work in back-off is not.
    """
    worker = ALL_WORKERS[[str(one) for one in ALL_WORKERS].index(name)]
    if worker not in at.workers:
        raise click.UsageError("handlers are functions of your program; name it: --app MODULE:NAME")
    if worker == "outbound":
        at.check_channels()
    if not once:
        at.run(lambda cv: _until_stopped(cv, worker), entry=Entry.HOST)
        return Exit.OK
    idle = at.run(lambda cv: _once(cv, worker))
    done = idle.done.get(worker, 0)
    result = {"worker": worker, "done": done, "waiting": idle.waiting, "dead": idle.dead}
    answer(result, as_json=at.as_json, text=lambda: f"{worker}: {done} done")
    return Exit.OK


async def _once(cv: Convalias, worker: Worker) -> Idle:
    if worker == "inbound" and not cv.deployment.alias_domains:
        raise Failed(
            "no alias domain is known; load a world that has one, or set alias_domains in convalias.toml", Exit.CONFIG
        )
    return await cv.run_until_idle(worker)


async def _until_stopped(cv: Convalias, worker: Worker) -> None:
    stop = asyncio.Event()
    with stopping(stop.set):
        async with cv.running(worker):
            print(f"{worker}: at work", flush=True)
            await stop.wait()
