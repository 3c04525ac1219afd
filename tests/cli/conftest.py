"""A desk for each test: commands on an empty data directory."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.desk import Commands


@pytest.fixture
def commands(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Commands]:
    """No setting of this machine reaches them, nor a switch of these tests; the logging that they set up ends with the test."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("CONVALIAS_")]:
        monkeypatch.delenv(name)
    root, ours = logging.getLogger(), logging.getLogger("convalias")
    handlers, level, own = root.handlers[:], root.level, ours.level
    yield Commands(tmp_path, capsys)
    root.handlers[:] = handlers
    root.setLevel(level)
    ours.setLevel(own)
