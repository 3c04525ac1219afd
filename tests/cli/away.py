"""Which command needs which engine: the table that tests hold commands to, one engine away at a time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from select import select
from tempfile import TemporaryFile
from typing import Final

from attrs import frozen

SETTINGS: Final = ("raw", "queue", "store", "events")
WITHIN: Final = 10.0
"""Seconds that a command has when something is away, on a machine that has nothing else to do."""
_MOST: Final = 300.0
"""Seconds until a command counts as one that never ends."""


@frozen(kw_only=True)
class Command:
    """One command line, and what it needs."""

    line: str
    needs: frozenset[str]
    status: int = 0
    """When all that it needs is there."""

    def expected(self, away: str) -> int:
        """Its exit status with that engine away."""
        return 69 if away in self.needs else self.status


def _needs(line: str, *engines: str, status: int = 0) -> Command:
    return Command(line=line, needs=frozenset(engines), status=status)


COMMANDS: Final = (
    _needs("rollout set hiring --stage parallel --basis-points 100", "store"),
    _needs("rollout show", "store"),
    _needs("show conversation c1", "store"),
    _needs("show deliveries", "store"),
    _needs("show holds", "store"),
    _needs("show jobs", "store", "queue", "raw"),
    _needs("alias inspect john-smith-1ab131e2@reply.example", "store"),
    _needs("alias mint c1 --as john", "store"),
    _needs("alias revoke mary-major-0f3a52c7@reply.example", "store"),
    _needs("dead list", "store"),
    _needs("why --sender mary@corp.example", "store", "raw"),
    _needs("timeline c1 --as john", "store"),
    _needs("read c1 --as john --up-to 1", "store"),
    _needs("send c1 --as john --key k1 Hello", "store"),
    _needs("load WORLD", "store"),
    _needs("ingest MAIL", "raw", "queue"),
    _needs("replay --all --dry-run", "store", "raw"),
    _needs("migrate", "store"),
    _needs("keys new"),
    _needs("explain --schema world"),
)
"""Every command that ends by itself and works on engines; `doctor` looks at all of them and is asked by itself."""


@frozen(kw_only=True)
class Ended:
    """What a command in a process of its own came to."""

    status: int
    out: str
    err: str
    waited: float
    """Seconds in which it neither ran nor stood in line for a processor: as many however busy the machine is."""


def run(line: str, *, folder: Path, environment: Mapping[str, str]) -> Ended:
    """In a process of its own, as an operator would. Linux alone tells how long it waited."""
    arguments = [str(folder / one) if one in {"WORLD", "MAIL"} else one for one in line.split()]
    with TemporaryFile("w+") as out, TemporaryFile("w+") as err:
        began = time.monotonic()
        with subprocess.Popen(
            [sys.executable, "-m", "convalias.cli", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            cwd=folder,
            env={**os.environ, **environment, "CONVALIAS_DATA": str(folder / "data")},
        ) as process:
            if not _has_ended(process.pid):
                process.kill()
                raise TimeoutError(f"{line} has not ended in {_MOST:.0f} s")
            waited = time.monotonic() - began - _busy(process.pid)
            status = process.wait()
        out.seek(0)
        err.seek(0)
        return Ended(status=status, out=out.read(), err=err.read(), waited=waited)


def _has_ended(pid: int) -> bool:
    """Wait for its end, and leave what is known of it."""
    ends = os.pidfd_open(pid)
    try:
        return bool(select([ends], [], [], _MOST)[0])
    finally:
        os.close(ends)


def _busy(pid: int) -> float:
    """Seconds in which its main thread ran or stood in line for a processor."""
    ran, stood, _ = Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()
    return (int(ran) + int(stood)) / 1e9


def furnish(folder: Path, world: Mapping[str, object], mail: bytes) -> None:
    """The files that commands read."""
    (folder / "WORLD").write_text(json.dumps(world))
    (folder / "MAIL").with_suffix(".eml").write_bytes(mail)
    (folder / "MAIL").mkdir()
    (folder / "MAIL.eml").rename(folder / "MAIL" / "1.eml")
