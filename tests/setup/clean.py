"""Clean environments for the tests of the set-up: a copy of the checkout, a venv, a pip that only knows where to ask."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

CHECKOUT: Final = Path(__file__).resolve().parents[2]
VERSION: Final[str] = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
LOCKS: Final = ("requirements/build.txt", "requirements/dev.txt")

marks: Final = [
    pytest.mark.setup,
    pytest.mark.slow,
    pytest.mark.skipif(
        os.environ.get("CONVALIAS_SETUP") != "1", reason="each makes a clean environment: `make test-setup`"
    ),
]
"""Of every test of the set-up: they install packages, which `make test` does not."""

# Where this machine's pip finds packages, and how it reaches them. Whatever else is set for pip changes what it does.
_REACHING: Final = frozenset(
    "CACHE_DIR CERT CLIENT_CERT CONFIG_FILE DEFAULT_TIMEOUT EXTRA_INDEX_URL FIND_LINKS INDEX_URL KEYRING_PROVIDER NO_INDEX"
    " PROXY RETRIES TIMEOUT TRUSTED_HOST".split()
)
_OF_THIS_RUN: Final = ("CONVALIAS_", "COV", "MAKE", "MFLAGS", "PYTHON", "PYTEST_", "VENV", "VIRTUAL_ENV", "WORKERS")
_LONG: Final = 1_800


def surroundings(**more: str) -> dict[str, str]:
    """The environment of a newcomer's shell on this machine."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(_OF_THIS_RUN) and (not name.startswith("PIP_") or name[4:] in _REACHING)
    }
    # What is installed here is imported once, if at all: pip need not compile it. (A false value switches compiling off.)
    return {**kept, "PIP_NO_COMPILE": "0", **more}


def ran(
    command: Sequence[str | Path], folder: Path, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run it to its end."""
    return subprocess.run(
        command,
        capture_output=True,
        check=False,
        cwd=folder,
        env=environment or surroundings(),
        stdin=subprocess.DEVNULL,
        text=True,
        timeout=_LONG,
    )


def succeeded(command: Sequence[str | Path], folder: Path, environment: Mapping[str, str] | None = None) -> str:
    """Run it, and give what it printed; what it said on both ways is shown when it fails."""
    done = ran(command, folder, environment)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def copied(place: Path) -> Path:
    """Copy what a fresh clone would hold; nothing that was made in the checkout."""
    made = shutil.ignore_patterns(
        ".git", ".venv", "__pycache__", ".*_cache", ".coverage*", ".hypothesis", "dist", "docs"
    )
    shutil.copytree(CHECKOUT, place, ignore=made)
    return place


def pythons() -> Iterator[tuple[str, str | None]]:
    """Each minor version that is supported, and a Python of it where this machine has one."""
    for minor in ("3.11", "3.12", "3.13"):
        places = [shutil.which(f"python{minor}"), *_of_pyenv(minor)]
        yield minor, next((place for place in places if place and _is(place, minor)), None)


def _of_pyenv(minor: str) -> list[str]:
    versions = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    return [str(place) for place in sorted(versions.glob(f"{minor}.*/bin/python{minor}"), reverse=True)]


def _is(python: str, minor: str) -> bool:
    done = subprocess.run([python, "--version"], capture_output=True, check=False, text=True, timeout=_LONG)
    return done.returncode == 0 and done.stdout.startswith(f"Python {minor}.")


def locked(checkout: Path, python: Path) -> dict[str, str]:
    """The versions that the locks name for this Python."""
    here = json.loads(
        succeeded([python, "-c", "import json, platform; print(json.dumps(platform.python_version()))"], checkout)
    )
    versions = {"python_full_version": here, "python_version": here.rpartition(".")[0]}
    found: dict[str, str] = {}
    for lock in LOCKS:
        for line in re.findall(r"^(\S.*?) \\$", (checkout / lock).read_text(encoding="utf-8"), re.MULTILINE):
            pin = Requirement(line)
            if pin.marker is None or pin.marker.evaluate(versions):
                found[canonicalize_name(pin.name)] = str(pin.specifier).removeprefix("==")
    return found


def installed(python: Path) -> dict[str, str]:
    """The versions in its environment."""
    script = (
        "import json; from importlib.metadata import distributions;"
        " print(json.dumps({one.name: one.version for one in distributions()}))"
    )
    versions: dict[str, str] = json.loads(succeeded([python, "-I", "-c", script], python.parent))
    return {canonicalize_name(name): version for name, version in versions.items()}


def releases_of_a_later_year(folder: Path, names: Sequence[str]) -> Path:
    """A newer release of everything, none of which works: where a step resolves anything, it comes to grief."""
    folder.mkdir()
    for name in names:
        file = f"{name.replace('-', '_')}-9999"
        with ZipFile(folder / f"{file}-py3-none-any.whl", "w") as wheel:
            wheel.writestr(f"{file}.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 9999\n")
            wheel.writestr(f"{file}.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            wheel.writestr(f"{file}.dist-info/RECORD", "")
    return folder


def finding(*folders: Path) -> str:
    """The value of PIP_FIND_LINKS that adds these folders to what this machine has."""
    return " ".join([*filter(None, [os.environ.get("PIP_FIND_LINKS")]), *map(str, folders)])


def venv(place: Path, *options: str) -> Path:
    """A venv with what this Python brings; the path of its Python."""
    succeeded([sys.executable, "-m", "venv", *options, place], place.parent)
    return place / "bin" / "python"
