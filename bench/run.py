"""Asks the questions of this folder, one after the other, and writes all rows into `build/bench.json`.

`python bench/run.py` asks all, `python bench/run.py mime relay` two of them. Each runs in a process of its own. The
command ends with 1 when a question fails, and with `--strict` also when an aim is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from _measure import HANDED_ON

FOLDER: Final = Path(__file__).resolve().parent
WRITTEN: Final = FOLDER.parent / "build" / "bench.json"


def questions(folder: Path) -> dict[str, Path]:
    """Every question of a folder, by its short name."""
    return {path.stem.removeprefix("bench_"): path for path in sorted(folder.glob("bench_*.py"))}


def answer(question: Path) -> tuple[list[Mapping[str, object]], bool]:
    """The rows of one question, and whether it came to its end."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rows.json"
        ended = subprocess.run(  # noqa: S603 - our own
            [sys.executable, str(question)], env={**os.environ, HANDED_ON: str(file)}, check=False
        )
        rows = json.loads(file.read_text(encoding="utf-8")) if file.exists() else []
    return rows, ended.returncode == 0


def document(rows: Sequence[Mapping[str, object]]) -> str:
    """A list of JSON, a row a line."""
    return "[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n"


def main(arguments: Sequence[str], *, folder: Path = FOLDER, written: Path = WRITTEN) -> int:
    """Ask, write and print; the exit status."""
    known = questions(folder)
    parser = argparse.ArgumentParser(prog="make bench ARGS=...", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of: {', '.join(known)}")
    parser.add_argument("--strict", action="store_true", help="end with 1 where an aim is missed")
    asked = parser.parse_args(arguments)
    unknown = [name for name in asked.names if name not in known]
    if unknown:
        parser.error(f"no question is called {', '.join(unknown)}; there are: {', '.join(known)}")
    rows: list[Mapping[str, object]] = []
    failed: list[str] = []
    for name in asked.names or known:
        print(f"== {name}", flush=True)
        found, done = answer(known[name])
        rows += found
        failed += [] if done else [name]
    written.parent.mkdir(parents=True, exist_ok=True)
    written.write_text(document(rows), encoding="utf-8")
    print(document(rows), end="")
    missed = [str(row["name"]) for row in rows if row["met"] is False]
    for said, names in (("aims missed", missed), ("questions that failed", failed)):
        if names:
            print(f"{said}: {', '.join(names)}")
    return 1 if failed or (asked.strict and missed) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
