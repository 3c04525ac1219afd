"""Both checkers refuse each line of refused.py that is marked, and no other; accepted.py is checked with the source."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
REFUSED = Path(__file__).with_name("refused.py")
MARK = re.compile(r"  # refused: ")
ERROR = re.compile(r"^[^:]+:(\d+): error:", re.MULTILINE)


def marked() -> set[int]:
    lines = REFUSED.read_text(encoding="utf-8").splitlines()
    return {number for number, line in enumerate(lines, start=1) if MARK.search(line)}


def mypy(_folder: Path) -> set[int]:
    return {int(number) for number in ERROR.findall(output("mypy", "--no-error-summary", str(REFUSED)))}


def pyright(folder: Path) -> set[int]:
    """As strict as the project, over the one file that the project's own configuration leaves out."""
    how = {
        "include": [str(REFUSED)],
        "extraPaths": [str(PROJECT / "src")],
        "typeCheckingMode": "strict",
        "pythonVersion": "3.11",
        "venvPath": str(Path(sys.prefix).parent),
        "venv": Path(sys.prefix).name,
    }
    configuration = folder / "pyrightconfig.json"
    configuration.write_text(json.dumps(how))
    told = json.loads(output("basedpyright", "--outputjson", "--project", str(configuration)))["generalDiagnostics"]
    return {one["range"]["start"]["line"] + 1 for one in told if one["severity"] == "error"}


def output(checker: str, *arguments: str) -> str:
    command = [str(Path(sys.executable).with_name(checker)), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=PROJECT, timeout=300)
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("checker", [mypy, pyright], ids=lambda checker: checker.__name__)
def test_each_marked_line_is_refused_and_no_other(checker: Callable[[Path], set[int]], tmp_path: Path) -> None:
    assert checker(tmp_path) == marked()


def test_there_are_slips_to_refuse() -> None:
    assert len(marked()) > 10
