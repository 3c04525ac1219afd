"""What a mail costs on the embedded engine, durable on its whole way: accepted, relayed, decided, told to the hub.

One process, and two that each accept half of the mails and run all workers over one data directory. Beside them, in the
same rounds, the floor: bare commits of SQLite, as many as ours a mail; and huey, a task queue in SQLite, doing as many
durable steps a mail (a task is three: queued, taken, its result kept), with nothing to do in any of them.
Aims: 150 mails a second in one process, 250 in two, at most 7 ms of CPU and 5 commits a mail. Rates need a quiet machine.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

from attrs import frozen

from _measure import Row, left_out, machine, row, tell
from bench_relay import CONVERSATIONS, mail, opened
from convalias.adapters.embedded.writer import GroupCommit
from convalias.app.facade import Convalias
from convalias.cli.deployment import fast_loop
from convalias.domain.inbound.posts import IncomingMail
from convalias.domain.outbound.delivery import Channel
from convalias.domain.outbound.notifications import Notification
from convalias.ports.hub import Guarantee, Sent

MAILS: Final = 600
ROUNDS: Final = 2
AT_ONCE: Final = 16
"""Posts in flight at the door of each process."""
TOLD: Final = MAILS * 3 // 2
STEPS: Final = 300
"""Durable steps of a rival in one round."""
PATIENCE: Final = 300.0


# --- a process of ours ---------------------------------------------------------------------------------------


@frozen
class Hub:
    """Takes everything at once, and leaves an octet for each."""

    file: int

    @property
    def channels(self) -> Mapping[Channel, Guarantee]:
        return {Channel.EMAIL: Guarantee()}

    async def send(self, notification: Notification) -> Sent:
        del notification
        os.write(self.file, b".")
        return Sent(final=True)


class Commits:
    """Counts the transactions of this process's writers."""

    def __init__(self) -> None:
        self.count = 0
        settled = GroupCommit._settle  # noqa: SLF001 - one call is one commit, unless a write of it failed

        def counting(writer: GroupCommit, batch: Sequence[object]) -> None:
            self.count += 1
            settled(writer, batch)  # type: ignore[arg-type]

        GroupCommit._settle = counting  # type: ignore[method-assign,assignment]  # noqa: SLF001


