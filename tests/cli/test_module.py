"""`python -m convalias`, and `python -m convalias.cli` as before: the same command, whatever is installed as a script."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest


def said(module: str, *arguments: str, folder: Path) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments], capture_output=True, check=False, cwd=folder, text=True, timeout=600
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("module", ["convalias", "convalias.cli"])
def test_a_module_is_the_command(module: str, tmp_path: Path) -> None:
    status, out, err = said(module, "--version", folder=tmp_path)
    assert (status, out.partition(",")[0], err) == (0, "convalias", "")


@pytest.mark.parametrize("module", ["convalias", "convalias.cli"])
def test_its_exit_status_and_its_name_are_those_of_the_command(module: str, tmp_path: Path) -> None:
    status, out, err = said(module, "explain", "no-such-file.eml", "--world", "none.json", folder=tmp_path)
    assert (status, out) == (66, "")
    assert err.startswith("convalias: ")


def test_importing_it_runs_no_command() -> None:
    assert importlib.import_module("convalias.__main__").__doc__
