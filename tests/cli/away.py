"""Which command needs which engine: the table that tests hold commands to, one engine away at a time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from attrs import frozen

SETTINGS: Final = ("raw", "queue", "store", "events")
WITHIN: Final = 10.0
"""Seconds that a command has when something is away, on a machine that has nothing else to do."""
LOADS: Final = 8
"""A command that loads an engine's client takes so many times the CPU of one that loads none (1.8 s to 0.24 s)."""


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
    seconds: float


def run(line: str, *, folder: Path, environment: Mapping[str, str]) -> Ended:
    """In a process of its own, as an operator would, and no longer than five minutes."""
    arguments = [str(folder / one) if one in {"WORLD", "MAIL"} else one for one in line.split()]
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "convalias.cli", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        cwd=folder,
        env={**os.environ, **environment, "CONVALIAS_DATA": str(folder / "data")},
    )
    return Ended(status=done.returncode, out=done.stdout, err=done.stderr, seconds=time.monotonic() - began)


def start_up(*, folder: Path, environment: Mapping[str, str]) -> float:
    """Seconds that this machine takes now for a command that opens nothing: how busy it is."""
    return run("explain --schema world", folder=folder, environment=environment).seconds


def furnish(folder: Path, world: Mapping[str, object], mail: bytes) -> None:
    """The files that commands read."""
    (folder / "WORLD").write_text(json.dumps(world))
    (folder / "MAIL").with_suffix(".eml").write_bytes(mail)
    (folder / "MAIL").mkdir()
    (folder / "MAIL.eml").rename(folder / "MAIL" / "1.eml")