async def work(folder: Path, first: int, count: int) -> None:
    """Accept these mails when the parent says so, work on whatever there is until SIGTERM; then say what it took."""
    stop, loop, commits = asyncio.Event(), asyncio.get_running_loop(), Commits()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    aliases: list[str] = json.loads((folder / "aliases.json").read_text(encoding="utf-8"))
    told = os.open(folder / "told", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    hub = Hub(told)
    async with Convalias.from_toml(folder / "convalias.toml", data=folder / "data", hub=hub) as cv, cv.running():
        (folder / f"ready{first}").touch()
        await asyncio.to_thread(until, (folder / "go").exists, "word of the parent")
        cpu, before = time.process_time(), commits.count
        waiting = iter(range(first, first + count))

        async def posting() -> None:
            for number in waiting:
                alias = aliases[number % CONVERSATIONS]
                await cv.receiver.accept(
                    IncomingMail(mail(number, alias), recipients=[alias], sender="bob@corp.example")
                )

        await asyncio.gather(*(posting() for _ in range(AT_ONCE)))
        await stop.wait()
        found = {"cpu": time.process_time() - cpu, "commits": commits.count - before}
    (folder / f"found{first}").write_text(json.dumps(found), encoding="ascii")


# --- rounds ----------------------------------------------------------------------------------------------------


@frozen
class Cost:
    """Of one mail: seconds of CPU in all processes, seconds of the clock, commits."""

    cpu: float
    wall: float
    commits: float


async def prepared(folder: Path) -> None:
    """A data directory with conversations of two and of three people."""
    (folder / "convalias.toml").write_text('alias_domains = ["reply.example"]\n', encoding="utf-8")
    hub = Hub(os.open(os.devnull, os.O_WRONLY))
    async with Convalias.from_toml(folder / "convalias.toml", data=folder / "data", hub=hub) as cv:
        aliases = await opened(cv)
    (folder / "aliases.json").write_text(json.dumps(aliases), encoding="utf-8")


def until(done: Callable[[], bool], what: str) -> None:
    """Wait until that is so; SystemExit after five minutes."""
    end = time.monotonic() + PATIENCE
    while not done():
        if time.monotonic() > end:
            raise SystemExit(f"{what}: not within {PATIENCE:g} s")
        time.sleep(0.01)


PLAINLY: Final = (
    "import runpy, sys; sys.modules['orjson'] = sys.modules['uvloop'] = None; sys.argv = sys.argv[1:];"
    " sys.path.insert(0, sys.argv[0].rpartition('/')[0]);"
    " runpy.run_path(sys.argv[0], run_name='__main__')"
)
"""Runs a script as if the extra `speed` were not installed."""


def ours(processes: int, *, without_speed: bool = False) -> Cost:
    """All mails through so many processes, from the first post to the last notification."""
    script = ["-c", PLAINLY, __file__] if without_speed else [__file__]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        asyncio.run(prepared(folder))
        told, part = folder / "told", MAILS // processes
        told.touch()
        firsts = [number * part for number in range(processes)]
        started = [
            subprocess.Popen([sys.executable, *script, "--work", name, str(first), str(part)])  # noqa: S603 - our own
            for first in firsts
        ]
        try:
            until(lambda: all((folder / f"ready{first}").exists() for first in firsts), "processes that start")
            (folder / "go").touch()
            began = time.perf_counter()
            until(lambda: told.stat().st_size >= TOLD, "notifications")
            wall = time.perf_counter() - began
        finally:
            for process in started:
                process.terminate()
            for process in started:
                process.wait(60)
        if told.stat().st_size != TOLD:
            raise SystemExit(f"{told.stat().st_size} notifications of {TOLD}")
        found = [json.loads((folder / f"found{first}").read_text(encoding="ascii")) for first in firsts]
    return Cost(sum(one["cpu"] for one in found) / MAILS, wall / MAILS, sum(one["commits"] for one in found) / MAILS)


def bare() -> Cost:
    """A commit of one row of a kilobyte, durable as ours are."""
    with tempfile.TemporaryDirectory() as folder, closing(sqlite3.connect(Path(folder) / "bare.db")) as connection:
        connection.isolation_level = None
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("CREATE TABLE row (id TEXT PRIMARY KEY, body TEXT) WITHOUT ROWID")
        cpu, wall = time.process_time(), time.perf_counter()
        for number in range(STEPS):
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("INSERT INTO row VALUES (?, ?)", (f"{number:026d}", "x" * 1_000))
            connection.execute("COMMIT")
        return Cost((time.process_time() - cpu) / STEPS, (time.perf_counter() - wall) / STEPS, 1)


def huey() -> Cost:
    """A durable step of a task that does nothing: a third of one task."""
    from huey import SqliteHuey  # noqa: PLC0415 - a rival need not be there

    with tempfile.TemporaryDirectory() as folder:
        queue = SqliteHuey(filename=str(Path(folder) / "huey.db"), fsync=True, journal_mode="wal")

        def nothing(text: str) -> str:
            return text

        task = queue.task()(nothing)
        cpu, wall = time.process_time(), time.perf_counter()
        for _ in range(STEPS // 3):
            task("x" * 1_000)
            queue.execute(queue.dequeue())
        spent = Cost((time.process_time() - cpu) / STEPS, (time.perf_counter() - wall) / STEPS, 1)
        queue.storage.close()
        return spent


def better(one: Cost | None, other: Cost) -> Cost:
    if one is None:
        return other
    return Cost(min(one.cpu, other.cpu), min(one.wall, other.wall), min(one.commits, other.commits))


def question() -> list[Row]:
    rivals = {"bare commits of SQLite": bare}
    if importlib.util.find_spec("huey") is None:
        left_out("huey", "it is not installed; requirements/bench.txt holds it")
    else:
        rivals["huey, as many durable steps"] = huey
    found: dict[str, Cost] = {}
    for _ in range(ROUNDS):
        for processes in (1, 2):
            found[f"{processes}"] = better(found.get(f"{processes}"), ours(processes))
        for name, rival in rivals.items():
            found[name] = better(found.get(name), rival())
    print(
        f"embedded, {MAILS} mails to 1.5 recipients each, best of {ROUNDS} rounds, {machine()}, {os.cpu_count()} cores"
    )
    rows: list[Row] = []
    for processes, (said, aim) in {1: ("one process", ">= 150"), 2: ("two processes", ">= 250")}.items():
        mine = found[f"{processes}"]
        for name in rivals:
            # As many steps as ours has commits; of two processes one commits at a time, as SQLite has one writer.
            step, first = found[name], name == next(iter(rivals))
            rows += [
                row(
                    f"embedded, whole path, {said}",
                    ours=1 / mine.wall,
                    rival=(name, 1 / step.wall / mine.commits),
                    unit="mails/s",
                    aim=aim if first else None,
                    more_is_better=True,
                ),
                row(
                    f"embedded, whole path, {said}, CPU",
                    ours=mine.cpu * 1e3,
                    rival=(name, step.cpu * mine.commits * 1e3),
                    unit="ms CPU a mail",
                    aim="<= 7" if first else None,
                ),
            ]
        before = ("before writes were ordered", 8.7)
        rows.append(row(f"embedded, commits, {said}", ours=mine.commits, rival=before, unit="a mail", aim="<= 5"))
    return rows


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--work", nargs=3, metavar=("FOLDER", "FIRST", "COUNT"), help="be one of the processes")
    asked = arguments.parse_args().work
    if asked:
        with asyncio.Runner(loop_factory=fast_loop()) as runner:  # as `convalias run` does
            runner.run(work(Path(asked[0]), int(asked[1]), int(asked[2])))
    else:
        tell(question)


if __name__ == "__main__":
    main()
