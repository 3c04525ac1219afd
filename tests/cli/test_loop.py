"""The loop that a command runs on: uvloop's for what serves, where it is installed; asyncio's for all else."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from convalias.app.facade import Convalias, Entry
from convalias.cli.deployment import At, fast_loop


async def loop_of(cv: Convalias) -> str:
    del cv
    return type(asyncio.get_running_loop()).__module__.partition(".")[0]


def ran(folder: Path, entry: Entry) -> str:
    """The package of the loop that work runs on."""
    (folder / "convalias.toml").write_text('alias_domains = ["reply.example"]\n', encoding="utf-8")
    return At(config=str(folder / "convalias.toml"), data=str(folder / "data")).run(loop_of, entry=entry)


@pytest.mark.skipif(sys.platform == "win32", reason="uvloop does not run on Windows")
def test_what_serves_until_it_is_stopped_runs_on_uvloop_where_it_is_installed(tmp_path: Path) -> None:
    assert ran(tmp_path, Entry.HOST) == "uvloop"


def test_a_command_that_ends_by_itself_loads_no_uvloop(tmp_path: Path) -> None:
    assert ran(tmp_path, Entry.COMMAND) == "asyncio"


def test_without_uvloop_what_serves_runs_on_asyncio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvloop", None)
    assert fast_loop() is None
    assert ran(tmp_path, Entry.HOST) == "asyncio"
