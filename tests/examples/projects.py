"""The folders of `examples/`: what each needs, how its README begins, and a run of its tests over an installed wheel."""

from __future__ import annotations

import fcntl
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from attrs import frozen

from setup.clean import CHECKOUT, succeeded, surroundings

EXAMPLES: Final = CHECKOUT / "examples"
MOST: Final = 300
"""Seconds for all tests of a project."""
WHEEL: Final = "installed_wheel"
"""The plugin that each run has, which looks where convalias comes from."""
_PLUGIN: Final = '''\
"""Ends a run that imports another convalias than the one of the installed wheel."""

from pathlib import Path

import convalias

found = Path(convalias.__file__).resolve()
assert found.is_relative_to(Path(__file__).resolve().parent), f"convalias comes from {found}, and from no wheel"
'''
_COMMANDS: Final = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SET: Final = re.compile(r"\w+=.*")


@frozen
class Project:
    """A folder of `examples/`."""

    name: str
    engines: tuple[str, ...] = ()
    """Fixtures of the servers that some of its tests need; their addresses are in `TEST_<ENGINE>`, or those tests skip."""
    is_untyped: bool = False
    """Its framework publishes no types: what comes from there is anything."""
    programs: tuple[str, ...] = ()
    """Programs of the system that some of its tests need, or those tests skip."""

    @property
    def may_skip(self) -> bool:
        """Whether something that its tests need may be missing here."""
        path = os.pathsep.join([os.environ["PATH"], "/usr/sbin"])
        return bool(self.engines) or any(shutil.which(one, path=path) is None for one in self.programs)

    @property
    def folder(self) -> Path:
        """Where it is."""
        return EXAMPLES / self.name

    @property
    def readme(self) -> str:
        """Its page."""
        return (self.folder / "README.md").read_text(encoding="utf-8")

    @property
    def modules(self) -> Mapping[str, str]:
        """The text of each module, by its path in the folder."""
        found = sorted(self.folder.rglob("*.py"))
        return {str(path.relative_to(self.folder)): path.read_text(encoding="utf-8") for path in found}

    @property
    def requirements(self) -> list[str]:
        """The lines of its requirements."""
        lines = (self.folder / "requirements.txt").read_text(encoding="utf-8").splitlines()
        return [line for line in lines if line and not line.startswith("#")]


# Whoever adds a folder adds a line; `pytest tests/examples -k NAME` then runs all that holds for it.
PROJECTS: Final = (
    Project("aws-lambda"),
    Project("celery"),
    Project("confluent-kafka", engines=("kafka",)),
    Project("django", engines=("postgresql",), is_untyped=True),
    Project("django-anymail", is_untyped=True),
    Project("fastapi-postgres", engines=("postgresql",)),
    Project("faststream", engines=("kafka",)),
    Project("pipe", programs=("postconf",)),
    Project("postfix-lmtp", programs=("postconf", "smtp-source")),
)


def commands(readme: str) -> list[str]:
    """The first block of commands on a page: what starts the project."""
    found = _COMMANDS.search(readme)
    return found[1].splitlines() if found else []


def programs(command: str) -> Iterator[list[str]]:
    """The programs of a command line, each with its arguments; what is set for them is left out."""
    words: list[str] = []
    for word in [*shlex.split(command), "&&"]:
        if word == "&&":
            yield words
            words = []
        elif words or not _SET.fullmatch(word):
            words.append(word)


def not_there(words: list[str], folder: Path) -> list[str]:
    """The program, the files and the modules of a command that neither the environment nor the folder has."""
    program, *arguments = words
    beside = Path(sys.executable).with_name(program)
    missing = [] if beside.exists() or shutil.which(program) else [program]
    if program in {"python", "pip"} and arguments[:1] != ["-m"]:
        named = [one for one in arguments if one.endswith((".py", ".txt"))]
        return missing + [one for one in named if not (folder / one).exists()]
    for word in arguments:
        if re.search(r"\.(py|txt|toml|json|ya?ml)$", word):
            missing += [] if (folder / word).exists() else [word]
        elif found := re.fullmatch(r"([a-z_.]+):([a-z_]+)", word):  # a name in a module, as servers are given it
            missing += [] if _has(folder, found[1], found[2]) else [word]
    return missing


def _has(folder: Path, module: str, name: str) -> bool:
    place = folder / f"{module.replace('.', '/')}.py"
    return place.exists() and bool(re.search(rf"^{name}\b", place.read_text(encoding="utf-8"), re.MULTILINE))


def wheel_installed(folder: Path) -> Path:
    """Build the wheel of this checkout and install it, once: of processes that come at once the others wait.

    Return the folder that stands first on the path of a run.
    """
    folder.mkdir(exist_ok=True)
    place = folder / "site"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "done").exists():
            python, dist = sys.executable, folder / "dist"
            succeeded([python, "-m", "hatchling", "build", "-t", "wheel", "-d", dist], CHECKOUT)
            (wheel,) = dist.glob("*.whl")
            install = [python, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", place]
            succeeded([*install, wheel], folder)
            (place / f"{WHEEL}.py").write_text(_PLUGIN, encoding="utf-8")
            (folder / "done").touch()
    return place


@frozen
class Ran:
    """A run of the tests of a project."""

    status: int
    said: str

    @property
    def counts(self) -> Mapping[str, int]:
        """How many passed, failed, skipped, by the last line."""
        last = self.said.strip().rpartition("\n")[2]
        return {word: int(number) for number, word in re.findall(r"(\d+) (\w+)", last)}


def ran(folder: Path, copy: Path, site: Path, addresses: Mapping[str, str]) -> Ran:
    """Copy the folder and run its tests in a process of its own, with convalias from that wheel."""
    made = shutil.ignore_patterns("__pycache__", ".*_cache", "*.sqlite3*")
    shutil.copytree(folder, copy, ignore=made)
    environment = surroundings(
        PATH=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        PYTHONPATH=str(site),
        **{f"TEST_{engine.upper()}": address for engine, address in addresses.items()},
    )
    command = [sys.executable, "-m", "pytest", "-q", "-rs", "-p", WHEEL, "-p", "no:cacheprovider", "--rootdir", "."]
    done = subprocess.run(
        command,
        capture_output=True,
        check=False,
        cwd=copy,
        env=environment,
        stdin=subprocess.DEVNULL,
        text=True,
        timeout=MOST,
    )
    return Ran(done.returncode, done.stdout + done.stderr)


@contextmanager
def database(url: str, name: str) -> Generator[str]:
    """A database of its own on that PostgreSQL. Its URL."""
    import psycopg  # noqa: PLC0415 - only where there is a PostgreSQL
    from psycopg import sql  # noqa: PLC0415

    with psycopg.connect(url, autocommit=True) as server:
        server.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        try:
            yield f"{url.rpartition('/')[0]}/{name}"
        finally:
            server.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))
