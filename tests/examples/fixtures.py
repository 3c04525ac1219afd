"""The wheel of this checkout, installed: what the examples run over, and what an extra is tried with."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from examples.projects import wheel_installed


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds the installed wheel, built once for all processes of this run."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base
    return wheel_installed(shared / "wheel")
