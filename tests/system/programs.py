"""Programs of the operating system that some tests use where they are."""

from __future__ import annotations

import shutil

import pytest


def installed(program: str, package: str) -> str:
    """Return the path of a program, or skip the test with a line that names the package."""
    found = shutil.which(program)
    if found is None:
        pytest.skip(f"{program} is not installed: the package {package}")
    return found
