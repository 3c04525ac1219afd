"""What the files of `deploy/` say, as values: unit files, the Dockerfile, commands of ours in them."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import click
from attrs import frozen

from convalias.cli.commands import convalias

PROJECT: Final = Path(__file__).resolve().parents[2]
DEPLOY: Final = PROJECT / "deploy"
PAGE: Final = PROJECT / "docs" / "how-to" / "run-in-production.md"
SETTINGS: Final = (PROJECT / "docs" / "reference" / "settings.md").read_text(encoding="utf-8")
EXTRAS: Final[Mapping[str, Sequence[str]]] = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))["project"][
    "optional-dependencies"
]


def refused(arguments: Sequence[str]) -> str:
    """Why the command line of ours does not take these arguments; empty if it does. Nothing is run."""
    command: click.Command = convalias
    rest = [*arguments]
    try:
        while isinstance(command, click.Group):
            _, found, rest = command.resolve_command(click.Context(command), rest)
            assert found is not None
            command = found
        context = click.Context(command)
        given, beyond, _ = command.make_parser(context).parse_args(rest)
        for parameter in command.params:
            if isinstance(parameter.type, click.Choice) and given.get(parameter.name or "") is not None:
                parameter.type_cast_value(context, given[parameter.name or ""])
    except click.ClickException as error:
        return error.format_message()
    missing = [one.name for one in command.params if one.required and given.get(one.name or "") is None]
    return f"missing {missing}" if missing else f"too much: {beyond}" if beyond else ""


def unknown_variables(names: Sequence[str]) -> list[str]:
    """Those of our environment variables that the page about settings does not name."""
    return [name for name in names if name.startswith("CONVALIAS_") and not re.search(rf"\b{name}\b", SETTINGS)]


def unit(text: str) -> list[tuple[str, str]]:
    """The assignments of a unit file, in their order; a name may come more than once."""
    lines = [line for line in text.splitlines() if line and line[0] not in "#;["]
    return [(name, value) for name, _, value in (line.partition("=") for line in lines)]


@frozen
class Instruction:
    """A line of a Dockerfile, and the stage that it belongs to."""

    stage: int
    name: str
    text: str

    @property
    def words(self) -> list[str]:
        """The arguments: of the JSON form, else as a shell takes them."""
        found: Any = json.loads(self.text) if self.text.startswith("[") else shlex.split(self.text)
        return [str(one) for one in found]


def dockerfile(text: str) -> list[Instruction]:
    """Its instructions, in their order."""
    found: list[Instruction] = []
    stage = -1
    for line in text.splitlines():
        if re.match(r"[A-Z]+ ", line):
            name, _, rest = line.partition(" ")
            stage += name == "FROM"
            found.append(Instruction(stage, name, rest))
        else:
            assert not line or line.startswith("#"), line
    return found


def extras_of(requirement: str) -> set[str]:
    """The extras in `convalias[a,b]`."""
    return set(re.findall(r"\w+", requirement.partition("[")[2]))
