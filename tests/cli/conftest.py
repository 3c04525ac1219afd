"""A desk for each test: commands on an empty data directory."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.desk import Commands


@pytest.fixture
def commands(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Commands]:
    """No setting of this machine reaches them; the logging that they set up ends with the test."""
    monkeypatch.chdir(tmp_path)
    for name in ("CONVALIAS_DATA", "CONVALIAS_KEYS", "CONVALIAS_MAILGUN_SIGNING_KEY"):
        monkeypatch.delenv(name, raising=False)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield Commands(tmp_path, capsys)
    root.handlers[:], root.level = handlers, level
