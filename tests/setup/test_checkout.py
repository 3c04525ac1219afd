"""`make venv` in a fresh clone: with the pip of the Python and with the newest, today and when all has newer releases."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

import pytest

from setup.clean import (
    VERSION,
    copied,
    finding,
    installed,
    locked,
    marks,
    pythons,
    ran,
    releases_of_a_later_year,
    succeeded,
    surroundings,
)

pytestmark = marks


def made(checkout: Path, python: str, *, year: Path) -> Path:
    """The Python of the environment that `make venv` made with it, after a look at what is in there."""
    names = [*locked(checkout, Path(python)), "convalias"]
    environment = surroundings(PIP_FIND_LINKS=finding(releases_of_a_later_year(year, names)))
    inside = checkout / ".venv" / "bin" / "python"
    had_one = inside.exists()
    done = ran(["make", "venv", f"PYTHON={python}"], checkout, environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("\n") == (0 if had_one else 1), done.stdout
    found = installed(inside)
    assert found == {**locked(checkout, inside), "convalias": VERSION, "pip": found["pip"]}
    for command in ([inside, "-m", "convalias"], [inside.with_name("convalias")], [inside, "-m", "convalias.cli"]):
        assert succeeded([*command, "--version"], checkout) == f"convalias, version {VERSION}\n"
    again = succeeded(["make", "venv", f"PYTHON={python}"], checkout, environment)
    assert "Nothing to be done" in again
    return inside


PYTHONS: Final = [*pythons()]


# Each set-up takes two minutes: .ci/run begins with one by the pip of its own Python, and the newest of all is below.
@pytest.mark.parametrize(("minor", "python"), PYTHONS[:-1])
def test_a_clone_is_set_up_with_the_pip_that_python_brings(minor: str, python: str | None, tmp_path: Path) -> None:
    if os.environ.get("CONVALIAS_SOAK") != "1":
        pytest.skip("each Python with its own pip: CONVALIAS_SOAK=1 make test-setup")
    if python is None:
        pytest.skip("a supported Python is not on this machine")
    checkout = copied(tmp_path / "checkout")
    inside = made(checkout, python, year=tmp_path / "year")
    assert succeeded([inside, "--version"], checkout).startswith(f"Python {minor}.")


def test_a_clone_is_set_up_with_the_newest_pip(tmp_path: Path) -> None:
    checkout = copied(tmp_path / "checkout")
    python = next(found for _, found in reversed(PYTHONS) if found)
    succeeded([python, "-m", "venv", ".venv"], checkout)
    inside = checkout / ".venv" / "bin" / "python"
    before = installed(inside)["pip"]
    succeeded([inside, "-m", "pip", "install", "--quiet", "--upgrade", "pip"], checkout)
    newest = installed(inside)["pip"]
    made(checkout, python, year=tmp_path / "year")
    assert installed(inside)["pip"] == newest
    assert newest != before


def test_an_environment_that_does_not_hold_together_is_told(tmp_path: Path) -> None:
    """A lock that lacks something; and a venv without pip, as other tools make it, is made anew."""
    checkout = copied(tmp_path / "checkout")
    python = next(found for _, found in pythons() if found)
    succeeded([python, "-m", "venv", "--without-pip", ".venv"], checkout)
    lock = checkout / "requirements" / "dev.txt"
    pins = re.split(r"^(?=\S)", lock.read_text(encoding="utf-8"), flags=re.MULTILINE)
    lock.write_text("".join(pin for pin in pins if pin.startswith(("attrs==", "cattrs=="))), encoding="utf-8")
    done = ran(["make", "venv", f"PYTHON={python}"], checkout)
    assert done.returncode != 0
    assert "does not hold together" in done.stderr
    assert "email-validator" in done.stderr
    assert not (checkout / ".venv" / ".made").exists()
